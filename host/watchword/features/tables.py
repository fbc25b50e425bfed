"""The tables of the "micro" front end: window, twiddles, mel filters, gain and logarithm.

Floating point is used here only, once per table set; everything that runs on sound is integers. The original computes the
window and the filters in single precision, which shows in three entries. They are written down here, so that the tables
do not depend on how a platform rounds a single-precision cosine. Formulas: tensorflow/lite/experimental/microfrontend/lib,
*_util.c, and kissfft.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from watchword import shipped

RATE: int = shipped.firmware_module("sources").RATE
"""Samples in a second."""

WINDOW = 480
CHANNELS = 40
FIRST_BIN, LAST_BIN = 5, 240  # the bins of 31.25 Hz that the filters use, both included
LOWEST, HIGHEST = 125.0, 7500.0  # Hz: edges of the filter bank

TableSet = Literal["micro", "preprocessor"]


@dataclass(frozen=True, eq=False)
class Tables:
    """What the front end looks up.

    window: int16 (480,) in Q12. twiddle: int16 (256, 2), cosine and sine of -2 pi k / 256 in Q15. split: int16 (128, 2), the
    same of -pi (k / 256 + 1/2), k from 1: takes the 256-point complex transform apart into the 512-point real one. channel,
    weight, unweight: int16 (236,) for the bins 5 to 240; a bin gives weight / 4096 of its energy to channel - 1 and
    unweight / 4096 to channel, where channels are 0 to 39 and what falls beside them is lost. gain: int16 (125,), noise to
    gain in Q21. log: uint16 (129,), how far log2(1 + i / 128) lies above i / 128 in Q16.
    """

    window: NDArray[np.int16]
    twiddle: NDArray[np.int16]
    split: NDArray[np.int16]
    channel: NDArray[np.int16]
    weight: NDArray[np.int16]
    unweight: NDArray[np.int16]
    gain: NDArray[np.int16]
    log: NDArray[np.uint16]


@cache
def tables(name: TableSet) -> Tables:
    """The table set "micro" (the C front end: microWakeWord, ESPHome) or "preprocessor" (TFLite Micro's models of that name).

    The latter has its window in double precision and truncates the filter weights, so weight + unweight is mostly 4095.
    """
    window = np.floor((0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(WINDOW) + 0.5) / WINDOW)) * 4096 + 0.5).astype(np.int16)
    channel, weight, unweight = _filters(rounding=0.5 if name == "micro" else 0.0)
    if name == "micro":
        window[17] = 54  # 53 in double precision, and in its mirror image, tap 462
        for bin_, w in ((149, 2471), (221, 1401)):  # 2470.988 and 1400.989 with rounding in double precision
            weight[bin_ - FIRST_BIN] = w
            unweight[bin_ - FIRST_BIN] = 4096 - w
    fraction = np.arange(129) / 128
    return Tables(
        window=window,
        twiddle=_unit_circle(-2 * np.pi * np.arange(256) / 256),
        split=_unit_circle(-np.pi * (np.arange(1, 129) / 256 + 0.5)),
        channel=channel,
        weight=weight,
        unweight=unweight,
        gain=_gain(),
        log=np.floor(65536 * (np.log2(1 + fraction) - fraction) + 0.5).astype(np.uint16),
    )


def _unit_circle(phase: NDArray[np.float64]) -> NDArray[np.int16]:
    """cos and sin of n phases -> (n, 2) in Q15: scaled by 32767, rounded half up."""
    return np.floor(0.5 + 32767 * np.stack([np.cos(phase), np.sin(phase)], -1)).astype(np.int16)


def _filters(rounding: float) -> tuple[NDArray[np.int16], NDArray[np.int16], NDArray[np.int16]]:
    """(channel, weight, unweight) of the bins 5 to 240: triangles that are equally wide in mel."""

    def mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1127 * np.log1p(hz / 700)

    low, high = mel(np.array([LOWEST, HIGHEST])).tolist()
    peaks = np.linspace(low, high, CHANNELS + 2)  # its end is exact: bin 240 lies on it
    bins = mel(np.arange(FIRST_BIN, LAST_BIN + 1, dtype=np.float64) * (RATE / 512))
    channel = np.searchsorted(peaks[1:], bins)
    weight = (peaks[channel + 1] - bins) / (peaks[channel + 1] - peaks[channel])
    return (
        channel.astype(np.int16),
        np.floor(weight * 4096 + rounding).astype(np.int16),
        np.floor((1 - weight) * 4096 + rounding).astype(np.int16),
    )


def _gain() -> NDArray[np.int16]:
    """(x + 80)^-0.95 in Q21 for x in Q7: the values at 0 and 1, then a quadratic (y, slope, curvature) for each octave.

    Octaves go up to that of 2^32 - 1; every fourth entry is a gap.
    """

    def at(x: int) -> int:
        return min(32767, int(2**21 * (x / 128 + 80) ** -0.95 + 0.5))

    table = np.zeros(4 * 32 - 3, np.int16)
    table[:2] = at(0), at(1)
    for octave in range(2, 33):
        x = 1 << (octave - 1)
        y0, y1, y2 = at(x), at(x + x // 2), at(min(2 * x, 2**32 - 1))
        slope = 4 * (y1 - y0) - (y2 - y0)
        table[4 * octave - 6 : 4 * octave - 3] = y0, slope, y2 - y0 - slope
    return table
