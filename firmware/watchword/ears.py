"""The ears of a board that hears by itself: its microphone, watched over.

A fault of the microphone, sound that was lost and an exception on the way to the model are events; in all cases the board goes
on, and hears again when the cause is gone.
"""

import gc
import time

from micropython import const

from watchword import error_text, forget

_PERIOD = const(1000)  # ms between two looks at the microphone,
_TWICE = const(2)  # of which so many, one after another, have to find a fault before it is told
_RARELY = const(10)  # looks at zeros, of which one is at the other slot, too,
_MOMENT = const(100)  # ms, for so long
_AGAIN = const(5000)  # ms until a microphone that could not be started is tried again
_MOST = const(5)  # exceptions, each within PEACE of the one before, after which listening is given up
_PEACE = const(10000)  # ms
_LENT = const(4096)  # bytes of a ring that somebody else can use meanwhile


class Ears:
    """app: whose pipeline hears. `source` is the microphone, None where there is none or it is off.

    fault: what is wrong with the microphone now, by name, or None; text: in a line.
    """

    def __init__(self, app):
        self.app = app
        self.source = self.fault = self.text = None
        self.given_up = False
        self.failures = 0
        self.forget()

    def forget(self):
        self.found = None  # the fault that the last look found,
        self.looks = 0  # and how often it has been found
        self.trying = False  # whether the other slot is listened to
        self.told = 0  # samples lost of which the host knows
        self.at = time.ticks_ms()  # of the last look or attempt

    @property
    def wanted(self):
        """Whether this board is to hear by itself."""
        pipeline = self.app.pipeline
        return self.enabled and pipeline is not None and pipeline.subject == "sound"

    @property
    def enabled(self):
        """Whether it has a microphone that is on."""
        settings = self.app.settings
        return bool(settings and settings["microphone"] and not settings["mute"])

    @property
    def ring_size(self):
        """Bytes of the heap in which sound waits."""
        return self.source.ring_size() if self.source is not None else 0

    def spare(self):
        """The microphone's ring, which holds nothing while a host sends sound; None where it is no large one."""
        source = self.source
        return source.ring if source is not None and source.ring_size() >= _LENT else None

    @property
    def hearing(self):
        """Whether the pipeline hears the microphone now."""
        pipeline = self.app.pipeline
        return self.source is not None and pipeline is not None and pipeline.source is self.source

    def prepare(self):
        """Make the source, and room for what it hears. Raises what hinders that."""
        if self.source is None and self.enabled:
            from watchword.sources.microphones import microphone

            try:
                source = microphone(self.app.settings["microphone"])
                source.prepare(len(self.app.store.active("sound")) > 1)
            finally:
                forget("sources.microphones")
            self.source = source

    def open(self):
        """Begin to hear, where the board is to and nobody sends it sound."""
        if self.given_up or not self.wanted or self.app.pipeline.source is not None:
            return
        self.forget()
        try:
            self.prepare()
            if self.source is None:
                return
            self.app.pipeline.begin(self.source)
            self.source.start()  # last: the first sample that comes is the stream's first, always
        except Exception as error:
            if self.hearing:
                self.app.pipeline.stop()
            self.tell("stopped", error_text(error))
            return
        if self.fault == "stopped":
            self.tell(None)

    def rest(self):
        """Something else needs the program: the ears wait for a while."""
        self.at = time.ticks_ms()

    def close(self):
        """Hear no more. Pins, DMA and state machine are free; the ring stays."""
        if self.source is not None:
            if self.hearing:
                self.app.pipeline.stop()
            if self.trying:  # or it would begin there next time
                self.trying = False
                self.source.turn()
            self.source.stop()

    def check(self):
        """Look at the microphone, where it is time."""
        elapsed = time.ticks_diff(time.ticks_ms(), self.at)
        if elapsed < _PERIOD or not self.wanted or self.given_up:
            return
        if not self.hearing:
            if elapsed >= _AGAIN:
                self.open()
            return
        self.at = time.ticks_ms()
        source = self.source
        lost = source.lost
        if lost != self.told:
            self.app.report("lost", samples=lost - self.told, time=self.app.pipeline.ms() / 1000)
            self.told = lost
        if self.app.littered:  # room for frames is at the heap's start again
            self.app.littered = False
            gc.collect()
        fault = source.fault()
        if fault == "stopped" and not self.app.pipeline.idle():
            return  # what has come could not be taken, for want of time
        if self.trying:
            self.trying = False
            if fault == "zeros":  # there, too
                source.turn()
            else:
                self.looks = _TWICE
        else:
            self.looks = self.looks + 1 if fault == self.found else 1
            if fault == "zeros" and self.looks % _RARELY == _TWICE:
                # Perhaps it answers in the other slot. That is looked at for a moment only: nothing is heard of a word then.
                self.found = fault
                source.turn()
                self.trying = True
                self.at = time.ticks_add(self.at, _MOMENT - _PERIOD)
                return
        self.found = fault
        if self.looks < _TWICE:
            return
        if fault != self.fault:
            self.tell(fault)
        if fault == "stopped":
            self.close()
            self.open()

    def tell(self, fault, text=None):
        """Of a fault of the microphone, or of its end."""
        if text is None and fault is not None:
            from watchword.sources.faults import CAUSES

            text = CAUSES[fault]
            forget("sources.faults")
        if (fault, text) == (self.fault, self.text):
            return
        self.fault, self.text = fault, text
        pipeline = self.app.pipeline
        at = pipeline.ms() / 1000 if self.hearing else 0
        self.app.report("microphone", fault=fault, text=text or "it hears again", time=at)

    def failed(self, error):
        """An exception has come out of the pipeline: listening begins anew, unless it was the last of many."""
        now = time.ticks_ms()
        if not self.failures or time.ticks_diff(now, self.last) > _PEACE:
            self.failures = 0
        self.last = now
        self.failures += 1
        self.given_up = self.failures >= _MOST
        self.app.report("failed", text=error_text(error), count=self.failures, given_up=self.given_up)
        self.close()
        self.open()
