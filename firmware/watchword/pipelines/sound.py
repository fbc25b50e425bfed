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
_NEVER = const((1 << 30) - 1)


class Model:
    """A program that hears: its runtime, what decides, and the newest frames of features, which it sees."""

    def __init__(self, program):
        d = program.description
        if d["kind"] != "sound":
            raise ValueError("it is for no sound, its kind is %s" % d["kind"])
        if d["features"] != "micro":
            raise ValueError("it takes %s features, which no front end here makes" % d["features"])
        decision = d["decision"]
        check(d["labels"], decision)
        self.program = program
        self.labels = d["labels"]
        self.stride = decision["stride"]
        self.every = 0  # frames between two runs; 0: none but those that are asked for
        self.runtime = Runtime(program)
        if len(program.input) % CHANNELS or len(program.output) != len(self.labels):
            raise ValueError("the model's input is no frames of 40 features, or it has not one output per label")
        self.decision = Decision(d["labels"], d["background"], decision["cutoff"], decision["window"], decision["refractory"])
        self.history = bytearray(len(program.input))  # a ring of frames, the oldest at `next`
        self.reset()

    def reset(self):
        self.decision.reset()
        self.runtime.reset()
        for i in range(len(self.history)):
            self.history[i] = 128  # int8 -128: silence
        self.next = 0

    def append(self, features):
        """Take the features of one more frame."""
        buffers.copy(self.history, self.next, features, 0, CHANNELS)
        self.next = (self.next + CHANNELS) % len(self.history)

    def start(self):
        """Begin a run on the newest frames."""
        program, history = self.program, self.history
        size = len(history)
        buffers.copy(program.input, 0, history, self.next, size - self.next)
        buffers.copy(program.input, size - self.next, history, 0, self.next)
        self.runtime.start()


