"""What a board tells by itself: docs/protocol.md, "Events".

Each is a dataclass; `as_dict` gives the JSON that commands print with `--json`. Times are seconds, scores 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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

    def as_dict(self) -> dict[str, Any]:
        fields = super().as_dict()
        if "event" not in self.said:  # it was asked
            del fields["event"]
        return fields


_KINDS: dict[str, type[Event]] = {"detect": Detection, "gone": Gone, "frame": FrameLabel, "log": Log, "trial": Trial}


def read_event(message: Message, target: str) -> Event:
    """A message as the event that it is. BoardError: it is damaged, or the hello of another version."""
    if message["event"] == "hello":
        return read_hello(message, target)
    return read(_KINDS.get(message["event"], Event), message, f"{target}: its event {message['event']}")


def read_hello(message: Message, target: str) -> Hello:
    """BoardError: the board speaks another version, or the hello is damaged."""
    for name, mine in (("protocol", PROTOCOL), ("format", FORMAT), ("kernels", kernels.VERSION)):
        if message.get(name) != mine:
            raise BoardError(
                f"{target}: its firmware {message.get('firmware')} speaks {name} {message.get(name)}, this host {mine}: "
                "put the same version on both"
            )
    return read(Hello, message, f"{target}: its hello")
