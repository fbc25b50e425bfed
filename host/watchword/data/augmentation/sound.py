"""Words, moved, changed, in rooms and in noise: samples in, samples with a second of context before them out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from watchword.data import audio
from watchword.data.augmentation import pitch, responses
from watchword.data.augmentation.settings import SoundAugmentation
from watchword.data.noise import CONTEXT, background, ratio, rms


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What words are put into. noise: int16 recordings. rooms: impulse responses, float32. other: draws a word that was said
    before, int16 (samples,).
    """

    noise: Sequence[NDArray[np.int16]] = ()
    rooms: Sequence[NDArray[np.float32]] = ()
    other: Callable[[np.random.Generator], NDArray[np.int16]] | None = field(default=None)


def augment(
    signals: NDArray[np.int16], around: Surroundings, settings: SoundAugmentation, rng: np.random.Generator
) -> NDArray[np.int16]:
    """Augment words at random, int16 (clips, samples) -> int16 (clips, CONTEXT + samples).

    The context is the same noise as behind the word or digital silence, half and half. Without noise it is silence.
    """
    samples = signals.shape[1]
    mixed = np.zeros((len(signals), CONTEXT + samples), np.float32)
    for row, signal in zip(mixed, signals, strict=True):
        row[CONTEXT:] = warped(signal.astype(np.float32), settings, rng)
        loudness = rms(row[CONTEXT:])
        if around.other is not None and rng.random() < settings.before:
            _say_before(row, around.other(rng), loudness * ratio(rng.uniform(-1, 1) * settings.before_level), rng)
        if around.rooms and rng.random() < settings.reverb:
            row[:] = responses.filtered(row, [], around.rooms[int(rng.integers(len(around.rooms)))])
            loudness = rms(row[CONTEXT:])
        if around.noise:
            row += background(around.noise, len(row), loudness / ratio(rng.uniform(*settings.snr)), rng)
        colours = responses.equalizer(settings.equalizer, rng) if settings.equalizer else []
        if rng.random() < settings.microphone:
            colours += responses.microphone(rng)
        row[:] = responses.filtered(row, colours) * ratio(rng.uniform(*settings.gain))
    return audio.to_int16(mixed)


def warped(word: NDArray[np.float32], settings: SoundAugmentation, rng: np.random.Generator) -> NDArray[np.float32]:
    """Change a word's pitch, shift it in time and change its speed about its middle, padded with zeros."""
    if settings.pitch:
        word = pitch.shifted(word, rng.uniform(-settings.pitch, settings.pitch))
    speed = 1 + rng.uniform(-settings.speed, settings.speed)
    shift = round(rng.uniform(-settings.shift, settings.shift) * audio.RATE)
    places = np.arange(len(word))
    middle = len(word) / 2
    return np.asarray(np.interp((places - shift - middle) * speed + middle, places, word, left=0, right=0), np.float32)


def _say_before(row: NDArray[np.float32], word: NDArray[np.int16], level: float, rng: np.random.Generator) -> None:
    """Add another word to the context, at an RMS of `level`; it ends before the clip begins, up to a fifth of a second."""
    other = word[-CONTEXT:].astype(np.float32)
    end = CONTEXT - int(rng.integers(CONTEXT // 5))
    other = other[-end:]
    row[end - len(other) : end] += other * (level / max(rms(other), 1.0))
