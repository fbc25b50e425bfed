"""Virtual boards: the real firmware on MicroPython's unix port, and on emulated chips.

A target `KIND` or `KIND:NAME` names one; it keeps its flash between commands in the user's state folder. A command
starts it for its own length, or joins the one that `watchword board start` keeps running.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import platformdirs

from watchword.board.transport import SerialTransport, Transport
from watchword.board.virtual.controls import Controls
from watchword.board.virtual.kinds import KINDS, Hardware, Kind
from watchword.board.virtual.process import ProcessTransport
from watchword.board.virtual.speed import Speed
from watchword.board.virtual.toolchain import Report, require_unix
from watchword.errors import BoardError

__all__ = ["KINDS", "Controls", "Hardware", "Speed", "VirtualBoard", "behind", "find", "on", "state_folder"]


def state_folder() -> Path:
    """Where virtual boards keep their flash: WATCHWORD_STATE, else the user's state folder."""
    moved = os.environ.get("WATCHWORD_STATE")
    return Path(moved).absolute() if moved else platformdirs.user_state_path("watchword")


def find(target: str, flash: Path | None = None, hardware: Hardware | None = None) -> VirtualBoard | None:
    """The virtual board that a target names; None where it names a port. Raises BoardError where the name cannot be one."""
    kind, _, name = target.partition(":")
    if kind not in KINDS:
        return None
    name = name or "default"
    if not all(c.isalnum() or c in "_-." for c in name) or name.startswith("."):
        raise BoardError(f"{target}: a virtual board's name has letters, digits, _, - and .")
    place = state_folder() / kind / f"{name}{KINDS[kind].suffix}"
    return VirtualBoard(KINDS[kind], name, (flash or place).absolute(), hardware or Hardware())


def behind(port: str) -> VirtualBoard | None:
    """The virtual board that `watchword board start` runs at a terminal device or URL; None where a real one may be there."""
    return next((board for board, found in _on() if port in (found["tty"], found["url"])), None)


def on() -> list[tuple[VirtualBoard, str]]:
    """The virtual boards that `watchword board start` runs, each with its URL."""
    return [(board, str(found["url"])) for board, found in _on()]


def _on() -> Iterator[tuple[VirtualBoard, dict[str, Any]]]:
    for path in sorted(state_folder().glob("*/*.json")):
        board = find(f"{path.parent.name}:{path.stem}")
        found = board.running() if board else None
        if board is not None and found is not None:
            yield board, found


@dataclass(frozen=True)
class VirtualBoard:
    """One virtual board, on or off. flash: its file or folder. hardware: of the chip, where this process starts it."""

    kind: Kind
    name: str
    flash: Path
    hardware: Hardware

    @property
    def target(self) -> str:
        return self.kind.name if self.name == "default" else f"{self.kind.name}:{self.name}"

    @property
    def record(self) -> Path:
        """The file that tells where a board that `watchword board start` runs can be reached."""
        return state_folder() / self.kind.name / f"{self.name}.json"

    def running(self) -> dict[str, Any] | None:
        """What `watchword board start` wrote down of a board that runs; None where none runs.

        tty, url, pid, flash, xip, core; counters: a TCP port that tells them, None where the board counts nothing.
        """
        try:
            found: dict[str, Any] = json.loads(self.record.read_text())
            os.kill(found["pid"], 0)
        except (OSError, ValueError, KeyError):
            return None
        return found

    @property
    def modelled(self) -> str:
        """What its times and cycles are worth."""
        found = self.running()
        return self.kind.modelled(self.hardware if found is None else Hardware(xip=bool(found["xip"]), core=found["core"]))

    def speed(self, transport: Transport) -> Speed | None:
        """How fast it has run so far, at the other end of `transport`; None where nothing is emulated."""
        if isinstance(transport, ProcessTransport):
            return Speed.of(transport.control("counters")) if transport.controlled else None
        found = self.running()
        if found is None or found["counters"] is None:
            return None
        try:
            with socket.create_connection(("127.0.0.1", found["counters"]), 10) as line, line.makefile() as answer:
                return Speed.of(json.loads(answer.readline()))
        except (OSError, ValueError) as error:
            raise BoardError(f"{self.target} does not tell its speed: {error}") from None

    def connect(self, report: Report, *, fresh: bool = False) -> Transport:
        """A line to the board: to the one that runs, else to one started for this line alone."""
        found = self.running()
        if found is not None and Path(found["flash"]) == self.flash:
            if fresh or self.hardware != Hardware():
                stays = "" if fresh else ", and its hardware is what it was started with"
                raise BoardError(f"{self.target} is running{stays}: stop it first with 'watchword board stop {self.target}'")
            return SerialTransport(found["url"])
        return self.start(report, fresh=fresh)

    def start(self, report: Report, *, fresh: bool = False, bare: bool = False) -> ProcessTransport:
        """Switch the board on. Raises BoardError where it is on already: two would write to one flash."""
        require_unix()
        with contextlib.ExitStack() as held:
            held.enter_context(self._locked())
            try:
                command = self.kind.command(self.flash, report, self.hardware, fresh=fresh, bare=bare)
            except OSError as error:
                raise BoardError(f"{self.flash}: cannot be the flash of {self.target}: {error.strerror}") from None
            transport = ProcessTransport(command, on_end=held.pop_all().close)
        return transport

    def stop(self, timeout: float = 10.0) -> None:
        """End the `watchword board start` that runs it. Raises BoardError where none does."""
        found = self.running()
        if found is None:
            raise BoardError(f"{self.target} is not running")
        os.kill(found["pid"], signal.SIGTERM)
        deadline = time.monotonic() + timeout
        while self.running() is not None:
            if time.monotonic() > deadline:
                raise BoardError(f"{self.target} (process {found['pid']}) does not end: see what it is doing")
            time.sleep(0.05)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[TextIO]:
        """Hold the board for this process; a lock that ends with the process, however it ends."""
        import fcntl  # here, since this module is imported on Windows too

        path = self.flash.with_name(f"{self.flash.name}.lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("w")
        except OSError as error:
            raise BoardError(f"{path}: cannot be written: {error.strerror}") from None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                other = f"--on {self.kind.name}:NAME"
                raise BoardError(f"{self.target} is in use by another command: wait for it, or take another, {other}") from None
            yield file
