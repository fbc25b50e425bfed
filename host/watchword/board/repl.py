"""MicroPython's REPL on a board, while its app is stopped: what it is, its files, and writing them.

`Repl` is what flashing needs of a board. The two that are here differ only in whose library speaks on the line: mpremote's or
ampy's. Both make no promise that their library stays as it is, so nothing else in watchword uses them.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import struct
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from watchword.board import ports
from watchword.errors import BoardError, LinkError, SetupError

if TYPE_CHECKING:
    import serial

_PIECE = 1536  # bytes of a file in one go: each go costs a few turns on the line, and is compiled in the board's RAM
_SILENCE = 10.0  # seconds without a byte after which a board does not answer
GET_MICROPYTHON = "the UF2 file from micropython.org/download, onto the drive that shows when BOOTSEL is held while plugging in"


@dataclass(frozen=True)
class Facts:
    """What MicroPython says of itself. mpy: sys.implementation._mpy; free, block: bytes of flash, and those of one block."""

    name: str
    version: tuple[int, ...]
    mpy: int | None
    machine: str
    free: int
    block: int

    @property
    def release(self) -> str:
        return ".".join(map(str, self.version[:3]))


@dataclass(frozen=True)
class Held:
    """A file that a board holds."""

    size: int
    sha256: str


class Repl(Protocol):
    """A board at its REPL. Paths count from the root; every method raises BoardError in one line where the board refuses."""

    port: str

    def facts(self) -> Facts: ...

    def files(self, *places: str) -> dict[str, Held]:
        """All files at and below some places; a place that is missing has none."""

    def folders(self, *places: str) -> list[str]:
        """All folders at and below some places, each after those in it."""

    def read(self, path: str) -> bytes: ...

    def write(self, path: str, data: bytes, sent: Callable[[int], None] = lambda size: None) -> None:
        """Put a file in the place of the one before, once all of it is on flash. sent: called with the size of each piece."""

    def mkdir(self, path: str) -> None: ...

    def remove(self, path: str) -> None:
        """Remove a file or an empty folder."""

    def rename(self, path: str, to: str) -> None: ...

    def restart(self) -> None:
        """Leave the REPL and start the board's main.py, as at power on."""

    def close(self) -> None: ...


# What runs on the board. `print` of a literal that Python reads back.
_FACTS = """
import sys, os
i = sys.implementation
try:
    s = os.statvfs("/")
except (AttributeError, OSError):
    s = (0, 0, 0, 0)
print((i[0], tuple(i[1][:3]), getattr(i, "_mpy", None), getattr(i, "_machine", sys.platform), s[0] * s[3], s[0]))
"""
_FILES = """
import os, hashlib, binascii
b = bytearray(2048)
def look(path):
    try:
        mode, size = os.stat(path)[0], os.stat(path)[6]
    except OSError:
        return
    if mode & 0x4000:
        for name in os.listdir(path):
            look(path + "/" + name)
        return
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while True:
            n = f.readinto(b)
            if not n:
                break
            h.update(memoryview(b)[:n])
    print((path[1:], size, binascii.hexlify(h.digest()).decode()))
for place in %r:
    look("/" + place)
"""
_FOLDERS = """
import os
def look(path):
    try:
        if not os.stat(path)[0] & 0x4000:
            return
    except OSError:
        return
    for name in os.listdir(path):
        look(path + "/" + name)
    print(repr(path[1:]))
for place in %r:
    look("/" + place)
"""


class _RawRepl(ABC):
    """A Repl by scripts that the raw REPL runs; `_run` is what the libraries do in their own ways."""

    def __init__(self, port: str) -> None:
        self.port = port

    @abstractmethod
    def _run(self, code: str) -> str:
        """What a piece of code prints. Raises BoardError with the last line of its traceback."""

    def _raised(self, traceback: str) -> BoardError:
        last = (traceback.strip().splitlines() or ["an error without a word"])[-1]
        if "ENOSPC" in last or last.startswith("OSError: 28"):
            return BoardError(f"{self.port}: its flash is full: remove files, such as programs (watchword remove), then again")
        return BoardError(f"{self.port}: the board says {last}")

    def _broken(self, error: Exception) -> LinkError:
        return LinkError(f"{self.port}: the line to the board broke ({error}): plug it in again, then flash again")

    def _literals(self, code: str) -> list[Any]:
        text = self._run(code)
        try:
            return [ast.literal_eval(line) for line in text.splitlines() if line.strip()]
        except (ValueError, SyntaxError):
            raise BoardError(f"{self.port}: what the board prints is not as expected: {text.strip()[:80]!r}") from None

    def facts(self) -> Facts:
        return Facts(*self._literals(_FACTS)[-1])

    def files(self, *places: str) -> dict[str, Held]:
        return {path: Held(size, sha256) for path, size, sha256 in self._literals(_FILES % (places,))}

    def folders(self, *places: str) -> list[str]:
        return [str(path) for path in self._literals(_FOLDERS % (places,))]

    def read(self, path: str) -> bytes:
        data: bytes = self._literals(f"print(open({'/' + path!r}, 'rb').read())")[0]
        return data

    def write(self, path: str, data: bytes, sent: Callable[[int], None] = lambda size: None) -> None:
        final, temporary = f"/{path}", f"/{path}.new"
        starts = range(0, len(data), _PIECE) or range(1)
        for start in starts:
            piece = data[start : start + _PIECE]
            code = f"f.write(d({base64.b64encode(piece).decode()!r}))\n"
            if start == 0:
                code = f"import os\nfrom binascii import a2b_base64 as d\nf = open({temporary!r}, 'wb')\n{code}"
            if start == starts[-1]:
                code += f"f.close()\nos.rename({temporary!r}, {final!r})\n"
            self._run(code)
            sent(len(piece))

    def mkdir(self, path: str) -> None:
        self._run(f"import os\nos.mkdir({'/' + path!r})")

    def remove(self, path: str) -> None:
        self._run(f"import os\np = {'/' + path!r}\n(os.rmdir if os.stat(p)[0] & 0x4000 else os.remove)(p)")

    def rename(self, path: str, to: str) -> None:
        self._run(f"import os\nos.rename({'/' + path!r}, {'/' + to!r})")


