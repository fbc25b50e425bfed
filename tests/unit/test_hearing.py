"""A board that hears by itself, as a host follows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.unit.command import Command
from tests.unit.scripted import Message, ScriptedBoard, plugged_in

from watchword.board import Board, Detection, Hello, Lost, Microphone, Score, hearing
from watchword.errors import LinkError

I2S = {"kind": "i2s", "module": "inmp441", "sck": 16, "ws": 17, "sd": 18, "right": False, "multiplier": 1024}
SAID: tuple[Message, ...] = (
    {"event": "score", "time": 12.26, "peak": 328, "scores": [0, 3, 1], "taught": [64]},
    {"event": "detect", "label": "yes", "score": 0.97, "time": 12.34},
    {"event": "detect", "label": "jarvis", "score": 0.6, "time": 12.5, "taught": True},
    {"event": "lost", "samples": 1600, "time": 13},
    {"event": "microphone", "fault": "zeros", "text": "nothing but zeros: is it plugged in?", "time": 14.1},
    {"event": "microphone", "fault": None, "text": None, "time": 15.0},
    {"event": "failed", "text": "OSError: 5", "count": 2, "given_up": True},
    {"event": "log", "text": "a print"},
)


NEAREST = (
    "yes's highest score was 0.97 at 12.3 s, cutoff 0.80; jarvis 0.60 at 12.5 s, cutoff 0.50; no 0.11 at 2.5 s, cutoff 0.50"
)


@pytest.fixture
def board() -> ScriptedBoard:
    board = ScriptedBoard(heard=SAID)
    board.settings["microphone"] = I2S
    return board


@pytest.fixture
def url(board: ScriptedBoard) -> Iterator[str]:
    with plugged_in(board) as url:
        yield url


def asked(board: ScriptedBoard) -> list[Message]:
    return [message for message in board.asked if message["do"] == "hear"]


def test_what_a_board_hears_comes_as_events(board: ScriptedBoard, url: str) -> None:
    with Board.open(url) as opened:
        events = list(opened.hear(scores=True, seconds=0.5))
        assert opened.heard_by is not None
        assert opened.heard_by.labels == ("_silence_", "yes", "no")
    assert events[1:4] == [
        Detection("yes", 0.97, 12.34),
        Detection("jarvis", 0.6, 12.5, taught=True),
        Lost(1600, 13.0),
    ]
    assert isinstance(events[0], Score)
    assert events[0].taught == (0.25,)
    assert events[5] == Microphone(None, None, 15.0)
    assert [event.seq for event in events[:-1]] == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("scores", [False, True])
def test_the_board_is_asked_again_before_it_forgets(
    board: ScriptedBoard, url: str, scores: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "_RENEWED", 0.05)
    monkeypatch.setattr(hearing, "_PAUSE", 0.02)
    with Board.open(url) as opened:
        for _ in opened.hear(scores=scores, seconds=1.0):
            pass
    assert len(asked(board)) >= 3
    assert all(message["scores"] is scores for message in asked(board))
    assert all(message["seconds"] > hearing._RENEWED * 2 for message in asked(board))


def test_a_board_that_starts_anew_is_asked_at_once(board: ScriptedBoard, url: str) -> None:
    board.heard = ({"event": "hello", **board.do_info({})},)
    with Board.open(url) as opened:
        (event,) = opened.hear(seconds=1.0)
    assert isinstance(event, Hello)
    assert len(asked(board)) == 2  # which is sooner than it is asked anyway


def test_a_board_that_says_nothing_any_more_is_told(board: ScriptedBoard, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "_RENEWED", 0.05)
    monkeypatch.setattr(hearing, "_LEASE", 0.2)
    with Board.open(url) as opened:
        events = opened.hear()
        next(events)
        board.dead = True
        with pytest.raises(LinkError, match="the board gave no answer"):
            for _ in events:
                pass


def test_listen_prints_a_line_for_each_event(url: str, command: Command) -> None:
    done = command("listen", "--for", "0.5", "--on", url)
    assert done.out.splitlines() == [
        "  12.34 s  yes  0.97",
        "  12.50 s  jarvis  0.60  taught",
        "  13.00 s  lost: 0.10 s of sound went by unheard",
        "  14.10 s  microphone: nothing but zeros: is it plugged in?",
        "  15.00 s  microphone: it hears again",
        "failed (2 so far): OSError: 5; it no longer listens",
        f"heard yes, jarvis: {NEAREST}; peak -30 dBFS",
    ]
    assert done.err.splitlines() == [f"{url} hears by its microphone; for 0.5 s", f"{url}: a print"]


def test_the_json_of_listen_is_a_line_an_event(url: str, command: Command) -> None:
    done = command("listen", "--for", "0.5", "--on", url, "--json", "--scores")
    events = [json.loads(line) for line in done.out.splitlines()]
    assert [event["event"] for event in events] == [message["event"] for message in SAID] + ["summary"]
    assert events[-1] == {
        "event": "summary",
        "heard": {"yes": 1, "jarvis": 1},
        "peak": -30.0,
        "rms": None,
        "highest": {
            "yes": {"score": 0.97, "time": 12.34, "cutoff": 0.8},
            "jarvis": {"score": 0.6, "time": 12.5, "cutoff": 0.5},
            "no": {"score": 0.113, "time": 2.5, "cutoff": 0.5},
        },
    }
    assert events[0] == {
        "event": "score",
        "time": 12.26,
        "peak": 0.01001,
        "scores": {"_silence_": 0.0, "yes": 0.0117, "no": 0.0039, "jarvis": 0.25},
        "level": -40.0,
    }
    assert list(events[2]) == ["event", "label", "score", "time", "taught"]
    assert done.err == ""


def test_scores_without_a_terminal_are_quiet(url: str, command: Command) -> None:
    assert len(command("listen", "--scores", "--for", "0.5", "--on", url).out.splitlines()) == 7


def test_a_board_that_is_unplugged_ends_listening_with_one_line(board: ScriptedBoard, url: str, command: Command) -> None:
    board.vanish = True
    done = command("listen", "--on", url, status=1)
    assert done.out.startswith("  12.34 s  yes  0.97\n")
    assert done.error.startswith("the line to the board broke")


def test_a_board_without_a_microphone_says_what_to_do(board: ScriptedBoard, url: str, command: Command) -> None:
    board.settings["microphone"] = None
    error = command("listen", "--on", url, status=1).error
    assert error.startswith(f"{url} has no microphone: `watchword mic inmp441` gives it one")
    assert "`watchword listen --wav FILE`" in error


def test_events_that_the_board_dropped_are_counted(board: ScriptedBoard, url: str, command: Command) -> None:
    board.heard = ({**SAID[1], "seq": 4}, {**SAID[2], "seq": 9})
    assert "4 events went by: they were not taken in time\n" in command("listen", "--for", "0.5", "--on", url).err


def test_the_loudest_is_of_all_the_time(board: ScriptedBoard, url: str, command: Command) -> None:
    board.heard = ({**SAID[0], "peak": 32768}, SAID[0])
    done = command("listen", "--for", "0.5", "--scores", "--on", url).out
    assert done.endswith("; peak 0 dBFS: too loud, it is clipped: less gain\n")
    assert done.startswith("heard nothing: yes's highest score was 0.97")


def test_listening_may_be_ended_at_any_time(board: ScriptedBoard, url: str) -> None:
    with Board.open(url) as opened:
        for event in opened.hear():
            if isinstance(event, Detection):
                opened.hear_no_more()
        assert opened.nearest()["yes"] == (0.97, 12.34, 0.8)


def test_of_a_board_that_hears_nothing_no_loudness_is_told(board: ScriptedBoard, url: str) -> None:
    board.settings["mute"] = True
    board.heard = ()
    with Board.open(url) as opened:
        opened.hearing()
        board.do_hear = lambda message: ScriptedBoard.do_hear(board, message) | {"source": None}  # type: ignore[method-assign]
        assert list(opened.hear(seconds=0.1)) == []
        assert opened.nearest()["yes"] == (0.97, 12.34, 0.8)
        assert opened.loudest is None


def test_a_mute_board_is_told(board: ScriptedBoard, url: str, command: Command) -> None:
    board.settings["mute"] = True
    assert f"{url} is mute: `watchword mute off` lets it hear\n" in command("listen", "--for", "0.5", "--on", url).err


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--for", "0"], "--for 0: seconds are expected, more than 0"),
        (["--for", "nan"], "--for nan: seconds are expected, more than 0"),
        (["--for", "2", "--wav", "x.wav"], "--for is for a microphone, without --wav"),
        (["--scores", "--on", "reference"], "--scores is for a board's own microphone, without --wav and --from"),
        (["x.wav"], "x.wav: recordings come after --wav"),
        (["--pad", "1"], "--pad is for sound that the computer sends: it needs --wav or --from computer, without --through"),
        (["--pad", "-1", "--wav", "x.wav"], "pad is -1: it is 0 to 60 seconds of silence before and after a recording"),
        (["--pad", "nan", "--on", "reference"], "pad is nan: it is 0 to 60 seconds of silence before and after a recording"),
        (
            ["--pad", "1", "--on", "reference", "--through", "inmp441", "--wav", "x.wav"],
            "--pad is for sound that the computer sends: it needs --wav or --from computer, without --through",
        ),
    ],
)
def test_what_cannot_be_is_told_before_a_board_is_asked(arguments: list[Any], error: str, command: Command) -> None:
    assert command("listen", *arguments, status=1).error == error
