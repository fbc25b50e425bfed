"""Sound that the host sends over the link: a ring of int16 samples, and the host's leave to send more."""

from array import array

from micropython import const

from watchword.kernels.bodies import buffers

_SIZE = const(4096)  # bytes

# The steps of IMA ADPCM: each about a tenth above the one before.
# fmt: off
_STEPS = (
    7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88, 97, 107, 118,
    130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658, 724, 796, 876, 963, 1060,
    1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272, 2499, 2749, 3024, 3327, 3660, 4026, 4428, 4871, 5358, 5894, 6484, 7132,
    7845, 8630, 9493, 10442, 11487, 12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794, 32767,
)
# fmt: on


class LinkSource:
    """Holds samples (16 kHz, int16) between the link and the front end, `capacity` of them at the most.

    ring: bytes that hold nothing else meanwhile, of which 4096 are used; None: its own.
    credit: how many may be under way to it. The reply to a request that brought sound is the host's leave to send as much
    again: `owe` keeps the request until its samples have been taken.
    """

    kind = "link"
    lost = skipped = 0  # no more than there is room for may come

    def __init__(self, ring=None):
        self.ring = bytearray(_SIZE) if ring is None else memoryview(ring)[:_SIZE]
        self.capacity = len(self.ring) // 2
        self.credit = self.capacity - 480  # as many as the first frame waits for
        self.adpcm = array("H", (0, 0) + _STEPS)  # as buffers.decode_adpcm has it
        self.owed = []
        self.reset()

    def reset(self):
        self.head = 0  # bytes; where the next sample goes
        self.size = 0  # bytes that wait
        self.adpcm[0] = 32768  # the decoder begins at a sample of 0 and the smallest step
        self.adpcm[1] = 0
        self.received = 0  # samples

    def owe(self, request, samples):
        """So many of them came with a request."""
        self.received += samples
        self.owed.append((request, self.received))

    def due(self, wanted):
        """Return the oldest request whose sound has been taken, or None. wanted: samples that the next frame needs: a request's
        sound is taken when less of it waits, the rest waits for what comes after it."""
        if self.owed and self.owed[0][1] - (self.received - self.available()) < wanted:
            return self.owed.pop(0)[0]
        return None

    def available(self):
        return self.size // 2

    def room(self):
        return self.capacity - self.size // 2

    def write(self, sound, n):
        """Take the first n bytes of `sound`; the caller has seen that there is room."""
        size = len(self.ring)
        first = min(n, size - self.head)
        buffers.copy(self.ring, self.head, sound, 0, first)
        buffers.copy(self.ring, 0, sound, first, n - first)
        self.head = (self.head + n) % size
        self.size += n

    def write_adpcm(self, sound, n):
        """Take the 2n samples of the first n bytes of `sound`, IMA ADPCM; the caller has seen that there is room."""
        size = len(self.ring)
        buffers.decode_adpcm(sound, n, self.ring, self.head, size, self.adpcm)
        self.head = (self.head + 4 * n) % size
        self.size += 4 * n

    def read(self, samples, at, n):
        """Put the n oldest samples into a buffer from byte `at`; the caller has seen that they are available."""
        size = len(self.ring)
        n *= 2
        tail = (self.head - self.size) % size
        first = min(n, size - tail)
        buffers.copy(samples, at, self.ring, tail, first)
        buffers.copy(samples, at + first, self.ring, 0, n - first)
        self.size -= n
