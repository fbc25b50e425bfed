"""Another rate to 16 kHz: a recording at once, or block by block what scipy's resample_poly does with the whole."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from watchword import shipped

RATE: int = shipped.firmware_module("sources").RATE
"""Samples per second of all sound in watchword."""

_HALF_LENGTH = 10  # of resample_poly's filter, in samples at the lower rate
_LONGEST = 50_000  # of the two terms of a ratio: the filter has some twenty times as many taps
_LEAST_ERROR = 2000  # the largest denominator where a ratio has longer terms, which is off by less than 0.02 % then


def ratio(rate: int) -> tuple[int, int]:
    """By how much sound of `rate` Hz is interpolated, and then decimated."""
    exact = Fraction(rate, RATE)
    near = exact if max(exact.numerator, exact.denominator) <= _LONGEST else exact.limit_denominator(_LEAST_ERROR)
    return near.denominator, near.numerator


def resampled(samples: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """Bring a whole recording, (n,) at `rate` Hz, to 16 kHz."""
    from scipy.signal import resample_poly  # when it is needed: to import it takes longer than most commands

    return np.asarray(resample_poly(samples, *ratio(rate)), np.float64)


class Resampler:
    """One stream at `rate` Hz. What comes out lags by some 10 ms: the filter looks ahead."""

    def __init__(self, rate: int) -> None:
        from scipy.signal import resample_poly

        self._resample: Any = resample_poly
        self._up, self._down = ratio(rate)
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
