"""The computer's microphone, of a PortAudio that exists only here: rates, channels, what is lost, and what goes wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.signal import resample_poly

from watchword.data import microphone
from watchword.data.microphone import BLOCK, Microphone
from watchword.data.resampling import Resampler
from watchword.errors import DataError, SetupError, WatchwordError

SOUND = np.random.default_rng(5).integers(-9000, 9000, 50000).astype(np.int16)


class Failed(Exception):
    pass


class FakePortAudio:
    """sounddevice, or what a microphone uses of it. rates, channels: those that can be had; channel n hears SOUND + 2 n."""

    PortAudioError = Failed

    def __init__(
        self, rates: tuple[int, ...] = (16000,), channels: tuple[int, ...] = (1, 2), names: tuple[str, ...] = ("Mic",)
    ):
        self.rates, self.channels, self.names = rates, channels, names
        self.overflows: set[int] = set()  # numbers of the reads before which sound was lost
        self.breaks_at = 1000
        self.closed = False

    def query_devices(self, device: str | int | None = None, kind: str | None = None) -> Any:
        found = [
            {"name": name, "index": n, "max_input_channels": max(self.channels), "default_samplerate": float(self.rates[-1])}
            for n, name in enumerate(self.names)
        ]
        if kind is None:
            return [*found, {"name": "Speaker", "index": 9, "max_input_channels": 0}]
        fit = [one for one in found if device in (None, one["index"]) or str(device) in str(one["name"])]
        if not fit:
            raise Failed("Error querying device -1") if device is None else ValueError(f"No input device matching {device!r}")
        if len(fit) > 1:
            raise ValueError(f"Multiple input devices found for {device!r}:\n...")
        return fit[0]

    def InputStream(self, *, samplerate: int, channels: int, **others: Any) -> Any:
        if samplerate not in self.rates or channels not in self.channels:
            raise Failed("Invalid sample rate [PaErrorCode -9997]")
        at = reads = 0

        def read(n: int) -> tuple[np.ndarray, bool]:
            nonlocal at, reads
            reads += 1
            if reads == self.breaks_at:
                raise Failed("Device unavailable [PaErrorCode -9985]")
            at += n
            return np.stack([SOUND[at - n : at] + 2 * c for c in range(channels)], axis=1), reads in self.overflows

        return SimpleNamespace(
            start=lambda: None, read=read, read_available=0, close=lambda: setattr(self, "closed", True), **others
        )


@pytest.fixture
def portaudio(monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakePortAudio]:
    def install(**options: Any) -> FakePortAudio:
        fake = FakePortAudio(**options)
        monkeypatch.setitem(sys.modules, "sounddevice", fake)
        return fake

    return install


def heard(seconds: float, device: str | None = None) -> np.ndarray:
    with Microphone(device) as microphone:
        return np.concatenate(list(microphone.blocks(seconds)))


def test_mono_at_16_khz_is_taken_as_it_comes(portaudio: Callable[..., FakePortAudio]) -> None:
    fake = portaudio()
    with Microphone() as microphone:
        assert microphone.name == "Mic"
        blocks = list(microphone.blocks(1))
    assert fake.closed
    assert [len(block) for block in blocks] == [BLOCK] * (16000 // BLOCK) + [16000 % BLOCK]
    assert np.array_equal(np.concatenate(blocks), SOUND[:16000])


def test_channels_are_averaged(portaudio: Callable[..., FakePortAudio]) -> None:
    portaudio(channels=(2,))
    assert np.array_equal(heard(1), SOUND[:16000] + 1)


@pytest.mark.parametrize("rate", [48000, 44100, 32000, 8000])
def test_another_rate_is_resampled_as_the_whole_would_be(portaudio: Callable[..., FakePortAudio], rate: int) -> None:
    portaudio(rates=(rate,))
    whole = resample_poly(SOUND.astype(float), 16000, rate)
    found = heard(0.9)
    assert len(found) == 14400
    assert np.array_equal(found, np.rint(whole[:14400]).clip(-32768, 32767))


def test_resampling_does_not_depend_on_the_blocks() -> None:
    x = SOUND[:20000].astype(float)
    for cuts in ([0, 20000], [0, 1, 2, 500, 501, 9000, 20000], list(range(0, 20001, 100))):
        resampler = Resampler(44100)
        made = np.concatenate([resampler.process(x[a:b]) for a, b in pairwise(cuts)])
        assert len(made) > 6800
        assert np.allclose(made, resample_poly(x, 160, 441)[: len(made)])


def test_sound_that_is_lost_is_said_once_and_counted(portaudio: Callable[..., FakePortAudio]) -> None:
    portaudio().overflows = {3, 5}
    said: list[str] = []
    with Microphone(report=said.append) as microphone:
        assert len(np.concatenate(list(microphone.blocks(1)))) == 16000
    assert said == ["Mic: sound is lost, as it comes faster than it is taken; how much is told at the end"]
    assert microphone.lost > 0


def test_it_ends_when_it_is_stopped(portaudio: Callable[..., FakePortAudio]) -> None:
    portaudio()
    with Microphone() as microphone:
        taken = []
        for block in microphone.blocks():
            taken.append(block)
            if len(taken) == 3:
                microphone.stop()
    assert len(taken) == 3


def failure(device: str | None = None) -> str:
    with pytest.raises(WatchwordError) as error:
        heard(1, device)
    assert isinstance(error.value, DataError | SetupError)
    text = str(error.value)
    assert "\n" not in text
    assert len(text) <= 300
    return text


def test_what_goes_wrong_gets_one_line(portaudio: Callable[..., FakePortAudio], monkeypatch: pytest.MonkeyPatch) -> None:
    portaudio(names=())
    assert "this computer has no microphone that PortAudio finds" in failure()
    assert "this computer has no microphone" in failure("USB")
    portaudio(names=("USB one", "USB two"))
    assert failure("USB") == "USB: more than one microphone of that name; there is 'USB one', 'USB two'"
    assert failure("Headset") == "Headset: no microphone of that name; there is 'USB one', 'USB two'"
    assert failure("7").startswith("7: no microphone of that name")
    assert len(heard(1, "1")) == 16000
    portaudio(names=tuple("a microphone whose name is long " * 3 + str(n) for n in range(9)))
    assert "…" in failure("x" * 500)
    portaudio(rates=(16000,), channels=()).channels = (0,)
    monkeypatch.setattr(FakePortAudio, "InputStream", lambda self, **options: (_ for _ in ()).throw(Failed("Device busy\n")))
    assert failure() == "Mic: cannot be opened: Device busy: is it in use, or may this program not use it?"


def test_one_that_is_unplugged_gets_one_line(portaudio: Callable[..., FakePortAudio]) -> None:
    portaudio().breaks_at = 4
    assert failure().startswith("Mic: gives no more sound: Device unavailable [PaErrorCode -9985]: is it still plugged in?")


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert failure() == "the computer's microphone needs sounddevice: pip install sounddevice"

    def no_portaudio(name: str, *others: Any, real: Any = __import__) -> Any:
        if name == "sounddevice":
            raise OSError("PortAudio library not found")
        return real(name, *others)

    monkeypatch.setattr("builtins.__import__", no_portaudio)
    with pytest.raises(SetupError, match="needs PortAudio: sudo apt-get install libportaudio2"):
        microphone._portaudio()
