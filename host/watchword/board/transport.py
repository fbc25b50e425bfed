"""How bytes travel to a board and back."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from pathlib import Path
from typing import Protocol

from watchword.errors import LinkError


class Transport(Protocol):
    """A line to a board. `read` returns what has come, at the latest after `timeout` seconds; then b""."""

    def read(self, timeout: float) -> bytes: ...

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class SerialTransport:
    """A serial port, or any URL that pyserial opens (socket://, rfc2217://, loop://)."""

    def __init__(self, port: str, baudrate: int = 115200) -> None:
        import serial

        try:
            self._serial = serial.serial_for_url(port, baudrate=baudrate, timeout=0, write_timeout=5)
        except (serial.SerialException, ValueError, OSError) as error:
            hint = " (is another program using it, or are you not in the group that may, such as dialout?)"
            raise LinkError(f"{port}: cannot be opened: {error}{'' if 'No such' in str(error) else hint}") from None
        self._errors = (serial.SerialException, OSError)

    def read(self, timeout: float) -> bytes:
        try:
            self._serial.timeout = timeout
            first: bytes = self._serial.read(1)
            self._serial.timeout = 0
            return first + self._serial.read(4096) if first else b""
        except self._errors as error:
            raise LinkError(f"the line to the board broke: {error}") from None

    def write(self, data: bytes) -> None:
        try:
            self._serial.write(data)
        except self._errors as error:
            raise LinkError(f"the line to the board broke: {error}") from None

    def close(self) -> None:
        self._serial.close()


class ProcessTransport:
    """MicroPython's unix port as a board: its standard input and output are the line, a folder is its flash.

    The firmware asks for a restart by exit status RESTART; then it is started anew, as a board would reset.
    """

    RESTART = 75

    def __init__(self, micropython: Path, firmware: Path, flash: Path, heap: str = "4M") -> None:
        self._command = [str(micropython), "-X", f"heapsize={heap}", str(firmware / "main.py")]
        self._environment = {**os.environ, "MICROPYPATH": f"{firmware}:.frozen"}
        self._flash = flash
        self._start()

    def _start(self) -> None:
        reader, writer = os.pipe()
        # The board's end never blocks: it reads what is there, as from a serial port.
        os.set_blocking(reader, False)
        try:
            self.process = subprocess.Popen(
                self._command,
                stdin=reader,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=self._flash,
                env=self._environment,
            )
        except OSError as error:
            os.close(writer)
            raise LinkError(f"{self._command[0]}: cannot be started: {error}") from None
        finally:
            os.close(reader)
        self._writer = writer
        self._open = True
        assert self.process.stdout is not None
        self._output = self.process.stdout.fileno()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._output, selectors.EVENT_READ)

    def read(self, timeout: float) -> bytes:
        if not self._selector.select(timeout):
            return b""
        data = os.read(self._output, 65536)
        if data:
            return data
        status = self.process.wait()
        os.close(self._writer)
        self._end()
        if status != self.RESTART:
            raise LinkError(f"the virtual board ended with status {status}")
        self._start()
        return b""

    def write(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._writer, data) :]
        except BrokenPipeError:
            raise LinkError("the virtual board has ended") from None

    def close(self) -> None:
        """End of the pipe: the firmware ends by itself; after two seconds it is killed."""
        if not self._open:
            return
        os.close(self._writer)
        deadline = time.monotonic() + 2
        while self.process.poll() is None and time.monotonic() < deadline:
            if self._selector.select(0.05):
                os.read(self._output, 65536)  # or it would block in a write
        self._end()

    def kill(self) -> None:
        """Power is cut: the process ends at once, wherever it is."""
        os.close(self._writer)
        self._end()

    def _end(self) -> None:
        """No process and no open files remain."""
        self._open = False
        self.process.kill()
        self.process.wait()
        self._selector.close()
        assert self.process.stdout is not None
        self.process.stdout.close()
