"""Words and things that a board learns from a few shots: teach, forget, taught."""

from __future__ import annotations

import json as jsons
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from watchword.board import Board, Enrolled, Shots, messages
from watchword.cli.options import Fresh, Json, MoreFiles, On, named_files, open_board, require_writable
from watchword.cli.output import note, progress_bar, say, say_json, say_table
from watchword.cli.sound import give_keywords
from watchword.data import audio, pictures, words
from watchword.data.audio import RATE
from watchword.data.batch import Batch, Report
from watchword.errors import BoardError, DataError
from watchword.features import frames

Kind = Annotated[
    Literal["sound", "picture"] | None,
    typer.Option("--kind", metavar="sound|picture", help="Of which program. Default: the one that runs."),
]

Show = Callable[[Path, Report], dict[str, Any]]
"""Brings a file before a board, and returns what there is to say of it."""


def teach(
    word: Annotated[str, typer.Argument(metavar="NAME", help="What the shots are of.")],
    wav: Annotated[
        list[Path] | None, typer.Option("--wav", metavar="FILE...", help="Recordings of the word; folders and patterns too.")
    ] = None,
    image: Annotated[
        list[Path] | None,
        typer.Option("--image", metavar="FILE...", help="Or pictures of it; folders and patterns too."),
    ] = None,
    more: MoreFiles = None,
    on: On = None,
    fresh: Fresh = False,
    json: Json = False,
) -> None:
    """Teach a board a word or a thing from a few shots.

    Recordings of a word, or pictures of a thing: from then on `listen` and `see` tell it. Words belong to the model that
    runs: they stay when its program is pushed anew, and wait while another model runs.
    """
    if bool(wav) == bool(image):
        raise DataError("one of --wav (recordings of a word) and --image (pictures of a thing) is needed")
    sound = bool(wav)
    names = [*(wav or image or []), *(more or [])]
    files = named_files(names, audio.find, "sound") if sound else named_files(names, pictures.find, "picture")
    with open_board(on, fresh) as board:
        if sound and not board.holds("sound"):
            give_keywords(board)
        board.turn_to("sound" if sound else "picture")
        ready = board.taught(ready=True)
        show = _hearing(board, ready.samples or RATE) if sound else _seeing(board)
        taken = _enrol(board, word, files, show, json)
        if not ready.background:
            note(
                f"how near a sound or picture has to be is judged by the shots of {word} alone: "
                "`watchword push MODEL --background MANIFEST.csv` gives the board others to compare with"
            )
    if taken is not None and not json:
        say(f"{word}: {taken.shots} shots; the board holds {taken.all}, at most {taken.most}")


def _enrol(board: Board, word: str, files: Sequence[Path], show: Show, json: bool) -> Enrolled | None:
    """Make shots of files; returns the last."""
    taken = None

    def learn(file: Path, report: Report) -> tuple[dict[str, Any], Enrolled]:
        with progress_bar(f"learning {file.name}"):
            return show(file, report), board.enrol(word)

    for number, (facts, taken), notes in Batch("files", note, f"learnt as {word}").each(files, learn):
        file = files[number]
        if json:
            fields = {"word": word, "file": str(file), "shots": taken.shots, "like": taken.like, **facts}
            say_json(fields | ({"notes": notes} if notes else {}))
        else:
            like = f"; might be taken for {taken.like}" if taken.like else ""
            say(f"{file}  shot {taken.shots}: {facts['quality']}{like}")
    return taken


def _hearing(board: Board, window: int) -> Show:
    """window: samples that the model hears at once."""
    length = -(-window // RATE) * RATE

    def show(file: Path, report: Report) -> dict[str, Any]:
        samples = audio.read(file, report)
        try:
            word = words.find(samples, length / RATE)
        except DataError as error:
            raise DataError(f"{file}: {error}") from None
        board.scores(words.crop(samples, word, length))
        return {"start": word.start, "end": word.end, "above_noise_db": round(word.above, 1), "quality": word.quality}

    return show


def _seeing(board: Board) -> Show:
    colour = board.view(*pictures.QQVGA)

    def show(file: Path, report: Report) -> dict[str, Any]:
        seen = pictures.fitted(pictures.read(file))
        board.look(frames.camera(seen, colour=colour))
        contrast = float(seen.std())
        return {"contrast": round(contrast, 1), "quality": "good" if contrast > 20 else "of little contrast"}

    return show


def forget(
    word: Annotated[str, typer.Argument(metavar="NAME", help="What was taught.")],
    kind: Kind = None,
    on: On = None,
    json: Json = False,
) -> None:
    """Forget a taught word or thing, with all its shots."""
    with open_board(on) as board:
        if kind:
            board.turn_to(kind)
        shots = board.forget(word)
    if json:
        say_json({"word": word, "shots": shots})
    else:
        say(f"{word}: forgotten, {shots} shots")


def taught(
    export: Annotated[Path | None, typer.Option("--export", metavar="FILE", help="Write all shots to a file.")] = None,
    import_: Annotated[
        Path | None, typer.Option("--import", metavar="FILE", help="Add the shots of such a file, of the same model.")
    ] = None,
    kind: Kind = None,
    on: On = None,
    json: Json = False,
) -> None:
    """Show what a board was taught.

    --export keeps it in a file, --import gives it to a board that runs the same model.
    """
    if export is not None:
        require_writable(export)
    given = _read(import_) if import_ else None
    with open_board(on) as board:
        if kind:
            board.turn_to(kind)
        if given is not None:
            count = board.import_taught(given)
            note(f"{count} shots added from {import_}")
        if export is not None:
            exported = board.export_taught()
            _write(export, exported)
            note(f"{export}: {len(exported.shots)} shots")
        found = board.taught()
    if json:
        say_json(found.as_dict())
        return
    rows = [(name, count, "") for name, count in found.words.items()]
    for file, held in found.others:
        rows += [(name, count, f"another model's, {file}: waits for it") for name, count in (held or {}).items()]
    if rows:
        say_table(("word", "shots", ""), rows)
    else:
        say("nothing was taught")
    for file, held in found.others:
        if held is None:
            note(f"{file}: damaged")


def _read(path: Path) -> Shots:
    try:
        return messages.read(Shots, dict(jsons.loads(path.read_text("utf-8"))), str(path))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, BoardError):
        raise DataError(f"{path}: no shots, as `watchword taught --export` writes them") from None


def _write(path: Path, exported: Shots) -> None:
    try:
        path.write_text(jsons.dumps(exported.as_dict(), indent=1) + "\n", "utf-8")
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from None
