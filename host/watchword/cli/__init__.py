"""The command line: thin callers of the package, one file for each group of commands. The only place that prints."""

from __future__ import annotations

import os
import sys

import typer

from watchword import __version__
from watchword.cli import (
    boards,
    data,
    describing,
    flashing,
    hardware,
    inspecting,
    measuring,
    microphone,
    models,
    options,
    pictures,
    settings,
    setup,
    sound,
    teaching,
    tensors,
    training,
    usage,
    virtual,
)
from watchword.errors import WatchwordError, one_line

app = typer.Typer(
    name="watchword",
    cls=usage.CommandGroup,
    help="Wake words and visual wake words on stock MicroPython.",
    epilog="`watchword COMMAND --help` tells more of each. No board is needed: one that is not plugged in is a virtual one.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
# As a newcomer meets them.
COMMANDS = {
    "Start": (sound.demo, flashing.doctor, flashing.flash, models.push),
    "Hear": (sound.listen, microphone.mic, settings.when, settings.cutoff, settings.mute),
    "See": (pictures.see,),
    "Make": (
        teaching.teach,
        teaching.taught,
        teaching.forget,
        training.train,
        describing.describe,
        models.compile,
        models.export,
    ),
    "Judge": (training.evaluate, tensors.run, inspecting.inspect, measuring.bench, measuring.selftest),
    "Board": (
        boards.info,
        boards.programs,
        boards.activate,
        boards.rollback,
        boards.remove,
        settings.name,
        flashing.ports,
        flashing.firmware,
        setup.setup,
    ),
}
for _panel, _commands in COMMANDS.items():
    for _command in _commands:
        app.command(cls=usage.Command, rich_help_panel=_panel)(_command)
app.add_typer(data.data, name="data", rich_help_panel="Make")
app.add_typer(virtual.board, name="board", rich_help_panel="Board")
hardware.give_to(app, options.On, options.OnOrReference)


@app.callback(invoke_without_command=True)
def _version(version: bool = typer.Option(False, "--version", help="Show the version and exit.")) -> None:
    if version:
        typer.echo(f"watchword {__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point. What a user can mend is one line on stderr, never a traceback; status 2: mistyped, else 1."""
    try:
        sys.exit(app(prog_name="watchword", standalone_mode=False))
    except usage.UsageError as error:
        if line := usage.told(error):
            typer.echo(f"watchword: {line}", err=True)
        sys.exit(2)
    except WatchwordError as error:
        typer.echo(f"watchword: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise
        # A name that is too long, a folder that may not be read: wherever it came up, the user can mend it.
        typer.echo(f"watchword: {one_line(f'{error.filename}: cannot be used: {error.strerror}')}", err=True)
        sys.exit(1)
