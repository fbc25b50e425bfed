"""How bytes travel to a board and back."""

from __future__ import annotations

from typing import Protocol

from watchword.board import ports
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
            raise LinkError(ports.explain(port, error)) from None
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
