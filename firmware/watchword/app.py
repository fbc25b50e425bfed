"""The app: answers the host, and listens. One asyncio task, which a user's own main.py may run beside others:

import asyncio
from watchword import app

async def on_event(event):  # or without async
    print(event)  # {"event": "detect", "label": "yes", ...}

async def main():
    asyncio.create_task(app.run(on_event=on_event))
    ...

asyncio.run(main())
"""

import gc
import sys
import time
from asyncio import core

from micropython import const

import watchword
from watchword import FORMAT, board, dma, error_text, forget, kernels
from watchword.ears import Ears
from watchword.kernels import bodies
from watchword.link import CHUNK, FLUSH, Link
from watchword.requests import SUBJECTS, RequestError
from watchword.sinks import Events
from watchword.sinks.link import LinkSink
from watchword.store import Store

PROTOCOL = const(2)
_SLICE = const(12)  # ms of work between two looks at the link
_IDLE = const(2)  # ms of sleep when there is nothing to do,
_ALONE = const(44)  # and when no host has asked for _QUIET: each look costs an RP2040 0.8 ms, asyncio's turn among it
_QUIET = const(1000)  # ms
_PATIENCE = const(500)  # ms that a host may have to wait while sound would be lost
_TURNS = const(25)  # of _SLICE at the most, for which a request that takes long makes way: a run of a large model, and frames


async def run(on_event=None):
    """Run the app until the line to the host ends. on_event: a function, plain or async, called with each event, a dict."""
    await App(on_event).run()


