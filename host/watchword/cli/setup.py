"""Setting up what the host needs."""

from __future__ import annotations

from typing import Annotated

import typer

from watchword.board.virtual import unix_build
from watchword.board.virtual.pico import build
from watchword.cli.output import note, progress_bar, say
from watchword.errors import SetupError


def setup(
    what: Annotated[str, typer.Argument(metavar="unix|pico", help="The kind of virtual board.")],
) -> None:
    """Find or build what a virtual board needs."""
    if what == "unix":
        with progress_bar("building MicroPython"):
            executable = unix_build.micropython(note)
        say(f"MicroPython (unix): {executable}")
    elif what == "pico":
        with progress_bar("building the virtual Pico"):
            parts = build.pico(note)
        say(f"MicroPython (rp2): {parts.firmware}")
        say(f"emulator: {parts.emulator}, on {parts.node}")
    else:
        raise SetupError(f"{what!r} cannot be set up; known: unix, pico")
