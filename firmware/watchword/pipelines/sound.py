"""The sound pipeline: source, front end, model, decision, events. Allocates nothing between two events."""

import time
from array import array

from micropython import const

from watchword.decision import NO_END, Decision
from watchword.frontend import CHANNELS, Frontend
from watchword.kernels.bodies import buffers
from watchword.runtime import Runtime
from watchword.sources import RATE

WINDOW = const(480)  # samples in the window of one frame of features: 30 ms
_NEVER = const((1 << 30) - 1)


class Model:
    """A program that hears: its runtime, and what decides."""

    def __init__(self, program):
        from watchword import feeds  # which nobody needs once the program is there

        d = program.description
        feeds.sound(d, len(program.input), len(program.output))
        decision = d["decision"]
        self.program = program
        self.labels = d["labels"]
        self.stride = decision["stride"]
        self.every = 0  # frames between two runs; 0: none but those that are asked for
        self.runtime = Runtime(program)
        self.decision = Decision(d["labels"], d["background"], decision["cutoff"], decision["window"], decision["refractory"])
        self.size = len(program.input)  # bytes that it sees,
        self.frames = self.size // CHANNELS  # and frames of features
        self.reset()

    def reset(self, ends=NO_END):
        self.decision.reset(ends)
        self.runtime.reset()


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
        self.patient = False  # whether frames wait until there are as many as are done at once
        self.peak = 0  # the greatest sample since the observer has set it to 0, without its sign
        self.model = model = Model(program)
        front = program.description["frontend"]
        self.models = [model]
        self.program, self.runtime, self.stride = program, model.runtime, model.stride  # of the first one
        self.front = front, program.description["input"]
        self.frontend = Frontend(
            program.tables, front["noise_reduction"], front["pcan"], front["log"], self.front[1]["multiplier"], model.frames
        )
        self.hop_ms = front["hop_ms"]
        self.hop = RATE * self.hop_ms // 1000
        self.kept = WINDOW - self.hop  # samples of a window that the next one has, too
        self.together = WINDOW // self.hop  # frames that are taken at once, at most
        self.samples = array("h", bytes(2 * (self.kept + self.together * self.hop)))
        self.span = (model.frames - 1) * self.hop + WINDOW  # samples that a run of the first model covers
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
        if CHANNELS * model.frames > len(self.frontend.input):
            self.frontend.keep(model.frames)
            self.frontend.reset()
        return model

    def close(self):
        for model in self.models[1:]:
            model.program.close()

    def decisions(self):
        return [model.decision for model in self.models]

    def reset(self, ends=NO_END):
        self.frontend.reset()
        for i in range(len(self.samples)):
            self.samples[i] = 0
        for model in self.models:
            model.reset(ends)
        if self.teacher is not None:
            self.teacher.reset(ends)
        self.current = None  # the model that runs
        self.count = 0  # frames so far
        self.need = WINDOW  # samples that are to be there before anything is done,
        self.room = 1  # and the most frames that are done then
        self.runs = 0  # of the first model
        self.heard = -1

    def begin(self, source, stride=None, ends=NO_END):
        """Begin a new stream: nothing is remembered.

        Models run every `stride` frames, by default their programs' numbers; 0: only when `start` is called. A run is left out
        where the pipeline is `behind`, so that no sound is lost to a model that is too slow. ends: ms at which its recording
        ends, as `Decision.reset` has it.
        """
        source.reset()
        self.reset(ends)
        for model in self.models:
            model.every = model.stride if stride is None else stride
            model.skips = model.frames > model.every  # not one that keeps state
        self.most = getattr(source, "pressing", _NEVER)
        self.patient = self.together * self.hop <= self.most != _NEVER
        self.plan()
        self.source = source

    def stop(self):
        """Hear no more: what waits is left where it is."""
        self.source = None

    def idle(self):
        """Tell whether nothing can be done before more sound comes."""
        if self.source is None:
            return True
        return self.current is None and self.source.available() < self.need

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
        # Where an int has 31 bits, a count of samples would be an allocation after 18 hours; one of ms is after 12 days.
        return (self.count - 1) * self.hop_ms + WINDOW // (RATE // 1000) + (source.lost + source.skipped) // (RATE // 1000)

    def work(self, ms):
        """Listen for about `ms` milliseconds; True when there is more to do now."""
        if self.source is None:
            return False
        t0 = time.ticks_ms()
        while True:
            if self.current is not None:
                if self.go_on(ms) and (self.heard >= 0 or self.teacher is not None or self.observer is not None):
                    self.tell()
            elif not self.take():
                return False
            elif self.current is not None:
                continue
            if time.ticks_diff(time.ticks_ms(), t0) >= ms:
                return not self.idle()

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
        score, at = round(decision.score(index), 3), decision.time / 1000
        self.report("detect", label=decision.labels[index], score=score, time=at, **fields)

    def advance(self, ms):
        """Take what has come, or process about `ms` milliseconds of a run of a model; True when a run has ended."""
        if self.current is not None:
            return self.go_on(ms)
        self.heard = -1
        self.take()
        return False

    def go_on(self, ms):
        """Go on with a run of a model; True when it has ended."""
        self.heard = -1
        self.model = model = self.current
        first = model is self.models[0]
        teacher = self.teacher if first else None
        if teacher is None:
            if not model.runtime.run(ms):
                return False
            at = self.ms()
        else:
            if not teacher.run(model.runtime, ms):
                return False
            at = self.ms()
            teacher.update(at)
        self.heard = model.decision.update(model.program.output, at)
        self.runs += first
        self.current = None
        for other in self.models:
            if other is not model and other.runtime.running():
                self.current = other
        return True

    def take(self):
        """Process frames that have come, up to the next run of a model, and begin that. False: none has come, or too few.

        Several at once, since what Python does for one takes half as long as its features.
        """
        source = self.source
        n = source.available()
        if n < self.need:
            return False
        samples = self.samples
        if self.count:
            hop = self.hop
            n //= hop
            if n > self.room:
                n = self.room
            first, new = self.kept, n * hop
        else:
            n, first, new = 1, 0, WINDOW
        source.read(samples, 2 * first, new)
        if self.observer is not None:
            self.peak = max(self.peak, buffers.peak(samples, first, new))
        self.frontend.process(samples, n, self.hop)
        self.count += n
        self.plan()
        return True

    def plan(self):
        """Begin the runs that are due, and find out how many frames are to be taken next."""
        room = self.together
        for model in self.models:
            if model.every:
                left = model.every - self.count % model.every
                if left == model.every and self.count and not (model.skips and self.behind()):
                    self.start(model)
                if left < room:
                    room = left
        self.room = room
        self.need = room * self.hop if self.patient and self.count else self.wanted()

    def start(self, model):
        """Begin a run of a model on the newest frames of features."""
        self.frontend.newest(model.program.input, model.size)
        model.runtime.start()
        self.current = model

    def frame_us(self):
        """Microseconds of the front end for one frame."""
        t0 = time.ticks_us()
        self.frontend.process(self.samples)
        return time.ticks_diff(time.ticks_us(), t0)
