"""Recordings: reading, listing, augmenting, and every way in which they can be wrong."""

from __future__ import annotations

import builtins
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from watchword.data import audio
from watchword.data.clips import Clip, divide
from watchword.data.manifests import read_manifest
from watchword.data.recordings import fit, load
from watchword.errors import DataError
from watchword.features import tables

RNG = np.random.default_rng(5)


def tone(samples: int = 16_000, rate: int = 16_000, hertz: float = 440.0, level: float = 8_000) -> NDArray[np.int16]:
    return (level * np.sin(2 * np.pi * hertz * np.arange(samples) / rate)).astype(np.int16)


def write_wave(path: Path, samples: NDArray[np.int16], rate: int = 16_000, channels: int = 1, width: int = 2) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes() if width == 2 else bytes(len(samples) * width))
    return path


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes a package look as if it were not installed."""

    def hide(package: str) -> None:
        original = builtins.__import__

        def refuse(name: str, *rest: object, **more: object) -> object:
            if name.split(".")[0] == package:
                raise ImportError(name)
            return original(name, *rest, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(builtins, "__import__", refuse)

    return hide


class TestAudio:
    def test_a_sixteen_bit_mono_file_comes_through_unchanged(self, tmp_path: Path) -> None:
        samples = RNG.integers(-32768, 32768, 5_000).astype(np.int16)
        assert (audio.read(write_wave(tmp_path / "a.wav", samples)) == samples).all()

    def test_what_is_written_is_read(self, tmp_path: Path) -> None:
        audio.write(tmp_path / "a.wav", tone())
        assert (audio.read(tmp_path / "a.wav") == tone()).all()

    def test_plain_wave_files_need_no_soundfile(self, tmp_path: Path, without: Callable[[str], None]) -> None:
        without("soundfile")
        assert (audio.read(write_wave(tmp_path / "a.wav", tone())) == tone()).all()

    @pytest.mark.parametrize("suffix", ["flac", "ogg"])
    def test_other_formats_are_read_with_soundfile(self, tmp_path: Path, suffix: str) -> None:
        soundfile = pytest.importorskip("soundfile")
        soundfile.write(tmp_path / f"a.{suffix}", tone(), 16_000)
        samples = audio.read(tmp_path / f"a.{suffix}")
        largest = np.abs(samples.astype(int) - tone()).max()
        assert largest == 0 if suffix == "flac" else largest < 1_500  # OGG is lossy

    def test_flac_without_soundfile_says_what_to_install(self, tmp_path: Path, without: Callable[[str], None]) -> None:
        (tmp_path / "a.flac").write_bytes(b"fLaC" + bytes(50))
        without("soundfile")
        with pytest.raises(DataError, match=r"a\.flac: .*pip install soundfile"):
            audio.read(tmp_path / "a.flac")

    def test_floats_beyond_full_scale_are_clipped(self, tmp_path: Path) -> None:
        soundfile = pytest.importorskip("soundfile")
        soundfile.write(tmp_path / "a.wav", np.array([0.0, 0.5, 1.5, -1.5]), 16_000, subtype="FLOAT")
        assert audio.read(tmp_path / "a.wav").tolist() == [0, 16384, 32767, -32768]

    def test_channels_are_averaged(self, tmp_path: Path) -> None:
        stereo = np.stack([np.full(100, 1000, np.int16), np.full(100, 500, np.int16)], axis=1)
        assert (audio.read(write_wave(tmp_path / "a.wav", stereo, channels=2)) == 750).all()

    @pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
    def test_other_rates_are_resampled(self, tmp_path: Path, rate: int) -> None:
        samples = audio.read(write_wave(tmp_path / "a.wav", tone(rate, rate), rate))
        assert len(samples) == 16_000
        middle = slice(1_000, 15_000)
        assert np.abs(samples.astype(int) - tone())[middle].max() < 80

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"a\.wav: no such file"):
            audio.read(tmp_path / "a.wav")

    def test_the_rate_is_that_of_the_front_end(self) -> None:
        assert audio.RATE == tables.RATE


class TestClips:
    def test_dividing_keeps_speakers_apart_and_clips_in_place(self) -> None:
        clips = [Clip(Path(f"{number}.wav"), "yes", f"speaker{number % 50}") for number in range(500)]
        training, validation = divide(clips, 0.2)
        assert len(training) + len(validation) == 500
        assert 0.1 < len(validation) / 500 < 0.3
        assert not {clip.speaker for clip in training} & {clip.speaker for clip in validation}
        assert set(divide(clips[:250], 0.2)[1]) <= set(validation)

    def test_loading_gives_numbers_of_labels(self, tmp_path: Path) -> None:
        path = write_wave(tmp_path / "a.wav", tone(8_000))
        recordings = load([Clip(path, "no"), Clip(path, "maybe")], ["_unknown_", "yes", "no"], 16_000)
        assert recordings.targets.tolist() == [2, 0]
        assert len(recordings.signals) == 2
        assert (recordings.signals.rows([0, 1])[:, :8_000] == tone(8_000)).all()
        with pytest.raises(DataError, match="label 'maybe' is not among yes, no, and there is no _unknown_"):
            load([Clip(path, "maybe")], ["yes", "no"], 16_000)

    def test_of_a_long_clip_the_loudest_stretch_is_taken(self) -> None:
        signal = np.concatenate([np.zeros(20_000, np.int16), tone(), np.zeros(9_000, np.int16)])
        assert (fit(signal, 16_000)[1:-1] == tone()[1:-1]).all()


def test_the_keyword_recordings_are_one_second_at_16_khz(shared_data: Path) -> None:
    clips = read_manifest(
        shared_data / "speech/speech_commands_v002_test/manifest.csv", label_column="label12", split="dev_val"
    )
    recordings = load(clips[::20], sorted({clip.label for clip in clips}), 16_000)
    assert all((np.abs(rows.astype(int)).max(axis=1) > 100).all() for _, rows in recordings.signals.blocks())
    assert len({clip.label for clip in clips}) == 11
