"""MicroPython's raw REPL over a transport: runs code on a board and returns what it printed."""

from __future__ import annotations

import time

from watchword.board.transport import Transport


class Repl:
    """Takes a board over: what runs there is interrupted. Not mpremote, which has tests of its own."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.rest = b""
        deadline = time.monotonic() + 20
        while b"raw REPL; CTRL-B to exit\r\n>" not in self.rest:
            assert time.monotonic() < deadline, f"no REPL answers: {self.rest!r}"
            transport.write(b"\r\x03\x03\x01")
            self.rest += transport.read(0.5)
        while transport.read(0.2):
            pass  # answers to the attempts before
        self.rest = b""

    def run(self, code: str, timeout: float) -> tuple[str, str]:
        """Run code; (its output, the traceback or nothing). timeout: seconds for all of it."""
        return self.end(self.begin(code, timeout))

    def begin(self, code: str, timeout: float) -> float:
        """Let code run; until when it may. What it prints comes from `said` and `end`."""
        deadline = time.monotonic() + timeout
        data = code.encode()
        for at in range(0, len(data), 256):
            self.transport.write(data[at : at + 256])
        self.transport.write(b"\x04")
        assert self._until(b"OK", deadline).endswith(b"OK")
        return deadline

    def said(self, text: str, deadline: float) -> None:
        """Wait until the code has printed something."""
        self._until(text.encode(), deadline)

    def end(self, deadline: float) -> tuple[str, str]:
        """Wait until the code has ended; as `run`, of what has not been waited for."""
        out = self._until(b"\x04", deadline)[:-1]
        error = self._until(b"\x04>", deadline)[:-2]
        return out.decode().replace("\r\n", "\n"), error.decode().replace("\r\n", "\n")

    def soft_reset(self) -> None:
        """Begin on a fresh heap."""
        self.transport.write(b"\x04")
        self._until(b"raw REPL; CTRL-B to exit\r\n>", time.monotonic() + 20)

    def _until(self, end: bytes, deadline: float) -> bytes:
        while end not in self.rest:
            assert time.monotonic() < deadline, f"no end within the time given; so far: {self.rest[-2000:]!r}"
            self.rest += self.transport.read(0.5)
        found, end, self.rest = self.rest.partition(end)
        return found + end
