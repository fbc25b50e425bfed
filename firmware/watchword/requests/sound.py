"""Requests of a host that sends sound."""

import time

from micropython import const

from watchword.decision import NO_END
from watchword.requests import RequestError, Requests, field, int8
from watchword.sources import RATE
from watchword.sources.link import LinkSource

GAP = const(40000)  # us on one request, from which sound counts as paused: more than one with a collection of garbage takes
SILENT = const(10000)  # ms without a request, after which a board that hears by itself takes the host for gone


class Subject(Requests):
    """A stream is followed: what is due is said when the pipeline has gone on."""

    def __init__(self, app):
        super().__init__(app)
        self.listener = app.pipeline
        self.link_source = LinkSource(app.ears.spare())  # made once: later the heap may have no piece as large as its ring
        self.source = None  # the same, while a stream lasts
        self.pending = None  # a request that waits until all sound before it has been heard
        self.link_us = 0  # spent on the link since the stream began
        self.gaps = 0  # requests since then that kept the board from hearing, mostly by erasing flash
        self.gap_us = 0
        self.asked = 0  # ms, when the last request came

    @property
    def waiting(self):
        """Whether no other request is to be read now."""
        return self.pending is not None

    def do_stream(self, request):
        stride = field(request, "stride", int) if "stride" in request else None
        if stride is not None and stride < 0:
            raise RequestError("stride: 0 or more is expected")
        ends = field(request, "ends", int) * 1000 // RATE if "ends" in request else NO_END
        if ends < 0 and "ends" in request:
            raise RequestError("ends: 0 or more samples are expected")
        app = self.app
        app.stop()
        app.ears.close()
        self.source = self.link_source
        self.listener.begin(self.source, stride, ends)
        self.link_us = self.gaps = self.gap_us = 0
        self.asked = time.ticks_ms()
        app.following = self
        return {"rate": RATE, "credit": self.source.credit}

    def stop(self):
        """Whatever of the stream is not heard yet is forgotten."""
        if self.source is not None:
            while self.source.owed:
                self.link.reply(self.source.owed.pop(0)[0])
        self.source = None
        if self.pending is not None:
            request, self.pending = self.pending, None
            self.link.error(request, "the stream has ended before all was heard")

    def do_sound(self, request):
        n = self.link.read_payload(request)
        if n < 0:
            return None
        codec = request.get("codec")
        if codec != "s16" and codec != "adpcm":
            raise RequestError("codec: s16 or adpcm is expected")
        source = self.streaming()
        if codec == "s16" and n & 1:
            raise RequestError("%d bytes are no samples of 16 bits" % n)
        samples = n // 2 if codec == "s16" else 2 * n
        if samples > source.room():
            raise RequestError("more sound than the credit allows: %d samples, room for %d" % (samples, source.room()))
        if codec == "s16":
            source.write(self.link.payload, n)
        else:
            source.write_adpcm(self.link.payload, n)
        source.owe(request, samples)
        return None

    def do_end(self, request):
        """The stream ends: the reply comes when all of it has been heard."""
        self.streaming()
        self.pending = request

    def do_scores(self, request):
        """Run the model once on the window that ends with the sound sent so far."""
        self.streaming()
        self.pending = request

    def streaming(self):
        if self.source is None:
            raise RequestError("no stream has begun")
        return self.source

    def finish_end(self, request):
        listener = self.listener
        fields = {
            "frames": listener.count,
            "runs": listener.runs,
            "time": listener.ms() / 1000,
            "link_us": self.link_us,
            "gaps": self.gaps,
            "gap_ms": self.gap_us // 1000,
            "highest": self.app.highest(),
        }
        self.end()
        return fields

    def end(self):
        """The board hears by itself again, where it does."""
        self.app.stop()
        self.app.ears.open()

    def finish_scores(self, request):
        self.listener.start(self.listener.models[0])
        while not self.listener.advance(10000):
            pass
        if self.listener.teacher is not None:
            self.listener.teacher.keep()
        return {"scores": [int8(v) for v in self.listener.program.output], "time": self.listener.ms() / 1000}

    def spent(self, us):
        """So long a request has taken."""
        self.asked = time.ticks_ms()
        if self.source is not None:
            self.link_us += us
            if us > GAP and self.source.received:
                self.gaps += 1
                self.gap_us += us

    def follow(self):
        """Say what is due of the stream. Returns whether there is more to do now."""
        listener, source = self.listener, self.source
        while True:
            t0 = time.ticks_us()
            request = source.due(listener.wanted())
            if request is None:
                break
            self.link.reply(request)
            self.link_us += time.ticks_diff(time.ticks_us(), t0)
        if self.pending is not None and listener.idle():
            request, self.pending = self.pending, None
            self.app.answer(request, "finish_" + request["do"])
        elif self.app.ears.wanted and time.ticks_diff(time.ticks_ms(), self.asked) > SILENT:
            self.end()
        return False
