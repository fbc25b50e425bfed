"""How a board spends its time while it hears by itself.

For as long as it is measured, methods of what hears are replaced by ones that take the time, too; nothing else pays for that.
"""

import asyncio
import gc
from asyncio import core
from time import ticks_diff, ticks_us

from micropython import const

import watchword
from watchword import board, error_text
from watchword.requests import RequestError, Requests, field

_SETTLE = const(1500)  # ms after a request until the app looks at its link as seldom as it does alone
_MOST = const(60)  # seconds
_CALLS = const(200)  # to find out what the taking of time takes


class Subject(Requests):
    def do_live(self, request):
        """The reply comes when all has been measured."""
        seconds = field(request, "seconds", int, 10)
        if not 1 <= seconds <= _MOST:
            raise RequestError("seconds: 1 to %d are expected" % _MOST)
        if not self.app.ears.hearing:
            raise RequestError(self.app.ears.text or "the board hears nothing by itself: it has no microphone, or is mute")
        self.task = asyncio.create_task(self.answer(request, seconds))

    async def answer(self, request, seconds):
        try:
            fields = await self.measure(seconds)
        except Exception as error:
            self.link.error(request, error_text(error))
        else:
            self.link.reply(request, **fields)

    async def measure(self, seconds):
        await asyncio.sleep_ms(_SETTLE)
        source = self.app.ears.source
        lost = source.lost
        meter = watchword.holding_room(lambda: Meter(self.app))
        gc.collect()
        t0 = ticks_us()
        await asyncio.sleep_ms(1000 * seconds)
        us = ticks_diff(ticks_us(), t0)
        meter.remove()
        if not self.app.ears.hearing:
            raise RequestError(self.app.ears.text or "the board has ceased to hear by itself meanwhile")
        fields = meter.found()
        fields.update({"us": us, "lost": source.lost - lost, "ring": source.ring_size(), "hz": board.frequency()})
        return fields


class Meter:
    """Adds up what the parts of `app` take, from now on until `remove`."""

    def __init__(self, app):
        self.placed = []  # (part, object, name of its method, _Timed)
        pipeline, teacher = app.pipeline, app.teacher
        self.place("source", pipeline.source, "available", 0)
        self.place("source", pipeline.source, "read", 3)
        self.place("features", pipeline.frontend, "process", 3)
        if teacher is not None:
            self.place("model", teacher, "run", 2)
            self.place("decision", teacher, "update", 1)
        for model in pipeline.models[teacher is not None :]:
            self.place("model", model.runtime, "run", 1)
        for decision in pipeline.decisions():
            self.place("decision", decision, "update", 2)
        self.place("link", app.link, "work", 0)
        self.place("link", app.link.transport, "waiting", 0)
        self.place("idle", core._io_queue, "wait_io_event", 1)

    def place(self, part, owner, name, arguments):
        """Take the time of a method of an object; part: to which it belongs."""
        timed = _Timed(getattr(owner, name))
        setattr(owner, name, (timed.none, timed.one, timed.two, timed.three)[arguments])
        self.placed.append((part, owner, name, timed))

    def remove(self):
        for _, owner, name, _ in self.placed:
            delattr(owner, name)

    def found(self):
        """Microseconds of each part, and of the taking of time itself, which is in none of them."""
        timed = _Timed(_nothing)
        method = timed.none
        t0 = ticks_us()
        for _ in range(_CALLS):
            _nothing()
        t1 = ticks_us()
        for _ in range(_CALLS):
            method()
        bare, all = ticks_diff(t1, t0), ticks_diff(ticks_us(), t1)
        inside = max(0, timed.us - bare)
        found = {"measuring": 0}
        for part, _, _, timed in self.placed:
            found[part] = found.get(part, 0) + max(0, timed.us - timed.calls * inside // _CALLS)
            found["measuring"] += timed.calls * max(0, all - bare) // _CALLS
        return found


class _Timed:
    """A method whose time is added up. To be called by the one of these that has its number of arguments: none allocates."""

    def __init__(self, method):
        self.method = method
        self.us = self.calls = 0

    def none(self):
        t0 = ticks_us()
        result = self.method()
        self.us += ticks_diff(ticks_us(), t0)
        self.calls += 1
        return result

    def one(self, a):
        t0 = ticks_us()
        result = self.method(a)
        self.us += ticks_diff(ticks_us(), t0)
        self.calls += 1
        return result

    def two(self, a, b):
        t0 = ticks_us()
        result = self.method(a, b)
        self.us += ticks_diff(ticks_us(), t0)
        self.calls += 1
        return result

    def three(self, a, b, c):
        t0 = ticks_us()
        result = self.method(a, b, c)
        self.us += ticks_diff(ticks_us(), t0)
        self.calls += 1
        return result


def _nothing():
    pass
