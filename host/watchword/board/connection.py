"""A board at the other end of a link: finding its app, its hello, restarting it, and what it is worth as a virtual one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from watchword.board import virtual
from watchword.board.events import Event, Hello, Trial, read_event, read_hello
from watchword.board.link import Link, Message
from watchword.board.messages import Said, read
from watchword.board.transport import Transport
from watchword.errors import LinkError

_STARTS = 6  # of a board that is asked to restart: two that a program hangs on trial, the one that follows, and some more
_HELLO = 20.0  # seconds to the hello of a board that starts
_TRIAL = 120.0  # seconds to the end of a trial that the board's own watchdog ends, on an emulated board too

OnEvent = Callable[[Event], None]
S = TypeVar("S", bound=Said)


class Connection:
    """hello: what the board said of itself when its app started. virtual: None where the target is a port."""

    def __init__(
        self,
        transport: Transport,
        target: str,
        on_event: OnEvent | None = None,
        hardware: virtual.Hardware | None = None,
    ) -> None:
        self.target = target
        self.virtual = virtual.find(target, hardware=hardware)
        started = self.virtual or virtual.behind(target)
        handler = None if on_event is None else lambda message: on_event(read_event(message, target))
        self.link = Link(transport, handler, started.kind.patience if started else 1.0)
        self.hello = self._greet()

    def _greet(self) -> Hello:
        """Find the app: ask it; where a REPL answers instead, soft-reset it and wait for the hello."""
        self.link.transport.write(b"\x02\r\n")  # leaves a raw REPL, which echoes nothing; the app takes it for an empty line
        alone = self.virtual is not None and not self.virtual.kind.repl  # nothing but the app can be there, if only it starts
        for attempt in range(3):
            request = self.link.send("info")
            first = self.link.probe(request, _HELLO if alone else 3.0 if attempt else 1.5)
            if first == "reply":
                hello = read_hello(self.link.wait(request), self.target)
                # What the board told before somebody asked, unless it has only just started, is nothing new.
                self.link.next_event("hello", 0.0)
                return hello
            if first == "trial":
                return self._started()
            if alone:
                break
            if first == "echo" or attempt == 1:
                self.link.transport.write(b"\x03\x03\x02\r\n\x04")  # interrupt, leave the raw REPL, soft reset
                event = self.link.next_event(("hello", "trial"), 5.0)
                if event is not None:
                    return self._started(event)
        raise LinkError(f"{self.target}: no watchword answers there: is its firmware on the board (and main.py)?")

    def _started(self, message: Message | None = None) -> Hello:
        """Wait for the hello of a board that starts; message: what it has said already.

        A program on trial may hang it. Most boards then reset themselves; one that cannot says how long to wait for it.
        """
        patience, trial = _HELLO, False
        for _ in range(_STARTS):
            try:
                message = message or self.link.next_event(("hello", "trial"), patience)
            except LinkError:  # the port goes when a board resets itself
                if not self.link.reset():
                    raise
                continue
            event = read_event(message, self.target) if message else None
            message = None
            if isinstance(event, Hello):
                return event
            if isinstance(event, Trial):
                trial = True
                patience = event.timeout_ms / 1000 if event.timeout_ms else _TRIAL
                continue
            if not self.link.reset() and not trial:
                break
            patience, trial = _HELLO, False  # in which whatever keeps the board on may reset it
        raise LinkError(f"{self.target}: no hello after a restart")

    def restart(self, *, scratch: bool = False, kind: str = "", microphone: Mapping[str, Any] | None = None) -> None:
        """Restart the app on a fresh heap and wait for its hello. kind: whose active program runs from now on.

        microphone: of a scratch program's run, as the board keeps one in its settings, which stay as they are.
        """
        self.link.events.clear()  # before asking: the hello may come along with the reply
        more: dict[str, Any] = {} if microphone is None else {"microphone": dict(microphone)}
        self.link.request("restart", scratch=scratch, kind=kind, **more)
        self.hello = self._started()

    def wait_for_hello(self) -> None:
        """Wait for the hello of a board that starts anew by itself. LinkError: none comes."""
        self.hello = self._started()

    def info(self) -> Hello:
        """The hello, asked anew."""
        return read_hello(self.link.request("info"), self.target)

    def _ask(self, reply: type[S], do: str, payload: bytes | None = None, /, *, timeout: float = 10.0, **fields: Any) -> S:
        """Send a request and wait for its reply. BoardError: it is refused, or the reply is damaged."""
        return read(reply, self.link.request(do, payload, timeout=timeout, **fields), f"{self.target}: its reply to {do}")

    def _events(self) -> Iterator[Event]:
        """Those that have come."""
        while self.link.events:
            yield read_event(self.link.events.popleft(), self.target)

    @property
    def modelled(self) -> str | None:
        """What the times and cycles of a virtual board are worth; None of a real one, whose are its own."""
        board = self.virtual or virtual.behind(self.target)
        return board.modelled if board else None

    def speed(self) -> virtual.Speed | None:
        """How fast an emulated board has run since it is on; None of any other."""
        board = self.virtual or virtual.behind(self.target)
        return board.speed(self.link.transport) if board else None

    def close(self) -> None:
        self.link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
