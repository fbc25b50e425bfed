"""Programs that nothing can feed: refused by the host before they are sent, by a board at their trial; removed where active.

A board may have one of an earlier firmware, which did not look.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e.conftest import small_description, small_graph, small_program
from watchword import reference
from watchword.board import Board
from watchword.chips import named
from watchword.compile import compile
from watchword.errors import BoardError, ModelError

PICTURE = {"kind": "picture", "shape": [5, 8, 1], "input": {"multiplier": 65536, "offset": -128}}

UNFED: dict[str, tuple[dict[str, Any], str]] = {
    "more labels than outputs": ({"labels": ["_silence_", "word", "more"]}, "its outputs are 2, its labels 3"),
    "fewer labels than outputs": ({"labels": ["_silence_"]}, "its outputs are 2, its labels 1"),
    "features that no front end makes": ({"features": "mfcc"}, "it takes mfcc features, which no front end here makes"),
    "a front end of another hop": ({"frontend": {"hop_ms": 15}}, "its hop_ms is not 10 or 20"),
    "a picture of two channels": (PICTURE | {"shape": [5, 4, 2]}, "its input of 5x4x2 is no picture of 1 or 3 channels"),
    "a picture without channels": (PICTURE | {"shape": [5, 8]}, "its input of 5x8 is no picture of 1 or 3 channels"),
    "a picture of another size": (PICTURE | {"shape": [6, 8, 1]}, "its input has 40 bytes, not as many as its shape of 6x8x1"),
    "a picture longer than any frame": (PICTURE | {"shape": [1, 641, 1]}, "its input of 1x641x1 has sides of more than 640"),
    "a map of pictures": (PICTURE | {"labels": ["one"]}, "its outputs are 2, its labels 1"),
    "pixels out of range": (PICTURE | {"input": {"multiplier": 0, "offset": 0}}, "a multiplier or an offset out of range"),
    "a window of nothing": ({"decision": {"window": 0, "stride": 1, "cutoff": 0.5, "refractory": 1}}, "its window is no whole"),
    "labels that are none": ({"labels": 7}, "its labels are no list of names"),
    "no decision": ({"decision": None}, ""),
}


def unfed(change: dict[str, Any], name: str = "odd", target: str = "unix") -> bytes:
    """A program that runs, with another description."""
    program = small_program(name, target=target).program
    description = program.description | change
    description = {key: value for key, value in description.items() if value is not None}
    return dataclasses.replace(program, description=description).write()


def states(board: Board) -> dict[str, str]:
    return {p.name: p.state for p in board.programs()}


@pytest.mark.parametrize("what", UNFED)
def test_the_host_refuses_it_before_it_is_sent_and_a_board_at_its_trial(board: Board, what: str) -> None:
    change, why = UNFED[what]
    content = unfed(change)
    kept = board.push(small_program("kept"))
    sent: list[int] = []
    with pytest.raises(ModelError, match="the program 'odd' cannot be fed: ") as refused:
        board.push(content, progress=lambda done, _: sent.append(done))
    assert why in str(refused.value)
    assert not sent
    board._send(content, {"name": "odd", "kind": change.get("kind", "sound")})  # a host that does not look
    file = board._commit()
    with pytest.raises(
        BoardError, match=rf"{file} failed its clean run: it cannot (listen|see): .*: {kept} runs instead"
    ) as failed:
        board._restart_with(file)
    assert why in str(failed.value)
    assert states(board) == {"kept": "active"}
    board.push(content, scratch=True)  # to be run is another thing
    x = np.arange(40, dtype=np.int8)
    assert np.array_equal(board.run(x), reference.run(small_graph("odd"), x[None]).ravel())


def test_it_fails_on_a_board_that_has_nothing_else(board: Board) -> None:
    content = unfed({"features": "mfcc"})
    board._send(content, {"name": "odd", "kind": "sound"})
    with pytest.raises(BoardError, match="cannot listen: it takes mfcc features.*: no program runs"):
        board._restart_with(board._commit())
    assert board.programs() == []


def test_the_output_of_a_map_runs_and_is_no_classifiers(board: Board) -> None:
    """Of as many labels as it has values at each place."""
    graph = small_graph("map")
    description = dataclasses.replace(small_description("map"), kind="picture", labels=("thing",), background=())
    program = compile(graph, description, named(board.hello.target))
    with pytest.raises(ModelError, match="its outputs are 2, its labels 1"):
        board.push(program)
    board.push(program, scratch=True)
    assert board.run(np.zeros(40, np.int8)).shape == (2,)


# ---- one that is active already


def plant(state: Path, kind: str, content: bytes, previous: str | None, name: str = "odd") -> str:
    """Make a program active on the flash of the virtual board, as a firmware did that did not look."""
    folder = state / "unix/default/ww"
    file = f"{name}-{hashlib.sha256(content).hexdigest()[:8]}.ww"
    (folder / file).write_bytes(content)
    stored = json.loads((folder / "state.json").read_text())
    stored[kind] = [[file, previous]]
    (folder / "state.json").write_text(json.dumps(stored))
    return file


def test_it_may_be_removed_and_the_one_before_is_active_again(board: Board, state: Path) -> None:
    kept = board.push(small_program("kept"))
    board.close()
    odd = plant(state, "sound", unfed({"features": "mfcc"}), kept)
    with Board.open("unix") as again:
        assert again.hello.running == odd
        with pytest.raises(BoardError, match="cannot listen: it takes mfcc features"):
            list(again.listen(np.zeros(1600, np.int16)))
        with pytest.raises(BoardError, match="is the previous program and stays"):
            again.remove("kept")
        again.remove("odd")
        assert again.hello.running == kept
        assert states(again) == {"kept": "active"}
        list(again.listen(np.zeros(1600, np.int16)))
        with pytest.raises(BoardError, match="is the active program and stays"):
            again.remove("kept")


def test_it_may_be_removed_where_there_was_none_before(board: Board, state: Path) -> None:
    board.push(small_program("kept"))
    board.close()
    (state / "unix/default/ww/state.json").write_text('{"sound": [[null, null]], "picture": [[null, null]]}')
    plant(state, "sound", unfed({"features": "mfcc"}), None)
    with Board.open("unix") as again:
        again.remove("odd")
        assert again.hello.running is None
        assert states(again) == {"kept": "stored"}


def test_one_for_pictures_may_be_removed_while_another_one_hears(board: Board, state: Path) -> None:
    kept = board.push(small_program("kept"))
    board.close()
    plant(state, "picture", unfed(PICTURE | {"labels": ["one"]}), None)
    with Board.open("unix") as again:
        assert again.hello.running == kept
        again.remove("odd")
        assert again.hello.running == kept
        assert states(again) == {"kept": "active"}


def test_one_version_of_a_name_goes_and_the_one_before_stays(board: Board, state: Path) -> None:
    kept = board.push(small_program("word"))
    board.close()
    plant(state, "sound", unfed({"features": "mfcc"}, "word"), kept, "word")
    with Board.open("unix") as again:
        again.remove("word")
        assert again.hello.running == kept
        assert states(again) == {"word": "active"}
