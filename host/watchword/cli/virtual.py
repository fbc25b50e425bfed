"""Virtual boards that stay on: `watchword board start`, `watchword board stop`."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from watchword.board.virtual import KINDS, Hardware, VirtualBoard, find
from watchword.board.virtual.serve import Ports, serve
from watchword.cli.options import Fresh, Json, OldCore, WithOldCore, Xip, hardware
from watchword.cli.output import note, say, say_json
from watchword.errors import BoardError

board = typer.Typer(
    help="Virtual boards that stay on, for mpremote and other tools.", no_args_is_help=True, rich_markup_mode=None
)
Target = Annotated[str, typer.Argument(metavar="TARGET", help="KIND or KIND:NAME.")]


@board.command(cls=WithOldCore)
def start(
    kind: Annotated[
        str, typer.Option(metavar="KIND", help=f"One of {', '.join(KINDS)}; KIND:NAME for one more of it.")
    ] = "pico",
    flash: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Its flash (unix: a folder); made where there is none. Default: one by name."),
    ] = None,
    port: Annotated[int, typer.Option(help="The TCP port; 0: any that is free.")] = 0,
    xip: Xip = False,
    adc: Annotated[
        Path | None,
        typer.Option("--adc", metavar="WAV", help="A recording of 16 bits at ADC channel 0 from the start."),
    ] = None,
    i2s: Annotated[
        Path | None,
        typer.Option("--i2s", metavar="WAV", help="A recording of 16 bits that an I2S microphone hears from the start."),
    ] = None,
    i2s_pins: Annotated[
        str, typer.Option("--i2s-pins", metavar="SCK,WS,SD", help="The GPIO numbers of that microphone's pins.")
    ] = "16,17,18",
    uid: Annotated[
        str | None, typer.Option("--uid", metavar="HEX", help="What machine.unique_id() gives: 16 hexadecimal digits.")
    ] = None,
    old_core: OldCore = None,
    real_time: Annotated[
        bool,
        typer.Option("--real-time", help="Emulated time keeps to the clock on the wall; else it passes as fast as it can."),
    ] = False,
    bare: Annotated[bool, typer.Option("--bare", help="MicroPython alone on new flash, as on a board from the shop.")] = False,
    fresh: Fresh = False,
    json: Json = False,
) -> None:
    """Start a virtual board and keep it on until Ctrl-C or `watchword board stop`."""
    chosen = replace(hardware(xip, old_core), adc=adc, i2s=i2s, i2s_pins=_pins(i2s_pins), uid=uid, real_time=real_time)
    virtual = _find(kind, flash, chosen)
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


@board.command()
def stop(target: Target = "pico") -> None:
    """Switch off a virtual board that `watchword board start` runs."""
    virtual = _find(target)
    virtual.stop()
    say(f"{virtual.target} is off")


def _pins(text: str) -> tuple[int, int, int]:
    try:
        sck, ws, sd = (int(part) for part in text.split(","))
    except ValueError:
        raise BoardError(f"--i2s-pins {text}: three GPIO numbers are expected, as in 16,17,18") from None
    return sck, ws, sd


def _find(target: str, flash: Path | None = None, hardware: Hardware | None = None) -> VirtualBoard:
    virtual = find(target, flash, hardware)
    if virtual is None:
        raise BoardError(f"{target}: no kind of virtual board; known: {', '.join(KINDS)}")
    return virtual


def add_to(app: typer.Typer) -> None:
    app.add_typer(board, name="board")
