"""What a board tells by itself: docs/protocol.md, "Events".

Each is a dataclass; `as_dict` gives the JSON that commands print with `--json`. Times are seconds, scores 0 to 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

from watchword import kernels
from watchword.board.link import PROTOCOL, Message
from watchword.board.messages import Said, read
from watchword.compile.program import FORMAT
from watchword.errors import BoardError


@dataclass(frozen=True, kw_only=True)
class Event(Said):
    """An event; as such, one that only a newer firmware knows, its fields in `said`.

    seq: counts up from 0 at each start of the app; None of one that no board sent.
    """

    event: str
    seq: int | None = field(default=None, repr=False, compare=False)

    def as_dict(self) -> dict[str, Any]:
        fields = {"event": self.event} | super().as_dict()
        fields.pop("seq", None)
        return fields


@dataclass(frozen=True)
class Detection(Event):
    """A label fired, or has come into view. time: position in the recording, or that of the frame. taught: a taught word."""

    event: str = field(default="detect", init=False)
    label: str
    score: float
    time: float
    taught: bool = False


@dataclass(frozen=True)
class Gone(Event):
    """A label has left the view."""

    event: str = field(default="gone", init=False)
    label: str
    score: float
    time: float
    taught: bool = False


@dataclass(frozen=True)
class FrameLabel(Event):
    """What a frame shows: the label of the greatest output."""

    event: str = field(default="frame", init=False)
    label: str
    score: float
    time: float


@dataclass(frozen=True)
class Score(Event):
    """A run of the model, as `Board.hear` with `scores` gives them.

    scores: the mean of each label's last runs, in the order of `Hearing.labels`; taught: of `Hearing.taught`. peak: the
    greatest sample since the event before, 1 is full scale.
    """

    event: str = field(default="score", init=False)
    time: float
    peak: float
    scores: tuple[float, ...]
    taught: tuple[float, ...] = ()

    @property
    def level(self) -> float:
        """The peak in dBFS; of digital silence -inf."""
        return 20 * math.log10(self.peak) if self.peak > 0 else -math.inf


@dataclass(frozen=True)
class Lost(Event):
    """Sound went by unheard. samples: how many, at 16 kHz, since the event before."""

    event: str = field(default="lost", init=False)
    samples: int
    time: float


@dataclass(frozen=True)
class Microphone(Event):
    """Something is wrong with what a microphone sends, or no longer: `fault` is None then.

    fault: zeros, channel, stuck, floating, clipped or stopped. text: a line with the likely cause.
    """

    event: str = field(default="microphone", init=False)
    fault: str | None
    text: str | None
    time: float


@dataclass(frozen=True)
class Failed(Event):
    """Something failed on a board while it listened by itself. count: how often so far. given_up: it no longer listens."""

    event: str = field(default="failed", init=False)
    text: str
    count: int
    given_up: bool


@dataclass(frozen=True)
class Log(Event):
    """A line that is no message: a user's print, a traceback, the boot banner."""

    event: str = field(default="log", init=False)
    text: str


@dataclass(frozen=True)
class Trial(Event):
    """A new program is about to be run once on zeros. timeout_ms: after it a host starts the board anew; None: it need not."""

    event: str = field(default="trial", init=False)
    file: str
    attempt: int
    timeout_ms: int | None


@dataclass(frozen=True)
class Program(Said):
    """A program in a board's store. size: bytes. kind: sound, picture or tensor, None of a damaged one. state: active,
    previous or stored."""

    file: str
    name: str
    size: int
    kind: str | None
    state: str


@dataclass(frozen=True)
class Hello(Event):
    """What a board says of itself when its app starts, and when it is asked; sizes are bytes.

    docs/protocol.md tells what each field means.
    """

    event: str = field(default="hello", init=False)
    protocol: int
    firmware: str
    micropython: str
    format: int
    kernels: int
    native: bool
    target: str
    mpy: int
    board: str
    uid: str
    heap_free: int
    program_ram: int
    program_heap: int
    load_ms: int
    flash_free: int
    flash: int
    chunk: int
    running: str | None
    note: str | None
    kind: str
    trial: str | None
    programs: tuple[Program, ...]
    name: str | None = None
    microphone: str | None = None
    mute: bool = False
    beside: tuple[str, ...] = ()
    ring: int = 0

    def as_dict(self) -> dict[str, Any]:
        fields = super().as_dict()
        if "event" not in self.said:  # it was asked
            del fields["event"]
        return fields


_KINDS: dict[str, type[Event]] = {
    "detect": Detection,
    "gone": Gone,
    "frame": FrameLabel,
    "score": Score,
    "lost": Lost,
    "microphone": Microphone,
    "failed": Failed,
    "log": Log,
    "trial": Trial,
}


def read_event(message: Message, target: str) -> Event:
    """A message as the event that it is. BoardError: it is damaged, or the hello of another version."""
    if message["event"] == "hello":
        return read_hello(message, target)
    event = read(_KINDS.get(message["event"], Event), message, f"{target}: its event {message['event']}")
    if isinstance(event, Detection | Gone | FrameLabel):  # thousandths, of which floats of 32 bits make more digits
        return replace(event, score=round(event.score, 3), time=round(event.time, 3))
    return _scaled(event) if isinstance(event, Score) else event


def _scaled(event: Score) -> Score:
    """The board sends scores in parts of 256, and samples of 16 bits."""
    scores, taught = (tuple(round(score / 256, 4) for score in held) for held in (event.scores, event.taught))
    return replace(event, peak=round(event.peak / 32768, 5), scores=scores, taught=taught)


def read_hello(message: Message, target: str) -> Hello:
    """BoardError: the board speaks another version, or the hello is damaged."""
    for name, mine in (("protocol", PROTOCOL), ("format", FORMAT), ("kernels", kernels.VERSION)):
        if message.get(name) != mine:
            raise BoardError(
                f"{target}: its firmware {message.get('firmware')} speaks {name} {message.get(name)}, this host {mine}: "
                "put the same version on both"
            )
    return read(Hello, message, f"{target}: its hello")
