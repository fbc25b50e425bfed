"""Options that several commands share, and how a command opens what they name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from watchword import model as models
from watchword.board import Board, Hello
from watchword.board.modules import MODULES
from watchword.board.ports import choose
from watchword.board.virtual import Hardware
from watchword.chips import PORTABLE, boards
from watchword.chips.boards import DevBoard
from watchword.cli.hardware import chosen
from watchword.cli.output import note, progress_bar
from watchword.compile import Compiled
from watchword.data.files import WILDCARDS, matching, passed_over
from watchword.errors import BoardError, DataError
from watchword.model import Model

On = Annotated[
    str | None,
    typer.Option(
        "--on",
        metavar="TARGET",
        help="unix, pico, KIND:NAME, a serial port, a pyserial URL or a board's name. Default: the one plugged in, else unix.",
    ),
]
OnOrReference = Annotated[
    str | None,
    typer.Option(
        "--on",
        metavar="TARGET",
        help="A board, as unix, pico or a serial port; or reference: NumPy here, and the same numbers.",
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Start a virtual board with empty flash.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output, and nothing else.")]
ModelFile = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A .tflite, NAME.toml beside it; a microWakeWord's .json; or a name: keywords.")
]
Lent = Annotated[
    Path | None, typer.Option("--model", metavar="MODEL", help="Run this model (a file or a name) for this command only.")
]
MoreFiles = Annotated[list[Path] | None, typer.Argument(metavar="FILE", hidden=True)]  # of `--wav *.wav`, all but the first
DescriptionFile = Annotated[
    Path | None, typer.Option("--description", metavar="FILE", help="Use this description, not the one beside the model.")
]


@contextmanager
def open_board(on: str | None, fresh: bool = False, hardware: Hardware | None = None) -> Iterator[Board]:
    """The board that --on names, with this hardware or that of the options; without --on the choice of the board is told."""
    if on is None:
        on, why = choose()
        note(f"on {on}: {why}")
    with progress_bar(f"opening {on}"):
        opened = Board.open(on, fresh=fresh, hardware=hardware or chosen(), report=note)
    with opened as board:
        if board.hello.note:
            note(f"{board.target}: {board.hello.note}")
        yield board


def load(model: Path, description: Path | None = None) -> Model:
    """The model that a command names, a file or a name. ModelError: as `watchword.load`."""
    with progress_bar(f"reading {model.name}"):
        return models.load(model, description)


def compiled(model: Model, target: str, **settings: Any) -> Compiled:
    """The program of a model, as `Model.compile`."""
    with progress_bar(f"compiling {model.description.name}"):
        return model.compile(target, **settings)


@contextmanager
def running(board: Board, model: Model) -> Iterator[Compiled]:
    """The board runs the program of a model for the length of a command; then its active one returns."""
    program = compiled(model, board.hello.target)
    with progress_bar(f"sending {model.description.name}") as progress:
        board.push(program, scratch=True, progress=progress)
    try:
        yield program
    finally:
        with progress_bar("starting what it ran before"):
            board.restart()


def require_writable(path: Path, *kept: Path | None) -> None:
    """Before the work starts: whether a file can be written there. A file that is there gives way, unless it is one of `kept`.

    DataError: it cannot be written, or is one that the command reads.
    """
    folder = path.absolute().parent
    if path.is_dir():
        raise DataError(f"{path}: is a folder; a file is expected")
    if not folder.is_dir():
        raise DataError(f"{path}: cannot be written: there is no folder {folder}")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise DataError(f"{path}: cannot be written: permission denied")
    for one in kept:
        if one is not None and _same(path, one):
            raise DataError(f"{path}: is read by this command, and would be written over: name another file")


def _same(a: Path, b: Path) -> bool:
    """Whether both are one file; what cannot be looked at is told when it is read."""
    try:
        return a.samefile(b)
    except OSError:
        return False


def require_folder(path: Path) -> None:
    """Before the work starts: a folder that files can be written to, made where there is none. DataError: it cannot be one."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise DataError(f"{path}: is a file; a folder is expected") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be made: {error.strerror or error}") from None
    if not os.access(path, os.W_OK):
        raise DataError(f"{path}: nothing can be written there: permission denied")


def pin_number(text: str, option: str) -> int:
    """A pin as users name it: 15, GP15 or GPIO15. DataError: it is none."""
    found = re.fullmatch(r"(?:gp|gpio)?(\d{1,3})", text, re.IGNORECASE)
    if found is None:
        raise DataError(f"{option} {text[:40]}: a pin is a number, as 15 or GP15")
    return int(found[1])


def has_pins(board: Board) -> bool:
    """Whether it is a chip; else it is a process."""
    return board.virtual is None or board.virtual.kind.repl


def some_microphone(board: Board) -> str:
    """What to type to give it a microphone."""
    return f"`watchword mic {next(iter(MODULES)) if has_pins(board) else 'FILE.wav'}` gives it one"


def pin_name(hello: Hello, pin: int) -> str:
    """What is printed at a GPIO pin of a board."""
    return dev_board(hello).pin(pin)


def warn_of_taken(hello: Hello, pins: Sequence[int]) -> None:
    """A note of pins that have another job on boards with this chip."""
    taken = ", ".join(pin_name(hello, pin) for pin in pins if pin in dev_board(hello).taken)
    if taken:
        note(f"{taken}: most boards with this chip use that themselves, for flash, USB or power, or when they start")


def dev_board(hello: Hello) -> DevBoard:
    """A board by what it says of itself; of one that is not known, only the numbers of its pins are."""
    try:
        return boards.of(hello.target, hello.board)
    except BoardError:
        return DevBoard(hello.target, hello.board, PORTABLE, boards.Pins(0, 0, 0))


def named_files(names: Sequence[Path], find: Callable[[Path], list[Path]], kind: str) -> list[Path]:
    """Files, folders (all that `find` finds below) and patterns such as clips/*.wav, in order. kind: what they are, to say.

    DataError: there is nothing.
    """
    files: list[Path] = []
    # A shell names what systems leave beside others; by itself it is meant.
    for name in [name for name in names if not (passed_over(name.name) and os.path.isfile(name))] or names:
        named = matching(name) if set(str(name)) & set(WILDCARDS) and not os.path.exists(name) else [name]
        found = [file for one in named for file in (find(one) if os.path.isdir(one) else [one])]
        if not found:
            raise DataError(f"{name}: no {kind} files there")
        files += found
    for file in files:
        if not os.path.isfile(file):
            raise DataError(f"{file}: no such file")
    return files