class Listener:
    """Feeds programs from a source and tells what was heard.

    `begin` gives it a source; `work(ms)` then does about `ms` milliseconds of what can be done, and reports what is heard.
    `advance(ms)` is one step of that; `heard` is then the index of the label that fired, or -1, and `model` the one that heard
    it. `teacher` knows taught words of the first model, where there are any, and says itself what fires of them. observer:
    called after each run of a model, where somebody looks on.
    """

    subject = "sound"

    def __init__(self, program, report=None):
        self.report = report
        self.source = self.observer = None
        self.peak = 0  # the greatest sample since the observer has set it to 0, without its sign
        self.model = model = Model(program)
        front = program.description["frontend"]
        if not isinstance(front["hop_ms"], int) or front["hop_ms"] not in (10, 20):
            raise ValueError("its hop_ms is not 10 or 20")
        self.models = [model]
        self.program, self.runtime, self.stride = program, model.runtime, model.stride  # of the first one
        self.front = front, program.description["input"]
        self.frontend = Frontend(
            program.tables, front["noise_reduction"], front["pcan"], front["log"], self.front[1]["multiplier"]
        )
        self.hop = RATE * front["hop_ms"] // 1000
        self.samples = array("h", bytes(2 * WINDOW))
        self.span = (len(program.input) // CHANNELS - 1) * self.hop + WINDOW  # samples that a run of the first model covers
        self.teacher = None
        self.reset()

    def add(self, program):
        """Let a program hear beside the first one, by the same front end; its Model. ValueError: that cannot be."""
        description = program.description
        if (description["frontend"], description["input"]) != self.front or program.tables != self.program.tables:
            raise ValueError("its front end is another one")
        for model in self.models:
            for label in description["labels"]:
                if label in model.labels:
                    raise ValueError("both know %s" % label)
        model = Model(program)
        program.tables = self.program.tables
        self.models.append(model)
        return model

    def close(self):
        for model in self.models[1:]:
            model.program.close()

    def decisions(self):
        return [model.decision for model in self.models]

    def reset(self):
        self.frontend.reset()
        for i in range(WINDOW):
            self.samples[i] = 0
        for model in self.models:
            model.reset()
        if self.teacher is not None:
            self.teacher.reset()
        self.current = None  # the model that runs
        self.count = 0  # frames so far
        self.runs = 0  # of the first model
        self.heard = -1

    def begin(self, source, stride=None):
        """Begin a new stream: nothing is remembered.

        Models run every `stride` frames, by default their programs' numbers; 0: only when `start` is called. A run is left out
        where the pipeline is `behind`, so that no sound is lost to a model that is too slow.
        """
        source.reset()
        self.reset()
        for model in self.models:
            model.every = model.stride if stride is None else stride
            model.skips = len(model.history) > CHANNELS * model.every  # not one that keeps state
        self.most = getattr(source, "pressing", _NEVER)
        self.source = source

    def stop(self):
        """Hear no more: what waits is left where it is."""
        self.source = None

    @property
    def idle(self):
        """Tell whether nothing can be done before more sound comes."""
        if self.source is None:
            return True
        return self.current is None and self.source.available() < self.wanted()

    @property
    def behind(self):
        """Tell whether so much sound waits that some might be lost soon."""
        return self.source is not None and self.source.available() >= self.most

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
        source = self.source
        if source is None:
            return False
        t0 = time.ticks_ms()
        waiting = 0  # at least; to ask takes as long as to take a frame
        while True:
            if self.current is not None:
                if self.go_on(ms):
                    self.tell()
            else:
                wanted = self.hop if self.count else WINDOW
                if waiting < wanted:
                    waiting = source.available()
                    if waiting < wanted:
                        return False
                waiting -= wanted
                self.take()
            if time.ticks_diff(time.ticks_ms(), t0) >= ms:
                return not self.idle

    def tell(self):
        """Report what the run that has ended heard."""
        model, teacher = self.model, self.teacher
        if self.heard >= 0:
            self.detected(model.decision, self.heard)
        if teacher is not None and teacher.heard >= 0 and model is self.models[0]:
            self.detected(teacher.decision, teacher.heard, taught=True)
        if self.observer is not None:
            self.observer()

    def detected(self, decision, index, **fields):
        at = self.ms() / 1000
        self.report("detect", label=decision.labels[index], score=round(decision.score(index), 3), time=at, **fields)

    def advance(self, ms):
        """Process one frame, or about `ms` milliseconds of a run of a model; True when a run has ended."""
        if self.current is not None:
            return self.go_on(ms)
        self.heard = -1
        if self.source.available() >= self.wanted():
            self.take()
        return False

    def go_on(self, ms):
        """Go on with a run of a model; True when it has ended."""
        self.heard = -1
        self.model = model = self.current
        first = model is self.models[0]
        teacher = self.teacher if first else None
        if not (model.runtime.run(ms) if teacher is None else teacher.run(model.runtime, ms)):
            return False
        self.runs += first
        self.heard = model.decision.update(model.program.output, self.ms())
        if teacher is not None:
            teacher.update(self.ms())
        self.current = None
        for other in self.models:
            if other.runtime.running:
                self.current = other
        return True

    def take(self):
        """Process one frame, which has come; begin runs of the models where it is time."""
        self.frame()
        for model in self.models:
            if model.every and self.count % model.every == 0 and not (model.skips and self.behind):
                model.start()
                self.current = model

    def frame(self):
        """Take the samples of the next frame, and give its features to the models."""
        samples = self.samples
        n = self.hop if self.count else WINDOW
        kept = 2 * (WINDOW - n)
        buffers.copy(samples, 0, samples, 2 * n, kept)
        self.source.read(samples, kept, n)
        if self.observer is not None:
            self.peak = max(self.peak, buffers.peak(samples, WINDOW - n, n))
        self.frontend.process(samples)
        for model in self.models:
            model.append(self.frontend.input)
        self.count += 1

    def start(self):
        """Begin a run of the first model on the newest frames of features."""
        self.current = self.models[0]
        self.current.start()

    def frame_us(self):
        """Microseconds of the front end for one frame."""
        t0 = time.ticks_us()
        self.frontend.process(self.samples)
        return time.ticks_diff(time.ticks_us(), t0)
