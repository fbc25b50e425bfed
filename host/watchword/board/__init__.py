"""Boards: real ones on a serial line, and virtual ones.

    with Board.open("unix") as board:
        board.push(compiled)
        for event in board.listen(samples):
            print(event)

`Board` is all that most callers need, and the dataclasses that it gives; `link` and `transport` lie below it.
"""

from watchword.board.board import Board
from watchword.board.events import Detection, Event, FrameLabel, Gone, Hello, Log, Program, Trial
from watchword.board.streams import Stream
from watchword.board.taught import Enrolled, Shots, Taught
from watchword.board.tensors import Timing

__all__ = [
    "Board",
    "Detection",
    "Enrolled",
    "Event",
    "FrameLabel",
    "Gone",
    "Hello",
    "Log",
    "Program",
    "Shots",
    "Stream",
    "Taught",
    "Timing",
    "Trial",
]
