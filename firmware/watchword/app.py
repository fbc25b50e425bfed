"""The app: answers the host, and listens. One asyncio task, which a user's own main.py may run beside others:

import asyncio
from watchword import app

def on_event(event):
    print(event)  # {"event": "detect", "label": "yes", ...}

async def main():
    asyncio.create_task(app.run(on_event=on_event))
    ...

asyncio.run(main())
"""

import asyncio
import gc
import sys
import time

from micropython import const

import watchword
from watchword import board, kernels, program, told
from watchword.link import CHUNK, Link
from watchword.requests import Requests, int8
from watchword.store import Store

PROTOCOL = const(1)
RING = const(2048)  # samples that wait between the link and the front end
SLICE = const(8)  # ms of work between two looks at the link
GAP = const(20000)  # us on one request, from which sound counts as paused: as long as the front end's hop
IDLE = const(2)  # ms of sleep when there is nothing to do


async def run(on_event=None):
    """Run the app until the line to the host ends. on_event: called with each event that is sent to the host, a dict."""
    await App(on_event).run()


class App(Requests):
    def __init__(self, on_event=None, link=None, root="ww"):
        self.on_event = on_event
        self.link = link or Link()
        self.streaming = False
        # Samples sent and not yet taken, by request: the reply to each is the host's leave to send as many again.
        self.unanswered = []
        self.barrier = None  # a request that waits until all sound before it has been heard
        self.watched = None  # the last band of the frame that the model runs on: its reply tells what was seen
        self.received = 0  # samples of this stream
        self.link_us = 0  # spent on the link since the stream began
        self.gaps = 0  # requests since then that kept the board from hearing, mostly by erasing flash
        self.gap_us = 0
        self.stored = None
        self.note = self.program = None
        self.unload()
        try:
            self.stored = Store(root)
            self.start(self.stored.state["runs"])
        except Exception as error:
            # Whatever it is, the host can still ask what has happened, and put other programs here.
            self.unload()
            self.note = "the app failed at its start: " + told(error)

    # ---- the program

    def start(self, kind):
        """Load what is to run: the scratch program, a program on trial, the active one, or at the last the previous one."""
        gc.collect()
        idle = gc.mem_alloc()
        scratch = self.stored.take_scratch()
        if scratch is None and self.stored.trial(kind) is not None:
            from watchword.trial import clean_run  # seldom needed

            clean_run(self, kind)
            kind = self.stored.state["runs"]  # another one, where nothing is left of that
        self.note = self.stored.state["note"]
        if self.program is None:
            self.load_first([scratch] + self.stored.state[kind])
        gc.collect()
        if self.program is not None:
            self.program_heap = gc.mem_alloc() - idle

    def load_first(self, files):
        """Load the first of some programs that can be loaded."""
        for file in files:
            if file is not None:
                try:
                    self.load(file)
                    return
                except Exception as error:
                    self.unload()
                    self.note = "%s could not be loaded: %s" % (file, told(error))

    def load(self, file):
        """Load a program, and what is needed to listen or see with it."""
        t0 = time.ticks_ms()
        # Imported here, as is what each kind of program needs: it takes heap that others can do without.
        from watchword.runtime import Runtime

        loaded = program.load(self.stored.path(file))
        self.deaf = self.blind = None
        try:
            if loaded.description["kind"] == "picture":
                self.deaf = "%s is for pictures, it cannot listen" % file
                from watchword.viewer import Viewer

                self.viewer = Viewer(loaded)
                self.runtime = self.viewer.runtime
            else:
                self.blind = "%s is for sound, it cannot see" % file
                from watchword.listener import Listener
                from watchword.sources.stream import StreamSource

                self.listener = Listener(loaded, StreamSource(RING))
                self.runtime = self.listener.runtime
        except (KeyError, ValueError, TypeError) as error:
            # A program that nothing feeds can be run all the same.
            self.deaf = self.deaf or "%s cannot listen: %s" % (file, error)
            self.blind = self.blind or "%s cannot see: %s" % (file, error)
            self.runtime = Runtime(loaded)
        loaded.reset = loaded.steps = ()  # for the heap's sake
        self.program = loaded
        self.file = file
        self.remember()
        self.load_ms = time.ticks_diff(time.ticks_ms(), t0)

    def remember(self):
        """Where flash holds words that were taught to this model, they count."""
        layer = self.program.description.get("taught")
        if isinstance(layer, dict) and str(layer.get("key"))[:16] + ".knn" in self.stored.files():
            try:
                self.teach()
            except (ValueError, KeyError, TypeError, MemoryError) as error:
                self.note = "taught words are left out: %s" % error

    def teach(self):
        """Who teaches and tells taught words, beside what the program knows. ValueError: the program has no embedding."""
        if self.teacher is None:
            from watchword.teacher import Teacher

            feed = self.listener or self.viewer
            if feed is None:
                raise ValueError("nothing feeds the program that runs")
            self.teacher = Teacher(self.program, self.runtime.steps, self.stored, self.stored.path(self.file))
            feed.teacher = self.teacher
            self.note = self.note or self.teacher.note
        return self.teacher

    def unload(self):
        if self.program is not None:
            self.program.close()
        self.program = self.file = self.runtime = self.listener = self.viewer = self.teacher = None
        self.deaf = "no sound program is loaded: push one"  # why there is no listener,
        self.blind = "no picture program is loaded: push one"  # and no viewer
        self.load_ms = self.program_heap = 0
        gc.collect()

    # ---- the loop

    async def run(self):
        self.report("hello", **self.info())
        try:
            while not self.link.closed:
                busy = False
                if self.barrier is None:
                    busy = self.serve()
                if self.streaming:
                    busy = self.listen() or busy
                if self.watched is not None:
                    self.look()
                    busy = True
                await asyncio.sleep_ms(0 if busy else IDLE)
        finally:
            self.link.close()

    def report(self, event, **fields):
        """Tell the host of an event, and who else listens."""
        message = self.link.event(event, **fields)
        if self.on_event is not None:
            try:
                self.on_event(message)
            except Exception as error:
                self.link.log("on_event failed: %s: %s" % (type(error).__name__, error))

    def serve(self):
        """Handle the next request; False when none has come."""
        t0 = time.ticks_us()
        request = self.link.receive()
        if request is None:
            return False
        streaming = self.streaming
        self.handle(request)
        us = time.ticks_diff(time.ticks_us(), t0)
        self.link_us += us
        if us > GAP and streaming:
            self.gaps += 1
            self.gap_us += us
        return True

    def listen(self):
        """About SLICE milliseconds of listening; False when there is nothing to hear."""
        listener = self.listener
        t0 = time.ticks_ms()
        teacher = self.teacher
        while not listener.idle:
            ended = listener.advance(SLICE)
            at = listener.ms() / 1000 if ended else 0
            if listener.heard >= 0:
                label, score = listener.labels[listener.heard], listener.decision.score(listener.heard)
                self.report("detect", label=label, score=round(score, 3), time=at)
            if ended and teacher is not None and teacher.heard >= 0:
                label, score = teacher.taught.words[teacher.heard], teacher.decision.score(teacher.heard)
                self.report("detect", label=label, score=round(score, 3), time=at, taught=True)
            if time.ticks_diff(time.ticks_ms(), t0) >= SLICE:
                break
        # A chunk is taken when less of it waits than the next frame needs: the rest waits for the chunk after it.
        taken = self.received - listener.source.available()
        while self.unanswered and self.unanswered[0][1] - taken < listener.wanted():
            t0 = time.ticks_us()
            self.link.reply(self.unanswered.pop(0)[0])
            self.link_us += time.ticks_diff(time.ticks_us(), t0)
        if self.barrier is not None and listener.idle:
            request, self.barrier = self.barrier, None
            self.answer(request, "finish_" + request["do"])
        return not listener.idle

    def look(self):
        """About SLICE milliseconds of looking at a frame."""
        viewer = self.viewer
        if not viewer.advance(SLICE):
            return
        request, self.watched = self.watched, None
        presence, labels = viewer.presence, viewer.labels
        at = request.get("ms", 0) / 1000
        scores = [int8(v) for v in viewer.program.output]
        best = scores.index(max(scores))
        self.report("frame", label=labels[best], score=round((scores[best] + 128) / 256, 3), time=at)
        self.tell(presence, labels, at)
        if self.teacher is not None:
            self.tell(self.teacher.presence, self.teacher.taught.words, at, taught=True)
        self.link.reply(request, scores=scores)

    def tell(self, presence, labels, at, **fields):
        """What has come into view, and what has left it."""
        for event, index in (("gone", presence.gone), ("detect", presence.seen)):
            if index >= 0:
                self.report(event, label=labels[index], score=round(presence.score(index), 3), time=at, **fields)

    # ---- what it says of itself

    def info(self):
        stored = self.stored
        free, total = stored.free() if stored else (0, 0)
        programs = stored.programs() if stored else []
        kind = stored.state["runs"] if stored else "sound"
        pending = stored is not None and stored.trial(kind) is not None
        gc.collect()
        return {
            "protocol": PROTOCOL,
            "firmware": watchword.VERSION,
            "micropython": ".".join(str(n) for n in sys.implementation[1][:3]),
            "format": program.FORMAT,
            "kernels": kernels.VERSION,
            "native": kernels.NATIVE,
            "target": program.target(),
            "mpy": getattr(sys.implementation, "_mpy", 0),
            "board": getattr(sys.implementation, "_machine", sys.platform),
            "uid": board.unique_id(),
            "heap_free": gc.mem_free(),
            "program_ram": self.program.ram if self.program else 0,
            "program_heap": self.program_heap,
            "load_ms": self.load_ms,
            "flash_free": free,
            "flash": total,
            "chunk": CHUNK,
            "running": self.file,
            "note": self.note,
            "kind": kind,
            "trial": stored.state[kind][0] if pending else None,
            "programs": programs,
        }
