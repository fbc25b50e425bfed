"""The word in a recording: where it is, how good it is, and what is no word."""

from __future__ import annotations

import numpy as np
import pytest

from watchword.data import words
from watchword.data.audio import RATE
from watchword.errors import DataError


def recording(begin: float, end: float, seconds: float = 2.0, level: float = 6000, noise: float = 5) -> np.ndarray:
    """A tone from begin to end, in noise."""
    rng = np.random.default_rng(0)
    sound = rng.normal(0, noise, int(seconds * RATE))
    at = np.arange(int(begin * RATE), int(end * RATE))
    sound[at] += level * np.sin(at * 0.2)
    return np.clip(np.rint(sound), -32768, 32767).astype(np.int16)


@pytest.mark.parametrize(("begin", "end"), [(0.3, 0.8), (1.0, 1.6), (0.5, 1.45)])
def test_a_word_is_found(begin: float, end: float) -> None:
    word = words.find(recording(begin, end))
    assert abs(word.start - begin) <= 0.02
    assert abs(word.end - end) <= 0.02
    assert word.faults == ()
    assert word.quality.endswith("dB above the noise: good")


def test_it_lies_in_the_middle_of_what_is_cropped() -> None:
    sound = recording(0.2, 0.6)
    found = words.crop(sound, words.find(sound), RATE)
    assert len(found) == RATE
    assert not found[: int(0.09 * RATE)].any()  # the recording begins later
    loud = np.flatnonzero(np.abs(found) > 1000)
    assert abs((loud[0] + loud[-1]) / 2 / RATE - 0.5) < 0.02
    late = recording(1.7, 1.95)
    assert not words.crop(late, words.find(late), RATE)[-int(0.3 * RATE) :].any()


@pytest.mark.parametrize(
    ("sound", "fault"),
    [
        (recording(0.3, 0.8, level=60000), "too loud, cut off at full scale"),
        (recording(0.3, 0.8, level=150, noise=2), "quiet"),
        (recording(0.3, 0.8, level=6000, noise=1800), "noisy"),
        (recording(0.2, 1.8), "longer than the 1.0 s that the model hears"),
        (recording(0.0, 0.5), "at the edge, perhaps cut off"),
        (recording(1.5, 2.0), "at the edge, perhaps cut off"),
    ],
)
def test_faults(sound: np.ndarray, fault: str) -> None:
    assert fault in words.find(sound).faults


@pytest.mark.parametrize(
    ("sound", "told"),
    [
        (np.zeros(2 * RATE, np.int16), "silent"),
        (np.zeros(0, np.int16), "too short: 0.00 s"),
        (recording(0, 0.05, seconds=0.06), "too short: 0.06 s, a word takes at least 0.08 s"),
        (recording(0.5, 0.55), "a click, no word"),
        (recording(0, 0.001, noise=3000), "nothing stands out"),
    ],
)
def test_what_holds_no_word(sound: np.ndarray, told: str) -> None:
    with pytest.raises(DataError, match=told):
        words.find(sound)
