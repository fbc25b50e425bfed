"""Sound streamed by the host over the link: a ring of int16 samples, allocated once."""

from watchword.kernels import copy


class StreamSource:
    """Holds up to `capacity` samples (16 kHz, int16) between the link and the front end."""

    def __init__(self, capacity):
        self.capacity = capacity
        self.ring = bytearray(2 * capacity)
        self.reset()

    def reset(self):
        self.head = 0  # bytes; where the next sample goes
        self.size = 0  # bytes that wait

    def available(self):
        return self.size // 2

    def room(self):
        return self.capacity - self.size // 2

    def write(self, sound, n):
        """Take the first n bytes of `sound`; the caller has seen that there is room."""
        size = len(self.ring)
        first = min(n, size - self.head)
        copy(self.ring, self.head, sound, 0, first)
        copy(self.ring, 0, sound, first, n - first)
        self.head = (self.head + n) % size
        self.size += n

    def read(self, samples, at, n):
        """Put the n oldest samples into a buffer from byte `at`; the caller has seen that they are available."""
        size = len(self.ring)
        n *= 2
        tail = (self.head - self.size) % size
        first = min(n, size - tail)
        copy(samples, at, self.ring, tail, first)
        copy(samples, at + first, self.ring, 0, n - first)
        self.size -= n
