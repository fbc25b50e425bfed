"""The link to the host: lines of JSON, and payloads in base64. docs/protocol.md specifies every message.

Reading never blocks for longer than the silence of a payload may last: bytes are asked for one by one after a poll, except
those of a payload, whose number is known.
"""

import json
import select
import sys
import time

from micropython import const

from watchword.kernels import decode_base64

LINE = const(512)  # longest request
CHUNK = const(1024)  # longest payload, decoded
PAYLOAD = const(1368)  # the same in base64, padded to a multiple of 4
SILENCE = const(1000)  # ms after which a payload that has stopped is given up


class StdinTransport:
    """USB serial, UART or pipe: whatever MicroPython's REPL uses."""

    def __init__(self):
        self.input = sys.stdin.buffer
        self.output = sys.stdout
        self.poller = select.poll()
        self.poller.register(self.input, select.POLLIN)

    def waiting(self):
        """Whether a byte can be read now."""
        for _, event in self.poller.ipoll(0):
            return event & select.POLLIN or event & select.POLLHUP
        return False

    def readinto(self, view, n):
        """Read up to n bytes; fewer only at the end of a pipe (0) or of what a pipe holds."""
        return self.input.readinto(view, n) or 0

    def write(self, text):
        self.output.write(text)


class Link:
    """Requests in, replies and events out. The buffers are allocated once."""

    def __init__(self, transport=None):
        self.transport = transport or StdinTransport()
        self.byte = bytearray(1)
        self.line = bytearray(LINE)
        self.view = memoryview(self.line)
        self.payload = bytearray(PAYLOAD + 1)
        self.length = 0
        self.overlong = False
        self.sequence = 0
        self.closed = False

    # ---- out

    def send(self, message):
        self.transport.write(json.dumps(message) + "\n")

    def reply(self, request, **fields):
        fields["id"] = request["id"]
        self.send(fields)

    def error(self, request, text):
        """One line that names the fault; the id is null where none could be read."""
        self.send({"id": request["id"] if request else None, "error": text})

    def event(self, event, **fields):
        fields["event"] = event
        fields["seq"] = self.sequence
        self.sequence += 1
        self.send(fields)

    # ---- in

    def receive(self):
        """The next complete request (a dict with "id" and "do"), or None. Faults are answered here."""
        transport = self.transport
        byte = self.byte
        while transport.waiting():
            if transport.readinto(byte, 1) != 1:
                self.closed = True  # the end of a pipe; a serial line has none
                return None
            c = byte[0]
            if c != 10:
                if self.length < LINE:
                    self.line[self.length] = c
                    self.length += 1
                else:
                    self.overlong = True
                continue
            n, overlong = self.length, self.overlong
            self.length = 0
            self.overlong = False
            if overlong:
                self.error(None, "line is longer than %d bytes" % LINE)
                continue
            request = self._parse(n)
            if request is not None:
                return request
        return None

    def _parse(self, n):
        try:
            text = bytes(self.view[:n]).decode().strip()
            if not text:
                return None  # an empty line: a host that makes sure that a new one begins
            request = json.loads(text)
        except (ValueError, UnicodeError):
            self.error(None, "not a line of JSON")
            return None
        if not isinstance(request, dict):
            self.error(None, "a request is a JSON object")
            return None
        if not isinstance(request.get("id"), int) or isinstance(request["id"], bool):
            self.error(None, "id: an integer is expected")
            return None
        if not isinstance(request.get("do"), str):
            self.error(request, "do: the name of a request is expected")
            return None
        return request

    def read_payload(self, request):
        """Read and decode the payload that a request announces: the number of its bytes, or -1 after an error reply."""
        length = request.get("length")
        if not isinstance(length, int) or length < 0 or length > PAYLOAD or length % 4:
            self.error(request, "length: a multiple of 4 up to %d is expected" % PAYLOAD)
            self._skip_line()
            return -1
        got = self._fill(length + 1)
        if got <= length:
            self.error(request, "the payload stopped after %d of %d characters" % (got, length))
            return -1
        if self.payload[length] != 10:
            self.error(request, "the payload is longer than the %d characters announced" % length)
            self._skip_line()
            return -1
        n = decode_base64(self.payload, length)
        if n < 0:
            self.error(request, "the payload is not base64 at character %d" % (-1 - n))
            return -1
        return n

    def _fill(self, n):
        """Read n bytes into the payload buffer; fewer when nothing came for a while."""
        got = 0
        view = memoryview(self.payload)
        t0 = time.ticks_ms()
        while got < n:
            if self.transport.waiting():
                k = self.transport.readinto(view[got:n], n - got)
                if k == 0:
                    self.closed = True
                    break
                got += k
                t0 = time.ticks_ms()
            elif time.ticks_diff(time.ticks_ms(), t0) > SILENCE:
                break
        return got

    def _skip_line(self):
        """Drop everything up to the end of the line, or until nothing comes for a while."""
        t0 = time.ticks_ms()
        while time.ticks_diff(time.ticks_ms(), t0) <= SILENCE:
            if self.transport.waiting():
                if self.transport.readinto(self.byte, 1) != 1:
                    self.closed = True
                    return
                if self.byte[0] == 10:
                    return
                t0 = time.ticks_ms()
