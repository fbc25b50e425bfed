"""Another rate to 16 kHz, block by block, as scipy's resample_poly does it with the whole."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from watchword.data.audio import RATE
from watchword.errors import SetupError

_HALF_LENGTH = 10  # of resample_poly's filter, in samples at the lower rate


class Resampler:
    """One stream at `rate` Hz. What comes out lags by some 10 ms: the filter looks ahead. SetupError: scipy is missing."""

    def __init__(self, rate: int) -> None:
        try:
            from scipy.signal import resample_poly
        except ImportError:
            raise SetupError(f"sound of {rate} Hz needs scipy: pip install 'watchword[mic]'") from None
        self._resample: Any = resample_poly
        divisor = math.gcd(RATE, rate)
        self._up, self._down = RATE // divisor, rate // divisor
        reach = _HALF_LENGTH * max(self._up, self._down) // self._up + 1  # input samples that an output looks at, to each side
        self._margin = -(-reach // self._down) * self._down  # on the same grid as the outputs
        self._held = np.zeros(self._margin)

    def process(self, samples: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64 (n,) at the stream's rate, any number -> float64 (m,) at 16 kHz: those that are complete now."""
        held = np.concatenate([self._held, samples])
        n = (len(held) - 2 * self._margin) // self._down * self._down
        if n <= 0:
            self._held = held
            return np.zeros(0)
        self._held = held[n:]
        before = self._margin * self._up // self._down
        made = self._resample(held[: n + 2 * self._margin], self._up, self._down)
        return np.asarray(made[before : before + n * self._up // self._down], np.float64)
