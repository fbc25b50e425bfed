"""Simulated rooms: what a word sounds like a few steps from the microphone.

The image-source method for a box: Allen and Berkley, "Image method for efficiently simulating small-room acoustics", JASA 65,
1979. A wall reflects the same share of sound at all frequencies. That share is first taken from Eyring's formula (JASA 1, 1930)
and then corrected until the response's own reverberation time is the one that was asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from watchword.data.audio import RATE

SOUND = 343.0
"""m/s, in air of 20 °C."""

_ROUNDS = 6  # of correction
_CLOSE = 0.01  # of RT60
_WALL = 0.3  # m, the least distance from it
_NEAR, _FAR = 0.3, 3.0  # m, from the word to the microphone
_LOWEST = 50.0  # Hz: all images are positive, which makes a constant that no room has (Allen and Berkley, p. 945)


@dataclass(frozen=True)
class Room:
    """A box, the mouth and the microphone in it: (x, y, z) in m. rt60: s, in which sound dies away by 60 dB."""

    size: tuple[float, float, float]
    mouth: tuple[float, float, float]
    microphone: tuple[float, float, float]
    rt60: float


def draw(rt60: tuple[float, float], rng: np.random.Generator) -> Room:
    """Draw a room of 3 to 8, 3 to 6 and 2.3 to 3.2 m, in which mouth and microphone are 0.3 to 3 m apart."""
    size = rng.uniform((3.0, 3.0, 2.3), (8.0, 6.0, 3.2))
    time = float(rng.uniform(*rt60))
    while True:
        mouth, microphone = rng.uniform(_WALL, size - _WALL, (2, 3))
        if _NEAR <= np.linalg.norm(mouth - microphone) <= _FAR:
            return Room(_point(size), _point(mouth), _point(microphone), time)


def response(room: Room) -> NDArray[np.float32]:
    """The impulse response of a room, float32 (samples,) at 16 kHz, from the direct sound to RT60; its energy is 1."""
    length = max(2, round(room.rt60 * RATE))
    delay, order, distance = _images(room, length)
    wall = _eyring(room)
    for _ in range(_ROUNDS):
        made = _highpassed(np.asarray(np.bincount(delay, wall**order / distance, length), np.float64))
        measured = reverberation_time(made)
        if abs(measured / room.rt60 - 1) < _CLOSE:
            break
        wall = wall ** (measured / room.rt60)  # the decay in dB goes with the logarithm of what walls leave
    return np.asarray(made / np.sqrt(np.sum(made**2)), np.float32)


def bank(count: int, rt60: tuple[float, float], rng: np.random.Generator) -> list[NDArray[np.float32]]:
    """The responses of rooms drawn at random."""
    return [response(draw(rt60, rng)) for _ in range(count)]


def reverberation_time(response: NDArray[np.floating]) -> float:
    """Measure the RT60 of an impulse response at 16 kHz, in s, as ISO 3382-1 does.

    A line is fitted to Schroeder's backward integral ("New Method of Measuring Reverberation Time", JASA 37, 1965) where it
    falls from -5 to -35 dB, and is extended to -60. Of less than two samples there: 0.
    """
    energy = np.cumsum(np.asarray(response, np.float64)[::-1] ** 2)[::-1]
    decay = 10 * np.log10(np.maximum(energy, 1e-300) / max(energy[0], 1e-300))
    first, last = int(np.argmax(decay <= -5)), int(np.argmax(decay <= -35))
    if last - first < 2:
        return 0.0
    slope = np.polyfit(np.arange(first, last) / RATE, decay[first:last], 1)[0]
    return float(-60 / slope)


def _images(room: Room, length: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """All images of the mouth whose sound arrives within `length` samples after the direct one.

    Returns (samples after the direct sound, reflections, distance in m), each (images,).
    """
    direct = math.dist(room.mouth, room.microphone)
    farthest = direct + length / RATE * SOUND
    axes = []
    for size, mouth, microphone in zip(room.size, room.mouth, room.microphone, strict=True):
        most = math.ceil(farthest / (2 * size)) + 1
        n = np.arange(-most, most + 1)
        places = np.concatenate([2 * n * size + mouth, 2 * n * size - mouth]) - microphone
        reflections = np.concatenate([np.abs(2 * n), np.abs(2 * n - 1)])  # at both walls of the axis
        near = np.abs(places) <= farthest
        axes.append((places[near] ** 2, reflections[near]))
    (x, in_x), (y, in_y), (z, in_z) = axes
    parts = []
    for square, reflections in zip(x, in_x, strict=True):  # a slice at a time, which bounds the memory
        distance = np.sqrt(square + y[:, None] + z)
        delay = np.rint((distance - direct) * (RATE / SOUND)).astype(np.int64)
        heard = (delay >= 0) & (delay < length)
        parts.append((delay[heard], (reflections + in_y[:, None] + in_z)[heard], distance[heard]))
    delays, orders, distances = (np.concatenate(part) for part in zip(*parts, strict=True))
    return delays, orders, distances


def _eyring(room: Room) -> float:
    """The share of a sound's amplitude that walls reflect, by Eyring's formula for RT60."""
    x, y, z = room.size
    exponent = 24 * math.log(10) / SOUND * x * y * z / (2 * (x * y + y * z + z * x)) / room.rt60
    return math.exp(-exponent / 2)


def _highpassed(response: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.signal import butter, sosfilt  # when it is needed: to import it takes long

    return np.asarray(sosfilt(butter(2, _LOWEST, "highpass", fs=RATE, output="sos"), response), np.float64)


def _point(values: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = map(float, values)
    return x, y, z
