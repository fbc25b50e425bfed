"""Seeing: see."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from watchword.board import Board, Detection, FrameLabel, Gone
from watchword.cli.options import (
    DescriptionFile,
    Fresh,
    Json,
    Lent,
    MoreFiles,
    On,
    load,
    named_files,
    open_board,
    require_writable,
    running,
)
from watchword.cli.output import note, of_file, progress_bar, say, say_event, say_json
from watchword.data import pictures
from watchword.data.batch import Batch
from watchword.errors import BoardError, DataError
from watchword.features import frames
from watchword.report.sheet import Seen, sheet


def see(
    image: Annotated[
        list[Path], typer.Option("--image", metavar="FILE...", help="Pictures to show to it; folders and patterns too.")
    ],
    more: MoreFiles = None,
    model: Lent = None,
    on: On = None,
    fresh: Fresh = False,
    description: DescriptionFile = None,
    size: Annotated[
        str, typer.Option("--size", metavar="WxH", help="Of the frames that the camera would give, in pixels.")
    ] = f"{pictures.QQVGA[0]}x{pictures.QQVGA[1]}",
    show: Annotated[
        Path | None, typer.Option("--show", metavar="OUT.png", help="Write the picture with its label, or a sheet of all.")
    ] = None,
    json: Json = False,
) -> None:
    """Show pictures to a board, and say what it sees.

    As a small camera would show them, a line for each. A folder is a run of frames, one a second: `detect` and `gone` tell
    what came into view and what left it.
    """
    files = named_files([*image, *(more or [])], pictures.find, "picture")
    sides = _sides(size)
    if show is not None:
        require_writable(show, *files)
    loaded = load(model, description) if model else None
    if loaded is not None:
        loaded.require_picture()
    with open_board(on, fresh) as board:
        if loaded is not None:
            with running(board, loaded):
                seen = _look(board, files, sides, json, show is not None)
        else:
            if not board.holds("picture"):
                raise BoardError(
                    f"{board.target} holds no program for pictures: `watchword push MODEL` sends one, --model MODEL lends one"
                )
            board.turn_to("picture")
            seen = _look(board, files, sides, json, show is not None)
    if show is not None and seen:
        _write(seen, show)


def _sides(text: str) -> tuple[int, int]:
    width, by, height = text.partition("x")
    if not (by and width.isdecimal() and height.isdecimal()):
        raise DataError(f"--size {text}: WIDTHxHEIGHT in pixels is expected, such as 160x120")
    sides = int(width), int(height)
    frames.check(*sides)
    return sides


def _look(board: Board, files: Sequence[Path], size: tuple[int, int], json: bool, keep: bool) -> list[Seen]:
    """Show all pictures and say what is seen. keep: return them, for a sheet."""
    colour = board.view(*size)
    seen = []
    present = None  # the label that is in view
    for time, picture, _ in Batch("pictures", note).each(files, lambda file, report: pictures.read(file)):
        file = files[time]
        frame = frames.camera(pictures.fitted(picture, size), colour=colour)
        shown = None
        with progress_bar(f"looking at {file.name}"):
            events = board.look(frame, time)[1]
        for event in events:
            if json:
                say_json(of_file(event, file))
            elif isinstance(event, FrameLabel):
                say(f"{file}  {event.label}  {event.score:.2f}")
            elif isinstance(event, Detection | Gone):
                say(f"{file}  {event.event} {event.label}")
            else:
                say_event(event, board.target)
            if isinstance(event, FrameLabel):
                shown = event
            elif isinstance(event, Detection | Gone) and not event.taught:
                present = event.label if isinstance(event, Detection) else None
        if keep and shown is not None:  # the model need not run on every frame
            picture.thumbnail((900, 900))
            seen.append(Seen(picture, file.name, shown.label, shown.score, present == shown.label))
    return seen


def _write(seen: Sequence[Seen], path: Path) -> None:
    try:
        sheet(seen).save(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}") from None
    note(f"{path}: {len(seen)} {'picture' if len(seen) == 1 else 'pictures'}")
