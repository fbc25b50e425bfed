"""Boards: real ones on a serial line, and virtual ones.

    with Board.open("unix") as board:
        board.push(compiled)
        for event in board.listen(samples):
            print(event)

`Board` is all that most callers need, and the dataclasses that it gives; `link` and `transport` lie below it.
"""

from watchword.board.board import Board
from watchword.board.events import (
    Detection,
    Event,
    Failed,
    FrameLabel,
    Gone,
    Hello,
    Log,
    Lost,
    Microphone,
    Program,
    Score,
    Trial,
)
from watchword.board.hearing import Hearing
from watchword.board.settings import Action, MicrophoneSetting, Settings
from watchword.board.streams import Stream
from watchword.board.summary import Summary
from watchword.board.taught import Enrolled, Shots, Taught
from watchword.board.tensors import Timing

__all__ = [
    "Action",
    "Board",
    "Detection",
    "Enrolled",
    "Event",
    "Failed",
    "FrameLabel",
    "Gone",
    "Hearing",
    "Hello",
    "Log",
    "Lost",
    "Microphone",
    "MicrophoneSetting",
    "Program",
    "Score",
    "Settings",
    "Shots",
    "Stream",
    "Summary",
    "Taught",
    "Timing",
    "Trial",
]
