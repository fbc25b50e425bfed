"""A WAV file that plays in real time: the microphone of a board that is a process on a PC."""

import struct
import time

from micropython import const

from watchword import Refusal
from watchword.sources import RATE

_WAIT = const(4000)  # samples that wait at most, as in a microphone's ring


class WavSource:
    """file: of 16 bits, 16 kHz, one channel. It plays from `start` on, then silence. Refusal: it cannot be read."""

    kind = "wav"
    skipped = 0

    def __init__(self, file):
        try:
            self.file = open(file, "rb")
            self.left = _samples(self.file)
        except (OSError, ValueError) as error:
            raise Refusal("microphone %s: %s" % (file, error))
        self.origin = None
        self.taken = self.lost = 0

    def ring_size(self):
        return 0

    def prepare(self, small=False):
        pass

    def start(self):
        if self.origin is None:
            self.origin = time.ticks_ms()
            self.taken = 0

    def stop(self):
        self.origin = None

    def reset(self):
        self.taken += self.available()
        self.lost = 0

    def available(self):
        if self.origin is None:
            return 0
        ms = time.ticks_diff(time.ticks_ms(), self.origin)
        if ms > 1000:  # so that no difference of two times becomes too long
            self.origin = time.ticks_add(self.origin, 1000)
            self.taken -= RATE
            ms -= 1000
        waiting = ms * (RATE // 1000) - self.taken
        over = waiting - _WAIT
        if over > 0:
            self.lost += over
            self.skip(over)
            waiting -= over
        return waiting

    def skip(self, n):
        self.taken += n
        n = min(n, self.left)
        self.left -= n
        self.file.seek(2 * n, 1)

    def read(self, samples, at, n):
        self.taken += n
        window = memoryview(samples)
        begin = at // 2
        k = min(n, self.left)
        self.left -= k
        if k:
            self.file.readinto(window[begin : begin + k])
        for i in range(begin + k, begin + n):
            samples[i] = 0

    def check(self):
        pass

    def fault(self):
        return None

    def turn(self):
        pass


def _samples(file):
    """How many there are from where the file then stands. ValueError: it is no such file."""
    if file.read(4) != b"RIFF" or file.read(8)[4:] != b"WAVE":
        raise ValueError("no WAV file")
    at = file.tell()
    left = file.seek(0, 2) - at  # whatever the sizes in headers say
    file.seek(at)
    fits = False
    while True:
        head = file.read(8)
        if len(head) < 8:
            raise ValueError("a WAV file without sound")
        name, size = head[:4], struct.unpack("<I", head[4:])[0]
        left -= len(head)
        if name == b"data":
            break
        if size > left:
            raise ValueError("a WAV file without sound")
        left -= size + (size & 1)
        if name == b"fmt " and size >= 16:
            form = struct.unpack("<HHIIHH", file.read(16))
            fits = form in ((1, 1, RATE, 2 * RATE, 2, 16), (65534, 1, RATE, 2 * RATE, 2, 16))
            size -= 16
        file.seek(size + (size & 1), 1)
    if not fits:
        raise ValueError("a WAV file of 16 bits, 16 kHz and one channel is expected")
    return min(size, left) // 2
