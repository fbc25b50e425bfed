"""A microphone's words to samples, on the host: the formula, whatever the calls, and what it is good for."""

from __future__ import annotations

import numpy as np
import pytest

from watchword.errors import DataError
from watchword.features.microphone import Microphone, multiplier


def words(x: np.ndarray) -> np.ndarray:
    """Of 24-bit samples."""
    return (np.rint(x).astype(np.int64) << 8).astype(np.int32)


def test_each_sample_follows_from_the_formula() -> None:
    rng = np.random.default_rng(2)
    raw = rng.integers(-(2**31), 2**31, 3000).astype(np.int32)
    raw[1000:2000] >>= 12
    microphone = Microphone(24)
    found = microphone.process(raw)
    dc, clipped = 0, 0
    for word, sample in zip(raw.tolist(), found.tolist(), strict=True):
        y = word // 256 - dc // 128
        dc += y
        exact = (y * microphone.multiplier + 8192) // 16384
        clipped += not -32768 <= exact <= 32767
        assert sample == min(max(exact, -32768), 32767)
    assert microphone.dc == dc
    assert microphone.clipped == clipped > 0


def test_calls_may_be_of_any_length(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = np.random.default_rng(3).integers(-(2**31), 2**31, 5000).astype(np.int32)
    whole, parts = Microphone(30), Microphone(30)
    expected = whole.process(raw)
    monkeypatch.setattr("watchword.features.microphone._BLOCK", 700)
    found = np.concatenate([parts.process(part) for part in np.split(raw, [0, 1, 900, 900, 4000])])
    assert np.array_equal(found, expected)
    assert vars(parts) == vars(whole)


def test_without_gain_the_upper_16_bits_stay() -> None:
    """But for the mean, which begins at 0, and moves by 1/128 of a sample at most."""
    x = np.random.default_rng(4).integers(-(2**12), 2**12, 400)
    found = Microphone(0).process(words(x * 256.0))
    assert np.abs(np.diff(found.astype(int)) - np.diff(x)).max() <= 2**13 // 128 + 1
    assert found[0] == x[0]


def test_dc_is_gone_after_some_hundredths_of_a_second_and_low_voices_are_not() -> None:
    t = np.arange(16000)
    for offset in (-2e6, 3e5):
        found = Microphone(12).process(words(np.full(t.size, offset)))
        assert np.abs(found[1600:]).max() <= 1
    for frequency, low, high in ((20, 0.68, 0.73), (100, 0.97, 0.99), (1000, 0.99, 1.01)):
        found = Microphone(0).process(words(2e6 * np.sin(2 * np.pi * frequency / 16000 * t)))
        assert low < found[8000:].std() / (2e6 / 256 / np.sqrt(2)) < high


def test_decibels_become_an_integer() -> None:
    assert [multiplier(gain) for gain in (-12, 0, 24, 60)] == [16, 64, 1014, 64000]
    for gain in np.linspace(-12, 60, 200):
        assert abs(20 * np.log10(multiplier(gain) / 64) - gain) < (0.07 if gain >= 0 else 0.3)
    for gain in (-12.5, 61, float("nan")):
        with pytest.raises(DataError, match="-12 to 60 is expected"):
            Microphone(gain)


def test_what_is_wrong_with_a_microphone_shows() -> None:
    silent, stuck, floating = Microphone(24), Microphone(24), Microphone(24)
    assert silent.process(np.zeros(0, np.int32)).shape == (0,)
    assert silent.least > silent.greatest
    silent.process(np.zeros(100, np.int32))
    assert (silent.least, silent.greatest, silent.bits) == (0, 0, 0)
    stuck.process(np.full(100, -256, np.int32))
    assert (stuck.least, stuck.greatest) == (-1, -1)
    floating.process(np.random.default_rng(5).integers(-(2**31), 2**31, 100).astype(np.int32))
    assert floating.bits == 255


def test_other_arrays_are_refused() -> None:
    for wrong in (np.zeros(5, np.int16), np.zeros((5, 1), np.int32), np.zeros(5)):
        with pytest.raises(DataError, match="int32 with 1 axis is expected"):
            Microphone(0).process(wrong)
