"""`--on kitchen`: a board by its name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from tests.unit.command import Command
from tests.unit.scripted import ScriptedBoard, plugged_in

from watchword.board import Board, named, ports
from watchword.cli import output
from watchword.errors import BoardError


@pytest.fixture
def kitchen() -> ScriptedBoard:
    return ScriptedBoard("kitchen")


@pytest.fixture
def hall() -> ScriptedBoard:
    return ScriptedBoard("hall")


@pytest.fixture
def urls(kitchen: ScriptedBoard, hall: ScriptedBoard, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Of these two, and of one without a name."""
    with ExitStack() as on:
        urls = [on.enter_context(plugged_in(board)) for board in (kitchen, hall, ScriptedBoard())]
        monkeypatch.setattr(ports, "boards", lambda: urls)
        yield urls


def test_the_board_of_a_name_is_found_among_many(urls: list[str], command: Command) -> None:
    assert named.resolve("hall") == urls[1]
    with Board.open("kitchen") as board:
        assert board.target == urls[0]
    assert command("name", "--on", "hall").out == f"{urls[1]} is hall\n"


def test_two_of_one_name_are_both_named(urls: list[str], hall: ScriptedBoard) -> None:
    hall.settings["name"] = "kitchen"
    with pytest.raises(BoardError, match=f"^kitchen: {urls[0]} and {urls[1]} have this name: choose one by its port"):
        named.resolve("kitchen")


def test_a_name_that_none_has_is_told_with_those_there_are(urls: list[str], command: Command) -> None:
    error = command("info", "--on", "attic", status=1).error
    assert error == f"attic: no board has this name; {urls[0]} is kitchen, {urls[1]} is hall, {urls[2]} has none"


def test_a_board_that_does_not_answer_holds_nobody_up(
    urls: list[str], hall: ScriptedBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(named, "_PATIENCE", 0.3)
    hall.dead = True
    assert named.resolve("kitchen") == urls[0]
    with pytest.raises(BoardError, match=f"{urls[1]} does not answer"):
        named.resolve("hall")


def test_where_there_is_no_board_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "boards", list)
    with pytest.raises(BoardError, match="kitchen: no board has this name; there is no board plugged in"):
        named.resolve("kitchen")


TARGETS = ("unix", "pico", "unix:kitchen", "/dev/ttyACM0", "COM3", "com3", "socket://x:1", "reference")


def test_a_name_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    output.say("unix:x: its name")
    output.note("unix:fire: its name")
    assert capsys.readouterr() == ("unix:x: its name\n", "unix:fire: its name\n")


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_a_target_already_stays(target: str) -> None:
    assert named.resolve(target) == target
