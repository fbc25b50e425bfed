"""IMA ADPCM, 4 bits a sample, for slow lines to a board: bit for bit what the board decodes.

The codec of the Interactive Multimedia Association (1992), without headers: a byte holds two samples, the earlier
one in its low half, and the state carries over from payload to payload. It starts at a sample of 0 and the smallest step, so
that digital silence at the beginning of a stream leaves it as it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Each about a tenth above the one before.
# fmt: off
STEPS = (
    7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88, 97, 107, 118,
    130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658, 724, 796, 876, 963, 1060,
    1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272, 2499, 2749, 3024, 3327, 3660, 4026, 4428, 4871, 5358, 5894, 6484, 7132,
    7845, 8630, 9493, 10442, 11487, 12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794, 32767,
)
# fmt: on
INDEX_CHANGE = (-1, -1, -1, -1, 2, 4, 6, 8)


class Adpcm:
    """A coder or decoder of one stream. last: the predicted sample; index: of the step size for the next one."""

    def __init__(self) -> None:
        self.last = 0
        self.index = 0

    def encode(self, samples: NDArray[np.int16]) -> bytes:
        """Encode int16 (n,) -> ceil(n / 2) bytes. An odd last sample is sent twice: only the end of a stream should be odd."""
        values = np.asarray(samples, np.int16).tolist()
        if len(values) % 2:
            values.append(values[-1])
        codes = np.array([self._code(value) for value in values], np.uint8).reshape(-1, 2)
        return (codes[:, 0] | codes[:, 1] << 4).astype(np.uint8).tobytes()

    def decode(self, data: bytes) -> NDArray[np.int16]:
        """Decode bytes -> int16 (2 * bytes,)."""
        samples = []
        for byte in data:
            for code in (byte & 15, byte >> 4):
                self._update(code)
                samples.append(self.last)
        return np.array(samples, np.int16)

    def _code(self, value: int) -> int:
        """Encode a sample: its sign, and its difference from the last one in quarters of the step size, rounded down."""
        distance = value - self.last
        code = 8 if distance < 0 else 0
        distance = abs(distance)
        step = STEPS[self.index]
        for bit in (4, 2, 1):
            if distance >= step:
                code |= bit
                distance -= step
            step >>= 1
        self._update(code)
        return code

    def _update(self, code: int) -> None:
        """Update the state by a code, as coder and decoder both do."""
        step = STEPS[self.index]
        change = step >> 3
        for bit in (4, 2, 1):
            if code & bit:
                change += step
            step >>= 1
        self.last = max(self.last - change, -32768) if code & 8 else min(self.last + change, 32767)
        self.index = min(max(self.index + INDEX_CHANGE[code & 7], 0), 88)


def coded(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return what a board hears of a whole stream that is sent as ADPCM; of an odd number of samples, one more."""
    return Adpcm().decode(Adpcm().encode(samples))