class App:
    """link: to the host. root: the store's folder.

    pipeline: what feeds the program that runs; None where nothing does.
    """

    def __init__(self, on_event=None, link=None, root="ww"):
        dma.abort()
        self.link = link or Link()
        self.events = Events()
        self.events.add(LinkSink(self.link))
        if on_event is not None:
            from watchword.sinks.callback import CallbackSink

            self.events.add(CallbackSink(on_event, self.link.log))
        self.pins = None  # on a board that has some
        self.blamed = None  # the program that cannot hear beside those before it
        self.store = None
        self.settings = {}  # watchword.settings tells what of
        self.note = self.program = self.pipeline = None
        self.littered = True  # whether there may be much garbage
        self.ears = Ears(self)
        self.kept = None  # since when a request has to wait, ms
        self.unload()
        idle = 0
        try:
            self.store = Store(root)
            self.store.make_way = self.make_way
            from watchword import settings

            self.settings, note = settings.read(self.store.path("settings.json"))
            forget("settings")  # which is seldom needed again, and neither is what starts
            gc.collect()
            idle = gc.mem_alloc()
            from watchword import start

            start.start(self, self.store.state["runs"])
            self.note = self.note or note
        except Exception as error:
            self.start_failed(error)
        forget("start", "feeds", "program", "settings", "trial", "changes")
        gc.collect()
        self.program_heap = gc.mem_alloc() - idle if self.program else 0

    def start_failed(self, error):
        """The app cannot start. Whatever it is, the host can still ask what has happened, and put other programs here.

        Of programs beside one another the one that failed gives way, else the last one: those before it had room.
        """
        text = error_text(error)
        self.unload()
        self.note = "the app failed at its start: " + text
        active = self.store.active("sound") if self.store is not None else []
        if len(active) > 1 and self.store.state["runs"] == "sound":
            from watchword.changes import Changes

            file = self.blamed or active[-1]
            Changes(self.store).drop_beside("sound", file, "%s cannot hear beside %s: %s" % (file, active[0], text))
            board.restart()

    # ---- the program

    def apply_cutoffs(self):
        """Give labels and taught words the cutoffs that were set for this program."""
        for decision in self.decisions():
            decision.set_cutoffs(self.cutoffs())

    def cutoffs(self):
        """{label: cutoff} that were set for the programs that run; those of others do not count."""
        return self.settings["cutoffs"] if self.settings and self.settings["tuned"] == self.tuned else {}

    @property
    def tuned(self):
        """What settings call the programs that run."""
        return "+".join([self.file] + self.beside) if self.file else None

    def decisions(self):
        """Who decides about the programs' labels, and about taught words where there are any."""
        if self.pipeline is None:
            return []
        return self.pipeline.decisions() + ([self.teacher.decision] if self.teacher else [])

    def highest(self):
        """The highest scores of all that may fire, as `Decider.highest` has them."""
        found = {}
        for decision in self.decisions():
            found.update(decision.highest())
        return found

    def labels(self):
        """All that may fire."""
        return [label for decision in self.decisions() for label in decision.labels if label in decision.cutoffs]

    def unload(self):
        if self.program is not None:
            self.program.close()
        if self.pipeline is not None:
            self.pipeline.close()
        self.program = self.file = self.runtime = self.pipeline = self.teacher = None
        self.beside = []  # files of the programs that hear beside it
        self.subjects = {"store": _subject("store")(self)}
        self.following = None  # the subject that has something to say when the pipeline has gone on
        self.missing = {  # why a subject is not there
            "sound": "no sound program is loaded: push one",
            "pictures": "no picture program is loaded: push one",
        }
        self.unfed = None  # why nothing can feed the program that runs
        self.load_ms = self.program_heap = 0
        gc.collect()

    # ---- the loop

    async def run(self):
        try:
            self.prepare()
        except Exception as error:
            self.start_failed(error)
        self.report("hello", **self.info())
        self.ears.open()
        watchword.leave_room()
        asked = time.ticks_ms()
        try:
            while not self.link.closed:
                busy = False
                if (not self.link.out or self.link.work()) and self.link.transport.waiting() and self.free() and self.serve():
                    busy = True
                    asked = time.ticks_ms()
                busy = self.work() or busy
                alone = time.ticks_diff(time.ticks_ms(), asked) > _QUIET
                if alone:
                    asked = time.ticks_add(time.ticks_ms(), -_QUIET - 1)  # or the difference would become too long
                pause = 0 if busy else _ALONE if alone else _IDLE
                if core._task_queue.peek() is None and not core._io_queue.map:
                    time.sleep_ms(pause)  # no other task waits for anything: asyncio's turn would take as long as ours
                else:
                    # As asyncio.sleep_ms, which leaves garbage each time: a StopIteration's traceback.
                    core._task_queue.push(core.cur_task, time.ticks_add(time.ticks_ms(), pause))
                    yield
        finally:
            self.close()
            self.link.close()

    def prepare(self):
        """Get ready to hear, where the board hears by itself, and to act."""
        if not board.UNIX:
            from watchword.sinks.pins import PinsSink

            self.pins = PinsSink(self.labels, self.ears)
            self.events.add(self.pins)
            try:
                self.pins.use(self.settings["actions"] if self.settings else [])
            except Exception as error:
                self.report("failed", text="actions: " + error_text(error), count=1, given_up=False)
        try:
            self.ears.prepare()
        except Exception:
            pass  # it is told when the ears are to open

    def close(self):
        """Leave the microphone's pins and those that words switch to others, and the line empty."""
        self.ears.close()
        if self.pins is not None:
            self.pins.stop()
        self.link.flush(FLUSH)

    def free(self):
        """Whether there is time for a request: not where sound would be lost, but a host need not wait for ever."""
        if self.following is not None:
            return not self.following.waiting
        now = time.ticks_ms()
        if self.behind():
            if self.kept is None:
                self.kept = now
            if time.ticks_diff(now, self.kept) <= _PATIENCE:
                return False
        self.kept = None
        return True

    def behind(self):
        return self.ears.hearing and self.pipeline.behind()

    def run_pipeline(self):
        """A turn of the pipeline, also within a request that takes long; whether there is more to do now."""
        busy = False
        try:
            busy = self.pipeline.work(_SLICE)
            if self.following is not None:
                busy = self.following.follow() or busy
        except Exception as error:
            self.stop()
            self.ears.failed(error)
        return busy

    def make_way(self):
        """A request takes long: where sound might be lost meanwhile, the ears come first, for a while."""
        for _ in range(_TURNS):
            if not self.behind():
                break
            self.run_pipeline()

    def work(self):
        """A turn of all but the link; whether there is more to do now."""
        busy = False
        if self.pipeline is not None:
            busy = self.run_pipeline()
            self.ears.check()
        if self.pins is not None:
            self.pins.work()
        if self.events.waiting:
            self.events.work()
        return busy

    def need_settings(self):
        if not self.settings:
            raise RequestError(self.note)  # which tells why the app has none
        return self.settings

    def change_settings(self, **changes):
        """Change settings. SettingsError, OSError: it cannot be done."""
        write = watchword.holding_room(_write)
        self.make_way()
        changed = dict(self.need_settings())
        changed.update(changes)
        try:
            write(self.store.path("settings.json"), changed)
        finally:
            forget("settings")
        self.settings = changed

    def report(self, event, **fields):
        """Tell the host, the user's code and pins of an event."""
        self.littered = True
        self.events.put(event, fields)

    def serve(self):
        """Handle the next request; False when none has come."""
        t0 = time.ticks_us()
        request = self.link.receive()
        if request is None:
            return False
        self.littered = True
        do = request["do"]
        if do in SUBJECTS:
            self.answer(request, "do_" + do)
        else:
            self.link.error(request, "unknown request %s; known: %s" % (do[:40], ", ".join(sorted(SUBJECTS))))
        if self.following is not None:
            self.following.spent(time.ticks_diff(time.ticks_us(), t0))
        return True

    def answer(self, request, method):
        # Whatever fails, also memory, flash, or by a fault of ours: the host is told, and the app goes on.
        try:
            subject = self.subject(SUBJECTS[request["do"]])
        except Exception as error:
            if isinstance(error, MemoryError):
                error = watchword.Refusal(
                    "its heap has no room for this (%s): take its microphone off, push another model" % error
                )
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
        if name in self.missing and (self.pipeline is None or self.pipeline.subject != name):
            raise RequestError(self.missing[name])
        if name not in self.subjects:
            self.subjects[name] = watchword.holding_room(lambda: _subject(name)(self))
            self.make_way()  # reading it from flash has taken a while
        return self.subjects[name]

    def need_program(self):
        """A request needs the program for itself: the ears come later."""
        self.ears.rest()
        if self.program is None:
            raise RequestError("no program is loaded: push one")

    def stop(self):
        """Whatever of sound or a picture is under way is forgotten: something else needs the program."""
        if self.following is not None:
            self.following.stop()
            self.following = None
        if self.pipeline is not None:
            self.pipeline.stop()

    # ---- what it says of itself

    def info(self):
        store, settings = self.store, self.settings
        free, total = store.free() if store else (0, 0)
        programs = store.programs() if store else []
        kind = store.state["runs"] if store else "sound"
        pending = store is not None and store.trial(kind) is not None
        gc.collect()
        return {
            "protocol": PROTOCOL,
            "firmware": watchword.VERSION,
            "micropython": ".".join(str(n) for n in sys.implementation[1][:3]),
            "format": FORMAT,
            "kernels": kernels.VERSION,
            "native": bodies.NATIVE,
            "target": board.target(),
            "mpy": getattr(sys.implementation, "_mpy", 0),
            "board": getattr(sys.implementation, "_machine", sys.platform),
            "uid": board.unique_id(),
            "heap_free": gc.mem_free() + watchword.room_held(),
            "program_ram": self.program.ram if self.program else 0,
            "program_heap": self.program_heap,
            "load_ms": self.load_ms,
            "flash_free": free,
            "flash": total,
            "chunk": CHUNK,
            "running": self.file,
            "beside": self.beside,
            "note": self.note,
            "name": settings["name"] if settings else None,
            "microphone": settings["microphone"]["kind"] if settings and settings["microphone"] else None,
            "mute": settings["mute"] if settings else False,
            "ring": self.ears.ring_size,
            "kind": kind,
            "trial": store.trial(kind)["file"] if pending else None,
            "programs": programs,
        }


def _write():
    """What writes settings."""
    from watchword.settings import write

    return write


def _subject(name):
    """The class of its requests."""
    return __import__("watchword.requests." + name, None, None, ("Subject",)).Subject
