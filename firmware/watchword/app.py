"""The app: answers the host, and listens.

    import asyncio
    from watchword.app import App

    asyncio.run(App().run())

One asyncio task: a user's main.py may run others beside it.
"""

import asyncio
import gc
import sys
import time
from binascii import b2a_base64, crc32, hexlify

from micropython import const

import watchword
from watchword import kernels, program
from watchword.link import CHUNK, Link
from watchword.listener import RATE, WINDOW, Listener
from watchword.runtime import Runtime
from watchword.sources.stream import StreamSource
from watchword.store import Store, StoreError

PROTOCOL = const(1)
RING = const(2048)  # samples that wait between the link and the front end
SLICE = const(8)  # ms of work between two looks at the link
IDLE = const(2)  # ms of sleep when there is nothing to do
RESTART = const(75)  # exit status by which the unix port asks to be started anew


def restart():
    """Start again on a fresh heap."""
    if sys.platform in ("linux", "darwin"):
        sys.exit(RESTART)
    import machine

    machine.soft_reset()


def board_id():
    try:
        import machine

        return hexlify(machine.unique_id()).decode()
    except (ImportError, AttributeError):
        return "unix"


class RequestError(Exception):
    """Raised while a request is handled; becomes its error reply."""


class App:
    def __init__(self, link=None, root="ww"):
        self.link = link or Link()
        self.store = Store(root)
        self.program, self.file, self.note = self.store.load()
        self.listener = None
        self.deaf = "no sound program is loaded: push one"  # why there is no listener
        if self.program is not None:
            try:
                self.listener = Listener(self.program, StreamSource(RING))
            except (KeyError, ValueError, TypeError) as error:
                # A program for another kind of input can be run, not listened with.
                self.deaf = "%s cannot listen: %s" % (self.file, error)
        self.runtime = self.listener.runtime if self.listener else Runtime(self.program) if self.program else None
        self.streaming = False
        # Samples sent and not yet taken, by request: the reply to each is the host's leave to send as many again.
        self.unanswered = []
        self.barrier = None  # a request that waits until all sound before it has been heard
        gc.collect()

    # ---- the loop

    async def run(self):
        self.link.event("hello", **self.info())
        while not self.link.closed:
            busy = False
            if self.barrier is None:
                request = self.link.receive()
                if request is not None:
                    self.handle(request)
                    busy = True
            if self.streaming:
                busy = self.listen() or busy
            await asyncio.sleep_ms(0 if busy else IDLE)

    def listen(self):
        """About SLICE milliseconds of listening; False when there is nothing to hear."""
        listener = self.listener
        t0 = time.ticks_ms()
        while not listener.idle:
            listener.advance(SLICE)
            if listener.heard >= 0:
                self.link.event(
                    "detect",
                    label=listener.labels[listener.heard],
                    score=round(listener.decision.score(listener.heard), 3),
                    time=listener.ms() / 1000,
                )
            if time.ticks_diff(time.ticks_ms(), t0) >= SLICE:
                break
        # A chunk is taken when less of it waits than the next frame needs: the rest waits for the chunk after it.
        taken = self.received - listener.source.available()
        while self.unanswered and self.unanswered[0][1] - taken < listener.wanted():
            self.link.reply(self.unanswered.pop(0)[0])
        if self.barrier is not None and listener.idle:
            request, self.barrier = self.barrier, None
            self.answer(request, "finish_" + request["do"])
        return not listener.idle

    # ---- requests

    def handle(self, request):
        if not hasattr(self, "do_" + request["do"]):
            known = sorted(name[3:] for name in dir(self) if name.startswith("do_"))
            self.link.error(request, "unknown request %s; known: %s" % (request["do"][:40], ", ".join(known)))
        else:
            self.answer(request, "do_" + request["do"])

    def answer(self, request, method):
        """Call a method for a request: it returns the fields of the reply, or None when it replies later or has replied."""
        try:
            fields = getattr(self, method)(request)
        except (RequestError, StoreError) as error:
            self.link.error(request, str(error))
        except Exception as error:
            # Memory, flash, or a fault of ours: the host is told which, and the app goes on.
            self.link.error(request, "%s: %s" % (type(error).__name__, error))
        else:
            if fields is not None:
                self.link.reply(request, **fields)

    def field(self, request, name, kind, default=None):
        """A field of a request, of the type that is expected."""
        value = request.get(name, default)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise RequestError("%s: %s is expected" % (name, kind.__name__))
        return value

    def info(self):
        free, total = self.store.free()
        gc.collect()
        return {
            "protocol": PROTOCOL,
            "firmware": watchword.VERSION,
            "micropython": ".".join(str(n) for n in sys.implementation[1][:3]),
            "format": program.FORMAT,
            "kernels": kernels.VERSION,
            "native": kernels.layers.__name__.endswith("viper"),
            "target": program.target(),
            "mpy": getattr(sys.implementation, "_mpy", 0),
            "board": getattr(sys.implementation, "_machine", sys.platform),
            "uid": board_id(),
            "heap_free": gc.mem_free(),
            "program_ram": self.program.ram if self.program else 0,
            "flash_free": free,
            "flash": total,
            "chunk": CHUNK,
            "running": self.file,
            "note": self.note,
            "programs": self.store.programs(),
        }

    def do_info(self, request):
        return self.info()

    def do_restart(self, request):
        if self.field(request, "scratch", bool, False):
            self.store.run_scratch_next()
        self.store.abandon()
        self.link.reply(request)
        restart()

    # ---- the store

    def do_push(self, request):
        self.store.begin(
            self.field(request, "name", str),
            self.field(request, "kind", str),
            self.field(request, "size", int),
            self.field(request, "sha256", str),
            self.field(request, "scratch", bool, False),
        )
        return {"chunk": CHUNK}

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
        return {"file": self.store.rollback(self.field(request, "kind", str, "sound"))}

    def do_remove(self, request):
        self.store.remove(self.field(request, "name", str))
        return {}

    # ---- sound

    def need_listener(self):
        if self.listener is None:
            raise RequestError(self.deaf)

    def do_stream(self, request):
        self.need_listener()
        stride = self.field(request, "stride", int, self.listener.stride)
        if stride < 0:
            raise RequestError("stride: 0 or more is expected")
        self.listener.reset(stride)
        self.unanswered.clear()
        self.received = 0
        self.streaming = True
        return {"rate": RATE, "credit": RING - WINDOW}

    def do_sound(self, request):
        n = self.link.read_payload(request)
        if n < 0:
            return None
        if request.get("codec") != "s16":
            raise RequestError("codec: s16 is expected")
        if not self.streaming:
            raise RequestError("no stream has begun")
        if n & 1:
            raise RequestError("%d bytes are no samples of 16 bits" % n)
        source = self.listener.source
        if n // 2 > source.room():
            raise RequestError("more sound than the credit allows: %d samples, room for %d" % (n // 2, source.room()))
        source.write(self.link.payload, n)
        self.received += n // 2
        self.unanswered.append((request, self.received))
        return None

    def do_end(self, request):
        """The stream ends: the reply comes when all of it has been heard."""
        self.wait_for_sound(request)

    def finish_end(self, request):
        self.streaming = False
        return {"frames": self.listener.count, "runs": self.listener.runs, "time": self.listener.ms() / 1000}

    def do_scores(self, request):
        """Run the model once on the window that ends with the sound sent so far."""
        self.wait_for_sound(request)

    def finish_scores(self, request):
        self.listener.start()
        while not self.runtime.run(SLICE):
            pass
        return {"scores": [_int8(v) for v in self.program.output], "time": self.listener.ms() / 1000}

    def wait_for_sound(self, request):
        if not self.streaming:
            raise RequestError("no stream has begun")
        self.barrier = request

    # ---- raw tensors

    def do_run(self, request):
        """The payload is the input tensor, or a part of it at `offset`; with `go` the program runs, up to step `until`."""
        n = self.link.read_payload(request)
        if n < 0:
            return None
        if self.runtime is None:
            raise RequestError("no program is loaded: push one")
        self.streaming = False
        offset = self.field(request, "offset", int, 0)
        size = len(self.program.input)
        if offset < 0 or offset + n > size:
            raise RequestError("the input has %d bytes: %d at %d do not fit" % (size, n, offset))
        self.program.input[offset : offset + n] = memoryview(self.link.payload)[:n]
        if not self.field(request, "go", bool, True):
            return {}
        steps = len(self.runtime.steps)
        until = self.field(request, "until", int, steps)
        if not 0 <= until <= steps:
            raise RequestError("until: 0 to %d steps are expected" % steps)
        t0 = time.ticks_us()
        self.runtime.start()
        while not self.runtime.run(SLICE, until):
            pass
        return {"us": time.ticks_diff(time.ticks_us(), t0), "output": len(self.program.output)}

    def do_read(self, request):
        """Part of the arena (`offset`), or of the output tensor (`output` true)."""
        if self.program is None:
            raise RequestError("no program is loaded: push one")
        window = self.program.output if self.field(request, "output", bool, False) else self.program.arena
        offset, size = self.field(request, "offset", int, 0), self.field(request, "size", int)
        if offset < 0 or not 0 <= size <= CHUNK or offset + size > len(window):
            raise RequestError("%d bytes at %d of %d cannot be read in one reply" % (size, offset, len(window)))
        return {"data": b2a_base64(bytes(window[offset : offset + size])).decode().strip()}


def _int8(v):
    return v - 256 if v > 127 else v
