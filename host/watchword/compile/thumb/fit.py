"""Rescales in two multiplications of 32 bits, proved for every sum that a channel can have.

TFLite brings a sum back to int8 with a product of 64 bits and one or two roundings. A Cortex-M0+ has no such product. But the
result is a staircase of at most 255 steps that never goes down, and so is

    clamp((sum * m + (sum * l >> 12) + o) >> s, low, high)

Two staircases are equal when each step is at the same sum. `fit` looks for m, l and o with which all steps of a channel are
where they belong, and one s for the whole layer. Great sums times l would not fit a word; then ((sum >> 4) * l >> 8) takes the
middle's place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from watchword.reference.fixedpoint import multiply_by_quantized_multiplier, multiply_rounding_once

_FINE = 12  # bits of l behind those of m
_COARSE = 4  # bits that great sums lose before they meet l
_SHIFTS = (19, 18, 17, 20, 16, 21, 15, 14, 22, 13, 12, 11, 10, 9, 8)  # those that fit most layers come first
_NEAR = (0, 1, -1, 2, -2, 3, -3)  # how far l may be from the real factor's
_END = np.int64(1) << 31

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Fit:
    """shift: s. coarse: whether sums are shifted before they meet l.

    factors: (channels, 3) m, l, o. found: (channels,) whether they are exact.
    """

    shift: int
    coarse: bool
    factors: Ints
    found: NDArray[np.bool_]

    def part(self, channels: slice) -> Fit:
        """Of some channels."""
        return Fit(self.shift, self.coarse, self.factors[channels], self.found[channels])


def fit(
    multiplier: Ints,
    shift: Ints,
    bias: Ints,
    zero_point: int,
    least: Ints,
    greatest: Ints,
    low: int,
    high: int,
    once: bool = False,
) -> Fit:
    """The factors of a layer's channels; all arrays are (channels,).

    multiplier, shift: as `quantize_multiplier` gives them. bias: added to a raw sum before it is rescaled. least, greatest:
    what raw sums there are. low, high: of the output. once: rounded once, as dense layers are.
    """
    steps = np.arange(low + 1, high + 1, dtype=np.int64)
    exact = multiply_rounding_once if once else multiply_by_quantized_multiplier

    def output(sums: Ints) -> Ints:
        return exact(sums + bias[:, None], multiplier[:, None], shift[:, None]) + zero_point

    first = _thresholds(output, steps, least, greatest)
    best: Fit | None = None
    for coarse, s in product((0, _COARSE), _SHIFTS):
        found = _fit(coarse, s, multiplier * 2.0 ** (shift - 31), steps, first, least, greatest)
        if best is None or found.found.sum() > best.found.sum():
            best = found
        if best.found.all():
            break
    assert best is not None
    return best


def _thresholds(output: Callable[[Ints], Ints], steps: Ints, least: Ints, greatest: Ints) -> Ints:
    """(channels, steps): the least sum whose output is `step` or more; greatest + 1 where there is none."""
    below = np.repeat(least[:, None], len(steps), axis=1)
    above = np.repeat(greatest[:, None] + 1, len(steps), axis=1)
    while (below < above).any():
        middle = (below + above) >> 1
        reached = output(middle) >= steps
        open_ = below < above
        above = np.where(reached & open_, middle, above)
        below = np.where(~reached & open_, middle + 1, below)
    return below


def _fit(coarse: int, s: int, real: NDArray[np.float64], steps: Ints, first: Ints, least: Ints, greatest: Ints) -> Fit:
    largest = np.maximum(np.maximum(-least, greatest), 1)
    exact = real * 2.0**s
    m = np.floor(exact).astype(np.int64)
    nearest = np.round((exact - m) * (1 << _FINE)).astype(np.int64)
    factors = np.zeros((len(m), 3), np.int64)
    found = np.zeros(len(m), bool)
    possible = ((m + 1) * largest < _END) & (m >= 0)
    for near in _NEAR:
        fine = nearest + near
        (some,) = np.nonzero(possible & ~found & (np.abs(fine) * ((largest >> coarse) + 1) < _END))
        if not len(some):
            break
        o, fits = _offsets(coarse, s, m[some], fine[some], steps, first[some], least[some], greatest[some])
        factors[some[fits]] = np.stack([m[some], fine[some], o], axis=1)[fits]
        found[some[fits]] = True
    return Fit(s, coarse > 0, factors, found)


def _offsets(
    coarse: int, s: int, m: Ints, fine: Ints, steps: Ints, first: Ints, begin: Ints, end: Ints
) -> tuple[Ints, NDArray[np.bool_]]:
    """(o, whether there is one)."""

    def scaled(sums: Ints) -> Ints:
        return sums * m[:, None] + ((sums >> coarse) * fine[:, None] >> _FINE - coarse)

    begin, end = begin[:, None], end[:, None]
    wanted = steps << s
    # The first sum of each step has to reach it, and the one before must not.
    at_least = np.where(first > end, -(_END << 20), wanted - scaled(np.clip(first, begin, end)))
    at_most = np.where(first <= begin, _END << 20, wanted - 1 - scaled(np.clip(first - 1, begin, end)))
    lower = np.maximum(at_least.max(axis=1, initial=-(_END << 20)), -_END - scaled(begin)[:, 0])
    upper = np.minimum(at_most.min(axis=1, initial=_END << 20), _END - 1 - scaled(end)[:, 0])
    lower, upper = np.maximum(lower, -_END), np.minimum(upper, _END - 1)
    return (lower + upper) >> 1, lower <= upper
