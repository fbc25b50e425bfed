"""What is on a board: info, programs, rollback, activate, remove."""

from __future__ import annotations

from typing import Annotated

import typer

from watchword.cli.options import Fresh, Json, On, open_board
from watchword.cli.output import progress_bar, say, say_json, say_table


def info(on: On = None, fresh: Fresh = False, json: Json = False) -> None:
    """Show a board's versions, memory and programs."""
    with open_board(on, fresh) as board:
        hello, speed = board.info(), board.speed()
    fields = hello.as_dict()
    if speed is not None:
        fields["emulated"] = speed.as_dict() if json else speed
    if json:
        say_json(fields)
        return
    fields["programs"] = ", ".join(program.file for program in hello.programs) or "none"
    for key, value in sorted(fields.items()):
        say(f"{key:12} {value}")


def programs(on: On = None, fresh: Fresh = False, json: Json = False) -> None:
    """List the programs that a board holds."""
    with open_board(on, fresh) as board:
        stored = board.programs()
    if json:
        say_json([program.as_dict() for program in stored])
    elif not stored:
        say("no programs: push one with `watchword push MODEL`")
    else:
        say_table(
            ("name", "state", "kind", "bytes", "file"),
            [(p.name, p.state, p.kind, p.size, p.file) for p in stored],
        )


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
