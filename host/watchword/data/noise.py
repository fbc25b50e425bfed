"""Noise: recordings from which the background of words, and clips of silence, are cut.

Every clip comes with one second of context before it, as a board hears one: the front end estimates noise over time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from watchword.data import audio
from watchword.data.batch import Batch
from watchword.errors import DataError

CONTEXT = audio.RATE
"""Samples before each clip: one second."""

TRAINING_SHARE = 0.8
"""Share of each noise file, from its beginning, that is for training; the rest is for validation."""

LEAST_NOISE = 10 * audio.RATE
"""Samples of noise that are needed: both parts of it are longer than a clip and its context."""

_JOINED = 60 * audio.RATE  # so that none of the recordings that segments are drawn from is much shorter than others


def read_noise(files: Sequence[Path], place: str, batch: Batch | None = None) -> list[NDArray[np.int16]]:
    """Read recordings of noise: each of 10 s or more by itself, shorter ones joined to recordings of about a minute.

    place: where they are, to say. batch: counts those that cannot be read, which are passed by. DataError: they are less than
    10 s in all.
    """
    read = [samples for _, samples, _ in (batch or Batch("noise recordings")).each(files, audio.read)]
    total = sum(map(len, read))
    if total < LEAST_NOISE:
        raise DataError(
            f"{place}: {total / audio.RATE:.1f} s of noise in {len(files)} files are too few; "
            f"{LEAST_NOISE // audio.RATE} s or more are needed in all"
        )
    noise = [samples for samples in read if len(samples) >= LEAST_NOISE]
    joined: list[NDArray[np.int16]] = []
    for samples in read:
        if len(samples) < LEAST_NOISE:
            joined.append(samples)
            if sum(map(len, joined)) >= _JOINED:
                noise.append(np.concatenate(joined))
                joined = []
    if sum(map(len, joined)) >= LEAST_NOISE:
        noise.append(np.concatenate(joined))
    elif joined:  # what is left is too short by itself
        noise[-1] = np.concatenate([noise[-1], *joined])
    return noise


def with_context(signals: NDArray[np.int16]) -> NDArray[np.int16]:
    """Prepend a second of digital silence, as an evaluation does: (clips, samples) -> (clips, CONTEXT + samples)."""
    return np.pad(signals, ((0, 0), (CONTEXT, 0)))


def background(noise: Sequence[NDArray[np.int16]], samples: int, level: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw a segment of a noise file's training part, float32 (samples,), its RMS behind CONTEXT `level`, in int16 units.

    In half the cases its context is digital silence.
    """
    file = noise[int(rng.integers(len(noise)))]
    start = int(rng.integers(max(1, int(len(file) * TRAINING_SHARE) - samples)))
    segment = np.asarray(file[start : start + samples], np.float32)
    # The level is that behind the word; a segment of pure zeros stays as it is.
    segment *= level / max(rms(segment[CONTEXT:]), 1.0)
    if rng.random() < 0.5:
        segment[:CONTEXT] = 0
    return segment


def silence(
    count: int, samples: int, noise: Sequence[NDArray[np.int16]], levels: tuple[float, float], rng: np.random.Generator
) -> NDArray[np.int16]:
    """Draw clips of noise alone, int16 (count, CONTEXT + samples); the context is as in `background`.

    levels: the softest and the loudest RMS, of full scale, between which it is drawn uniformly in dB.
    """
    softest, loudest = np.log(levels)
    drawn = np.exp(rng.uniform(softest, loudest, count)) * audio.FULL_SCALE
    rows = [background(noise, CONTEXT + samples, level, rng) for level in drawn]
    return audio.to_int16(np.array(rows, np.float32).reshape(count, CONTEXT + samples))


def validation_silence(count: int, samples: int, noise: Sequence[NDArray[np.int16]]) -> NDArray[np.int16]:
    """Cut clips, int16 (count, samples), evenly spaced over the part of each noise file that training does not use."""
    clips = []
    for number in range(count):
        file = noise[number % len(noise)]
        first, last = int(len(file) * TRAINING_SHARE), len(file) - samples
        share = (number // len(noise) + 0.5) / -(-count // len(noise))
        start = first + int(max(0, last - first) * share)
        clips.append(np.resize(file[start : start + samples], samples))
    return np.array(clips, np.int16).reshape(count, samples)


def rms(samples: NDArray[np.float32]) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(samples))))


def ratio(decibels: float) -> float:
    """Convert dB to a ratio of amplitudes."""
    return float(10 ** (decibels / 20))
