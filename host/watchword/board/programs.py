"""The programs of a board: sending them, what its store holds, and which of them runs."""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from watchword import shipped
from watchword.board.connection import Connection
from watchword.board.events import Program
from watchword.board.messages import Said
from watchword.chips import named
from watchword.compile import Compiled
from watchword.compile.program import read_description
from watchword.errors import BoardError, LinkError, ModelError
from watchword.purpose import unfed
from watchword.settings import shown

_LEFT: int = shipped.firmware_module("trial").LEAST_HEAP  # bytes of heap that a program must leave
_RING = 8192  # bytes: the ring of a microphone, 128 ms of sound, beside several programs
_SPARE = 10240  # bytes that it leaves: _SPARE in firmware/watchword/sources/claims.py
_PIECES = 52_000  # bytes: the most that a program takes beside others
_OTHERS = 7000  # bytes that a program takes beside its buffers: its steps, and what decides
_ATTEMPTS = 3  # per chunk of a push


@dataclass(frozen=True)
class _Begun(Said):
    """chunk: the most bytes in a request. written: what flash holds of the program already."""

    chunk: int
    written: int = 0


@dataclass(frozen=True)
class _File(Said):
    file: str


@dataclass(frozen=True)
class _Stored(Said):
    programs: tuple[Program, ...]


class Programs(Connection):
    """What a board runs."""

    def push(
        self,
        program: Compiled | bytes,
        *,
        scratch: bool = False,
        beside: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> str:
        """Send a program, make it active and restart the board with it. Returns its file name on the board.

        scratch: it runs until the next restart only and touches no stored program. beside: it hears beside those that are
        active, up to three in all; without, it takes their place. progress: called with bytes sent and
        bytes in all. Raises BoardError where it cannot fit, with the figures; ModelError where nothing could feed it, unless it
        is scratch.
        """
        content = program if isinstance(program, bytes) else program.content
        target, description, inputs, outputs = read_description(content, "the program")
        reason = None if scratch else unfed(description, inputs, outputs)
        if reason is not None:
            name = shown(description.get("name"))
            raise ModelError(f"the program {name} cannot be fed: {reason}: `watchword run` and `bench` take its model")
        if target != self.hello.target:
            raise ModelError(f"the program is compiled for {target}, the board is {self.hello.target}: compile it for that")
        if not isinstance(program, bytes):
            self._fits(program, beside)
        self._send(content, description, scratch, progress, beside)
        file = self._commit()
        self._restart_with(file, scratch)
        return file

    def _send(
        self,
        content: bytes,
        description: Mapping[str, Any],
        scratch: bool = False,
        progress: Callable[[int, int], None] | None = None,
        beside: bool = False,
    ) -> None:
        """Send a program to the board's flash; it counts for nothing before `_commit`."""
        begun = self._ask(
            _Begun,
            "push",
            name=description["name"],
            kind=description["kind"],
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            scratch=scratch,
            beside=beside,
        )
        size = max(1, begun.chunk)
        for offset in range(begun.written, len(content), size):  # all of it, if the board has it already
            self._send_chunk(offset, content[offset : offset + size])
            if progress is not None:
                progress(min(offset + size, len(content)), len(content))

    def _commit(self) -> str:
        """What was sent is verified by the board and becomes active at the next start. Returns its file name."""
        return self._ask(_File, "commit", timeout=20.0).file

    def _restart_with(self, file: str, scratch: bool = False) -> None:
        """Restart, and see that the board runs a program then. Raises BoardError with the board's own words where not."""
        self.restart(scratch=scratch)
        if file not in (self.hello.running, *self.hello.beside):
            instead = f"{self.hello.running} runs instead" if self.hello.running else "no program runs"
            raise BoardError(f"{self.hello.note or f'{file} did not start'}: {instead}")

    def room_beside(self) -> int:
        """Bytes of RAM that a program may take which is to hear beside those that are active.

        Not all that is free: a heap that others use has it in pieces, and to read weights from flash at each run costs a
        streaming model a few percent of the processor.
        """
        hello = self.hello
        microphone = _RING + _SPARE if hello.microphone else 0  # what the ring of a microphone needs at the least
        return min(_PIECES, max(0, hello.heap_free + hello.ring - microphone - _LEFT - _OTHERS))

    def _fits(self, compiled: Compiled, beside_others: bool = False) -> None:
        """Refuse what cannot fit beside the app; what runs now is gone after the restart, so only a start could tell more."""
        hello = self.hello
        if beside_others and hello.running is not None:
            if compiled.program.ram > self.room_beside():
                raise BoardError(
                    f"{compiled.name} needs {compiled.program.ram} bytes of RAM; beside what {self.target} hears by, there are "
                    f"{self.room_beside()}: remove a program, or push it alone"
                )
            return
        free = hello.heap_free + hello.program_ram
        # A board without a program has not loaded the kernels and the front end yet.
        beside = _LEFT + (0 if hello.running else named(hello.target).loaded)
        if compiled.program.ram + beside > free:
            raise BoardError(
                f"{compiled.name} needs {compiled.program.ram} bytes of RAM (arena {compiled.program.arena}) "
                f"and {beside} beside it, {free} are free on {self.target}"
            )

    def _send_chunk(self, offset: int, chunk: bytes) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                self.link.request("chunk", chunk, offset=offset, crc32=binascii.crc32(chunk))
                return
            except LinkError:
                raise
            except BoardError:
                if attempt == _ATTEMPTS - 1:
                    raise

    def turn_to(self, kind: str) -> None:
        """Let the active program of a kind run, sound or picture, where another one does. BoardError: there is none."""
        if self.hello.kind != kind:
            self.restart(kind=kind)

    def programs(self) -> list[Program]:
        """What the store holds."""
        return list(self._ask(_Stored, "models").programs)

    def holds(self, kind: str) -> bool:
        """Whether a program of a kind, sound or picture, is active here, running or not."""
        return any(program.kind == kind and program.state == "active" for program in self.hello.programs)

    def activate(self, name: str) -> str:
        """Make a stored program (its name or file) active and restart with it; the active one becomes the previous.

        Returns its file name. Raises BoardError where it does not run here: then the one before is active again.
        """
        file = self._ask(_File, "activate", name=name).file
        if self.hello.running != file:
            self._restart_with(file)
        return file

    def rollback(self, kind: str | None = None) -> str:
        """Make the previous program of a kind active again, by default of the one that runs, and restart with it.

        Returns its file name.
        """
        file = self._ask(_File, "rollback", kind=kind or self.hello.kind).file
        self.restart()
        return file

    def remove(self, name: str) -> None:
        """Remove a stored program that is neither active nor previous.

        Of active ones, those that hear beside others, which goes on without them, and those that nothing can feed: then the
        previous one is active again, or none. Raises BoardError where it stays.
        """
        self.link.request("remove", name=name)
        files = {program.file for program in self.programs()}
        if not {self.hello.running, *self.hello.beside} - {None} <= files:
            self.restart()
