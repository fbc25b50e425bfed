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
from watchword import board, error_text, kernels, program
from watchword.kernels import bodies
from watchword.link import CHUNK, Link
from watchword.requests import SUBJECTS, RequestError
from watchword.store import Store

PROTOCOL = const(1)
SLICE = const(8)  # ms of work between two looks at the link
IDLE = const(2)  # ms of sleep when there is nothing to do


async def run(on_event=None):
    """Run the app until the line to the host ends. on_event: called with each event that is sent to the host, a dict."""
    await App(on_event).run()


class App:
    """link: to the host. root: the store's folder.

    driver: the subject whose pipeline the program is part of, sound or pictures; None where nothing feeds it.
    """

    def __init__(self, on_event=None, link=None, root="ww"):
        self.on_event = on_event
        self.link = link or Link()
        self.store = None
        self.note = self.program = None
        self.unload()
        try:
            self.store = Store(root)
            self.start(self.store.state["runs"])
        except Exception as error:
            # Whatever it is, the host can still ask what has happened, and put other programs here.
            self.unload()
            self.note = "the app failed at its start: " + error_text(error)

    # ---- the program

    def start(self, kind):
        """Load what is to run: the scratch program, a program on trial, the active one, or at the last the previous one."""
        gc.collect()
        idle = gc.mem_alloc()
        scratch = self.store.take_scratch()
        if scratch is None and self.store.trial(kind) is not None:
            from watchword.trial import clean_run  # seldom needed

            clean_run(self, kind)
            kind = self.store.state["runs"]  # another one, where nothing is left of that
        self.note = self.store.state["note"]
        if self.program is None:
            self.load_first(scratch, self.store.state[kind])
        gc.collect()
        if self.program is not None:
            self.program_heap = gc.mem_alloc() - idle

    def load_first(self, scratch, files):
        """Load the scratch program, or the first of those that have passed their trial, if they can be loaded."""
        for file in [scratch] + files:
            if file is not None:
                try:
                    self.load(file, file != scratch)
                    return
                except Exception as error:
                    self.unload()
                    self.note = "%s could not be loaded: %s" % (file, error_text(error))

    def load(self, file, proved=False):
        """Load a program, and what is needed to listen or see with it. proved: it was before, in its trial."""
        t0 = time.ticks_ms()
        from watchword.runtime import Runtime  # a board without a program needs none

        loaded = program.load(self.store.path(file), proved)
        kind = loaded.description["kind"]
        subject, verb = ("pictures", "see") if kind == "picture" else ("sound", "listen")
        self.missing = {
            "sound": "%s is for pictures, it cannot listen" % file,
            "pictures": "%s is for sound, it cannot see" % file,
        }
        try:
            self.driver = self.subjects[subject] = _subject(subject)(self, loaded)
            self.runtime = self.driver.pipeline.runtime
        except (KeyError, ValueError, TypeError) as error:
            # A program that nothing feeds can be run all the same.
            self.missing[subject] = "%s cannot %s: %s" % (file, verb, error)
            self.runtime = Runtime(loaded)
        loaded.reset = loaded.steps = ()  # for the heap's sake
        self.program = loaded
        self.file = file
        self.remember()
        self.load_ms = time.ticks_diff(time.ticks_ms(), t0)

    def remember(self):
        """Where flash holds words that were taught to this model, they count."""
        layer = self.program.description.get("taught")
        if isinstance(layer, dict) and str(layer.get("key"))[:16] + ".knn" in self.store.files():
            try:
                self.teach()
            except (ValueError, KeyError, TypeError, MemoryError) as error:
                self.note = "taught words are left out: %s" % error

    def teach(self):
        """Who teaches and tells taught words, beside what the program knows. ValueError: the program has no embedding."""
        if self.teacher is None:
            gc.collect()  # what now comes to stay would lie between garbage, and leave no piece whole
            from watchword.teacher import Teacher

            if self.driver is None:
                raise ValueError("nothing feeds the program that runs")
            self.teacher = Teacher(self.program, self.runtime.steps, self.store, self.store.path(self.file))
            self.driver.pipeline.teacher = self.teacher
            self.note = self.note or self.teacher.note
        return self.teacher

    def unload(self):
        if self.program is not None:
            self.program.close()
        self.program = self.file = self.runtime = self.driver = self.teacher = None
        self.subjects = {"store": _subject("store")(self)}
        self.missing = {  # why a subject is not there
            "sound": "no sound program is loaded: push one",
            "pictures": "no picture program is loaded: push one",
        }
        self.load_ms = self.program_heap = 0
        gc.collect()

    # ---- the loop

    async def run(self):
        self.report("hello", **self.info())
        try:
            while not self.link.closed:
                busy = False
                if self.driver is None or self.driver.pending is None:
                    busy = self.serve()
                if self.driver is not None:
                    busy = self.driver.work(SLICE) or busy
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
        do = request["do"]
        if do in SUBJECTS:
            self.answer(request, "do_" + do)
        else:
            self.link.error(request, "unknown request %s; known: %s" % (do[:40], ", ".join(sorted(SUBJECTS))))
        if self.driver is not None:
            self.driver.spent(time.ticks_diff(time.ticks_us(), t0))
        return True

    def answer(self, request, method):
        # Whatever fails, also memory, flash, or by a fault of ours: the host is told, and the app goes on.
        try:
            subject = self.subject(SUBJECTS[request["do"]])
        except Exception as error:
            if "length" not in request or self.link.read_payload(request) >= 0:  # which tells itself what is wrong with it
                self.link.error(request, error_text(error))
            return
        try:
            fields = getattr(subject, method)(request)
            if fields is not None:
                self.link.reply(request, **fields)  # for which there may be no room
        except Exception as error:
            self.link.error(request, error_text(error))

    def subject(self, name):
        """The requests of one."""
        if name not in self.subjects:
            if name in self.missing:
                raise RequestError(self.missing[name])
            self.subjects[name] = _subject(name)(self)
        return self.subjects[name]

    def need_program(self):
        if self.program is None:
            raise RequestError("no program is loaded: push one")

    def stop(self):
        """Whatever of sound or a picture is under way is forgotten: something else needs the program."""
        if self.driver is not None:
            self.driver.stop()

    # ---- what it says of itself

    def info(self):
        store = self.store
        free, total = store.free() if store else (0, 0)
        programs = store.programs() if store else []
        kind = store.state["runs"] if store else "sound"
        pending = store is not None and store.trial(kind) is not None
        gc.collect()
        return {
            "protocol": PROTOCOL,
            "firmware": watchword.VERSION,
            "micropython": ".".join(str(n) for n in sys.implementation[1][:3]),
            "format": program.FORMAT,
            "kernels": kernels.VERSION,
            "native": bodies.NATIVE,
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
            "trial": store.state[kind][0] if pending else None,
            "programs": programs,
        }


def _subject(name):
    """The class of its requests."""
    return __import__("watchword.requests." + name, None, None, ("Subject",)).Subject
