"""What is on a board: info, programs, rollback, activate, remove."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from watchword import __version__
from watchword.board import Hearing, Hello
from watchword.board.virtual import Speed
from watchword.cli.options import Fresh, Json, On, open_board
from watchword.cli.output import progress_bar, say, say_facts, say_json, say_table, size


def info(on: On = None, fresh: Fresh = False, json: Json = False) -> None:
    """Show a board's versions, memory and programs."""
    with open_board(on, fresh) as board:
        hello, speed = board.info(), board.speed()
        hearing = board.hearing() if hello.kind == "sound" and hello.running and not json else None
    if json:
        say_json(hello.as_dict() | ({} if speed is None else {"emulated": speed.as_dict()}))
    else:
        say_facts(_facts(hello, hearing, speed))


def _facts(hello: Hello, hearing: Hearing | None, speed: Speed | None) -> Iterator[tuple[str, str]]:
    """What somebody does something about. hearing: of a board that a program for sound runs on."""
    yield "board", hello.board + (f", named {hello.name}" if hello.name else "")
    yield "MicroPython", hello.micropython
    same = "as here" if hello.firmware == __version__ else f"and {__version__} here: `watchword flash` puts that on it"
    yield "firmware", f"{hello.firmware}, {same}"
    names = {program.file: program.name for program in hello.programs}
    files = [file for file in (hello.running, *hello.beside) if file is not None]
    yield "runs", ", ".join(names.get(file, file) for file in files) or "nothing: `watchword push MODEL` gives it a program"
    if hearing is not None:
        yield "fires at", ", ".join(one for one in (*hearing.labels, *hearing.taught) if one in hearing.cutoffs) or "nothing"
    mute = ", and mute: `watchword mute off` lets it hear" if hello.mute else ""
    yield "microphone", f"{hello.microphone or 'none'}{mute}"
    yield "memory", f"{size(hello.heap_free)} free"
    yield "flash", f"{size(hello.flash_free)} of {size(hello.flash)} free"
    if speed is not None:
        yield "emulated", str(speed)


def programs(on: On = None, fresh: Fresh = False, json: Json = False) -> None:
    """List the programs that a board holds."""
    with open_board(on, fresh) as board:
        stored = board.programs()
    if json:
        say_json([program.as_dict() for program in stored])
    elif not stored:
        say("no programs: push one with `watchword push MODEL`")
    else:
        named = [p.name for p in stored]
        # Only where two have one name, they are told apart by their files.
        rows = [(p.name if named.count(p.name) == 1 else p.file, p.state, p.kind or "damaged", size(p.size)) for p in stored]
        say_table(("name", "state", "for", "size"), rows)


def rollback(on: On = None, json: Json = False) -> None:
    """Return to the program before.

    The one that runs now becomes the one before.
    """
    with open_board(on) as board, progress_bar("starting the program before"):
        file = board.rollback()
    if json:
        say_json({"running": file})
    else:
        say(f"{file} runs now")


def activate(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name or file of a program that the board holds.")],
    on: On = None,
    json: Json = False,
) -> None:
    """Run a stored program from now on.

    The one that runs now becomes the one before.
    """
    with open_board(on) as board, progress_bar(f"starting {name}"):
        file = board.activate(name)
    if json:
        say_json({"running": file})
    else:
        say(f"{file} runs now")


def remove(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The name or file of a program that is neither active nor previous.")
    ],
    on: On = None,
) -> None:
    """Remove a stored program from a board."""
    with open_board(on) as board:
        board.remove(name)
    say(f"{name} is removed")
