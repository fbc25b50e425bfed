"""Augmentation, heard by numbers: what was asked for is what can be measured of what was made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter
from tests.unit.test_data import tone, write_wave

from watchword.data.augmentation import PictureAugmentation, SoundAugmentation, masks, mixing, pitch, responses, rooms
from watchword.data.augmentation.pictures import augmented, cropped, hidden, relit
from watchword.data.augmentation.sound import Surroundings, augment
from watchword.data.noise import CONTEXT, read_noise, silence, validation_silence, with_context
from watchword.errors import DataError

RNG = np.random.default_rng(5)


def generator(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def frequency(sound: NDArray[np.float32]) -> float:
    """Where a tone lies, in Hz, by the phase between two spectra a sample apart."""
    window = np.hanning(8192)
    one, two = (np.fft.rfft(window * sound[start : start + 8192]) for start in (3000, 3001))
    place = int(np.abs(one).argmax())
    return float(np.angle(two[place] / one[place]) / (2 * np.pi) * 16_000)


class TestNoiseAndWarping:
    NOISE = (RNG.normal(0, 1_000, 12 * 16_000).astype(np.int16), np.full(12 * 16_000, 500, np.int16))
    PLAIN = SoundAugmentation(shift=0, speed=0, gain=(0, 0), snr=(100, 100))

    def test_without_any_of_it_the_word_is_as_it_was(self) -> None:
        stream = augment(tone()[None], Surroundings(), self.PLAIN, np.random.default_rng(1))
        assert (stream == with_context(tone()[None])).all()
        assert not stream[:, :CONTEXT].any()

    def test_the_ratio_of_word_to_noise_is_as_asked(self) -> None:
        settings = SoundAugmentation(shift=0, speed=0, gain=(0, 0), snr=(10, 10))
        streams = augment(np.repeat(tone()[None], 40, 0), Surroundings(self.NOISE), settings, np.random.default_rng(1))
        rest = streams[:, CONTEXT:].astype(float) - tone()
        ratio = 20 * np.log10(tone().astype(float).std() / np.sqrt((rest**2).mean(axis=1)))
        assert np.abs(ratio - 10).max() < 0.1

    def test_the_context_is_noise_or_silence_half_and_half(self) -> None:
        settings = SoundAugmentation(snr=(0, 0))
        streams = augment(np.repeat(tone()[None], 200, 0), Surroundings(self.NOISE), settings, np.random.default_rng(1))
        silent = ~streams[:, :CONTEXT].any(axis=1)
        assert 70 < silent.sum() < 130

    def test_gain_is_within_its_range_and_clips_at_full_scale(self) -> None:
        settings = SoundAugmentation(shift=0, speed=0, gain=(-20, -10), snr=(100, 100))
        streams = augment(np.repeat(tone(level=30_000)[None], 50, 0), Surroundings(), settings, np.random.default_rng(1))
        peaks = np.abs(streams.astype(int)).max(axis=1)
        assert peaks.min() > 29_000 * 0.1
        assert peaks.max() < 30_000 * 0.32
        louder = augment(
            tone(level=30_000)[None],
            Surroundings(),
            SoundAugmentation(shift=0, speed=0, gain=(20, 20)),
            np.random.default_rng(1),
        )
        assert louder.max() == 32767
        assert louder.min() == -32768

    def test_shift_moves_the_word_both_ways(self) -> None:
        impulse = np.zeros((300, 16_000), np.int16)
        impulse[:, 8_000] = 20_000
        settings = SoundAugmentation(shift=0.1, speed=0, gain=(0, 0), snr=(100, 100))
        places = augment(impulse, Surroundings(), settings, np.random.default_rng(1))[:, CONTEXT:].argmax(axis=1) - 8_000
        assert -1_600 <= places.min() < -1_300
        assert 1_300 < places.max() <= 1_600

    def test_speed_changes_the_length_of_a_word_about_its_middle(self) -> None:
        word = np.zeros((200, 16_000), np.int16)
        word[:, 4_000:12_000] = 10_000
        settings = SoundAugmentation(shift=0, speed=0.1, gain=(0, 0), snr=(100, 100))
        lengths = (augment(word, Surroundings(), settings, np.random.default_rng(1)) > 5_000).sum(axis=1)
        assert 8_000 / 1.1 - 2 <= lengths.min() < 7_500
        assert 8_600 < lengths.max() <= 8_000 / 0.9 + 2

    def test_the_same_generator_gives_the_same_clips(self) -> None:
        words = np.repeat(tone()[None], 5, 0)
        one, two, other = (
            augment(words, Surroundings(self.NOISE), SoundAugmentation(), np.random.default_rng(seed)) for seed in (1, 1, 2)
        )
        assert (one == two).all()
        assert (one != other).any()

    def test_silence_has_levels_over_the_whole_range(self) -> None:
        clips = silence(300, 16_000, self.NOISE[:1], (1e-3, 0.1), np.random.default_rng(1))
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
        training = silence(200, 16_000, marked, (3e-4, 0.3), np.random.default_rng(1))
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


class TestPitch:
    @pytest.mark.parametrize("semitones", [-12.0, -3.0, 0.0, 2.5, 12.0])
    def test_a_tone_is_as_many_semitones_higher_and_as_long(self, semitones: float) -> None:
        word = np.zeros(16_000, np.float32)
        word[2_000:14_000] = tone(12_000, hertz=500)
        made = pitch.shifted(word, semitones)
        assert made.shape == word.shape
        assert frequency(made) == pytest.approx(500 * 2 ** (semitones / 12), rel=0.002)
        loud = np.flatnonzero(np.abs(made) > 2_000)
        assert loud[0] == pytest.approx(2_000, abs=256)
        assert loud[-1] == pytest.approx(14_000, abs=256)
        assert np.sqrt(np.mean(made[4_000:12_000] ** 2)) == pytest.approx(8_000 / np.sqrt(2), rel=0.05)

    def test_without_a_change_the_sound_is_the_same(self) -> None:
        sound = RNG.normal(0, 1_000, 16_000).astype(np.float32)
        assert np.abs(pitch.stretched(sound, 1.0) - sound).max() < 1

    @pytest.mark.parametrize("factor", [0.5, 0.9, 1.3, 2.0])
    def test_a_click_is_where_it_was_in_a_stretched_sound(self, factor: float) -> None:
        sound = np.zeros(16_000, np.float32)
        sound[9_000:9_040] = 1_000
        made = pitch.stretched(sound, factor)
        assert len(made) == round(16_000 * factor)
        assert np.average(np.arange(len(made)), weights=made.astype(float) ** 2) == pytest.approx(9_020 * factor, abs=300)


class TestRooms:
    @pytest.mark.parametrize("asked", [0.1, 0.25, 0.5, 0.8])
    def test_the_reverberation_time_of_a_room_is_as_asked(self, asked: float) -> None:
        for seed in range(3):
            response = rooms.response(rooms.draw((asked, asked), generator(seed)))
            assert rooms.reverberation_time(response) == pytest.approx(asked, rel=0.03)
            assert np.sum(response.astype(float) ** 2) == pytest.approx(1, abs=1e-3)
            assert np.isfinite(response).all()

    def test_the_measure_is_that_of_an_exponential_decay(self) -> None:
        seconds = np.arange(16_000) / 16_000
        decay = 10 ** (-3 * seconds / 0.4)  # 60 dB in 0.4 s
        assert rooms.reverberation_time(decay) == pytest.approx(0.4, rel=0.001)
        assert rooms.reverberation_time(decay * RNG.normal(size=16_000)) == pytest.approx(0.4, rel=0.05)
        assert rooms.reverberation_time(np.array([1.0, 0.0])) == 0

    def test_sound_and_its_first_reflections_come_when_geometry_says(self) -> None:
        """The direct way is 2 m; by the wall behind the mouth, 1 m away, it is 4 m."""
        room = rooms.Room((20.0, 20.0, 20.0), (1.0, 10.0, 10.0), (3.0, 10.0, 10.0), 0.3)
        delays, orders, distances = rooms._images(room, 1_000)
        assert distances[orders == 0] == pytest.approx([2.0])
        assert delays[orders == 0].tolist() == [0]
        once = sorted(zip(distances[orders == 1].tolist(), delays[orders == 1].tolist(), strict=True))
        assert once[0] == pytest.approx((4.0, round(2.0 / 343 * 16_000)))
        across = np.hypot(2, 20)
        assert [distance for distance, _ in once[1:5]] == pytest.approx([across] * 4)

    def test_a_room_makes_a_word_longer_and_not_louder(self) -> None:
        response = rooms.response(rooms.draw((0.5, 0.5), generator()))
        words = np.repeat(np.where(np.arange(16_000) < 4_000, RNG.normal(0, 3_000, 16_000), 0).astype(np.int16)[None], 20, 0)
        settings = SoundAugmentation(shift=0, speed=0, gain=(0, 0), reverb=1)
        made = augment(words, Surroundings(rooms=[response]), settings, generator())[:, CONTEXT:].astype(float)
        assert np.sqrt((made[:, 4_000:6_000] ** 2).mean()) > 100
        assert np.sqrt((made**2).mean()) == pytest.approx(np.sqrt((words.astype(float) ** 2).mean()), rel=0.3)

    def test_the_ratio_to_noise_is_that_of_the_word_in_its_room(self) -> None:
        response = rooms.response(rooms.draw((0.3, 0.3), generator()))
        word = (RNG.normal(0, 2_000, 16_000) * np.hanning(16_000)).astype(np.int16)[None]
        dry = SoundAugmentation(shift=0, speed=0, gain=(0, 0), reverb=1)
        noisy = SoundAugmentation(shift=0, speed=0, gain=(0, 0), reverb=1, snr=(6, 6))
        around = Surroundings([RNG.normal(0, 500, 12 * 16_000).astype(np.int16)], [response])
        there = augment(word, Surroundings((), [response]), dry, generator())[0, CONTEXT:].astype(float)
        rest = augment(word, around, noisy, generator())[0, CONTEXT:] - there
        assert 20 * np.log10(there.std() / rest.std()) == pytest.approx(6, abs=0.1)


class TestResponses:
    def test_a_peaking_filter_has_its_gain_where_it_peaks(self) -> None:
        for hertz, q, decibels in ((1_000, 1.0, 6.0), (300, 0.5, -12.0)):
            found = 20 * np.log10(np.abs(responses.peaking(hertz, q, decibels).at(16_000)))
            assert found[hertz] == pytest.approx(decibels, abs=1e-6)
            assert abs(found[0]) < 1e-6
            assert abs(found[-1]) < 1e-6

    def test_a_high_pass_leaves_half_the_power_at_its_corner(self) -> None:
        found = 20 * np.log10(np.maximum(np.abs(responses.high_pass(200).at(16_000)), 1e-12))
        assert found[200] == pytest.approx(-3.01, abs=0.01)
        assert found[20] == pytest.approx(-40, abs=0.1)
        assert abs(found[4_000]) < 0.01

    def test_filtering_is_what_a_difference_equation_gives(self) -> None:
        sound = RNG.normal(0, 1_000, 5_000).astype(np.float32)
        filters = [*responses.equalizer(12, generator()), *responses.microphone(generator())]
        expected = sound.astype(float)
        for one in filters:
            expected = lfilter(one.b, one.a, expected)
        assert np.abs(responses.filtered(sound, filters) - expected).max() < 0.1

    def test_convolution_with_a_response_ends_with_the_sound(self) -> None:
        sound, response = RNG.normal(size=3_000).astype(np.float32), RNG.normal(size=700).astype(np.float32)
        made = responses.filtered(sound, [], response)
        assert np.abs(made - np.convolve(sound, response)[:3_000]).max() < 1e-3
        assert responses.filtered(sound, []) is sound

    def test_an_equalizer_stays_within_its_decibels(self) -> None:
        for seed in range(50):
            for one in responses.equalizer(9, generator(seed)):
                assert np.abs(20 * np.log10(np.abs(one.at(8_192)))).max() <= 9.0001

    def test_what_a_microphone_hears_is_coloured_noise_and_all(self) -> None:
        settings = SoundAugmentation(shift=0, speed=0, gain=(0, 0), microphone=1)
        hum = tone(hertz=10)[None]
        assert np.abs(augment(hum, Surroundings(), settings, generator())[:, CONTEXT:].astype(int)).max() < 4_000


class TestWordsBefore:
    def test_another_word_stands_in_the_second_before(self) -> None:
        settings = SoundAugmentation(shift=0, speed=0, gain=(0, 0), before=0.5, before_level=6)
        around = Surroundings(other=lambda rng: tone(hertz=2_000, level=500))
        made = augment(np.repeat(tone()[None], 200, 0), around, settings, generator())
        assert (made[:, CONTEXT:] == tone()).all()
        before = made[:, :CONTEXT].astype(float)
        said = before.any(axis=1)
        assert 70 < said.sum() < 130
        levels = [np.sqrt(np.mean(row[np.flatnonzero(row)[0] :] ** 2)) for row in before[said]]
        ratios = 20 * np.log10(np.array(levels) / (8_000 / np.sqrt(2)))
        assert -8 < ratios.min() < -4
        assert 4 < ratios.max() < 8


class TestMasks:
    def test_masks_are_no_wider_than_asked_and_hold_the_mean(self) -> None:
        features = RNG.integers(-100, 100, (300, 49, 40)).astype(np.int8)
        made = masks.masked(features, (1, 6), (1, 9), generator())
        widths = []
        for old, new in zip(features, made, strict=True):
            changed = old != new
            rows, columns = changed.mean(axis=1) > 0.7, changed.mean(axis=0) > 0.7
            widths.append((rows.sum(), columns.sum()))
            assert set(new[changed].tolist()) <= {int(np.rint(old.mean()))}
        assert np.max(widths, axis=0).tolist() == [9, 6]
        assert np.min(widths, axis=0).tolist() == [0, 0]
        assert (masks.masked(features, (0, 6), (0, 9), generator()) == features).all()

    def test_a_mask_longer_than_the_clip_fits(self) -> None:
        made = masks.masked(np.zeros((20, 3, 4), np.int8), (1, 40), (2, 400), generator())
        assert made.shape == (20, 3, 4)


class TestMixing:
    def test_inputs_and_targets_are_blended_by_the_same_share(self) -> None:
        inputs = np.arange(64, dtype=np.float32).reshape(64, 1, 1, 1) * np.ones((64, 3, 2, 1), np.float32)
        made, targets = mixing.mixed(inputs, np.eye(64, dtype=np.float32), 1.0, generator())
        assert targets.sum(axis=1) == pytest.approx(1)
        assert made[:, 0, 0, 0] == pytest.approx(targets @ np.arange(64), abs=1e-3)
        assert ((targets > 0).sum(axis=1) <= 2).all()
        assert (targets.max(axis=1) < 0.99).mean() > 0.8

    def test_shares_are_those_of_the_beta_distribution(self) -> None:
        _, targets = mixing.mixed(np.zeros((4_000, 1), np.float32), np.eye(4_000, dtype=np.float32), 0.2, generator())
        share = targets[np.arange(4_000), np.arange(4_000)]
        assert share.mean() == pytest.approx(0.5, abs=0.03)
        assert share.var() == pytest.approx(1 / (4 * (2 * 0.2 + 1)), rel=0.1)  # of Beta(a, a)

    def test_whole_numbers_stay_whole(self) -> None:
        inputs = np.array([[-128], [127]], np.int8)
        made, _ = mixing.mixed(inputs, np.eye(2, dtype=np.float32), 0.4, generator(3))
        assert made.dtype == np.int8
        assert made.min() >= -128


def chequered(rows: int = 24, columns: int = 32) -> NDArray[np.uint8]:
    picture = (np.add.outer(np.arange(rows) // 4, np.arange(columns) // 4) % 2 * 120 + 60).astype(np.uint8)
    return np.stack([picture, picture, 255 - picture], axis=2)


class TestPictures:
    NOTHING = PictureAugmentation(flip=0, crop=0, brightness=0, contrast=0)

    def test_without_any_of_it_a_picture_is_as_it_was(self) -> None:
        assert (augmented(chequered(), self.NOTHING, generator()) == chequered()).all()

    def test_half_are_mirrored(self) -> None:
        picture = RNG.integers(0, 256, (8, 9, 3)).astype(np.uint8)
        settings = PictureAugmentation(flip=0.5, crop=0, brightness=0, contrast=0)
        rng = generator()
        made = [augmented(picture, settings, rng) for _ in range(200)]
        mirrored = sum((one == picture[:, ::-1]).all() for one in made)
        assert sum((one == picture).all() for one in made) + mirrored == 200
        assert 70 < mirrored < 130

    def test_a_crop_of_a_ramp_is_a_ramp_with_its_share_of_the_values(self) -> None:
        ramp = np.repeat(np.linspace(0, 255, 120).astype(np.uint8)[:, None, None], 160, 1)
        rng = generator()
        spans = []
        for _ in range(200):
            made = cropped(ramp, 0.5, rng)[:, 0, 0].astype(int)
            assert (np.diff(made) >= 0).all()
            spans.append((made[-1] - made[0]) / 255)
        assert max(spans) <= 1
        assert 0.5 * np.sqrt(3 / 4) < min(spans) < 0.75  # half the area, a third more or less high

    def test_a_crop_of_one_grey_is_grey(self) -> None:
        flat = np.full((12, 16, 3), 77, np.uint8)
        rng = generator()
        assert all((cropped(flat, 0.9, rng) == 77).all() for _ in range(20))

    def test_light_is_what_the_formula_says(self) -> None:
        picture = chequered()[..., :1]
        made = relit(picture, 0.1, 0.5)
        expected = 0.5 * (picture.astype(float) - picture.mean()) + picture.mean() + 25.5
        assert np.abs(made - expected).max() <= 0.5001
        assert relit(picture, 1.0, 1.0).min() == 255
        assert relit(picture, -1.0, 1.0).max() == 0

    def test_noise_has_the_deviation_that_was_drawn(self) -> None:
        grey = np.full((120, 160, 1), 128, np.uint8)
        settings = PictureAugmentation(flip=0, crop=0, brightness=0, contrast=0, noise=0.1)
        rng = generator()
        found = [augmented(grey, settings, rng).std() / 255 for _ in range(100)]
        assert min(found) < 0.01
        assert 0.09 < max(found) < 0.105

    def test_cutout_hides_a_square_that_may_reach_beyond_the_edge(self) -> None:
        rng = generator()
        hid = [(hidden(np.zeros((60, 80, 3), np.uint8), 0.5, rng) == 128).all(axis=2) for _ in range(200)]
        areas = [one.sum() for one in hid]
        assert max(areas) == 30 * 30
        assert min(areas) < 30 * 30 / 3
        assert all(one.sum() == one.any(axis=0).sum() * one.any(axis=1).sum() for one in hid)


class TestSettings:
    @pytest.mark.parametrize(
        ("keys", "said"),
        [
            ({"pitch": 13.0}, "pitch is 13.0: it is between 0 and 12"),
            ({"reverb": 1.1}, "reverb is 1.1: it is between 0 and 1"),
            ({"rt60": (0.5, 0.2)}, "rt60 is 0.5 to 0.2: the lower end comes first"),
            ({"rt60": (0.5, 2.0)}, "rt60 is 0.5 to 2.0: it lies between 0.05 and 1.0"),
            ({"snr": (float("nan"), 3.0)}, "snr is nan to 3.0"),
            ({"silence": (0.0, 0.1)}, "silence begins at 0.0: it is above 0"),
            ({"time_masks": 11}, "time_masks is 11: it is between 0 and 10"),
        ],
    )
    def test_what_is_out_of_range_is_told(self, keys: dict[str, object], said: str) -> None:
        with pytest.raises(DataError, match=said):
            SoundAugmentation(**keys)  # type: ignore[arg-type]

    def test_pictures_too(self) -> None:
        with pytest.raises(DataError, match="crop is 1.0: it is between 0 and 0.9"):
            PictureAugmentation(crop=1.0)
