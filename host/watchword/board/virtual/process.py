"""A virtual board is a process: its standard input and output are the serial line."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from watchword.errors import BoardError, LinkError

_LONGEST = 220  # characters of what the process said, in an error


@dataclass(frozen=True)
class Command:
    """How a virtual board is started.

    restart: exit status by which the process asks to be started anew, as a board that resets. control: it has a control channel
    on the open file descriptor that `--control` names; its standard error is then no part of the line, and the last line there
    says why the process ended. endings: what other statuses mean.
    """

    arguments: Sequence[str | Path]
    folder: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    restart: int | None = None
    control: bool = False
    endings: Mapping[int, str] = field(default_factory=dict)


class ProcessTransport:
    """The line to a virtual board, and its power: `close`, `kill`, `reset`. on_end: called once it is off."""

    def __init__(self, command: Command, on_end: Callable[[], None] = lambda: None) -> None:
        self._command = command
        self._on_end = on_end
        self._open = False
        self._ending = "it was switched off"
        self._start()

    def _start(self) -> None:
        reader, writer = os.pipe()
        # The board's end never blocks: it reads what is there, as from a serial port.
        os.set_blocking(reader, False)
        mine, its = socket.socketpair() if self._command.control else (None, None)
        arguments = [str(part) for part in self._command.arguments]
        # A file, since nobody reads it before the process has ended.
        self._errors = tempfile.TemporaryFile() if self._command.control else None  # noqa: SIM115 - `_end` closes it
        if its is not None:
            arguments += ["--control", str(its.fileno())]
        try:
            self.process = subprocess.Popen(
                arguments,
                stdin=reader,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if self._errors is None else self._errors,
                cwd=self._command.folder,
                env={**os.environ, **self._command.environment},
                pass_fds=() if its is None else (its.fileno(),),
                start_new_session=True,  # Ctrl-C at the terminal is for the command, which then switches the board off
            )
        except OSError as error:
            os.close(writer)
            if mine is not None:
                mine.close()
            if self._errors is not None:
                self._errors.close()
            raise LinkError(f"{arguments[0]}: cannot be started: {error}") from None
        finally:
            os.close(reader)
            if its is not None:
                its.close()
        self._writer = writer
        self._control = mine
        self._open = True
        assert self.process.stdout is not None
        self._output = self.process.stdout.fileno()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._output, selectors.EVENT_READ)

    def _require_power(self) -> None:
        if not self._open:
            raise LinkError(f"the virtual board is off: {self._ending}")

    def read(self, timeout: float) -> bytes:
        self._require_power()
        if not self._selector.select(timeout):
            return b""
        data = os.read(self._output, 65536)
        if data:
            return data
        if self.process.wait() == self._command.restart:
            self._end()
            self._start()
            return b""
        self._ending = self._why()
        self._off()
        self._require_power()
        raise AssertionError("it is off")

    def _why(self) -> str:
        """How the process ended, which has closed its end of a line."""
        status = self.process.wait()
        why = ""
        with contextlib.suppress(ValueError):  # another thread has found the end, and closed the file
            why = self._last_error()
        ended = f"it ended with status {status}" if status >= 0 else f"{signal.Signals(-status).name} ended it"
        ending = self._command.endings.get(status, ended)
        return f"{ending}: {why}" if why else ending

    def _last_error(self) -> str:
        """The last line that the process wrote to standard error."""
        if self._errors is None:
            return ""
        end = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, end - 4096))
        lines = self._errors.read().decode("utf-8", "replace").split("\n")
        lines = [line.strip("# \r") for line in lines]  # V8 frames what it says with them when it has no memory
        return next((line[:_LONGEST] for line in reversed(lines) if line), "")

    def write(self, data: bytes) -> None:
        self._require_power()
        try:
            while data:
                data = data[os.write(self._writer, data) :]
        except BrokenPipeError:
            raise LinkError(f"the virtual board is off: {self._why()}") from None

    @property
    def controlled(self) -> bool:
        """Whether there is a control channel."""
        return self._command.control

    def control(self, do: str, **fields: Any) -> dict[str, Any]:
        """Ask the control channel (pico/emulator/control.mjs). Raises BoardError where there is none, or it refuses."""
        self._require_power()
        if self._control is None:
            raise BoardError("this virtual board has no control channel")
        self._control.settimeout(10)
        try:
            self._control.sendall(json.dumps({"do": do, **fields}).encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                part = self._control.recv(4096)
                if not part:
                    raise BrokenPipeError
                answer += part
        except (BrokenPipeError, ConnectionResetError):
            raise LinkError(f"the virtual board is off: {self._why()}") from None
        except OSError as error:
            raise LinkError(f"the virtual board does not answer at its control channel: {error}") from None
        reply: dict[str, Any] = json.loads(answer)
        if "error" in reply:
            raise BoardError(str(reply["error"]))
        return reply

    def reset(self) -> bool:
        """The reset button."""
        if self._command.control:
            self.control("reset")
        else:
            self._end()
            self._start()
        return True

    def close(self) -> None:
        """End of the line: the board ends by itself; after two seconds it is killed."""
        if not self._open:
            return
        os.close(self._writer)
        self._writer = -1
        deadline = time.monotonic() + 2
        while self.process.poll() is None and time.monotonic() < deadline:
            # Or it would block in a write.
            if self._selector.select(0.05) and not os.read(self._output, 65536):
                break
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, deadline - time.monotonic()))
        self._off()

    def kill(self) -> None:
        """The process ends at once, wherever it is."""
        if self._open:
            self._off()

    def _off(self) -> None:
        self._end()
        self._on_end()

    def _end(self) -> None:
        """No process and no open files remain."""
        self._open = False
        self.process.kill()
        self.process.wait()
        if self._writer >= 0:
            os.close(self._writer)
            self._writer = -1
        if self._control is not None:
            self._control.close()
        self._selector.close()
        if self._errors is not None:
            self._errors.close()
        assert self.process.stdout is not None
        self.process.stdout.close()
