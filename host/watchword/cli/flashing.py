"""Boards themselves: flash, ports, doctor, firmware."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from watchword.board import bootsel, named, virtual
from watchword.board import doctor as checks
from watchword.board import ports as serial
from watchword.board.flash import flash as put
from watchword.board.repl import TOOLS
from watchword.cli.options import Json, require_folder
from watchword.cli.output import awaited, note, progress_bar, say, say_facts, say_json, say_table
from watchword.errors import BoardError
from watchword.firmware import packages

Tool = Annotated[str, typer.Option("--tool", metavar="TOOL", help=f"Whose library speaks on the line: {' or '.join(TOOLS)}.")]
Port = Annotated[
    str | None,
    typer.Option("--on", metavar="PORT", help="A serial port, a pyserial URL or pico. Default: the one board plugged in."),
]

Checked = Annotated[
    str | None,
    typer.Option(
        "--on",
        metavar="TARGET",
        help="unix, pico, KIND:NAME, a serial port or a pyserial URL. Default: the one board plugged in, if any.",
    ),
]


def flash(
    on: Port = None,
    tool: Tool = "mpremote",
    force: Annotated[bool, typer.Option("--force", help="Replace a main.py that is your own.")] = False,
    uf2: Annotated[
        Path | None,
        typer.Option("--uf2", metavar="FILE", help="MicroPython, to be put first on a board in BOOTSEL mode."),
    ] = None,
    json: Json = False,
) -> None:
    """Put the firmware on a board that runs MicroPython.

    Only what has changed is sent, and what lies on the board is verified; then it starts.
    """
    if uf2 is not None:
        if on is not None:
            raise typer.BadParameter("its port comes with MicroPython, and is found: without --on, please", param_hint="--uf2")
        with progress_bar("installing MicroPython"):
            on = bootsel.install(uf2, report=note)
        note(f"on {on}: MicroPython runs")
    with progress_bar("sending the firmware") as progress:
        report = put(_port(on), tool, force, progress)
    if json:
        say_json(asdict(report))
        return
    say(f"{report.machine}, MicroPython {report.micropython}, firmware {report.firmware} ({report.architecture})")
    if report.sent:
        say(f"sent {len(report.sent)} files, {report.size} bytes")
    else:
        say("all files were there already")
    if report.removed:
        say(f"removed {', '.join(report.removed)}")
    if report.kept:
        say(f"{report.kept} is your own and stays as it is; --force replaces it")
    say(f"it runs: try `watchword push MODEL --on {report.port}`")


def _port(on: str | None) -> str:
    """The port of the board to flash; a virtual board has one while `watchword board start` runs it."""
    if on is None:
        on, why = serial.choose()
        if virtual.find(on):
            for drive in bootsel.drives():
                raise BoardError(bootsel.advice(drive))
            raise BoardError("no board is plugged in: plug one in, or name its port with --on; `watchword ports` lists them")
        note(f"on {on}: {why}")
    on = named.resolve(on)
    board = virtual.find(on)
    if board is None:
        return on
    if not board.kind.repl:
        raise BoardError(f"{on}: nothing to flash: this virtual board runs the package's firmware as it is")
    running = board.running()
    if running is None:
        raise BoardError(
            f"{on} is off, and gets the package's firmware whenever it starts: to flash it as a board from the shop, start it "
            f"with `watchword board start --kind {on} --bare`"
        )
    return str(running["url"])


def ports(json: Json = False) -> None:
    """List the serial ports, and what is behind them."""
    found = serial.serial_ports()
    if json:
        say_json([asdict(port) for port in found])
    elif not found:
        say("no serial port on USB: is the board plugged in, with a cable that carries data?")
    else:
        answers = {True: "yes", False: "no", None: "perhaps"}
        columns = ("port", "USB", "what", "MicroPython")
        say_table(columns, [(port.device, port.usb, port.what, answers[port.micropython]) for port in found])


def doctor(on: Checked = None, json: Json = False) -> None:
    """Check all that lies between you and a board.

    Python, tools, ports, the board itself, and how to mend what is wrong.
    """
    findings = []
    for finding in awaited("checking", checks.examine(on and named.resolve(on))):
        findings.append(finding)
        if not json:
            mark = {"ok": "ok", "absent": "--", "wrong": "WRONG"}[finding.state]
            say_facts([(f"{mark:5}", f"{finding.what}: {finding.found}{f'; {finding.mend}' if finding.mend else ''}")])
    if json:
        say_json([asdict(finding) for finding in findings])
    if any(finding.state == "wrong" for finding in findings):
        raise typer.Exit(1)


def firmware(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FOLDER", help="The folder for them; made where there is none.")
    ],
    json: Json = False,
) -> None:
    """Write the firmware for `mpremote mip install`.

    A package for each architecture, to be put on a web server or release page.
    """
    require_folder(output)
    with progress_bar("building the firmware"):
        written = packages.write(output)
    if json:
        say_json([str(package) for package in written])
        return
    for package in written:
        say(str(package))
