"""The link to the host: lines of JSON, and payloads, masked or in base64. docs/protocol.md specifies every message."""

import json
import time

from micropython import const

from watchword.kernels.bodies import buffers
from watchword.stdin import SILENCE, Stdin

_LINE = const(512)  # longest request
CHUNK = const(1536)  # longest payload, decoded
_PAYLOAD = const(2048)  # the same in base64, padded to a multiple of 4
FLUSH = const(500)  # ms that what is left may take before the app ends
_PAUSE = const(5)  # ms within a line that a host which reads may need


class Link:
    """Requests in, replies and events out.

    A transport has `waiting()`, `readline(limit)`, `readinto(view, n)`, `stopped`, `free()`, `write(data)` and `close()`, as in
    stdin.py.
    """

    def __init__(self, transport=None):
        self.transport = transport or Stdin()
        self.payload = bytearray(_PAYLOAD + 1)
        self.view = memoryview(self.payload)
        self.line = b""  # what has come of a line
        self.overlong = False
        self.out = []  # lines that are not written yet,
        self.at = 0  # and how much of the first one is
        self.closed = False

    # ---- out: only what the line takes at once, so that a host that does not read holds nothing up. A line that is being read
    # is written whole, so that what a user's own tasks print falls between two of them.

    def send(self, message):
        self.write(json.dumps(message) + "\n")

    def write(self, line):
        self.out.append(line.encode())
        self.work()

    def work(self):
        """Write what can be written; True when nothing is left."""
        transport = self.transport
        t0 = None
        while self.out:
            n = transport.free()
            if n:
                line = self.out[0]
                transport.write(line[self.at : self.at + n] if self.at or len(line) > n else line)
                self.at += n
                if self.at >= len(line):
                    self.out.pop(0)
                    self.at = 0
                t0 = None
            elif self.at == 0:
                return False
            elif t0 is None:
                t0 = time.ticks_ms()
            elif time.ticks_diff(time.ticks_ms(), t0) > _PAUSE:
                return False
        return True

    def flush(self, ms):
        """Wait for up to so many milliseconds until all is written."""
        t0 = time.ticks_ms()
        while not self.work() and time.ticks_diff(time.ticks_ms(), t0) < ms:
            pass

    def reply(self, request, **fields):
        if fields:
            fields["id"] = request["id"]
            self.send(fields)
        else:
            self.write('{"id": %d}\n' % request["id"])  # most replies: quicker than json

    def error(self, request, text):
        """One line that names the fault; the id is null where none could be read."""
        self.send({"id": request["id"] if request else None, "error": text})

    def log(self, text):
        """A line for people; the host passes it on as a log event."""
        self.write(text.replace("\n", " ") + "\n")

    # ---- in

    def receive(self):
        """The next complete request (a dict with "id" and "do"), or None. Faults are answered here."""
        transport = self.transport
        while transport.waiting():
            piece = transport.readline(_LINE + 1 - len(self.line))
            if piece is None:
                return None  # the rest of the line is still to come
            if not piece:
                self.closed = True  # the end of a pipe; a serial line has none
                return None
            self.line += piece
            if self.line[-1] != 10:
                if len(self.line) > _LINE:
                    self.overlong = True
                    self.line = b""
                continue
            line, overlong = self.line, self.overlong
            self.line = b""
            self.overlong = False
            if overlong:
                self.error(None, "line is longer than %d bytes" % _LINE)
                continue
            request = self._parse(line)
            if request is not None:
                return request
        return None

    def _parse(self, line):
        try:
            request = json.loads(line)
        except (ValueError, UnicodeError):
            if line.strip(b"\x02\r\n"):  # else a host makes sure that a new line begins, and that no raw REPL is here
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
        mask = request.get("mask")  # None: the payload is base64
        if mask is None:
            right = isinstance(length, int) and 0 <= length <= _PAYLOAD and length % 4 == 0
        else:
            right = isinstance(length, int) and 0 <= length <= CHUNK and isinstance(mask, int) and 0 <= mask <= 255
        if not right:
            self.error(
                request,
                "length: a multiple of 4 up to %d is expected, or up to %d with a mask from 0 to 255" % (_PAYLOAD, CHUNK),
            )
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
        if mask is not None:
            buffers.unmask(self.payload, length, mask)
            return length
        n = buffers.decode_base64(self.payload, length)
        if n < 0:
            self.error(request, "the payload is not base64 at character %d" % (-1 - n))
            return -1
        return n

    def _fill(self, n):
        """Read n bytes into the payload buffer; fewer when the rest does not come in time."""
        transport = self.transport
        got = 0
        t0 = time.ticks_ms()
        while got < n:
            if transport.waiting():
                k = transport.readinto(self.view[got:n], n - got)
                got += k
                if transport.stopped:
                    break
                if k == 0:
                    self.closed = True
                    break
                t0 = time.ticks_ms()
            elif time.ticks_diff(time.ticks_ms(), t0) > SILENCE:
                break
        return got

    def _skip_line(self):
        """Drop everything up to the end of the line, or until nothing comes for a while."""
        transport = self.transport
        t0 = time.ticks_ms()
        while time.ticks_diff(time.ticks_ms(), t0) <= SILENCE:
            if transport.waiting():
                piece = transport.readline(_LINE)
                if piece == b"":
                    self.closed = True
                    return
                if piece and piece[-1] == 10:
                    return
                t0 = time.ticks_ms()

    def close(self):
        self.transport.close()