class MpremoteRepl(_RawRepl):
    """By mpremote: serial ports, and URLs that pyserial opens."""

    def __init__(self, port: str) -> None:
        super().__init__(port)
        import serial
        from mpremote import transport, transport_serial

        self._failed = (transport.TransportError, serial.SerialException, OSError, struct.error, UnicodeDecodeError)
        self._in_code = transport.TransportExecError
        _may_open(port)
        try:
            self._transport = transport_serial.SerialTransport(port)
        except self._failed as error:
            raise LinkError(ports.refusal(port) or f"{port}: cannot be opened: {error}") from None
        try:
            self._transport.serial.timeout = _SILENCE
            _interrupt(self._transport.serial)
            _enter(port, lambda: self._transport.enter_raw_repl(soft_reset=True, timeout_overall=_SILENCE), self._failed)
        except BaseException:
            self.close()
            raise

    def _run(self, code: str) -> str:
        try:
            output: bytes = self._transport.exec(code)
            return output.decode()
        except self._in_code as error:
            raise self._raised(error.error_output) from None
        except self._failed as error:
            raise self._broken(error) from None

    def restart(self) -> None:
        try:
            self._transport.exit_raw_repl()
            self._transport.serial.write(b"\x04")
        except self._failed as error:
            raise self._broken(error) from None

    def close(self) -> None:
        with contextlib.suppress(*self._failed):
            self._transport.close()


class AmpyRepl(_RawRepl):
    """By ampy: serial ports only. Its own way of writing files, 32 bytes at a time, would take minutes."""

    def __init__(self, port: str) -> None:
        super().__init__(port)
        if "://" in port:
            raise BoardError(f"{port}: ampy opens serial ports only: use --tool mpremote")
        import serial

        try:
            from ampy import pyboard
        except ImportError:
            raise SetupError("ampy is not installed: pip install adafruit-ampy, or use --tool mpremote") from None
        self._failed = (pyboard.PyboardError, serial.SerialException, OSError, UnicodeDecodeError)
        self._in_code = pyboard.PyboardError
        _may_open(port)
        try:
            self._pyboard = pyboard.Pyboard(port)
        except self._failed as error:
            raise LinkError(ports.refusal(port) or f"{port}: cannot be opened: {error}") from None
        try:
            self._pyboard.serial.timeout = _SILENCE
            _interrupt(self._pyboard.serial)
            _enter(port, self._pyboard.enter_raw_repl, self._failed)
        except BaseException:
            self.close()
            raise

    def _run(self, code: str) -> str:
        try:
            output: bytes = self._pyboard.exec_(code)
            return output.decode()
        except self._failed as error:
            if isinstance(error, self._in_code) and len(error.args) == 3:  # "exception", its output, its traceback
                raise self._raised(error.args[2].decode(errors="replace")) from None
            raise self._broken(error) from None

    def restart(self) -> None:
        try:
            self._pyboard.exit_raw_repl()
            self._pyboard.serial.write(b"\x04")
        except self._failed as error:
            raise self._broken(error) from None

    def close(self) -> None:
        with contextlib.suppress(*self._failed):
            self._pyboard.close()


TOOLS: dict[str, Callable[[str], Repl]] = {"mpremote": MpremoteRepl, "ampy": AmpyRepl}


def _may_open(port: str) -> None:
    """Raise LinkError where a port cannot be opened, or another process has it open: the libraries do not tell why."""
    reason = ports.refusal(port)
    if reason:
        raise LinkError(reason)


def _interrupt(line: serial.Serial) -> None:
    """Stop what runs, also where it waits for the rest of a line, and drop what it has said until it is quiet."""
    for _ in range(3):
        line.write(b"\r\x03")
        time.sleep(0.1)
    until = time.monotonic() + 2
    while line.in_waiting and time.monotonic() < until:
        line.read(line.in_waiting)
        time.sleep(0.05)


def _enter(port: str, enter: Callable[[], None], failed: tuple[type[Exception], ...]) -> None:
    """Enter the raw REPL, on fresh heap and without main.py; or say what seems to be there instead."""
    import serial

    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):  # both libraries print what came when it is not what they want
            enter()
    except failed as error:
        text = said.getvalue()
        if "CircuitPython" in text:
            raise no_micropython(port, "CircuitPython") from None
        if text.strip(" \nb'\""):
            raise LinkError(
                f"{port}: what answers is not MicroPython's REPL: put MicroPython on the board: {GET_MICROPYTHON}"
            ) from None
        if isinstance(error, serial.SerialException):
            raise LinkError(f"{port}: the line to the board broke ({error}): plug it in again") from None
        raise LinkError(
            f"{port}: the board does not answer: plug it in again; a new one needs MicroPython first: {GET_MICROPYTHON}"
        ) from None


def no_micropython(port: str, name: str) -> BoardError:
    return BoardError(f"{port}: the board runs {name}, and watchword needs MicroPython: {GET_MICROPYTHON}")
