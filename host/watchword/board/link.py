"""The link as the host sees it: requests and their replies, events, payloads. docs/protocol.md specifies every message."""

from __future__ import annotations

import base64
import json
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

from watchword.board.transport import Transport
from watchword.errors import BoardError, LinkError

Message = dict[str, Any]
PROTOCOL = 2
LINE = 512  # bytes that a request may have


class Link:
    """Talks to one board. Events (and lines that are no messages, as {"event": "log", "text": …}) collect in `events`.

    patience: by how much all waiting for an answer is longer than for a real board.
    """

    def __init__(self, transport: Transport, on_event: Callable[[Message], None] | None = None, patience: float = 1.0) -> None:
        self.transport = transport
        self.patience = patience
        self.events: deque[Message] = deque()
        self._on_event = on_event
        self._rest = b""
        self._replies: dict[int, Message] = {}
        self._last_id = 0

    def send(self, do: str, payload: bytes | None = None, **fields: Any) -> int:
        """Send a request, its payload after it; returns its id without waiting. BoardError: it is too long for a board."""
        self._last_id += 1
        message: Message = {"id": self._last_id, "do": do, **fields}
        text = b""
        if payload is not None:
            mask = _mask(payload)
            if mask is None:
                text = base64.b64encode(payload) + b"\n"
            else:
                message["mask"] = mask
                text = bytes(byte ^ mask for byte in payload) + b"\n"
            message["length"] = len(text) - 1
        line = json.dumps(message, separators=(",", ":")).encode()
        if len(line) > LINE:
            raise BoardError(f"{do}: a request of {len(line)} bytes, and a board takes {LINE}: choose a shorter name or path")
        self.transport.write(line + b"\n" + text)
        return self._last_id

    def wait(self, request: int, timeout: float = 10.0) -> Message:
        """The reply to a request. Raises BoardError with the board's own words, or LinkError after `timeout` s of silence."""
        timeout *= self.patience
        deadline = time.monotonic() + timeout
        while request not in self._replies:
            if self.pump(max(0.0, deadline - time.monotonic())):
                deadline = time.monotonic() + timeout
            elif time.monotonic() >= deadline:
                raise LinkError(
                    f"the board gave no answer for {timeout:g} seconds: is it still plugged in and running watchword?"
                )
        reply = self._replies.pop(request)
        if "error" in reply:
            raise BoardError(str(reply["error"]))
        return reply

    def request(self, do: str, payload: bytes | None = None, *, timeout: float = 10.0, **fields: Any) -> Message:
        """Send a request and wait for its reply."""
        return self.wait(self.send(do, payload, **fields), timeout)

    def answered(self, request: int) -> bool:
        """Whether the reply to a request has come."""
        return request in self._replies

    def pump(self, timeout: float) -> bool:
        """Take in what comes within `timeout` seconds; whether anything came."""
        data = self.transport.read(timeout)
        if not data:
            return False
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(line.strip(b"\r"))
        return True

    def _take(self, line: bytes) -> None:
        if not line:
            return
        text = line.decode("utf-8", "replace")
        before, message = "", parse_message(text)
        if message is None and (at := text.find('{"')) > 0:
            # What a user's program on the board printed without a line feed, and a message after it.
            before, message = text[:at], parse_message(text[at:])
        if message is None:
            self._event({"event": "log", "text": text})
            return
        if before:
            self._event({"event": "log", "text": before})
        if isinstance(message.get("event"), str):
            self._event(message)
        else:
            self._replies[message["id"]] = message

    def _event(self, message: Message) -> None:
        if self._on_event is not None:
            self._on_event(message)
        self.events.append(message)

    def next_event(self, kind: str | tuple[str, ...], timeout: float) -> Message | None:
        """The next event of a kind or of several, older ones of other kinds dropped; None after `timeout` seconds."""
        kinds = (kind,) if isinstance(kind, str) else kind
        deadline = time.monotonic() + timeout * self.patience
        while True:
            while self.events:
                message = self.events.popleft()
                if message["event"] in kinds:
                    return message
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self.pump(left)

    def probe(self, request: int, timeout: float) -> Literal["reply", "trial", "echo", "silence"]:
        """What comes first after a request: its reply, word of a trial, or the request as it was sent: from a REPL."""
        timeout *= self.patience
        echo = f'{{"id":{request},"do"'
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.pump(deadline - time.monotonic()):
                deadline = time.monotonic() + timeout
            if self.answered(request):
                return "reply"
            if any(event["event"] == "trial" for event in self.events):
                return "trial"
            if echo in self._rest.decode("utf-8", "replace") or any(echo in str(event.get("text")) for event in self.events):
                return "echo"
        return "silence"

    def reset(self) -> bool:
        """Start the line and, where it is a process, the board anew; False where that cannot be done from here."""
        self._rest = b""
        return self.transport.reset()

    def close(self) -> None:
        self.transport.close()


def _mask(payload: bytes) -> int | None:
    """A number by which no byte of the payload, XORed with it, becomes 3, which would be Ctrl-C; None where there is none."""
    return next((value ^ 3 for value in set(range(256)).difference(payload)), None)


def parse_message(text: str) -> Message | None:
    """An event or a reply; None where a line is neither."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(message, dict) and "do" not in message:  # which a REPL has echoed
        return message if isinstance(message.get("event"), str) or isinstance(message.get("id"), int) else None
    return None
