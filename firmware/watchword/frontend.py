"""The sound front end: a 30 ms window of samples to 40 log-mel features, bit for bit as TFLite Micro's "micro" front end.

    f = Frontend(tables)
    f.process(samples)  # fills f.features (uint16) and f.input (int8, what a model takes)

The caller owns the samples. Several frames in one call cost less: a call of Python's takes a twentieth of a frame's time.
"""

import hashlib
from array import array
from binascii import hexlify

from micropython import const

from watchword.kernels import bodies
from watchword.kernels.bodies import addressof, buffers

_stages = bodies.module("frontend")

# Where the parts of the tables begin: the layout of watchword.features.pack_tables on the host.
_WINDOW = const(0)
_TWIDDLE = const(960)
_SPLIT = const(1728)
_FILTERS = const(2224)
_GAIN = const(2778)
_LOG = const(3028)
_END = const(3286)

# The tables that the host makes. Kernels take counts from them, and their sums fit only with these numbers: others, which a
# program might carry, could lead them out of their buffers.
TABLES = b"999d4211bad64ed3be5c12af9890b90194dc787097300d19bd8eeabdc36a5214"

CHANNELS = const(40)
_WHOLE = const(480)  # samples of a frame
_MOST = const(400)  # frames that are kept
_INPUT = const(6)  # among the places, and
_SIZE = const(14)
_NEXT = const(15)
_SILENCE = const(-128)
_REMAINING = const(819)  # noise reduction leaves at least 0.05 of the signal, in Q14
_Q = const(14)


class Frontend:
    """tables: a buffer at an even address, with the SHA-256 of TABLES. The switches leave stages out; multiplier, 1 to 32767,
    is the scale of the int8, see `output`. frames: so many of the newest are kept in `input`, a ring.

    stages: the module with their bodies, for tests. Allocates nothing once it stands, where these are Thumb or viper.
    """

    def __init__(self, tables, noise_reduction=True, pcan=True, log=True, multiplier=25191, frames=1, stages=_stages):
        if len(tables) != _END:
            raise ValueError("front end tables of %d bytes: %d are expected" % (len(tables), _END))
        if hexlify(hashlib.sha256(tables).digest()) != TABLES:
            raise ValueError("front end tables that this firmware does not know")
        if not isinstance(multiplier, int) or not 1 <= multiplier <= 32767:
            raise ValueError("the multiplier of features is not 1 to 32767")
        self.stages = stages
        self.z = array("h", bytes(2 * 512))  # the windowed samples; what lies behind 480 stays 0
        self.f = array("h", bytes(2 * 512))  # their transform
        self.signal = array("i", bytes(4 * 40))
        self.estimate = array("i", bytes(4 * 40))  # of the noise: all that lasts from one frame to the next
        self.features = array("H", bytes(2 * 40))
        self.keep(frames)
        self.pcan = pcan
        self.log = log
        self.frames = getattr(stages, "frames", None)
        if self.frames:
            self.give(tables, noise_reduction, multiplier)
            self.reset()
            return
        self.e = array("i", bytes(4 * 256))  # energies of the bins
        self.sums = array("i", bytes(4 * 80))
        self.taps = stages.table(tables, _WINDOW, _TWIDDLE, "h")
        self.twiddles = stages.table(tables, _TWIDDLE, _SPLIT, "h")
        self.split = stages.table(tables, _SPLIT, _FILTERS, "h")
        self.weights = stages.table(tables, _FILTERS, _GAIN, "H")
        self.gain_table = stages.table(tables, _GAIN, _LOG, "h")
        self.log_table = stages.table(tables, _LOG, _END, "H")
        self.remaining = _REMAINING if noise_reduction else 1 << _Q
        self.multiplier = multiplier
        self.reset()

    def keep(self, frames):
        """Keep so many frames, from the next `reset` on."""
        if not 1 <= frames <= _MOST:
            raise ValueError("%d frames of features: 1 to %d are expected" % (frames, _MOST))
        self.input = array("b", bytes(CHANNELS * frames))

    def give(self, tables, noise_reduction, multiplier):
        """What the Thumb stages work on, as addresses."""
        if addressof(tables) % 4:
            raise ValueError("front end tables that do not lie on a word")
        # In the order of reversed base-4 digits; and how many bits a number of four bits has.
        self.order = bytes([(i & 3) << 4 | i & 12 | i >> 4 for i in range(64)])
        self.bits = bytes([0, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4])
        self.tables = tables
        used = (tables, self.z, self.f, self.signal, self.estimate, self.features, self.input, self.order, self.bits)
        remaining = (_REMAINING, _Q) if noise_reduction else (1, 0)
        self.places = array("I", [addressof(a) for a in used])
        self.places.extend(array("I", (remaining[0], remaining[1], multiplier, self.pcan, self.log, 0, 0)))

    def reset(self):
        """A new stream: the noise estimate starts at 0, and before it was silence."""
        for c in range(CHANNELS):
            self.estimate[c] = 0
        for i in range(len(self.input)):
            self.input[i] = _SILENCE
        self.next = 0
        if self.frames:
            self.places[_INPUT] = addressof(self.input)
            self.places[_SIZE] = len(self.input)
            self.places[_NEXT] = 0

    def process(self, samples, n=1, hop=_WHOLE):
        """n frames, at least 1, `hop` samples, an even number, from one to the next. samples: an array 'h' (with viper stages
        any buffer) whose first 480 are the first frame. Afterwards it begins with those that the next frame has, too.
        """
        if self.frames:
            self.frames(self.places, samples, n, 2 * hop)
            return
        for i in range(n):
            self.stage(samples, i * hop, self.next)
            self.next = (self.next + CHANNELS) % len(self.input)
        buffers.copy(samples, 0, samples, 2 * n * hop, 2 * (_WHOLE - hop))

    def stage(self, samples, at, to):
        """The stages, one after another, of the frame that begins at sample `at`, to byte `to` of the input."""
        stages = self.stages
        signal = self.signal
        shift = stages.window(samples, at, self.taps, self.z)
        stages.fft(self.z, self.f, self.twiddles, shift)
        stages.energies(self.f, self.split, self.e)
        stages.filters(self.e, self.weights, self.sums)
        stages.roots(self.sums, signal, shift)
        stages.noise(signal, self.estimate, self.remaining)  # also without noise reduction: the gain needs the estimate
        if self.pcan:
            stages.gain(signal, self.estimate, self.gain_table)
        if self.log:
            stages.logarithm(signal, self.log_table)
        stages.output(signal, self.features, self.input, self.multiplier | to << 16)

    def newest(self, into, n):
        """Put the newest frames into a buffer, n bytes."""
        start = (self.places[_NEXT] if self.frames else self.next) - n
        if start < 0:
            n += start
            if n:  # what lies at the ring's start comes last
                buffers.copy(into, -start, self.input, 0, n)
            n = -start
            start += len(self.input)
        buffers.copy(into, 0, self.input, start, n)
