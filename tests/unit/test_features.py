"""The sound front end equals the original C code, TFLite Micro's golden vectors and the board's plain-Python stages."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import itertools
import sys
from array import array
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from watchword.data import audio
from watchword.errors import DataError, ModelError
from watchword.features import (
    CHANNELS,
    MICRO_MULTIPLIER,
    FrontendParameters,
    MicroFrontend,
    features,
    micro,
    pack_tables,
    to_int8,
)
from watchword.features.tables import tables

SWITCHES = list(itertools.product((True, False), repeat=3))  # noise reduction, PCAN, logarithm


class Original:
    """The C front end of pymicro-features. It is built for a hop of 10 ms; the rest is reached through its memory.

    The words (of 8 bytes) of its handle: 9 window size, 10 window, 11 hop, 24 to 28 the filters' first bins, places, widths,
    weights and unweights, 31 what noise reduction leaves (16 bits), 33 whether PCAN runs, 36 its table, 38 whether the
    logarithm is taken (32 bits each).
    """

    def __init__(self, parameters: FrontendParameters) -> None:
        self.code = pytest.importorskip("micro_features_cpp", reason="pymicro-features, the original C code, is not installed")
        pointer = ctypes.pythonapi.PyCapsule_GetPointer
        pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
        self.handle = self.code.create_frontend()
        self.at = pointer(self.handle, b"micro_features_cpp.FrontendHandle")
        self.words = self._memory(ctypes.c_uint64, 9, 30)
        remaining = self._memory(ctypes.c_uint16, 31, 1)
        pcan, log = self._memory(ctypes.c_int32, 33, 1), self._memory(ctypes.c_int32, 38, 1)
        assert (self.words[0], self.words[2], remaining[0], pcan[0], log[0]) == (480, 160, 819, 1, 1)
        self.words[2] = parameters.hop
        remaining[0] = 819 if parameters.noise_reduction else 16384
        pcan[0], log[0] = parameters.pcan, parameters.log

    def _memory(self, kind: Any, word: int, count: int) -> NDArray[Any]:
        return np.ctypeslib.as_array((kind * count).from_address(self.at + 8 * word))

    def table(self, word: int, count: int) -> NDArray[np.int64]:
        return np.ctypeslib.as_array((ctypes.c_int16 * count).from_address(int(self.words[word - 9]))).astype(np.int64)

    def process(self, samples: NDArray[np.int16]) -> NDArray[np.int64]:
        raw, rows, at = samples.tobytes(), [], 0
        while at + 320 <= len(raw):
            values, read = self.code.process_samples(self.handle, raw[at : at + 320])
            if values:
                rows.append(np.rint(np.array(values) / 0.0390625))
            at += 2 * read
        return np.array(rows, np.int64).reshape(-1, CHANNELS)


def flat_under_the_window(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """480 samples that are `signal` after the window, as far as 16 bits allow."""
    return np.clip(np.rint(signal * 4096 / np.maximum(tables("micro").window, 1)), -32768, 32767)


def extremes() -> dict[str, NDArray[np.int16]]:
    n, rng = np.arange(8000), np.random.default_rng(0)
    noise = rng.integers(-32768, 32768, 8000)
    found: dict[str, NDArray[Any]] = {
        "silence": n * 0,
        "constant +": n * 0 + 32767,
        "constant -": n * 0 - 32768,
        "loud after silence": np.where(n < 4000, rng.integers(-2, 3, 8000), noise),
        "silence after loud": np.where(n > 4000, rng.integers(-2, 3, 8000), noise),
    }
    for period in (2, 7, 20, 160, 4000):
        found[f"full-scale square of {period}"] = np.where(n // period % 2, 32767, -32768)
    for value, at in itertools.product((1, 32767, -32768, -1), (3000, 3039, 3040, 3239, 3240, 3241)):
        found[f"impulse of {value} at {at}"] = np.where(n == at, value, 0)
    for loudness in (1, 3, 100, 32767):
        found[f"noise of {loudness}"] = rng.integers(-loudness - 1, loudness + 1, 8000)
    # As near to an overflow of the transform as sound comes, and beyond.
    for k in range(20):
        found[f"flat {k}"] = np.tile(flat_under_the_window(rng.choice([-1, 1], 480) * 2.0 ** rng.integers(4, 15)), 6)
    # The transform of pairs of samples holds -32768, whose negative is itself in C.
    pairs = np.exp(2j * np.pi * 208 * np.arange(240) / 256 + 4.44682962132772j)
    square = np.sign(np.stack([pairs.real, pairs.imag], -1)).ravel()
    found["no negative"] = flat_under_the_window(square * 937.0265930773277)
    return {name: signal.astype(np.int16) for name, signal in found.items()}


def speech(shared: Path, count: int) -> Iterator[NDArray[np.int16]]:
    """A few recordings of each set, at most 4 seconds of each."""
    folders = sorted(p for p in (shared / "speech").iterdir() if p.is_dir())
    assert len(folders) >= 6
    for folder in folders:
        files = audio.find(folder)
        for file in files[:: max(1, len(files) // count)][:count]:
            yield audio.read(file)[:64000]


def streamed(signal: NDArray[np.int16], parameters: FrontendParameters) -> NDArray[np.uint16]:
    front = MicroFrontend(parameters)
    cuts = np.sort(np.random.default_rng(len(signal)).integers(0, len(signal), 5))
    return np.concatenate([front.process(piece) for piece in np.split(signal, cuts)])


def equals_original(signal: NDArray[np.int16], parameters: FrontendParameters) -> int:
    want = Original(parameters).process(signal)
    ours = streamed(signal, parameters)
    assert 0 <= len(ours) - len(want) <= 1  # the original takes whole pieces of 10 ms only
    np.testing.assert_array_equal(ours[: len(want)], want)
    return len(want)


@pytest.mark.parametrize("hop_ms", [10, 20])
def test_extremes_equal_the_original(hop_ms: int) -> None:
    for name, signal in extremes().items():
        assert equals_original(signal, FrontendParameters(hop_ms)) > 0, name


def test_the_extremes_reach_the_value_without_a_negative(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    energies = micro._energies
    monkeypatch.setattr(
        micro, "_energies", lambda re, im, t: seen.append(bool((im[128:252] == -32768).any())) or energies(re, im, t)
    )
    features(extremes()["no negative"][None])
    assert seen == [True]


@pytest.mark.parametrize("hop_ms", [10, 20])
def test_speech_equals_the_original(hop_ms: int, shared_data: Path) -> None:
    assert sum(equals_original(signal, FrontendParameters(hop_ms)) for signal in speech(shared_data, 5)) > 1000


@pytest.mark.parametrize("switches", SWITCHES)
@pytest.mark.parametrize("hop_ms", [10, 20])
def test_switches_equal_the_original(hop_ms: int, switches: tuple[bool, bool, bool]) -> None:
    parameters = FrontendParameters(hop_ms, "micro", *switches)
    for name in (
        "no negative",
        "full-scale square of 20",
        "noise of 3",
        "noise of 100",
        "loud after silence",
        "silence after loud",
        "flat 3",
    ):
        equals_original(extremes()[name], parameters)


@pytest.mark.parametrize("switches", SWITCHES)
def test_switches_equal_the_original_on_speech(switches: tuple[bool, bool, bool], shared_data: Path) -> None:
    for signal in speech(shared_data, 1):
        equals_original(signal, FrontendParameters(20, "micro", *switches))


def test_tables_equal_the_original() -> None:
    original, ours = Original(FrontendParameters()), tables("micro")
    np.testing.assert_array_equal(original.table(10, 480), ours.window)
    first, place, width = (original.table(word, CHANNELS + 1) for word in (24, 25, 26))
    for word, values in ((27, ours.weight), (28, ours.unweight)):
        table = original.table(word, int((place + width).max()))
        want, found = np.zeros((2, CHANNELS + 1, 300), np.int64)
        for channel in range(CHANNELS + 1):
            own = table[place[channel] : place[channel] + width[channel]]
            want[channel, first[channel] : first[channel] + width[channel]] = own
        found[ours.channel, np.arange(5, 241)] = values
        np.testing.assert_array_equal(found, want)
    used = [i for i in range(125) if i < 2 or i % 4 != 1]  # the rest are gaps
    np.testing.assert_array_equal(original.table(36, 125)[used], ours.gain[used])


@pytest.mark.parametrize("name", ["yes_1000ms", "no_1000ms", "noise_1000ms", "silence_1000ms", "yes_30ms", "no_30ms"])
def test_golden_features_of_tflite_micro(name: str, shared_data: Path) -> None:
    folder = shared_data / "models" / "tflite_micro"
    with np.load(folder / "golden_features_49x40_int8.npz") as golden:
        want = golden[name]
    sound = audio.read(folder / "testdata" / f"{name}.wav")
    ours = to_int8(MicroFrontend(FrontendParameters(tables="preprocessor")).process(sound))
    assert len(want) > 0
    np.testing.assert_array_equal(ours[: len(want)], want)


@pytest.mark.parametrize("hop_ms", [10, 20])
@pytest.mark.parametrize("switches", [(True, True, True), (False, True, False)])
def test_clips_together_equal_streams(hop_ms: int, switches: tuple[bool, bool, bool], monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = FrontendParameters(hop_ms, "micro", *switches)
    clips = np.stack([signal[:2000] for signal in extremes().values() if len(signal) >= 2000])
    monkeypatch.setattr(micro, "_CLIP_BLOCK", 40)  # clips and frames in several blocks, the last of them smaller
    monkeypatch.setattr(micro, "_BLOCK", 17)
    np.testing.assert_array_equal(features(clips, parameters), [streamed(clip, parameters) for clip in clips])


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (479, 0), (480, 1), (799, 1), (800, 2)])
def test_number_of_frames(samples: int, frames: int) -> None:
    assert features(np.zeros((3, samples), np.int16)).shape == (3, frames, CHANNELS)
    assert MicroFrontend().process(np.zeros(samples, np.int16)).shape == (frames, CHANNELS)


def test_no_clips() -> None:
    assert features(np.zeros((0, 16000), np.int16)).shape == (0, 49, CHANNELS)


def test_reset_starts_a_new_stream() -> None:
    front, signal = MicroFrontend(), extremes()["noise of 100"]
    first = front.process(signal[:5000])
    front.reset()
    np.testing.assert_array_equal(front.process(signal[:5000]), first)


@pytest.mark.parametrize("samples", [np.zeros(480), np.zeros((1, 480), np.int16), np.zeros(480, np.uint16)])
def test_other_sound_is_refused(samples: NDArray[Any]) -> None:
    with pytest.raises(DataError, match="int16"):
        MicroFrontend().process(samples)


@pytest.mark.parametrize(("key", "value"), [("hop_ms", 15), ("tables", "macro")])
def test_parameters_that_do_not_exist_are_refused(key: str, value: object) -> None:
    with pytest.raises(ModelError, match=f"{key} is {value!r}"):
        FrontendParameters(**{key: value})  # type: ignore[arg-type]


def test_int8_of_every_feature() -> None:
    values = np.arange(65536)
    want = np.clip((256 * values + 333) // 666 - 128, -128, 127)
    np.testing.assert_array_equal(to_int8(values.astype(np.uint16)), want)
    assert MICRO_MULTIPLIER == 25191
    np.testing.assert_array_equal(
        to_int8(values.astype(np.uint16), 32767), np.minimum((values * 32767 + 32768 >> 16) - 128, 127)
    )


@pytest.fixture
def firmware(root: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """firmware/watchword/frontend.py on CPython, which has no viper and so gets the plain stages."""

    def load(name: str, path: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, root / "firmware" / "watchword" / path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    plain = load("frontend_plain", "kernels/frontend_plain.py")
    bodies = SimpleNamespace(module=lambda name: {"frontend": plain}[name], addressof=None)
    bodies.buffers = load("buffers_plain", "kernels/buffers_plain.py")
    monkeypatch.setitem(sys.modules, "watchword.kernels", SimpleNamespace(bodies=bodies))
    monkeypatch.setitem(sys.modules, "watchword.kernels.bodies", bodies)
    monkeypatch.setitem(sys.modules, "micropython", SimpleNamespace(const=int))
    return load("frontend", "frontend.py")


@pytest.mark.parametrize("switches", SWITCHES)
def test_plain_stages_of_the_board_equal_ours(switches: tuple[bool, bool, bool], firmware: ModuleType) -> None:
    parameters = FrontendParameters(20, "micro", *switches)
    found = extremes()
    signal = np.concatenate(
        [found["noise of 32767"][:1000], found["no negative"], found["flat 3"][:480], found["constant -"][:960]]
    )
    want = MicroFrontend(parameters).process(signal)
    front = firmware.Frontend(pack_tables(parameters), *switches, multiplier=300)
    for i in range(len(want)):
        front.process(array("h", signal[320 * i : 320 * i + 480].tobytes()))
        assert front.features.tolist() == want[i].tolist()
        assert front.input.tolist() == to_int8(want[i], 300).tolist()


def test_board_and_host_agree_where_tables_are(firmware: ModuleType) -> None:
    parts = micro._board_tables(tables("micro"))
    ends = np.cumsum([part.nbytes for part in parts.values()]).tolist()
    for name, start in zip([*parts, "end"], [0, *ends], strict=True):
        assert getattr(firmware, f"_{name.upper()}") == start
    packed = pack_tables(FrontendParameters())
    assert len(packed) == ends[-1]
    assert hashlib.sha256(packed).hexdigest().encode() == firmware.TABLES


def test_tables_that_a_board_cannot_run_are_refused() -> None:
    with pytest.raises(ModelError, match='boards run only "micro"'):
        pack_tables(FrontendParameters(tables="preprocessor"))
