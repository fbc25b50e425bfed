"""The computer's microphone, through PortAudio, as blocks of 16 kHz mono int16: what a board without one of its own hears.

    with Microphone() as microphone:
        for block in microphone.blocks(seconds=10):
            ...

It lies beside recordings, since it knows nothing of boards: a board, the reference and a program of one's own take its
blocks alike.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from watchword.data.audio import RATE, to_int16
from watchword.data.resampling import Resampler
from watchword.errors import DataError, SetupError

BLOCK = 768
"""Samples in a block, of 48 ms."""

_HELD = 1.0  # seconds of sound that PortAudio keeps for a reader that is late

Report = Callable[[str], None]
"""Receives one line, once sound has been lost."""


class Microphone:
    """An open microphone; nothing is recorded before `blocks`. name: the device's. lost: seconds that came and nobody took.

    device: a part of its name, or its number; None: the system's. SetupError: sounddevice or PortAudio is missing. DataError:
    there is no such microphone, or it gives no sound that can be used.
    """

    def __init__(self, device: str | None = None, report: Report = lambda line: None) -> None:
        self.lost = 0.0
        self._report = report
        self._stopped = False
        with _quiet():
            self._portaudio = _portaudio()
            self.name, self._stream, rate, self._channels = self._open(device)
        self._rate = rate
        self._resampler = None if rate == RATE else Resampler(rate)

    def _open(self, device: str | None) -> tuple[str, Any, int, int]:
        """(name, stream, rate, channels) with the rate and channels that come nearest to 16 kHz mono."""
        number = int(device) if device is not None and device.isdecimal() else device
        try:
            found = self._portaudio.query_devices(number, "input")
        except (ValueError, self._portaudio.PortAudioError) as error:
            raise DataError(self._missing(device, error)) from None
        rates, channels = (RATE, round(found["default_samplerate"])), (1, found["max_input_channels"])
        failed = ""
        for rate, count in dict.fromkeys((rate, count) for rate in rates for count in channels):
            try:
                stream = self._portaudio.InputStream(
                    device=found["index"],
                    samplerate=rate,
                    channels=count,
                    dtype="int16",
                    blocksize=BLOCK * rate // RATE,
                    latency=_HELD,
                )
            except (ValueError, self._portaudio.PortAudioError) as error:
                failed = str(error)
            else:
                return str(found["name"]), stream, rate, count
        raise DataError(f"{found['name']}: cannot be opened: {_short(failed)}: is it in use, or may this program not use it?")

    def _missing(self, device: str | None, error: Exception) -> str:
        names = [one["name"] for one in self._portaudio.query_devices() if one["max_input_channels"] > 0]
        if not names:
            return "this computer has no microphone that PortAudio finds: is one plugged in, and the system's sound running?"
        there = _short(", ".join(f"{name!r}" for name in names), 160)
        if device is None:
            return f"the system names no microphone as its own: choose one with --device, of {there}"
        several = "more than one microphone" if "Multiple" in str(error) else "no microphone"
        return f"{_short(device, 40)}: {several} of that name; there is {there}"

    def blocks(self, seconds: float | None = None) -> Iterator[NDArray[np.int16]]:
        """Record: int16 (BLOCK,), or about that at another rate, as they come; for so many seconds of sound, or until `stop`.

        A reader that is late by more than a second loses sound: `lost` says how much, and `report` gets a line the first time.
        DataError: the microphone has gone.
        """
        left = None if seconds is None else round(seconds * RATE)
        taken, size = 0, BLOCK * self._rate // RATE
        try:
            self._stream.start()
            begun = time.monotonic()
            while not self._stopped and left != 0:
                sound, overflowed = self._stream.read(size)
                taken += len(sound)
                if overflowed:
                    self._missed(time.monotonic() - begun - (taken + self._stream.read_available) / self._rate)
                block = self._mono(sound)
                if left is not None:
                    block = block[:left]
                    left -= len(block)
                if len(block):
                    yield block
        except self._portaudio.PortAudioError as error:
            raise DataError(f"{self.name}: gives no more sound: {_short(str(error))}: is it still plugged in?") from None

    def _mono(self, sound: NDArray[np.int16]) -> NDArray[np.int16]:
        if self._resampler is None and self._channels == 1:
            return sound[:, 0].copy()  # the array is PortAudio's
        mixed = sound.mean(axis=1)
        return to_int16(mixed if self._resampler is None else self._resampler.process(mixed))

    def _missed(self, seconds: float) -> None:
        if not self.lost:
            self._report(f"{self.name}: sound is lost, as it comes faster than it is taken; how much is told at the end")
        self.lost = max(self.lost, seconds, 0.001)

    def stop(self) -> None:
        """End `blocks` after the one that is being recorded. May be called by a signal's handler."""
        self._stopped = True

    def close(self) -> None:
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _portaudio() -> Any:
    """The module sounddevice. SetupError: it or PortAudio is missing."""
    try:
        import sounddevice
    except ImportError:
        raise SetupError("the computer's microphone needs sounddevice: pip install sounddevice") from None
    except OSError:  # its wheels for macOS and Windows bring PortAudio along
        raise SetupError(
            "the computer's microphone needs PortAudio: sudo apt-get install libportaudio2, or as your system has it"
        ) from None
    return sounddevice


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Nothing reaches stderr: ALSA writes a dozen lines about devices that a computer does not have."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _short(text: str, most: int = 100) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"
