"""The command line: thin callers of the package, one file for each group of commands. The only place that prints."""

from __future__ import annotations

import os
import sys

import typer

from watchword import __version__
from watchword.cli import (
    boards,
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
    training,
    virtual,
)
from watchword.errors import WatchwordError, one_line

app = typer.Typer(
    name="watchword",
    help="Wake words on stock MicroPython: train, compile, push, listen, see, teach.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
GROUPS = (
    sound,
    microphone,
    settings,
    pictures,
    teaching,
    models,
    inspecting,
    boards,
    measuring,
    flashing,
    virtual,
    training,
    setup,
)
for group in GROUPS:
    group.add_to(app)
hardware.give_to(app, options.On, options.OnOrReference)


@app.callback(invoke_without_command=True)
def _version(version: bool = typer.Option(False, "--version", help="Show the version and exit.")) -> None:
    if version:
        typer.echo(f"watchword {__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point. What a user can mend is one line on stderr and status 1, without a traceback."""
    try:
        app()
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
