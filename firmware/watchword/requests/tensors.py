"""Requests that run the program on raw tensors, and tell how long it takes."""

import time

from watchword import board
from watchword.link import CHUNK
from watchword.requests import RequestError, Requests, base64, field


class Subject(Requests):
    def do_run(self, request):
        """The payload is the input tensor, or a part of it at `offset`; with `go` the program runs, up to step `until`.

        reset: what the model remembers of the runs before is forgotten first. go_on: the run before goes on from where it
        stopped.
        """
        n = self.link.read_payload(request)
        if n < 0:
            return None
        app = self.app
        app.need_program()
        app.stop()
        offset = field(request, "offset", int, 0)
        size = len(app.program.input)
        if offset < 0 or offset + n > size:
            raise RequestError("the input has %d bytes: %d at %d do not fit" % (size, n, offset))
        app.program.input[offset : offset + n] = memoryview(self.link.payload)[:n]
        if not field(request, "go", bool, True):
            return {}
        steps = app.runtime.steps
        until = field(request, "until", int, steps)
        if not 0 <= until <= steps:
            raise RequestError("until: 0 to %d steps are expected" % steps)
        if field(request, "reset", bool, False):
            app.runtime.reset()
        if not field(request, "go_on", bool, False):
            app.runtime.start()
        return {"us": self.time_steps(until), "output": len(app.program.output)}

    def do_read(self, request):
        """Part of the arena (`offset`), or of the output tensor (`output` true)."""
        self.app.need_program()
        window = self.app.program.output if field(request, "output", bool, False) else self.app.program.arena
        offset, size = field(request, "offset", int, 0), field(request, "size", int)
        if offset < 0 or not 0 <= size <= CHUNK or offset + size > len(window):
            raise RequestError("%d bytes at %d of %d cannot be read in one reply" % (size, offset, len(window)))
        return {"data": base64(window[offset : offset + size])}

    def do_bench(self, request):
        """Run the program, on whatever its input holds, without a look at the link in between."""
        runs = field(request, "runs", int, 1)
        layers = field(request, "layers", bool, False)
        if not 1 <= runs <= 1000:
            raise RequestError("runs: 1 to 1000 are expected")
        app = self.app
        app.need_program()
        app.stop()
        steps = app.runtime.steps
        times = [self.time_run(steps) for _ in range(runs)]
        fields = {"us": min(times), "us_max": max(times), "load_ms": app.load_ms, "hz": board.frequency()}
        if layers:
            idle = min([self.time_run(0) for _ in range(3)])  # what it takes to run no step
            fields["layers"] = [max(0, self.time_steps(step + 1) - idle) for step in range(steps)]
        if app.pipeline is not None and app.pipeline.frame_us is not None:
            fields["frontend_us"] = min([app.pipeline.frame_us() for _ in range(5)])
        return fields

    def time_run(self, until):
        """Microseconds of a run up to step `until`."""
        self.app.runtime.start()
        return self.time_steps(until)

    def time_steps(self, until):
        """The same from where the run has stopped."""
        runtime = self.app.runtime
        t0 = time.ticks_us()
        while not runtime.run(10000, until):
            pass
        return time.ticks_diff(time.ticks_us(), t0)
