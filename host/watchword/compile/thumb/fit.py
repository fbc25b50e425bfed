"""Rescales in two multiplications of 32 bits, proved for every sum that a channel can have.

TFLite brings a sum back to int8 with a product of 64 bits and one or two roundings. A Cortex-M0+ has no such product. But the
result is a staircase of at most 255 steps that never goes down, and so is

    clamp((sum * m + (sum * l >> 12) + o) >> s, low, high)

Two staircases are equal when each step is at the same sum. `fit` looks for m, l and o with which all steps of a channel are
where they belong, and one s for the whole layer; `fit_each` for an s of each channel's own. Great sums times l would not fit a
word, nor would an l of more bits, which they need; then ((sum >> 4) * l >> 10) takes the middle's place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from watchword.reference.fixedpoint import multiply_by_quantized_multiplier, multiply_rounding_once


class Form(NamedTuple):
    """fine: bits of l behind those of m. dropped: bits that sums lose before they meet l."""

    fine: int
    dropped: int


FORMS = (Form(12, 0), Form(14, 4))  # what kernels have: for most sums, and for great ones

_SHIFTS = (19, 18, 17, 20, 16, 21, 15, 14, 22, 13, 12, 11, 10, 9, 8)  # those that fit most layers come first
_NEAR = (0, 1, -1, 2, -2, 3, -3)  # how far l may be from the real factor's
_END = np.int64(1) << 31

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Fit:
    """shift: s. factors: (forms, channels, 3) m, l, o. found: (forms, channels) whether they are exact."""

    shift: int
    factors: Ints
    found: Bools

    def part(self, channels: slice) -> Fit:
        """Of some channels."""
        return Fit(self.shift, self.factors[:, channels], self.found[:, channels])


@dataclass(frozen=True)
class Rescale:
    """What channels do with their sums. All arrays are (channels,).

    multiplier, shift: as `quantize_multiplier` gives them. bias: added to a raw sum before it is rescaled. least, greatest:
    what raw sums there are. low, high: of the output. once: rounded once, as dense layers are.
    """

    multiplier: Ints
    shift: Ints
    bias: Ints
    zero_point: int
    least: Ints
    greatest: Ints
    low: int
    high: int
    once: bool = False

    @property
    def real(self) -> NDArray[np.float64]:
        """The factor that multiplier and shift stand for."""
        return np.asarray(self.multiplier * 2.0 ** (self.shift - 31))

    @property
    def steps(self) -> Ints:
        """Of the staircase."""
        return np.arange(self.low + 1, self.high + 1, dtype=np.int64)

    def output(self, sums: Ints) -> Ints:
        """(channels, n) -> (channels, n), not clamped."""
        exact = multiply_rounding_once if self.once else multiply_by_quantized_multiplier
        return exact(sums + self.bias[:, None], self.multiplier[:, None], self.shift[:, None]) + self.zero_point


def fit(rescale: Rescale) -> Fit:
    """The factors of a layer's channels, with the shift that most of them have."""
    first = _thresholds(rescale)
    best: Fit | None = None
    for s in _SHIFTS:
        some = [_fit(form, s, rescale, first) for form in FORMS]
        made = Fit(s, np.stack([factors for factors, _ in some]), np.stack([found for _, found in some]))
        if best is None or _worth(made) > _worth(best):
            best = made
        if best.found[0].all():
            break
    assert best is not None
    return best


def _worth(made: Fit) -> tuple[int, int]:
    """The more channels are found the better, and then the more of them in the first form, which is the faster one."""
    return int(made.found.any(0).sum()), int(made.found[0].sum())


def fit_each(rescale: Rescale) -> tuple[Ints, Ints, Bools]:
    """As `fit` in the first form, each channel with a shift of its own: (channels,), (channels, 3), (channels,)."""
    first = _thresholds(rescale)
    shifts = np.zeros(len(first), np.int64)
    factors = np.zeros((len(first), 3), np.int64)
    found = np.zeros(len(first), bool)
    for s in _SHIFTS:
        some, fits = _fit(FORMS[0], s, rescale, first)
        new = fits & ~found
        shifts[new], factors[new] = s, some[new]
        found |= fits
        if found.all():
            break
    return shifts, factors, found


def _thresholds(rescale: Rescale) -> Ints:
    """(channels, steps): the least sum whose output is `step` or more; greatest + 1 where there is none."""
    steps = rescale.steps
    below = np.repeat(rescale.least[:, None], len(steps), axis=1)
    above = np.repeat(rescale.greatest[:, None] + 1, len(steps), axis=1)
    while (below < above).any():
        middle = (below + above) >> 1
        reached = rescale.output(middle) >= steps
        open_ = below < above
        above = np.where(reached & open_, middle, above)
        below = np.where(~reached & open_, middle + 1, below)
    return below


def _fit(form: Form, s: int, rescale: Rescale, first: Ints) -> tuple[Ints, Bools]:
    """((channels, 3) m, l, o; (channels,) found)."""
    least, greatest = rescale.least, rescale.greatest
    largest = np.maximum(np.maximum(-least, greatest), 1)
    exact = rescale.real * 2.0**s
    m = np.floor(exact).astype(np.int64)
    nearest = np.round((exact - m) * (1 << form.fine)).astype(np.int64)
    factors = np.zeros((len(m), 3), np.int64)
    found = np.zeros(len(m), bool)
    possible = ((m + 1) * largest < _END) & (m >= 0)
    for near in _NEAR:
        fine = nearest + near
        rises = (m > 0) | (fine >= 0)  # the staircase never goes down, so that its steps tell all of it
        (some,) = np.nonzero(possible & rises & ~found & (np.abs(fine) * ((largest >> form.dropped) + 1) < _END))
        if not len(some):
            break
        o, fits = _offsets(form, s, m[some], fine[some], rescale.steps, first[some], least[some], greatest[some])
        factors[some[fits]] = np.stack([m[some], fine[some], o], axis=1)[fits]
        found[some[fits]] = True
    return factors, found


def _offsets(form: Form, s: int, m: Ints, fine: Ints, steps: Ints, first: Ints, begin: Ints, end: Ints) -> tuple[Ints, Bools]:
    """(o, whether there is one)."""

    def scaled(sums: Ints) -> Ints:
        return sums * m[:, None] + ((sums >> form.dropped) * fine[:, None] >> form.fine - form.dropped)

    begin, end = begin[:, None], end[:, None]
    wanted = steps << s
    # The first sum of each step has to reach it, and the one before must not.
    at_least = np.where(first > end, -(_END << 20), wanted - scaled(np.clip(first, begin, end)))
    at_most = np.where(first <= begin, _END << 20, wanted - 1 - scaled(np.clip(first - 1, begin, end)))
    lower = np.maximum(at_least.max(axis=1, initial=-(_END << 20)), -_END - scaled(begin)[:, 0])
    upper = np.minimum(at_most.min(axis=1, initial=_END << 20), _END - 1 - scaled(end)[:, 0])
    lower, upper = np.maximum(lower, -_END), np.minimum(upper, _END - 1)
    return (lower + upper) >> 1, lower <= upper
