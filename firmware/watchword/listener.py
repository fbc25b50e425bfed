"""The sound pipeline: source, front end, model, decision. Allocates nothing once it stands."""

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

    `advance(ms)` does about `ms` milliseconds of work; `heard` is then the index of the label that fired, or -1. `teacher`
    knows taught words, where there are any, and says itself what fires of them.
    """

    def __init__(self, program, source):
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
        self.source = source
        self.runtime = Runtime(program)
        if len(program.input) % CHANNELS or len(program.output) != len(self.labels):
            raise ValueError("the model's input is no frames of 40 features, or it has not one output per label")
        self.frontend = Frontend(
            program.tables, front["noise_reduction"], front["pcan"], front["log"], d["input"]["multiplier"]
        )
        self.decision = Decision(d["labels"], d["background"], decision["cutoff"], decision["window"], decision["refractory"])
        self.hop = RATE * front["hop_ms"] // 1000
        self.stride = decision["stride"]
        self.credit = source.capacity - WINDOW  # samples that may be under way to the source
        self.samples = array("h", bytes(2 * WINDOW))
        self.span = (len(program.input) // CHANNELS - 1) * self.hop + WINDOW  # samples that a run of the model covers
        self.teacher = None
        # The features that the model sees: a ring of frames, the oldest at `next`.
        self.history = bytearray(len(program.input))
        self.reset(self.stride)

    def reset(self, stride):
        """Begin a new stream: nothing is remembered. The model runs every `stride` frames; 0: only when `start` is called."""
        self.source.reset()
        self.frontend.reset()
        self.decision.reset()
        self.runtime.reset()
        for i in range(len(self.history)):
            self.history[i] = 128  # int8 -128: silence
        for i in range(WINDOW):
            self.samples[i] = 0
        if self.teacher is not None:
            self.teacher.reset()
        self.every = stride
        self.next = 0
        self.count = 0  # frames so far
        self.runs = 0
        self.heard = -1

    @property
    def idle(self):
        """Tell whether nothing can be done before more sound comes."""
        return not self.runtime.running and self.source.available() < self.wanted()

    def wanted(self):
        """Return how many samples the next frame needs."""
        return self.hop if self.count else WINDOW

    def ms(self):
        """Return the position in the stream, the end of the last frame, in milliseconds."""
        return ((self.count - 1) * self.hop + WINDOW) // (RATE // 1000) if self.count else 0

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
