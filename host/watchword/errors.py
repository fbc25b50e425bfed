"""What can go wrong, by who can mend it.

WatchwordError
├── ModelError         a model, its description or a program cannot be used as it is
│   └── UnsupportedError   it asks for something that watchword does not do
├── DataError          recordings, manifests or recipes are not as expected
├── BoardError         a board refuses a request, or cannot be reached
│   └── LinkError          the line to it is broken or silent
└── SetupError         a tool that the host needs is missing

Every message is one line of at most 300 characters: what was wrong, where, and what to do. The command line prints it and
exits with status 1; anything that is not a WatchwordError is a bug of watchword's and shows its traceback.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST = 300  # characters of a message,
_STOP = 160  # and of one thing that stops a model
_NAME = 40  # characters that a long name keeps: its end, which tells more than its beginning
_END = 120  # characters of the end that a message keeps where its middle is left out


class WatchwordError(Exception):
    """Base of all errors that a user can mend. message: one that is longer, or of several lines, becomes `one_line`."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class ModelError(WatchwordError):
    """A model, its description or a compiled program cannot be used."""


class UnsupportedError(ModelError):
    """A model needs an operation or a form of one that watchword does not have.

    stops: all that stops it, where the message has room for some only.
    """

    def __init__(self, message: str, stops: tuple[Stop, ...] = ()) -> None:
        super().__init__(message)
        self.stops = stops


@dataclass(frozen=True)
class Stop:
    """Something that stops a model. number: of the operation in its file; None: it is the input, the output or the whole.

    operation: its name. makes: the names of its outputs, quoted. lacking: watchword does not have the operation in any form.
    """

    reason: str
    number: int | None = None
    operation: str = ""
    makes: str = ""
    lacking: bool = False

    def __str__(self) -> str:
        where = " ".join(str(part) for part in (self.number, self.operation, self.makes) if part not in (None, ""))
        return one_line(f"{where}: {self.reason}" if where else self.reason, _STOP)


class DataError(WatchwordError):
    """A recording, a manifest or a recipe is not as expected."""


class BoardError(WatchwordError):
    """A board refused a request or cannot be reached."""


class LinkError(BoardError):
    """The line to a board is broken or silent."""


class SetupError(WatchwordError):
    """A tool that the host needs is missing and could not be installed."""


def one_line(text: str, longest: int = LONGEST) -> str:
    """Text on one line of at most `longest` characters.

    Of quoted names the end is kept; then of paths, those first that the line does not begin with; then of the text both ends.
    """
    line = " ".join(part for raw in text.splitlines() if (part := raw.strip()))
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in line)
    if len(line) > longest:
        line = re.sub(rf"'[^']*([^']{{{_NAME}}})'", r"'…\1'", line)
    for kept in (1, 0):  # what to do stands behind a path, and must not go for the sake of it
        if len(line) > longest:
            line = " ".join(part if i < kept else _short(part) for i, part in enumerate(line.split(" ")))
    if len(line) > longest:
        end = line[-min(_END, longest // 2) :]
        begin = line[: longest - len(end) - 3]
        # Between words, where there are some.
        begin, end = begin.rpartition(" ")[0] or begin, end.partition(" ")[2] or end
        line = f"{begin} … {end}"
    return line


def _short(word: str) -> str:
    """A word of a message; the end of a long path."""
    path = len(word) > _NAME and ("/" in word or "\\" in word) and "'" not in word
    return f"…{word[-_NAME:]}" if path else word
