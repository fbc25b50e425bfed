"""Requests of a host that sends sound, and what is heard in it."""

import time

from micropython import const

from watchword.listener import Listener
from watchword.requests import RequestError, Requests, field, int8
from watchword.sources import RATE
from watchword.sources.stream import StreamSource

RING = const(2048)  # samples that wait between the link and the front end
GAP = const(40000)  # us on one request, from which sound counts as paused: more than one with a collection of garbage takes


class Subject(Requests):
    """program: is listened with. ValueError, KeyError or TypeError: that cannot be.

    pending: a request that waits until all sound before it has been heard.
    """

    def __init__(self, app, program):
        super().__init__(app)
        self.pipeline = self.listener = Listener(program, StreamSource(RING))
        self.span = self.listener.span
        self.streaming = False
        self.pending = None
        # Samples sent and not yet taken, by request: the reply to each is the host's leave to send as many again.
        self.unanswered = []
        self.received = 0  # samples of this stream
        self.link_us = 0  # spent on the link since the stream began
        self.gaps = 0  # requests since then that kept the board from hearing, mostly by erasing flash
        self.gap_us = 0

    def do_stream(self, request):
        stride = field(request, "stride", int, self.listener.stride)
        if stride < 0:
            raise RequestError("stride: 0 or more is expected")
        self.stop()
        self.listener.reset(stride)
        self.received = 0
        self.link_us = self.gaps = self.gap_us = 0
        self.streaming = True
        return {"rate": RATE, "credit": self.listener.credit}

    def stop(self):
        """Whatever of the stream is not heard yet is forgotten."""
        self.streaming = False
        while self.unanswered:
            self.link.reply(self.unanswered.pop(0)[0])

    def do_sound(self, request):
        n = self.link.read_payload(request)
        if n < 0:
            return None
        codec = request.get("codec")
        if codec != "s16" and codec != "adpcm":
            raise RequestError("codec: s16 or adpcm is expected")
        if not self.streaming:
            raise RequestError("no stream has begun")
        if codec == "s16" and n & 1:
            raise RequestError("%d bytes are no samples of 16 bits" % n)
        samples = n // 2 if codec == "s16" else 2 * n
        source = self.listener.source
        if samples > source.room():
            raise RequestError("more sound than the credit allows: %d samples, room for %d" % (samples, source.room()))
        if codec == "s16":
            source.write(self.link.payload, n)
        else:
            source.write_adpcm(self.link.payload, n)
        self.received += samples
        self.unanswered.append((request, self.received))
        return None

    def do_end(self, request):
        """The stream ends: the reply comes when all of it has been heard."""
        self.wait_for_sound(request)

    def do_scores(self, request):
        """Run the model once on the window that ends with the sound sent so far."""
        self.wait_for_sound(request)

    def wait_for_sound(self, request):
        if not self.streaming:
            raise RequestError("no stream has begun")
        self.pending = request

    def finish_end(self, request):
        self.streaming = False
        listener = self.listener
        return {
            "frames": listener.count,
            "runs": listener.runs,
            "time": listener.ms() / 1000,
            "link_us": self.link_us,
            "gaps": self.gaps,
            "gap_ms": self.gap_us // 1000,
        }

    def finish_scores(self, request):
        self.listener.start()
        while not self.listener.advance(10000):
            pass
        return {"scores": [int8(v) for v in self.listener.program.output], "time": self.listener.ms() / 1000}

    def spent(self, us):
        """So long a request has taken."""
        if self.streaming:
            self.link_us += us
            if us > GAP and self.received:
                self.gaps += 1
                self.gap_us += us

    def work(self, ms):
        """About `ms` milliseconds of listening; False when there is nothing to hear."""
        if not self.streaming:
            return False
        listener, teacher = self.listener, self.listener.teacher
        t0 = time.ticks_ms()
        while not listener.idle:
            ended = listener.advance(ms)
            at = listener.ms() / 1000 if ended else 0
            if listener.heard >= 0:
                self.tell(listener.labels, listener.decision, listener.heard, at)
            if ended and teacher is not None and teacher.heard >= 0:
                self.tell(teacher.taught.words, teacher.decision, teacher.heard, at, taught=True)
            if time.ticks_diff(time.ticks_ms(), t0) >= ms:
                break
        # A chunk is taken when less of it waits than the next frame needs: the rest waits for the chunk after it.
        taken = self.received - listener.source.available()
        while self.unanswered and self.unanswered[0][1] - taken < listener.wanted():
            t0 = time.ticks_us()
            self.link.reply(self.unanswered.pop(0)[0])
            self.link_us += time.ticks_diff(time.ticks_us(), t0)
        if self.pending is not None and listener.idle:
            request, self.pending = self.pending, None
            self.app.answer(request, "finish_" + request["do"])
        return not listener.idle

    def tell(self, labels, decision, index, at, **fields):
        self.app.report("detect", label=labels[index], score=round(decision.score(index), 3), time=at, **fields)

    def frame_us(self):
        """Microseconds of the front end for one frame."""
        t0 = time.ticks_us()
        self.listener.frontend.process(self.listener.samples)
        return time.ticks_diff(time.ticks_us(), t0)
