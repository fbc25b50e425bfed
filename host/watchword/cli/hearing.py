"""What a board hears by its own microphone: `listen` without recordings."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.live import Live

from watchword.board import Board, Detection, Event, Failed, Hearing, Hello, Lost, Microphone, Score, Trial
from watchword.board.summary import dbfs, summary
from watchword.cli.meters import Meters, by_label
from watchword.cli.options import some_microphone
from watchword.cli.output import in_order, live, note, say, say_event, say_json, say_summary
from watchword.data.audio import RATE
from watchword.errors import BoardError

_DRAWN = 12  # times a second, at most


def attach(board: Board, seconds: float | None, scores: bool, json: bool) -> None:
    """Show what a board hears, a line for each event, until Ctrl-C or for so many seconds. BoardError: it has no microphone."""
    require_microphone(board)
    state = board.hearing()
    if state.mute:
        note(f"{board.target} is mute: `watchword mute off` lets it hear")
    elif state.fault:
        note(f"{board.target}: its microphone: {state.fault}")
    if state.source is not None and not json:
        until = "Ctrl-C ends it" if seconds is None else f"for {seconds:g} s"
        note(f"{board.target} hears by its microphone; {until}")
    told: list[Event] = []
    with until_interrupted(board.hear_no_more):
        _show(board, seconds, scores, json, told)
    highest = board.nearest()
    say_summary(summary(told, highest, None if board.loudest is None else dbfs(board.loudest), None), json)


@contextmanager
def until_interrupted(stop: Callable[[], None]) -> Iterator[None]:
    """The first Ctrl-C stops, so that what was heard is told to its end; another one does what it does elsewhere."""

    def interrupted(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, before)
        stop()

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def require_microphone(board: Board) -> None:
    """BoardError: it has none, in one line that says what to do."""
    if board.hello.microphone is None:
        raise BoardError(
            f"{board.target} has no microphone: {some_microphone(board)}, and `watchword listen --wav FILE` sends recordings "
            "instead"
        )


def _show(board: Board, seconds: float | None, scores: bool, json: bool, told: list[Event]) -> None:
    """told: gets the detections."""
    last = None
    with _bars(board, scores and not json) as bars:
        for event in board.hear(scores=scores, seconds=seconds):
            hearing = board.heard_by
            assert hearing is not None
            if isinstance(event, Detection):
                told.append(event)
            if event.seq is not None:
                if last is not None and event.seq > last + 1:
                    note(f"{event.seq - last - 1} events went by: they were not taken in time")
                last = event.seq
            if json:
                say_json(_score(event, hearing) if isinstance(event, Score) else in_order(event))
            elif isinstance(event, Score):
                if bars is not None:
                    bars.take(event, hearing)
            else:
                _say(event, board)


def _score(event: Score, hearing: Hearing) -> dict[str, Any]:
    """A run as JSON, its scores by their labels. level: dBFS."""
    fields = in_order(event) | {"level": max(-120.0, round(event.level, 1)), "scores": by_label(event, hearing)}
    del fields["taught"]
    return fields


def _say(event: Event, board: Board) -> None:
    """A line for an event that is no score."""
    match event:
        case Detection():
            say(f"{event.time:7.2f} s  {event.label}  {event.score:.2f}{'  taught' if event.taught else ''}")
        case Lost():
            say(f"{event.time:7.2f} s  lost: {event.samples / RATE:.2f} s of sound went by unheard")
        case Microphone(fault=None):
            say(f"{event.time:7.2f} s  microphone: it hears again")
        case Microphone():
            say(f"{event.time:7.2f} s  microphone: {event.text or event.fault}")
        case Failed():
            say(f"failed ({event.count} so far): {event.text}{'; it no longer listens' if event.given_up else ''}")
        case Hello():
            note(f"{board.target} started anew{f': {event.note}' if event.note else ''}")
        case Trial():
            note(f"{board.target} tries {event.file}")
        case _:
            say_event(event, board.target)


class _Bars:
    """Meters in the terminal; lines of events go by above them."""

    def __init__(self, drawn: Live) -> None:
        self._drawn = drawn
        self._meters: Meters | None = None

    def take(self, event: Score, hearing: Hearing) -> None:
        if self._meters is None:
            self._meters = Meters(hearing)
            self._drawn.update(self._meters)
        self._meters.hearing = hearing
        self._meters.take(event)


@contextmanager
def _bars(board: Board, wanted: bool) -> Iterator[_Bars | None]:
    """None where they are not wanted, or there is no terminal."""
    if not wanted:
        yield None
        return
    with live(_DRAWN) as drawn:
        yield None if drawn is None else _Bars(drawn)
