"""Finds the word in a recording, and judges its quality."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from watchword.data.audio import RATE
from watchword.errors import DataError

_HOP = RATE // 100  # samples of 10 ms, whose RMS tells sound from noise
_LEAST = 0.08  # seconds: no word is shorter
_REL = 0.1  # of the way from the noise to the loudest, from which sound counts
_SILENT = 20.0  # RMS of 16 bits below which a recording holds no sound at all
_STANDS_OUT = 6.0  # dB between the noise and the loudest
_QUIET, _LOUD = 300.0, 32000  # RMS of a word that is hardly audible; a sample that was cut off
_NOISY = 12.0  # dB
_EDGE = 0.02  # seconds from the beginning or end of a recording, from which a word may have been cut off


@dataclass(frozen=True)
class Word:
    """A word in a recording. start, end: seconds. level: RMS of its loudest 10 ms, in dB of full scale.

    above: dB over the noise beside it. faults: what might be better, in words; none of it keeps the word from being learnt.
    """

    start: float
    end: float
    level: float
    above: float
    faults: tuple[str, ...]

    @property
    def quality(self) -> str:
        """Describe position, level and faults in one line."""
        facts = f"{self.end - self.start:.2f} s at {self.start:.2f} s, {self.above:.0f} dB above the noise"
        return f"{facts}: {', '.join(self.faults) or 'good'}"


def find(samples: NDArray[np.int16], longest: float = 1.0) -> Word:
    """Find the word in a recording, int16 (samples,) at 16 kHz.

    longest: seconds that the model hears at once. DataError: it is silent, too short, or nothing stands out in it.
    """
    if len(samples) < _LEAST * RATE:
        raise DataError(f"the recording is too short: {len(samples) / RATE:.2f} s, a word takes at least {_LEAST} s")
    count = len(samples) // _HOP
    rms = np.sqrt((samples[: count * _HOP].reshape(count, _HOP).astype(np.float64) ** 2).mean(1))
    noise, loudest = np.percentile(rms, 10), np.percentile(rms, 98)
    if loudest < _SILENT:
        raise DataError("the recording is silent")
    above = 20 * np.log10(loudest / max(noise, 1.0))
    if above < _STANDS_OUT and len(samples) > longest * RATE:
        raise DataError(f"nothing stands out in the recording: its loudest is {above:.0f} dB above the rest")
    sounding = np.flatnonzero(rms > noise + _REL * (loudest - noise))
    first, last = int(sounding[0]), int(sounding[-1]) + 1
    if last - first > longest * RATE / _HOP:  # more than a word: the segment with the most energy
        width = int(longest * RATE / _HOP)
        energy = np.concatenate([[0.0], np.cumsum(rms**2)])
        first = int(np.argmax(energy[width:] - energy[:-width])) if count > width else 0
        last = min(first + width, count)
    if (last - first) * _HOP < _LEAST * RATE:
        raise DataError(f"what sounds in the recording lasts {(last - first) * _HOP / RATE:.2f} s: a click, no word")
    start, end = first * _HOP / RATE, last * _HOP / RATE
    word = samples[first * _HOP : last * _HOP]
    faults = []
    if len(sounding) and (sounding[-1] + 1 - sounding[0]) * _HOP > longest * RATE:
        faults.append(f"longer than the {longest:.1f} s that the model hears")
    if np.abs(word.astype(np.int32)).max() >= _LOUD:
        faults.append("too loud, cut off at full scale")
    if loudest < _QUIET:
        faults.append("quiet")
    if above < _NOISY:
        faults.append("noisy")
    if len(samples) > longest * RATE and (start < _EDGE or end > len(samples) / RATE - _EDGE):
        faults.append("at the edge, perhaps cut off")
    return Word(start, end, float(20 * np.log10(loudest / 32768)), float(above), tuple(faults))


def crop(samples: NDArray[np.int16], word: Word, length: int) -> NDArray[np.int16]:
    """Cut `length` samples with the word in their middle, padded with zeros: int16 (length,)."""
    begin = int((word.start + word.end) * RATE / 2) - length // 2
    found = np.zeros(length, np.int16)
    first, last = max(0, begin), min(len(samples), begin + length)
    if last > first:
        found[first - begin : last - begin] = samples[first:last]
    return found
