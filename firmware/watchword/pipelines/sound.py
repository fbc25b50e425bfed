"""The sound pipeline: source, front end, model, decision, events. Allocates nothing between two events."""

import time
from array import array

from micropython import const

from watchword.decision import Decision, check
from watchword.frontend import Frontend
from watchword.kernels.bodies import buffers
from watchword.runtime import Runtime
from watchword.sources import RATE

WINDOW = const(480)  # samples in the window of one frame of features: 30 ms
CHANNELS = const(40)


class Listener:
    """Feeds a program from a source and tells what was heard.

    `begin` gives it a source; `work(ms)` then does about `ms` milliseconds of what can be done, and reports what is heard.
    `advance(ms)` is one step of that; `heard` is then the index of the label that fired, or -1. `teacher` knows taught words,
    where there are any, and says itself what fires of them. observer: called after each run of the model, where somebody looks
    on.
    """

    subject = "sound"

    def __init__(self, program, report=None):
        d = program.description
        if d["kind"] != "sound":
            raise ValueError("it is for no sound, its kind is %s" % d["kind"])
        if d["features"] != "micro":
            raise ValueError("it takes %s features, which no front end here makes" % d["features"])
        front, decision = d["frontend"], d["decision"]
        check(d["labels"], decision)
        if not isinstance(front["hop_ms"], int) or front["hop_ms"] not in (10, 20):
            raise ValueError("its hop_ms is not 10 or 20")
        self.labels = d["labels"]
        self.program = program
        self.report = report
        self.source = self.observer = None
        self.peak = 0  # the greatest sample since the observer has set it to 0, without its sign
        self.runtime = Runtime(program)
        if len(program.input) % CHANNELS or len(program.output) != len(self.labels):
            raise ValueError("the model's input is no frames of 40 features, or it has not one output per label")
        self.frontend = Frontend(
            program.tables, front["noise_reduction"], front["pcan"], front["log"], d["input"]["multiplier"]
        )
        self.decision = Decision(d["labels"], d["background"], decision["cutoff"], decision["window"], decision["refractory"])
        self.hop = RATE * front["hop_ms"] // 1000
        self.stride = decision["stride"]
        self.samples = array("h", bytes(2 * WINDOW))
        self.span = (len(program.input) // CHANNELS - 1) * self.hop + WINDOW  # samples that a run of the model covers
        self.teacher = None
        # The features that the model sees: a ring of frames, the oldest at `next`.
        self.history = bytearray(len(program.input))
        self.reset()

    def reset(self):
        self.frontend.reset()
        self.decision.reset()
        self.runtime.reset()
        for i in range(len(self.history)):
            self.history[i] = 128  # int8 -128: silence
        for i in range(WINDOW):
            self.samples[i] = 0
        if self.teacher is not None:
            self.teacher.reset()
        self.next = 0
        self.count = 0  # frames so far
        self.runs = 0
        self.heard = -1

    def begin(self, source, stride=None):
        """Begin a new stream: nothing is remembered.

        The model runs every `stride` frames, by default the program's number; 0: only when `start` is called.
        """
        source.reset()
        self.reset()
        self.every = self.stride if stride is None else stride
        self.source = source

    def stop(self):
        """Hear no more: what waits is left where it is."""
        self.source = None

    @property
    def idle(self):
        """Tell whether nothing can be done before more sound comes."""
        if self.source is None:
            return True
        return not self.runtime.running and self.source.available() < self.wanted()

    def wanted(self):
        """Return how many samples the next frame needs."""
        return self.hop if self.count else WINDOW

    def ms(self):
        """Return the position in the stream, the end of the last frame, in milliseconds. What went by unheard counts too."""
        if not self.count:
            return 0
        source = self.source
        return ((self.count - 1) * self.hop + WINDOW + source.lost + source.skipped) // (RATE // 1000)

    def work(self, ms):
        """Listen for about `ms` milliseconds; True when there is more to do now."""
        t0 = time.ticks_ms()
        while not self.idle:
            if self.advance(ms):
                self.tell()
            if time.ticks_diff(time.ticks_ms(), t0) >= ms:
                return not self.idle
        return False

    def tell(self):
        """Report what the run that has ended heard."""
        teacher = self.teacher
        if self.heard >= 0:
            self.detected(self.labels, self.decision, self.heard)
        if teacher is not None and teacher.heard >= 0:
            self.detected(teacher.taught.words, teacher.decision, teacher.heard, taught=True)
        if self.observer is not None:
            self.observer()

    def detected(self, labels, decision, index, **fields):
        at = self.ms() / 1000
        self.report("detect", label=labels[index], score=round(decision.score(index), 3), time=at, **fields)

    def advance(self, ms):
        """Process one frame, or about `ms` milliseconds of a run of the model; True when a run has ended."""
        self.heard = -1
        if self.runtime.running:
            teacher = self.teacher
            if not (self.runtime.run(ms) if teacher is None else teacher.run(self.runtime, ms)):
                return False
            self.runs += 1
            self.heard = self.decision.update(self.program.output, self.ms())
            if teacher is not None:
                teacher.update(self.ms())
            return True
        if self.source.available() >= self.wanted():
            self.frame()
            if self.every and self.count % self.every == 0:
                self.start()
        return False

    def frame(self):
        """Take the samples of the next frame and append its features to the history."""
        n = self.wanted()
        buffers.copy(self.samples, 0, self.samples, 2 * n, 2 * (WINDOW - n))
        self.source.read(self.samples, 2 * (WINDOW - n), n)
        if self.observer is not None:
            self.peak = max(self.peak, buffers.peak(self.samples, WINDOW - n, n))
        self.frontend.process(self.samples)
        buffers.copy(self.history, self.next, self.frontend.input, 0, CHANNELS)
        self.next = (self.next + CHANNELS) % len(self.history)
        self.count += 1

    def start(self):
        """Begin a run of the model on the newest frames of features."""
        size = len(self.history)
        buffers.copy(self.program.input, 0, self.history, self.next, size - self.next)
        buffers.copy(self.program.input, size - self.next, self.history, 0, self.next)
        self.runtime.start()

    def frame_us(self):
        """Microseconds of the front end for one frame."""
        t0 = time.ticks_us()
        self.frontend.process(self.samples)
        return time.ticks_diff(time.ticks_us(), t0)
