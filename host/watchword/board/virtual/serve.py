"""A virtual board that anything can talk to as to a real one: a terminal device and a TCP port in front of its line."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any

from watchword.board.events import Event, Trial, read_event
from watchword.board.link import parse_message
from watchword.board.transport import Transport
from watchword.board.virtual import VirtualBoard
from watchword.board.virtual.process import ProcessTransport
from watchword.errors import BoardError, LinkError

_PAUSE = 0.05  # seconds between two looks whether the terminal has been opened


@dataclass(frozen=True)
class Ports:
    """Where a board can be reached: a terminal device and a pyserial URL."""

    tty: str
    url: str


class _Lines:
    """The outer ends of the line. What the board says goes to those that are open; to nobody, it is lost, as on USB."""

    def __init__(self, port: int, counters: Callable[[], Mapping[str, Any]] | None) -> None:
        import tty  # here, since this module is imported on Windows too

        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.ports_tty = os.ttyname(slave)
        os.close(slave)  # now the master reports a hang-up until somebody opens the device
        os.set_blocking(self.master, False)
        self.server = socket.create_server(("127.0.0.1", port))
        self.client: socket.socket | None = None
        self.counters = counters
        self.counter = None if counters is None else socket.create_server(("127.0.0.1", 0))

    @property
    def ports(self) -> Ports:
        return Ports(self.ports_tty, f"socket://127.0.0.1:{self.server.getsockname()[1]}")

    def wait(self) -> bytes:
        """What has come for the board, at the latest after a moment."""
        poll = select.poll()
        if self._terminal_open():
            poll.register(self.master, select.POLLIN)
        poll.register(self.server, select.POLLIN)
        if self.client is not None:
            poll.register(self.client, select.POLLIN)
        if self.counter is not None:
            poll.register(self.counter, select.POLLIN)
        data = b""
        for descriptor, _ in poll.poll(_PAUSE * 1000):
            if descriptor == self.server.fileno():
                data += self._accept()
            elif self.counter is not None and descriptor == self.counter.fileno():
                self._count(self.counter)
            elif descriptor == self.master:
                with contextlib.suppress(OSError):
                    data += os.read(self.master, 4096)
            elif self.client is not None and descriptor == self.client.fileno():
                data += self._receive()
        return data

    def _terminal_open(self) -> bool:
        poll = select.poll()
        poll.register(self.master, select.POLLIN)
        return not any(event & select.POLLHUP for _, event in poll.poll(0))

    def _accept(self) -> bytes:
        """Let a client in; returns the last bytes of the one before, which may have gone without being read to its end."""
        client, _ = self.server.accept()
        last = b""
        while self.client is not None and select.select([self.client], [], [], 0)[0]:
            last += self._receive()
        if self.client is not None:  # a serial port has one user
            client.close()
            return last
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.client = client
        return last

    def _count(self, server: socket.socket) -> None:
        """Whoever asks there is told the counters, in one line."""
        assert self.counters is not None
        client, _ = server.accept()
        with client, contextlib.suppress(OSError):
            client.sendall(json.dumps(self.counters()).encode() + b"\n")

    def _receive(self) -> bytes:
        assert self.client is not None
        try:
            data = self.client.recv(4096)
        except OSError:
            data = b""
        if not data:
            self.client.close()
            self.client = None
        return data

    def send(self, data: bytes) -> None:
        client = self.client
        if client is not None:
            with contextlib.suppress(OSError):
                client.sendall(data)
        if self._terminal_open():
            with contextlib.suppress(BlockingIOError, OSError):
                while data:
                    data = data[os.write(self.master, data) :]

    def close(self) -> None:
        os.close(self.master)
        self.server.close()
        if self.counter is not None:
            self.counter.close()
        if self.client is not None:
            self.client.close()


class _Watchdog:
    """For boards that have none: such a one says before the trial of a program how long to wait, and may hang then."""

    def __init__(self) -> None:
        self._line = b""
        self._deadline: float | None = None

    def bites(self, data: bytes) -> bool:
        """Whether the board has said nothing for too long; data: what it says now."""
        if not data:
            return self._deadline is not None and time.monotonic() > self._deadline
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            event = _event(line)
            wait = event.timeout_ms if isinstance(event, Trial) else None
            self._deadline = None if wait is None else time.monotonic() + wait / 1000
        return False


def _event(line: bytes) -> Event | None:
    """The event that a line is; None where it is none, or a damaged one."""
    message = parse_message(line.decode("utf-8", "replace"))
    try:
        return read_event(message, "") if message and "event" in message else None
    except BoardError:
        return None


def serve(board: VirtualBoard, transport: Transport, ready: Callable[[Ports], None], port: int = 0) -> None:
    """Keep a board on until it ends or a signal (SIGINT, SIGTERM) comes. ready: called once it can be reached.

    port: of TCP, on the local machine; 0: any that is free. Raises LinkError where the board ends by itself.
    """
    counters = None
    if isinstance(transport, ProcessTransport) and transport.controlled:
        counters = functools.partial(transport.control, "counters")
    lines = _Lines(port, counters)
    stop = threading.Event()
    failure: list[LinkError] = []
    whole = threading.Lock()  # a reset swaps the line that the other thread writes to
    watchdog = _Watchdog()

    def output() -> None:
        while not stop.is_set():
            try:
                data = transport.read(0.2)
                if watchdog.bites(data):
                    with whole:
                        transport.reset()
            except LinkError as error:
                if not stop.is_set():
                    failure.append(error)
                    stop.set()
                return
            if data:
                lines.send(data)

    reader = threading.Thread(target=output, daemon=True)
    with _signals(stop), _recorded(board, lines):
        reader.start()
        ready(lines.ports)
        try:
            while not stop.is_set():
                data = lines.wait()
                if data:
                    with whole:
                        transport.write(data)
        finally:
            stop.set()
            reader.join(2)
            lines.close()
            transport.close()  # while the record stands: whoever waits for its end may start the board anew
    if failure:
        raise failure[0]


@contextlib.contextmanager
def _recorded(board: VirtualBoard, lines: _Lines) -> Iterator[None]:
    record = {"board": board.target, "tty": lines.ports.tty, "url": lines.ports.url, "pid": os.getpid()}
    record |= {"flash": str(board.flash), "xip": board.hardware.xip, "core": board.hardware.core}
    record["counters"] = None if lines.counter is None else lines.counter.getsockname()[1]
    board.record.parent.mkdir(parents=True, exist_ok=True)
    board.record.write_text(json.dumps(record))
    try:
        yield
    finally:
        board.record.unlink(missing_ok=True)


@contextlib.contextmanager
def _signals(stop: threading.Event) -> Iterator[None]:
    """SIGINT and SIGTERM ask for the end instead of breaking off."""

    def ask(number: int, frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
