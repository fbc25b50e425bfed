"""Microphones at the pins of a virtual Pico, and what they send.

How a wire is written: `inmp441:sck=16,ws=17,sd=18,right`, `analogue:26`.
"""

from __future__ import annotations

import json
import wave
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from watchword.data.audio import RATE
from watchword.errors import BoardError

_PINS = (*range(23), 26, 27, 28)  # of a Pico; the others are its own
_ANALOGUE = (26, 27, 28)
_I2S = {"sck": 16, "ws": 17, "sd": 18}


@dataclass(frozen=True)
class Part:
    """What a data sheet says of an I2S microphone.

    precision: bits that say something, of the 24 that it sends. startup: nanoseconds from the clock's start to its first
    sample. offset: DC, in units of its 24 bits.
    """

    precision: int = 24
    startup: int = 0
    offset: int = 0

    def words(self, samples: NDArray[np.int16]) -> NDArray[np.int32]:
        """What a receiver gets of int16 samples (16 kHz) that begin with its clock: int32, a word for each, left-justified.

        The firmware's receiver gets them so from pico/emulator/microphone.mjs: word k is sample k, and 0 before `startup`.
        """
        heard = (samples.astype(np.int32) << 8) + self.offset
        words: NDArray[np.int32] = (heard.clip(-_FULL, _FULL - 1) & -(1 << (24 - self.precision))) << 8
        words[: -(-self.startup * RATE // 10**9)] = 0
        return words


_FULL = 1 << 23  # of 24 bits

I2S_PARTS = {
    "inmp441": Part(startup=83_000_000),
    "sph0645": Part(precision=18, offset=-250_000),  # no data sheet has a figure: some per cent of full scale, as owners see it
    "ics43434": Part(),
}
PARTS = (*I2S_PARTS, "analogue")


@dataclass(frozen=True)
class I2sWire:
    """An I2S microphone, as the emulator takes it (pico/emulator/microphones.mjs). right: its L/R is tied high."""

    sck: int
    ws: int
    sd: int
    right: bool
    precision: int
    startup: int
    offset: int

    @property
    def pins(self) -> tuple[int, ...]:
        return self.sck, self.ws, self.sd


@dataclass(frozen=True)
class AnalogueWire:
    """A microphone with an amplifier at an input of the ADC."""

    pin: int

    @property
    def pins(self) -> tuple[int, ...]:
        return (self.pin,)


def read_wire(text: str) -> I2sWire | AnalogueWire:
    """A wire as it is written. Raises BoardError in one line where it cannot be."""
    part, _, rest = text.partition(":")
    words = rest.split(",") if rest else []
    if part == "analogue":
        pin = _pin(text, words[0], _ANALOGUE) if len(words) == 1 else None
        if pin is None:
            raise _wrong(text, "one pin of the ADC is expected, as in analogue:26")
        return AnalogueWire(pin)
    if part not in I2S_PARTS:
        raise _wrong(text, f"{part or 'nothing'} is no part that is known; known: {', '.join(PARTS)}")
    pins, right, named = dict(_I2S), False, set()
    for word in words:
        name, equals, value = word.partition("=")
        if name in named:
            raise _wrong(text, f"{name} is there twice")
        named.add(name)
        if name in pins and equals:
            pins[name] = _pin(text, value, _PINS)
        elif word == "right":
            right = True
        else:
            raise _wrong(
                text, f"{word or 'nothing'} between commas; sck=, ws=, sd= and right can be, as in {part}:sck=16,ws=17,sd=18"
            )
    return I2sWire(**pins, right=right, **asdict(I2S_PARTS[part]))


def read_wires(texts: Sequence[str]) -> list[I2sWire | AnalogueWire]:
    """Wires of one board, by which no pin has two. Raises BoardError where one cannot be."""
    wires = []
    taken: set[int] = set()
    for text in texts:
        wire = read_wire(text)
        for pin in wire.pins:
            if pin in taken:
                raise _wrong(text, f"GPIO{pin} has a wire already")
            taken.add(pin)
        wires.append(wire)
    return wires


def part(name: str) -> Part:
    """An I2S part by its name. Raises BoardError where there is none."""
    if name not in I2S_PARTS:
        raise BoardError(f"{name[:80] or 'nothing'} is no I2S part that is known; known: {', '.join(I2S_PARTS)}")
    return I2S_PARTS[name]


def options(texts: Sequence[str], sound: Path | None) -> list[str]:
    """For the emulator's command line: wires, and the WAV that they hear. Raises BoardError where they cannot be."""
    if sound is not None and not texts:
        raise BoardError(f"{sound}: no microphone is there to hear it: wire one too, as in --wire inmp441")
    written = ["--wires", json.dumps([asdict(wire) for wire in read_wires(texts)])] if texts else []
    return written if sound is None else [*written, "--sound", str(playable(sound))]


def playable(path: Path) -> Path:
    """A WAV file that the emulator can play, by its whole path. Raises BoardError where it cannot."""
    try:
        with wave.open(str(path)) as file:
            bits = 8 * file.getsampwidth()
    except (OSError, EOFError, wave.Error, RuntimeError) as error:  # RuntimeError: its chunks are not where its sizes say
        reason = str(error) or "its chunks are damaged"
        raise BoardError(f"{path}: cannot be played to the virtual Pico: {reason}; a plain WAV file is expected") from None
    if bits != 16:
        raise BoardError(f"{path}: has samples of {bits} bits; 16 are expected")
    return path.absolute()


def _pin(text: str, value: str, pins: Sequence[int]) -> int:
    if not value.isascii() or not value.isdecimal() or len(value) > 2 or int(value) not in pins:
        raise _wrong(text, f"{value or 'nothing'} is no pin for that; {_ranges(pins)} are")
    return int(value)


def _ranges(pins: Sequence[int]) -> str:
    return "26 to 28" if pins == _ANALOGUE else "0 to 22 and 26 to 28"


def _wrong(text: str, why: str) -> BoardError:
    shown = text if len(text) <= 80 else f"{text[:79]}…"
    return BoardError(f"the wire {shown}: {why[:180]}")
