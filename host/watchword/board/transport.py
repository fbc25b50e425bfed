"""How bytes travel to a board and back."""

from __future__ import annotations

import time
from typing import Protocol

from watchword.board import ports
from watchword.errors import LinkError

_BACK = 10.0  # seconds that a port may be away while its board resets itself


class Transport(Protocol):
    """A line to a board. `read` returns what has come, at the latest after `timeout` seconds; then b"".

    reset: start the line, and the board where it is a process, anew; False where that cannot be done from here.
    """

    def read(self, timeout: float) -> bytes: ...

    def write(self, data: bytes) -> None: ...

    def reset(self) -> bool: ...

    def close(self) -> None: ...


class SerialTransport:
    """A serial port, or any URL that pyserial opens (socket://, rfc2217://, loop://)."""

    def __init__(self, port: str, baudrate: int = 115200) -> None:
        self._port = port
        self._baudrate = baudrate
        self._broken = False
        self._open()

    def _open(self) -> None:
        import serial

        self._errors = (serial.SerialException, OSError)
        try:
            # Two programs would each get half of what the board says.
            self._serial = serial.serial_for_url(
                self._port, baudrate=self._baudrate, timeout=0, write_timeout=5, exclusive=True
            )
        except (serial.SerialException, ValueError, OSError) as error:
            raise LinkError(ports.explain(self._port, error)) from None

    def read(self, timeout: float) -> bytes:
        try:
            self._serial.timeout = timeout
            first: bytes = self._serial.read(1)
            self._serial.timeout = 0
            return first + self._serial.read(4096) if first else b""
        except self._errors as error:
            raise self._break(error) from None

    def write(self, data: bytes) -> None:
        try:
            self._serial.write(data)
        except self._errors as error:
            raise self._break(error) from None

    def _break(self, error: Exception) -> LinkError:
        self._broken = True
        far = ": another program uses the board, or it was switched off" if self._port.startswith("socket://") else ""
        return LinkError(f"the line to the board broke: {error}{far}")

    def reset(self) -> bool:
        """Open the port again where it went, as that of a board with USB does when the board resets itself."""
        if not self._broken:
            return False
        self._serial.close()
        deadline = time.monotonic() + _BACK
        while True:
            try:
                self._open()
            except LinkError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                self._broken = False
                return True

    def close(self) -> None:
        self._serial.close()
