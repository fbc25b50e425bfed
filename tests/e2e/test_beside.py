"""Several programs hear beside one another: `push --beside`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.conftest import small_description, small_graph, small_program
from watchword.board import Board, Detection
from watchword.board.settings import MicrophoneSetting
from watchword.chips import named
from watchword.compile import Compiled, compile
from watchword.data import audio
from watchword.description import Decision
from watchword.errors import BoardError
from watchword.features.micro import FrontendParameters


def word(name: str, always: bool = False, seed: int = 0, hop_ms: int = 20, kind: str = "sound") -> Compiled:
    """A program of a word of its own. always: it fires."""
    description = dataclasses.replace(
        small_description(name),
        labels=(f"no {name}", name),
        background=(f"no {name}",),
        decision=Decision(cutoff=0.5, window=1, refractory=0.5, stride=2),
        frontend=FrontendParameters(hop_ms=hop_ms),
        kind=kind,
    )
    return compile(small_graph(name, seed, always=always), description, named("unix"))


def heard(board: Board) -> dict[str, int]:
    """How often each word is heard in three seconds."""
    labels = [e.label for e in board.listen(np.zeros(48000, np.int16)) if isinstance(e, Detection)]
    return {label: labels.count(label) for label in sorted(set(labels))}


def active(board: Board) -> list[str]:
    return [program.name for program in board.programs() if program.state == "active"]


def test_three_programs_hear_and_each_has_its_own_cutoff(board: Board) -> None:
    alone = {}
    for name in ("ada", "bob", "eve"):
        board.push(word(name, always=True))
        alone |= heard(board)
    board.push(word("ada", always=True))
    for name in ("bob", "eve"):
        file = board.push(word(name, always=True), beside=True)
        assert file in board.hello.beside
    assert heard(board) == alone
    board.cutoff(1.0, "bob")
    assert heard(board) == {label: count for label, count in alone.items() if label != "bob"}
    board.restart()
    assert board.cutoffs() == {"ada": 0.5, "bob": 1.0, "eve": 0.5}
    assert len(board.hello.beside) == 2


def test_what_cannot_be_beside_is_refused_and_nothing_changes(board: Board) -> None:
    board.push(word("ada", always=True))
    with pytest.raises(BoardError, match="its front end is another one: ada-"):
        board.push(word("bob", hop_ms=10), beside=True)
    description = dataclasses.replace(small_description("other"), labels=("x", "ada"), background=("x",))
    with pytest.raises(BoardError, match="both know ada"):
        board.push(compile(small_graph("other"), description, named("unix")), beside=True)
    for name in ("bob", "eve"):
        board.push(word(name), beside=True)
    with pytest.raises(BoardError, match="3 programs hear beside one another already: remove one of ada-"):
        board.push(word("joe"), beside=True)
    assert active(board) == ["ada", "bob", "eve"]
    assert "ada" in heard(board)


def test_a_push_without_beside_takes_the_place_of_all(board: Board) -> None:
    board.push(word("ada"))
    board.push(word("bob"), beside=True)
    board.push(word("eve", always=True))
    assert active(board) == ["eve"]
    assert list(heard(board)) == ["eve"]
    assert board.rollback().startswith("ada-")


def test_each_has_its_previous_version(board: Board) -> None:
    board.push(word("ada"))
    first = board.push(word("bob"), beside=True)
    second = board.push(word("bob", always=True), beside=True)
    assert board.hello.beside == (second,)
    assert {program.file: program.state for program in board.programs()}[first] == "previous"
    assert "bob" in heard(board)


def test_one_that_hears_beside_others_can_be_removed(board: Board) -> None:
    board.push(word("ada", always=True))
    board.push(word("bob", always=True), beside=True)
    board.remove("ada")
    assert active(board) == ["bob"]
    assert list(heard(board)) == ["bob"]
    with pytest.raises(BoardError, match="is the active program and stays"):
        board.remove("bob")


def test_a_state_of_one_program_is_still_read(board: Board, state: Path) -> None:
    """What firmware wrote that knew of one program for each kind."""
    file = board.push(small_program())
    board.close()
    path = state / "unix/default/ww/state.json"
    stored = json.loads(path.read_text())
    path.write_text(json.dumps(stored | {kind: stored[kind][0] for kind in ("sound", "picture")}))
    with Board.open("unix") as again:
        assert again.hello.running == file


def test_a_microphone_may_come_before_the_program(board: Board, tmp_path: Path) -> None:
    audio.write(tmp_path / "silence.wav", np.zeros(audio.RATE, np.int16))
    board.microphone(MicrophoneSetting("wav", file=str(tmp_path / "silence.wav")))
    assert board.hello.microphone == "wav"
    assert board.hearing().source is None
    board.mute()
    board.mute(False)
    board.push(word("ada", always=True))
    assert board.hearing().source == "wav"
    assert "ada" in {event.label for event in board.hear(seconds=1.5) if isinstance(event, Detection)}
