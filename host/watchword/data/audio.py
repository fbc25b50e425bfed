"""Reads and writes recordings: any sound file becomes 16 kHz mono int16.

WAV files are read by `wav`, whatever wrote them; FLAC, Ogg, MP3 and others need soundfile.
"""

from __future__ import annotations

import os
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from watchword.data import codings, containers, files, resampling, wav
from watchword.data.batch import Report, silent
from watchword.data.resampling import resampled
from watchword.errors import DataError

RATE = resampling.RATE
"""Samples per second of all sound in watchword."""

SUFFIXES = frozenset({".wav", ".wave"}) | containers.SUFFIXES | containers.CONVERTED
"""Extensions of what `find` picks up, in lower case; of `containers.CONVERTED`, `read` says how they are converted."""

FULL_SCALE = codings.FULL_SCALE

LEAST_RATE, MOST_RATE = 4_000, 384_000
"""Hz, of what is read."""

_CANCELLED = 0.25  # of the power that unrelated channels have in their mean; those in opposite phase have less
_CLIPPED = 0.01  # share of the samples at full scale, from which it is said


def read(path: Path | str, report: Report = silent) -> NDArray[np.int16]:
    """Read a sound file: int16 (n,) at 16 kHz; other rates, 4 to 384 kHz, are resampled.

    Of two channels the mean is taken, of more the loudest one. A 16-bit mono file at 16 kHz is returned unchanged.
    report: called with a line, without the file's name, for each thing that is to be said of the recording: truncated, its
    channels in opposite phase, cut off at full scale, no high frequencies. DataError: missing, unreadable or empty, of
    another rate; or it needs soundfile or ffmpeg.
    """
    path = Path(path)
    try:
        sound = _read(path)
        if not sound.samples.size:
            raise DataError(f"{path}: holds no sound")
        if not LEAST_RATE <= sound.rate <= MOST_RATE:
            raise DataError(f"{path}: has a rate of {sound.rate} Hz; {LEAST_RATE} to {MOST_RATE} are read")
        rate, notes = sound.rate, list(sound.notes)
        mono = _mono(sound.samples, notes)
        del sound  # which is large
        if np.mean(np.abs(mono) >= 32767) > _CLIPPED:
            notes.append("cut off at full scale: record it less loud")
        if rate < RATE:
            notes.append(f"recorded at {rate} Hz: nothing above {rate / 2000:g} kHz")
        samples = to_int16(mono if rate == RATE else resampled(mono.astype(np.float64), rate))
    except MemoryError:
        raise DataError(f"{path}: is too long for the memory of this computer: cut it into shorter ones") from None
    for note in notes:
        report(note)
    return samples


def write(path: Path, samples: NDArray[np.int16]) -> None:
    """Write int16 (n,) as a 16-bit mono WAV file at 16 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())


def find(folder: Path) -> list[Path]:
    """Find all sound files below a folder, as `files.find` does. DataError: no such folder."""
    return files.find(folder, SUFFIXES)


def to_int16(samples: NDArray[np.floating]) -> NDArray[np.int16]:
    """Round samples, in int16 units, to int16; what exceeds full scale is clipped."""
    return np.asarray(np.clip(np.rint(samples), -32768, 32767), np.int16)


def _read(path: Path) -> wav.Sound:
    """Read what a file holds, by what it is and not by what it is called."""
    if os.path.isdir(path):
        raise DataError(f"{path}: is a folder, not a recording")
    if not os.path.isfile(path):  # nor a device or a pipe, which might never end
        raise DataError(f"{path}: no such file")
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    if not start:
        raise DataError(f"{path}: is empty")
    sound = wav.read(path) if wav.is_wav(start) else None
    return containers.read(path, start) if sound is None else sound


def _mono(samples: NDArray[np.float32], notes: list[str]) -> NDArray[np.float32]:
    """float32 (n, channels) -> (n,): the mean of two; the loudest of more, or of two whose mean would be silence."""
    channels = samples.shape[1]
    if channels == 1:
        return samples[:, 0]
    power = np.array([_power(samples[:, i]) for i in range(channels)])
    if channels == 2:
        mean = (samples[:, 0] + samples[:, 1]) / np.float32(2)
        if not power.any() or _power(mean) >= _CANCELLED * power.sum() / 4:
            return mean
        notes.append("two channels in opposite phase, which cancel each other: the louder one is taken")
    else:
        notes.append(f"{channels} channels: the loudest one is taken")
    return samples[:, int(power.argmax())]


def _power(samples: NDArray[np.float32]) -> float:
    return float(np.mean(np.square(samples, dtype=np.float64)))
