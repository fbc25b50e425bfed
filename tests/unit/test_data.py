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
from watchword.data.augment import CONTEXT, Augmentation, augment, read_noise, silence, validation_silence, with_context
from watchword.data.clips import Clip, divide, fit, load
from watchword.data.manifests import read_manifest
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
        assert recordings.signals.shape == (2, 16_000)
        assert (recordings.signals[:, :8_000] == tone(8_000)).all()
        with pytest.raises(DataError, match="label 'maybe' is not among yes, no, and there is no _unknown_"):
            load([Clip(path, "maybe")], ["yes", "no"], 16_000)

    def test_of_a_long_clip_the_loudest_stretch_is_taken(self) -> None:
        signal = np.concatenate([np.zeros(20_000, np.int16), tone(), np.zeros(9_000, np.int16)])
        assert (fit(signal, 16_000)[1:-1] == tone()[1:-1]).all()


class TestAugment:
    NOISE = (RNG.normal(0, 1_000, 12 * 16_000).astype(np.int16), np.full(12 * 16_000, 500, np.int16))
    PLAIN = Augmentation(shift=0, speed=0, gain=(0, 0), snr=(200, 200))

    def test_without_any_of_it_the_word_is_as_it_was(self) -> None:
        stream = augment(tone()[None], [], self.PLAIN, np.random.default_rng(1))
        assert (stream == with_context(tone()[None])).all()
        assert not stream[:, :CONTEXT].any()

    def test_the_ratio_of_word_to_noise_is_as_asked(self) -> None:
        settings = Augmentation(shift=0, speed=0, gain=(0, 0), snr=(10, 10))
        streams = augment(np.repeat(tone()[None], 40, 0), self.NOISE, settings, np.random.default_rng(1))
        rest = streams[:, CONTEXT:].astype(float) - tone()
        ratio = 20 * np.log10(tone().astype(float).std() / np.sqrt((rest**2).mean(axis=1)))
        assert np.abs(ratio - 10).max() < 0.1

    def test_the_context_is_noise_or_silence_half_and_half(self) -> None:
        settings = Augmentation(snr=(0, 0))
        streams = augment(np.repeat(tone()[None], 200, 0), self.NOISE, settings, np.random.default_rng(1))
        silent = ~streams[:, :CONTEXT].any(axis=1)
        assert 70 < silent.sum() < 130

    def test_gain_is_within_its_range_and_clips_at_full_scale(self) -> None:
        settings = Augmentation(shift=0, speed=0, gain=(-20, -10), snr=(200, 200))
        streams = augment(np.repeat(tone(level=30_000)[None], 50, 0), [], settings, np.random.default_rng(1))
        peaks = np.abs(streams.astype(int)).max(axis=1)
        assert peaks.min() > 29_000 * 0.1
        assert peaks.max() < 30_000 * 0.32
        louder = augment(tone(level=30_000)[None], [], Augmentation(shift=0, speed=0, gain=(20, 20)), np.random.default_rng(1))
        assert louder.max() == 32767
        assert louder.min() == -32768

    def test_shift_moves_the_word_both_ways(self) -> None:
        impulse = np.zeros((300, 16_000), np.int16)
        impulse[:, 8_000] = 20_000
        settings = Augmentation(shift=0.1, speed=0, gain=(0, 0), snr=(200, 200))
        places = augment(impulse, [], settings, np.random.default_rng(1))[:, CONTEXT:].argmax(axis=1) - 8_000
        assert -1_600 <= places.min() < -1_300
        assert 1_300 < places.max() <= 1_600

    def test_speed_changes_the_length_of_a_word_about_its_middle(self) -> None:
        word = np.zeros((200, 16_000), np.int16)
        word[:, 4_000:12_000] = 10_000
        settings = Augmentation(shift=0, speed=0.1, gain=(0, 0), snr=(200, 200))
        lengths = (augment(word, [], settings, np.random.default_rng(1)) > 5_000).sum(axis=1)
        assert 8_000 / 1.1 - 2 <= lengths.min() < 7_500
        assert 8_600 < lengths.max() <= 8_000 / 0.9 + 2

    def test_the_same_generator_gives_the_same_clips(self) -> None:
        words = np.repeat(tone()[None], 5, 0)
        one, two, other = (augment(words, self.NOISE, Augmentation(), np.random.default_rng(seed)) for seed in (1, 1, 2))
        assert (one == two).all()
        assert (one != other).any()

    def test_silence_has_levels_over_the_whole_range(self) -> None:
        clips = silence(300, 16_000, self.NOISE[:1], Augmentation(silence=(1e-3, 0.1)), np.random.default_rng(1))
        levels = np.sqrt(np.square(clips[:, CONTEXT:].astype(float)).mean(axis=1)) / 32768
        assert levels.min() > 0.95e-3
        assert levels.max() < 0.101
        assert abs(np.median(np.log10(levels)) + 2) < 0.2

    def test_training_and_validation_use_different_parts_of_the_noise(self) -> None:
        # Each file's last fifth, and only that, is negative.
        marked = [np.where(np.arange(length) < 0.8 * length, 100, -100).astype(np.int16) for length in (200_000, 170_000)]
        held_out = validation_silence(7, 16_000, marked)
        assert held_out.shape == (7, 16_000)
        assert (held_out == -100).all()
        training = silence(200, 16_000, marked, Augmentation(), np.random.default_rng(1))
        assert (training >= 0).all()

    def test_too_little_noise_is_told_in_seconds(self, tmp_path: Path) -> None:
        short = [write_wave(tmp_path / f"{number}.wav", tone(24_000)) for number in range(3)]
        with pytest.raises(DataError, match=r"noise: 4\.5 s of noise in 3 files are too few; 10 s or more are needed in all"):
            read_noise(short, "noise")

    def test_short_recordings_of_noise_are_joined(self, tmp_path: Path) -> None:
        """As those of ESC-10, which last 5 s: nothing of them is lost, and none is repeated."""
        seconds = [5, 12, 5, *[5] * 13, 3]
        files = []
        for number, length in enumerate(seconds, 1):
            files.append(write_wave(tmp_path / f"{number}.wav", np.full(length * 16_000, number, np.int16)))
        noise = read_noise(files, "noise")
        assert [len(samples) / 16_000 for samples in noise] == [12, 60, 18]
        assert sorted(np.concatenate(noise).tolist()) == sorted(
            np.repeat(np.arange(1, 18), 16_000 * np.array(seconds)).tolist()
        )

    def test_what_is_left_over_of_short_noise_goes_to_the_last_recording(self, tmp_path: Path) -> None:
        files = [write_wave(tmp_path / f"{length}.wav", tone(length)) for length in (176_000, 32_000, 16_000)]
        assert [len(samples) for samples in read_noise(files, "noise")] == [176_000 + 48_000]


def test_the_keyword_recordings_are_one_second_at_16_khz(shared_data: Path) -> None:
    clips = read_manifest(
        shared_data / "speech/speech_commands_v002_test/manifest.csv", label_column="label12", split="dev_val"
    )
    recordings = load(clips[::20], sorted({clip.label for clip in clips}), 16_000)
    assert (np.abs(recordings.signals.astype(int)).max(axis=1) > 100).all()
    assert len({clip.label for clip in clips}) == 11
