"""What the board makes of an I2S microphone's words: 16-bit samples without DC, bit for bit.

A word is a slot of the bus, 32 bits, left-justified; the sample x is its upper 24 bits, signed. Of each, in integers,

    y = x - (dc >> 7);  dc += y                                      a high-pass: dc is 128 times the mean of x
    min(max((y * multiplier + 8192) >> 14, -32768), 32767)           rounded half up

The high-pass has -3 dB at 16000 / (2 pi 128) = 20 Hz and settles within 8 ms. dc begins at 0 and stays within -2^30 and
2^30 - 1. On the board: firmware/watchword/kernels/microphone_plain.py and its faster bodies.
"""

from __future__ import annotations

from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from watchword.errors import DataError

LEAST_GAIN, GREATEST_GAIN = -12, 60  # dB

_BLOCK = 1 << 20  # samples that are computed together: bounds memory to some 100 MB


def multiplier(gain: float) -> int:
    """The integer by which a gain in dB is computed, 16 to 64000; 0 dB, the upper 16 bits of a word, is 64.

    From 0 dB on it is within 0.07 dB of what was asked for, below within 0.3. Raises DataError for a gain outside -12 to 60.
    """
    if not LEAST_GAIN <= gain <= GREATEST_GAIN:
        raise DataError(f"gain of {gain} dB: {LEAST_GAIN} to {GREATEST_GAIN} is expected")
    return round(64 * 10 ** (gain / 20))


class Microphone:
    """Words of a microphone to samples. gain: in dB; see `multiplier`, which raises DataError.

    Of all words so far: clipped, how many samples did not fit into 16 bits; least and greatest x, 2^23 and -2^23 - 1 where
    there was none; bits, those that the lowest bytes had, which no microphone of 24 bits sends.
    """

    def __init__(self, gain: float) -> None:
        self.multiplier = multiplier(gain)
        self.dc = 0
        self.clipped = 0
        self.least = 1 << 23
        self.greatest = -(1 << 23) - 1
        self.bits = 0

    def process(self, words: NDArray[np.int32]) -> NDArray[np.int16]:
        """int32 (n,), any number -> int16 (n,). An hour of sound takes some 10 to 20 seconds.

        Raises DataError for another dtype or shape.
        """
        words = np.asarray(words)
        if words.dtype != np.int32 or words.ndim != 1:
            raise DataError(f"words of dtype {words.dtype} with {words.ndim} axes: int32 with 1 axis is expected")
        out = np.empty(len(words), np.int16)
        for i in range(0, len(words), _BLOCK):
            out[i : i + _BLOCK] = self._block(words[i : i + _BLOCK])
        return out

    def _block(self, words: NDArray[np.int32]) -> NDArray[np.int16]:
        x = words >> 8
        # No sum of NumPy's: each step rounds what the next one begins with.
        sums = np.fromiter(accumulate(x.tolist(), lambda dc, v: dc + v - (dc >> 7), initial=self.dc), np.int64, len(x) + 1)
        self.dc = int(sums[-1])
        scaled = ((x - (sums[:-1] >> 7)) * self.multiplier + 8192) >> 14
        samples = scaled.clip(-32768, 32767)
        self.clipped += int(np.count_nonzero(samples != scaled))
        self.least = min(self.least, int(x.min()))
        self.greatest = max(self.greatest, int(x.max()))
        self.bits |= int(np.bitwise_or.reduce(words)) & 255
        return samples.astype(np.int16)
