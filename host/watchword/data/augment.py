"""Augments training clips: shifts words in time, changes speed and gain, and mixes noise in.

It works on samples, before the front end, which estimates noise over time: every clip comes with one second of
context before it, as the board hears one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Augmentation:
    """Ranges from which each clip is augmented, drawn uniformly.

    shift: seconds, both ways. speed: share of the rate, both ways. gain: dB, the clip with its noise. snr: dB,
    the clip's mean power to that of the noise. silence: RMS of clips without a word, of full scale, drawn uniformly in dB.
    """

    shift: float = 0.1
    speed: float = 0.1
    gain: tuple[float, float] = (-20.0, 3.0)
    snr: tuple[float, float] = (0.0, 30.0)
    silence: tuple[float, float] = (3e-4, 0.3)

    def __post_init__(self) -> None:
        if not 0 <= self.shift <= 1:
            raise DataError(f"shift is {self.shift}: it is between 0 and 1 second")
        if not 0 <= self.speed <= 0.5:
            raise DataError(f"speed is {self.speed}: it is between 0 and 0.5")
        for name in ("gain", "snr", "silence"):
            low, high = getattr(self, name)
            if low > high:
                raise DataError(f"{name} is {low} to {high}: the lower end comes first")
        if self.silence[0] <= 0:
            raise DataError(f"silence begins at {self.silence[0]}: it is above 0")


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


def augment(
    signals: NDArray[np.int16], noise: Sequence[NDArray[np.int16]], settings: Augmentation, rng: np.random.Generator
) -> NDArray[np.int16]:
    """Augment words at random, int16 (clips, samples) -> int16 (clips, CONTEXT + samples).

    The context is the same noise as behind the word or digital silence, half and half. Without noise it is silence.
    """
    samples = signals.shape[1]
    mixed = np.zeros((len(signals), CONTEXT + samples), np.float32)
    for row, signal in zip(mixed, signals, strict=True):
        word = _warp(signal.astype(np.float32), settings, rng)
        row[CONTEXT:] = word
        if noise:
            row += _background(noise, len(row), _rms(word) / _ratio(rng.uniform(*settings.snr)), rng)
        row *= _ratio(rng.uniform(*settings.gain))
    return audio.to_int16(mixed)


def silence(
    count: int, samples: int, noise: Sequence[NDArray[np.int16]], settings: Augmentation, rng: np.random.Generator
) -> NDArray[np.int16]:
    """Draw clips of noise alone, int16 (count, CONTEXT + samples); the context is as in `augment`."""
    softest, loudest = np.log(settings.silence)
    levels = np.exp(rng.uniform(softest, loudest, count)) * audio.FULL_SCALE
    rows = [_background(noise, CONTEXT + samples, level, rng) for level in levels]
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


def _warp(word: NDArray[np.float32], settings: Augmentation, rng: np.random.Generator) -> NDArray[np.float32]:
    """Shift a word in time and change its speed about its middle, by linear interpolation; padded with zeros."""
    speed = 1 + rng.uniform(-settings.speed, settings.speed)
    shift = round(rng.uniform(-settings.shift, settings.shift) * audio.RATE)
    places = np.arange(len(word))
    middle = len(word) / 2
    return np.asarray(np.interp((places - shift - middle) * speed + middle, places, word, left=0, right=0), np.float32)


def _background(
    noise: Sequence[NDArray[np.int16]], samples: int, level: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw a segment of a noise file's training part, scaled to an RMS of `level`; in half the cases its context is silent."""
    file = noise[int(rng.integers(len(noise)))]
    start = int(rng.integers(max(1, int(len(file) * TRAINING_SHARE) - samples)))
    segment = np.asarray(file[start : start + samples], np.float32)
    # The level is that behind the word; a segment of pure zeros stays as it is.
    segment *= level / max(_rms(segment[CONTEXT:]), 1.0)
    if rng.random() < 0.5:
        segment[:CONTEXT] = 0
    return segment


def _rms(samples: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


def _ratio(decibels: float) -> float:
    """Convert dB to a ratio of amplitudes."""
    return float(10 ** (decibels / 20))
