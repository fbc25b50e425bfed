"""Events and replies of a board whose firmware is newer, or whose line damages them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.conftest import Start, small_program
from watchword.board import Board, Detection, Event
from watchword.errors import BoardError

# Every message passes `change`, from when there is a file of the name `changed`.
MAIN = """
import asyncio, os
from watchword import app, link

send = link.Link.send

def change(message):
    {}

def changed(self, message):
    if "changed" in os.listdir():
        change(message)
    send(self, message)

link.Link.send = changed
asyncio.run(app.run())
"""
SOUND = np.zeros(16000, np.int16)


def test_what_a_newer_firmware_says_besides_does_no_harm(start: Start, tmp_path: Path) -> None:
    (tmp_path / "changed").touch()
    board = start(MAIN.format("message['newer'] = [1]"))
    board.push(small_program(always=True))
    events = list(board.listen(SOUND))
    assert events
    assert all(isinstance(event, Detection) for event in events)
    assert [event.as_dict()["newer"] for event in events] == [[1]] * len(events)
    assert board.run(np.zeros(40, np.int8)).shape == (2,)
    assert board.bench().us > 0
    assert board.taught().words == {}
    assert board.info().as_dict()["newer"] == [1]


def test_an_event_that_only_a_newer_firmware_knows_is_passed_on(start: Start, tmp_path: Path) -> None:
    heard: list[Event] = []
    board = start(MAIN.format("if 'label' in message: message['event'] = 'gesture'"))
    board.push(small_program(always=True))
    (tmp_path / "changed").touch()
    heard = list(board.listen(SOUND))
    assert heard
    assert {type(event) for event in heard} == {Event}
    assert [event.said["label"] for event in heard] == ["word"] * len(heard)


def listen(board: Board) -> None:
    list(board.listen(SOUND))


@pytest.mark.parametrize(
    ("name", "change", "act"),
    [
        ("credit", "message['credit'] = 'many'", listen),
        ("gap_ms", "message['gap_ms'] = None", listen),
        ("label", "del message['label']", listen),
        ("score", "message['score'] = [1]", listen),
        ("scores", "message['scores'] = [1000]", lambda board: board.scores(SOUND)),
        ("data", "message['data'] = '???'", lambda board: board.run(np.zeros(40, np.int8))),
        ("us_max", "del message['us_max']", lambda board: board.bench()),
        ("programs", "message['programs'] = {'a': 1}", lambda board: board.programs()),
        ("running", "message['running'] = 5", lambda board: board.info()),
        ("words", "message['words'] = ['a']", lambda board: board.taught()),
        ("file", "message['file'] = 1", lambda board: board.push(small_program("other", seed=1))),
        ("chunk", "message['chunk'] = 'x'", lambda board: board.push(small_program("other", seed=1))),
    ],
)
def test_a_damaged_message_is_told_in_one_line(
    start: Start, tmp_path: Path, name: str, change: str, act: Callable[[Board], object]
) -> None:
    board = start(MAIN.format(f"if {name!r} in message: {change}"))
    board.push(small_program(always=True))
    (tmp_path / "changed").touch()
    with pytest.raises(BoardError, match=rf"^unix: its .* is damaged, {name} is ") as raised:
        act(board)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) <= 300


def test_a_part_that_is_too_short_is_told(start: Start, tmp_path: Path) -> None:
    board = start(MAIN.format("if 'data' in message: message['data'] = ''"))
    board.push(small_program())
    (tmp_path / "changed").touch()
    with pytest.raises(BoardError, match=r"its reply to read is damaged, it has 0 of 2 bytes"):
        board.run(np.zeros(40, np.int8))
