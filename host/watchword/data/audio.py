"""Reads and writes recordings: any sound file becomes 16 kHz mono int16.

Plain 16-bit WAV files need only Python; other formats need soundfile, other rates need scipy.
"""

from __future__ import annotations

import math
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from watchword import shipped
from watchword.data import files
from watchword.errors import DataError

RATE: int = shipped.firmware_module("sources").RATE
"""Samples per second of all sound in watchword."""

SUFFIXES = frozenset({".wav", ".flac", ".ogg"})
"""Extensions of the sound files that `find` picks up, in lower case."""

FULL_SCALE = 32768.0


def read(path: Path | str) -> NDArray[np.int16]:
    """Read a WAV, FLAC or OGG file: int16 (n,) at 16 kHz; channels are averaged, other rates resampled.

    A 16-bit mono file at 16 kHz is returned unchanged. DataError: missing, unreadable or empty, or needs soundfile
    or scipy where they are not installed.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    plain = _read_plain_wave(path)
    samples, rate = plain if plain is not None else _read_with_soundfile(path)
    if not len(samples):
        raise DataError(f"{path}: holds no sound")
    mono = samples.mean(axis=1)
    if rate != RATE:
        mono = _resample(mono, rate, path)
    return to_int16(mono)


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


def _read_plain_wave(path: Path) -> tuple[NDArray[np.float64], int] | None:
    """Return samples (n, channels) in int16 units and their rate; None where the file is anything but a 16-bit PCM WAV."""
    try:
        with wave.open(str(path), "rb") as file:
            if file.getsampwidth() != 2:
                return None
            channels, rate = file.getnchannels(), file.getframerate()
            content = file.readframes(file.getnframes())
    except (wave.Error, EOFError):
        return None
    whole = len(content) // (2 * channels) * (2 * channels)
    return np.frombuffer(content[:whole], "<i2").reshape(-1, channels).astype(np.float64), rate


def _read_with_soundfile(path: Path) -> tuple[NDArray[np.float64], int]:
    try:
        import soundfile
    except (ImportError, OSError):
        raise DataError(
            f"{path}: not a 16-bit PCM WAV file; other formats need soundfile: pip install 'watchword[train]'"
        ) from None
    try:
        samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: not a readable sound file: {reason}") from None
    return samples * FULL_SCALE, int(rate)


def _resample(samples: NDArray[np.float64], rate: int, path: Path) -> NDArray[np.float64]:
    try:
        from scipy.signal import resample_poly
    except ImportError:
        raise DataError(
            f"{path}: has {rate} Hz; another rate than {RATE} needs scipy: pip install 'watchword[train]'"
        ) from None
    divisor = math.gcd(RATE, rate)
    return np.asarray(resample_poly(samples, RATE // divisor, rate // divisor), np.float64)
