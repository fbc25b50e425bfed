"""What the host can ask: a method do_NAME for each request. docs/protocol.md specifies them."""

import time
from binascii import b2a_base64, crc32

from watchword import Refusal, board, told
from watchword.link import CHUNK
from watchword.sources import RATE
from watchword.sources.frames import FrameSource


class RequestError(Refusal):
    """Raised while a request is handled; becomes its error reply."""


class Requests:
    """The part of the app that answers. Each method returns the fields of the reply, or None when it replies later."""

    def handle(self, request):
        if not hasattr(self, "do_" + request["do"]):
            known = sorted(name[3:] for name in dir(self) if name.startswith("do_"))
            self.link.error(request, "unknown request %s; known: %s" % (request["do"][:40], ", ".join(known)))
        else:
            self.answer(request, "do_" + request["do"])

    def answer(self, request, method):
        try:
            fields = getattr(self, method)(request)
        except Exception as error:
            # Also memory, flash, or a fault of ours: the host is told which, and the app goes on.
            self.link.error(request, told(error))
        else:
            if fields is not None:
                self.link.reply(request, **fields)

    def field(self, request, name, kind, default=None):
        """A field of a request, of the type that is expected."""
        value = request.get(name, default)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise RequestError("%s: %s is expected" % (name, kind.__name__))
        return value

    @property
    def store(self):
        if self.stored is None:
            raise RequestError(self.note)
        return self.stored

    def do_info(self, request):
        return self.info()

    def do_restart(self, request):
        if self.field(request, "scratch", bool, False):
            self.store.run_scratch_next()
        kind = self.field(request, "kind", str, "")
        if kind:
            self.store.turn_to(kind)
        if self.stored is not None:
            self.stored.abandon()
        self.link.reply(request)
        board.restart()

    # ---- the store

    def do_push(self, request):
        self.store.begin(
            self.field(request, "name", str),
            self.field(request, "kind", str),
            self.field(request, "size", int),
            self.field(request, "sha256", str),
            self.field(request, "scratch", bool, False),
        )
        return {"chunk": CHUNK, "written": self.store.written}

    def do_chunk(self, request):
        n = self.link.read_payload(request)
        if n < 0:
            return None
        offset = self.field(request, "offset", int)
        expected = self.field(request, "crc32", int)
        data = memoryview(self.link.payload)[:n]
        found = crc32(data)
        if found != expected:
            raise RequestError("chunk at %d: its CRC-32 is %d, announced was %d: send it again" % (offset, found, expected))
        self.store.write(offset, data)
        return {"written": self.store.written}

    def do_commit(self, request):
        return {"file": self.store.commit()}

    def do_models(self, request):
        return {"programs": self.store.programs(), "running": self.file}

    def do_rollback(self, request):
        return {"file": self.store.rollback(self.field(request, "kind", str, self.store.state["runs"]))}

    def do_activate(self, request):
        return {"file": self.store.activate(self.field(request, "name", str))}

    def do_remove(self, request):
        self.store.remove(self.field(request, "name", str))
        return {}

    # ---- sound

    def do_stream(self, request):
        if self.listener is None:
            raise RequestError(self.deaf)
        stride = self.field(request, "stride", int, self.listener.stride)
        if stride < 0:
            raise RequestError("stride: 0 or more is expected")
        self.end_stream()
        self.listener.reset(stride)
        self.received = 0
        self.link_us = self.gaps = self.gap_us = 0
        self.streaming = True
        return {"rate": RATE, "credit": self.listener.credit}

    def end_stream(self):
        """Whatever of it is not heard yet, or seen, is forgotten."""
        self.streaming = False
        if self.watched is not None:
            self.link.error(self.watched, "another request needed the program")
            self.watched = None
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

    def do_scores(self, request):
        """Run the model once on the window that ends with the sound sent so far."""
        self.wait_for_sound(request)

    def finish_scores(self, request):
        self.listener.start()
        while not self.listener.advance(10000):
            pass
        return {"scores": [int8(v) for v in self.program.output], "time": self.listener.ms() / 1000}

    # ---- pictures

    def do_view(self, request):
        """A run of frames begins, all with the same sides."""
        if self.viewer is None:
            raise RequestError(self.blind)
        self.end_stream()
        viewer = self.viewer
        width, height = self.field(request, "width", int), self.field(request, "height", int)
        try:
            viewer.begin(FrameSource(self.link.payload, width, height, viewer.pixel_bytes))
        except ValueError as error:
            raise RequestError(str(error))
        return {"pixel": viewer.pixel_bytes, "rows": CHUNK // viewer.pitch}

    def do_frame(self, request):
        """The payload is a band of rows, from `row` on. The reply to the last one comes when the model has run."""
        n = self.link.read_payload(request)
        if n < 0:
            return None
        viewer = self.viewer
        if viewer is None or viewer.source is None:
            raise RequestError("no run of frames has begun")
        if self.watched is not None:
            raise RequestError("the frame before is still looked at")
        row, rows = self.field(request, "row", int), n // viewer.pitch
        self.field(request, "ms", int, 0)
        if row == 0:
            viewer.again()
        if row != viewer.row:
            raise RequestError("row %d was sent, row %d is next" % (row, viewer.row))
        if n % viewer.pitch or not 1 <= rows <= viewer.source.height - row:
            raise RequestError("%d bytes are no rows of %d, or more than are left" % (n, viewer.pitch))
        viewer.source.give(rows)
        if viewer.take():
            self.watched = request
            return None
        return {}

    def wait_for_sound(self, request):
        if not self.streaming:
            raise RequestError("no stream has begun")
        self.barrier = request

    # ---- taught words

    def need_teacher(self):
        self.need_program()
        try:
            return self.teach()
        except (ValueError, KeyError, TypeError) as error:
            raise RequestError("%s cannot be taught: %s" % (self.file, error))

    def do_taught(self, request):
        """The words of the running model, and those of others, which wait for it. `ready`: teaching follows."""
        fields = {"words": {}, "file": None, "background": 0}
        if self.field(request, "ready", bool, False) or self.teacher is not None:
            teacher = self.need_teacher()
            taught = teacher.taught
            fields["words"] = {word: taught.shots_of(word) for word in taught.words}
            fields["file"] = teacher.file
            fields["dims"] = taught.dims
            fields["background"] = teacher.backgrounds
            fields["samples"] = self.listener.span if self.listener else 0
        from watchword.teacher import memories

        fields["others"] = [(file, words) for file, words in memories(self.store) if file != fields["file"]]
        return fields

    def do_enrol(self, request):
        """What the last run heard or saw becomes a shot of `word`; or the embedding that is the payload does."""
        n = self.link.read_payload(request) if "length" in request else 0
        if n < 0:
            return None
        teacher = self.need_teacher()
        word = self.field(request, "word", str)
        embedding = teacher.embedder.values
        like = None
        if n:
            if self.field(request, "key", str, "") != teacher.file:
                raise RequestError("they were taught to another model, or to another layer of it")
            embedding = memoryview(self.link.payload)[:n]
        else:
            like = teacher.like(word)
        shots = teacher.enrol(word, embedding, self.field(request, "last", bool, True))
        return {"shots": shots, "all": teacher.taught.count, "most": teacher.most, "like": like}

    def do_forget(self, request):
        return {"shots": self.need_teacher().forget(self.field(request, "word", str))}

    def do_shot(self, request):
        """A shot by its number: its word and embedding. Without one, the embedding of the last run."""
        teacher = self.need_teacher()
        i = self.field(request, "number", int, -1)
        if i < 0:
            return {"word": None, "data": _base64(teacher.embedder.values)}
        taught = teacher.taught
        if i >= taught.count:
            raise RequestError("number: there are %d shots" % taught.count)
        return {"word": taught.words[taught.owners[i]], "data": _base64(taught.shot(i))}

    # ---- raw tensors, and how long they take

    def need_program(self):
        if self.program is None:
            raise RequestError("no program is loaded: push one")

    def do_run(self, request):
        """The payload is the input tensor, or a part of it at `offset`; with `go` the program runs, up to step `until`.

        reset: what the model remembers of the runs before is forgotten first. go_on: the run before goes on from where it
        stopped.
        """
        n = self.link.read_payload(request)
        if n < 0:
            return None
        self.need_program()
        self.end_stream()
        offset = self.field(request, "offset", int, 0)
        size = len(self.program.input)
        if offset < 0 or offset + n > size:
            raise RequestError("the input has %d bytes: %d at %d do not fit" % (size, n, offset))
        self.program.input[offset : offset + n] = memoryview(self.link.payload)[:n]
        if not self.field(request, "go", bool, True):
            return {}
        steps = self.runtime.steps
        until = self.field(request, "until", int, steps)
        if not 0 <= until <= steps:
            raise RequestError("until: 0 to %d steps are expected" % steps)
        if self.field(request, "reset", bool, False):
            self.runtime.reset()
        if not self.field(request, "go_on", bool, False):
            self.runtime.start()
        return {"us": self.time_steps(until), "output": len(self.program.output)}

    def do_read(self, request):
        """Part of the arena (`offset`), or of the output tensor (`output` true)."""
        self.need_program()
        window = self.program.output if self.field(request, "output", bool, False) else self.program.arena
        offset, size = self.field(request, "offset", int, 0), self.field(request, "size", int)
        if offset < 0 or not 0 <= size <= CHUNK or offset + size > len(window):
            raise RequestError("%d bytes at %d of %d cannot be read in one reply" % (size, offset, len(window)))
        return {"data": _base64(window[offset : offset + size])}

    def do_bench(self, request):
        """Run the program, on whatever its input holds, without a look at the link in between."""
        runs = self.field(request, "runs", int, 1)
        layers = self.field(request, "layers", bool, False)
        if not 1 <= runs <= 1000:
            raise RequestError("runs: 1 to 1000 are expected")
        self.need_program()
        self.end_stream()
        steps = self.runtime.steps
        times = [self.time_run(steps) for _ in range(runs)]
        fields = {"us": min(times), "us_max": max(times), "load_ms": self.load_ms, "hz": board.frequency()}
        if layers:
            idle = min([self.time_run(0) for _ in range(3)])  # what it takes to run no step
            fields["layers"] = [max(0, self.time_steps(step + 1) - idle) for step in range(steps)]
        if self.listener is not None:
            fields["frontend_us"] = min([self.time_frame() for _ in range(5)])
        return fields

    def time_run(self, until):
        """Microseconds of a run up to step `until`."""
        self.runtime.start()
        return self.time_steps(until)

    def time_steps(self, until):
        """The same from where the run has stopped."""
        t0 = time.ticks_us()
        while not self.runtime.run(10000, until):
            pass
        return time.ticks_diff(time.ticks_us(), t0)

    def time_frame(self):
        """Microseconds of the front end for one frame."""
        t0 = time.ticks_us()
        self.listener.frontend.process(self.listener.samples)
        return time.ticks_diff(time.ticks_us(), t0)


def _base64(data):
    return b2a_base64(bytes(data)).decode().strip()


def int8(v):
    """A byte as the int8 that it is."""
    return v - 256 if v > 127 else v
