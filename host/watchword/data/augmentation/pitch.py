"""Pitch without length: a phase vocoder stretches the sound, and resampling brings it back to its length.

Flanagan and Golden, "Phase Vocoder", Bell System Technical Journal 45, 1966; with the phases about each peak of the spectrum
locked to it, without which sound loses power: Laroche and Dolson, "Improved Phase Vocoder Time-Scale Modification of Audio",
IEEE Trans. Speech and Audio Processing 7, 1999. Windows of 32 ms that begin every 8 ms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SIZE, _HOP = 512, 128
_WINDOW = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_SIZE) / _SIZE)
_ADVANCE = 2 * np.pi * _HOP * np.arange(_SIZE // 2 + 1) / _SIZE  # of the phase of each bin's own frequency in a hop


def shifted(sound: NDArray[np.float32], semitones: float) -> NDArray[np.float32]:
    """Raise the pitch of a sound, float32 (n,), by semitones of a twelfth of an octave; its length stays."""
    factor = 2 ** (semitones / 12)
    longer = stretched(sound, factor)
    return np.asarray(np.interp(np.arange(len(sound)) * factor, np.arange(len(longer)), longer), np.float32)


def stretched(sound: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """Make a sound, float32 (n,), `factor` times as long at the same pitch: float32 (round(factor * n),)."""
    length = round(factor * len(sound))
    begin = round(_SIZE * (1 + factor) / 2)  # of the sound in what is made: half a window of zeros stretches with it
    count = -(-(begin + length) // _HOP)
    # Each output frame lies at a place between two input frames; zeros around the sound keep its edges whole.
    places = np.arange(count) / factor
    needed = (int(places[-1]) + 2) * _HOP + _SIZE
    padded = np.pad(sound, (_SIZE, max(0, needed - len(sound))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _SIZE)[::_HOP][: int(places[-1]) + 2]
    spectra = np.fft.rfft(frames * _WINDOW, axis=1)
    before = places.astype(int)
    share = (places - before)[:, None]
    magnitude = (1 - share) * np.abs(spectra[before]) + share * np.abs(spectra[before + 1])
    phase = np.angle(spectra)
    drift = phase[before + 1] - phase[before] - _ADVANCE
    advance = _ADVANCE + drift - 2 * np.pi * np.rint(drift / (2 * np.pi))  # what the phase gains in a hop
    peaks = _peaks(magnitude)
    locked = phase[before] - np.take_along_axis(phase[before], peaks, 1)  # to the phase of the peak
    phases = np.empty_like(locked)
    phases[0] = phase[0]
    for frame in range(1, count):
        owner = peaks[frame]
        phases[frame] = (phases[frame - 1] + advance[frame - 1])[owner] + locked[frame]
    made = np.fft.irfft(magnitude * np.exp(1j * phases), _SIZE, axis=1) * _WINDOW
    overlap = _SIZE // _HOP
    out = np.zeros((count + overlap - 1, _HOP))
    for part in range(overlap):
        out[part : part + count] += made[:, part * _HOP : (part + 1) * _HOP]
    # The squares of windows that overlap four times add up to 1.5.
    return (out.ravel() / 1.5)[begin : begin + length].astype(np.float32)


def _peaks(magnitude: NDArray[np.float64]) -> NDArray[np.int64]:
    """The nearest peak of each bin, int64 of the shape of `magnitude`, (frames, bins); its own number where there is none."""
    padded = np.pad(magnitude, ((0, 0), (2, 2)), constant_values=-1)
    bins = magnitude.shape[1]
    highest = np.max([padded[:, place : place + bins] for place in (0, 1, 3, 4)], axis=0)
    number = np.arange(bins)
    far = 2 * bins
    below = np.maximum.accumulate(np.where(magnitude > highest, number, -far), axis=1)
    above = np.minimum.accumulate(np.where(magnitude > highest, number, far)[:, ::-1], axis=1)[:, ::-1]
    nearest = np.where(number - below <= above - number, below, above)
    return np.where((nearest >= 0) & (nearest < bins), nearest, number)
