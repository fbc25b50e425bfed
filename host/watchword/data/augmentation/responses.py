"""How rooms, loudspeakers and small microphones colour sound: filters in the frequency domain.

The filters are those of R. Bristow-Johnson's "Cookbook formulae for audio EQ biquad filter coefficients" (W3C Note, 2021).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from watchword.data.audio import RATE

_EQUALIZERS = 3


@dataclass(frozen=True)
class Biquad:
    """A filter of second order: (b0 + b1/z + b2/z²) / (a0 + a1/z + a2/z²)."""

    b: tuple[float, float, float]
    a: tuple[float, float, float]

    def at(self, size: int) -> NDArray[np.complex128]:
        """The response at the frequencies of a real FFT of `size` samples, complex (size // 2 + 1,)."""
        z1, z2 = _delays(size)
        found = (self.b[0] + self.b[1] * z1 + self.b[2] * z2) / (self.a[0] + self.a[1] * z1 + self.a[2] * z2)
        return np.asarray(found, np.complex128)


def peaking(hertz: float, q: float, decibels: float) -> Biquad:
    """Raise what lies around a frequency by so many dB."""
    w, a = 2 * math.pi * hertz / RATE, 10 ** (decibels / 40)
    alpha, cosine = math.sin(w) / (2 * q), math.cos(w)
    return Biquad((1 + alpha * a, -2 * cosine, 1 - alpha * a), (1 + alpha / a, -2 * cosine, 1 - alpha / a))


def high_pass(hertz: float, q: float = math.sqrt(0.5)) -> Biquad:
    """Take away what lies below a frequency, where it leaves -3 dB with the q of a Butterworth filter."""
    w = 2 * math.pi * hertz / RATE
    alpha, cosine = math.sin(w) / (2 * q), math.cos(w)
    return Biquad(((1 + cosine) / 2, -1 - cosine, (1 + cosine) / 2), (1 + alpha, -2 * cosine, 1 - alpha))


def equalizer(decibels: float, rng: np.random.Generator) -> list[Biquad]:
    """Draw three peaking filters of up to so many dB, both ways: 100 Hz to 6 kHz by pitch, q of 0.5 to 1.5."""
    return [
        peaking(math.exp(rng.uniform(math.log(100), math.log(6000))), rng.uniform(0.5, 1.5), rng.uniform(-decibels, decibels))
        for _ in range(_EQUALIZERS)
    ]


def microphone(rng: np.random.Generator) -> list[Biquad]:
    """Draw the response of a small microphone: nothing below a corner of 20 to 200 Hz, and up to 6 dB more at 5 to 7.5 kHz.

    The one is its pressure vent or a high-pass behind it, the other the resonance of its port, above 8 kHz in free air and
    lower behind a case.
    """
    return [high_pass(rng.uniform(20, 200)), peaking(rng.uniform(5000, 7500), rng.uniform(0.7, 2), rng.uniform(0, 6))]


def filtered(
    sound: NDArray[np.float32], filters: Sequence[Biquad], response: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Convolve a sound, float32 (n,), with filters and an impulse response: float32 (n,), what comes after it is cut off."""
    if not filters and response is None:
        return sound
    size = _size(len(sound) + (len(response) if response is not None else 0) + RATE // 20)
    spectrum = np.fft.rfft(sound, size)
    for one in filters:
        spectrum *= one.at(size)
    if response is not None:
        spectrum *= np.fft.rfft(response, size)
    return np.fft.irfft(spectrum, size)[: len(sound)].astype(np.float32)


@cache
def _delays(size: int) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    z1 = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    return z1, z1 * z1


def _size(least: int) -> int:
    """A size of FFTs that is quick, at least this: a multiple of 4096, so that there are few of them."""
    return -(-least // 4096) * 4096
