"""Virtual boards that stay on: `watchword board start`, `watchword board stop`."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from watchword.board.virtual import KINDS, Hardware, VirtualBoard, find
from watchword.board.virtual.serve import Ports, serve
from watchword.cli.hardware import HardwareCommand, chosen, with_hardware
from watchword.cli.options import Fresh, Json
from watchword.cli.output import note, progress_bar, say, say_json
from watchword.cli.usage import Command, CommandGroup
from watchword.errors import BoardError

board = typer.Typer(cls=CommandGroup, help="Start and stop virtual boards that stay on.", no_args_is_help=True)
Target = Annotated[str, typer.Argument(metavar="TARGET", help="KIND or KIND:NAME.")]


@board.command(cls=HardwareCommand)
@with_hardware
def start(
    kind: Annotated[
        str, typer.Option(metavar="KIND", help=f"One of {', '.join(KINDS)}; KIND:NAME for one more of it.")
    ] = "pico",
    flash: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Its flash (unix: a folder); made where there is none. Default: one by name."),
    ] = None,
    port: Annotated[int, typer.Option(metavar="N", help="Its TCP port; 0: any that is free.")] = 0,
    uid: Annotated[
        str | None, typer.Option("--uid", metavar="HEX", help="What machine.unique_id() gives: 16 hexadecimal digits.")
    ] = None,
    real_time: Annotated[
        bool,
        typer.Option("--real-time", help="Emulated time keeps to the clock on the wall; else it passes as fast as it can."),
    ] = False,
    bare: Annotated[
        bool, typer.Option("--bare", help="Put MicroPython alone on new flash, as on a board from the shop.")
    ] = False,
    fresh: Fresh = False,
    json: Json = False,
) -> None:
    """Start a virtual board and keep it on until Ctrl-C or `watchword board stop`."""
    virtual = _find(kind, flash, replace(chosen(), uid=uid, real_time=real_time))
    with progress_bar(f"starting {virtual.target}"):
        transport = virtual.start(note, fresh=fresh, bare=bare)

    def ready(ports: Ports) -> None:
        if json:
            say_json({"board": virtual.target, "flash": str(virtual.flash), **asdict(ports)})
            return
        say(f"{virtual.target} is on; its flash is {virtual.flash}")
        say(f"  {virtual.modelled}")
        say(f"  terminal  {ports.tty}")
        say(f"  URL       {ports.url}")
        say(f"Ctrl-C or 'watchword board stop {virtual.target}' switches it off.")

    try:
        serve(virtual, transport, ready, port)
    finally:
        transport.close()


@board.command(cls=Command)
def stop(target: Target = "pico") -> None:
    """Switch off a virtual board that `watchword board start` runs."""
    virtual = _find(target)
    virtual.stop()
    say(f"{virtual.target} is off")


def _find(target: str, flash: Path | None = None, hardware: Hardware | None = None) -> VirtualBoard:
    virtual = find(target, flash, hardware)
    if virtual is None:
        raise BoardError(f"{target}: no kind of virtual board; known: {', '.join(KINDS)}")
    return virtual
