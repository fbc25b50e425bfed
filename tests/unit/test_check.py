"""`watchword data check`: what spoils training or flatters its figures is found in a set that has it, and only there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests import wavs
from tests.unit.command import Command

from watchword.data import audio
from watchword.data.check import Checkup, check
from watchword.data.clips import Clip
from watchword.evaluate.outliers import rank

RNG = np.random.default_rng(1)


def clip(path: Path, label: str = "yes", split: str = "", speaker: str = "", level: float = 2_000) -> Clip:
    path.parent.mkdir(parents=True, exist_ok=True)
    audio.write(path, audio.to_int16(RNG.normal(0, level, 16_000)))
    return Clip(path, label, speaker, split)


@pytest.fixture
def good(tmp_path: Path) -> list[Clip]:
    return [
        clip(tmp_path / f"{label}{number}.wav", label, ("train", "test")[number % 2], f"{label}{number}")
        for label in ("yes", "no")
        for number in range(20)
    ]


def kinds(found: Checkup) -> list[str]:
    return [finding.kind for finding in found.findings]


def test_a_good_set_has_nothing_amiss(good: list[Clip]) -> None:
    found = check(good, picture=False)
    assert found.findings == ()
    assert (found.clips, found.speakers, found.seconds, found.skipped) == (40, 40, 40.0, 0)
    assert found.labels == {"yes": 20, "no": 20}
    assert found.splits == {"test": 20, "train": 20}


def test_a_speaker_in_two_splits(good: list[Clip], tmp_path: Path) -> None:
    good += [clip(tmp_path / "a.wav", "yes", "testing", "yes0"), clip(tmp_path / "b.wav", "yes", "training", "yes2")]
    found = check(good, picture=False)
    assert kinds(found) == ["speaker_leak"]
    assert "1 speakers are in more than one split: yes0" in found.findings[0].text
    assert found.findings[0].files == (str(good[0].path), str(tmp_path / "a.wav"))


def test_the_same_sound_in_two_splits_in_another_format_and_behind_silence(good: list[Clip], tmp_path: Path) -> None:
    sound = audio.read(good[0].path)
    audio.write(tmp_path / "late.wav", np.concatenate([np.zeros(800, np.int16), sound]))
    stereo = np.stack([sound, sound], 1).astype("<i2").tobytes()
    (tmp_path / "stereo.wav").write_bytes(wavs.wav(fmt=wavs.form(channels=2), data=stereo))
    good += [Clip(tmp_path / "late.wav", "yes", "", "test"), Clip(tmp_path / "stereo.wav", "no", "", "train")]
    found = check(good, picture=False)
    assert kinds(found) == ["twin_leak", "two_labels", "twins"]
    assert [finding.clips for finding in found.findings] == [3, 3, 2]


def test_silence_clipping_and_low_rates_are_told_of_single_files(good: list[Clip], tmp_path: Path) -> None:
    good += [clip(tmp_path / "quiet.wav", level=3), clip(tmp_path / "loud.wav", level=60_000)]
    for number in range(2):
        noise = RNG.normal(0, 900, 8_000).astype("<i2").tobytes()
        (tmp_path / f"slow{number}.wav").write_bytes(wavs.wav(fmt=wavs.form(rate=8000), data=noise))
        good.append(Clip(tmp_path / f"slow{number}.wav", "no"))
    found = check(good, picture=False)
    assert sorted(kinds(found)) == ["cut_off_at_full_scale", "recorded_at_8000_Hz", "silent"]
    assert {finding.kind: finding.clips for finding in found.findings}["recorded_at_8000_Hz"] == 2


def test_a_fault_that_one_label_has(good: list[Clip], tmp_path: Path) -> None:
    good += [clip(tmp_path / f"loud{number}.wav", "stop", level=60_000) for number in range(30)]
    found = check(good, picture=False)
    assert kinds(found) == ["cut_off_at_full_scale", "one_label"]
    assert "30 of the 30 are of 'stop'" in found.findings[1].text


def test_uneven_and_rare_labels(good: list[Clip], tmp_path: Path) -> None:
    good += [clip(tmp_path / "rare.wav", "rare")]
    found = check(good, picture=False)
    assert kinds(found) == ["imbalance", "few"]
    assert "'rare' 1: balance" in found.findings[0].text


def test_pictures(tmp_path: Path) -> None:
    Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: pip install pillow")
    clips = []
    for number in range(20):
        pixels = RNG.integers(0, 256, (120, 160, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        clips.append(Clip(tmp_path / f"{number}.png", "cat"))
    Image.fromarray(pixels).save(tmp_path / "again.bmp")
    Image.new("RGB", (60, 40), "red").save(tmp_path / "flat.png")
    clips += [Clip(tmp_path / "again.bmp", "cat"), Clip(tmp_path / "flat.png", "cat")]
    assert sorted(kinds(check(clips, picture=True))) == ["flat", "small", "twins"]


def test_clips_that_are_like_another_label_are_found() -> None:
    centres = {"yes": np.array([5.0, 0, 0]), "no": np.array([0, 5.0, 0])}
    clips = [Clip(Path(f"{label}{number}"), label) for label in centres for number in range(10)]
    vectors = np.stack([centres[clip.label] + RNG.normal(0, 0.3, 3) for clip in clips])
    assert rank(clips, vectors) == []
    vectors[[3, 12]] = vectors[[13, 2]]
    found = rank(clips, vectors)
    assert {(str(one.clip.path), one.label) for one in found} == {("yes3", "no"), ("no2", "yes")}
    assert all(one.other > one.own for one in found)


def test_the_command_says_it_and_gives_json(tmp_path: Path, command: Command) -> None:
    for label in ("yes", "no"):
        for number in range(3):
            clip(tmp_path / label / f"ann_nohash_{number}.wav", label)
    (tmp_path / "no/bad.wav").write_text("text")
    (tmp_path / "testing_list.txt").write_text("yes/ann_nohash_0.wav\n")
    done = command("data", "check", tmp_path)
    assert "speaker_leak: 1 speakers are in more than one split: ann" in done.out
    assert "few: fewer than 20 clips: no, yes" in done.out
    assert "1 of 7 recordings were skipped" in done.err
    found = json.loads(command("data", "check", tmp_path, "--json").out)
    assert (found["clips"], found["skipped"], found["labels"]) == (6, 1, {"yes": 3, "no": 3})
    assert [finding["kind"] for finding in found["findings"]] == ["speaker_leak", "few"]
    strange = json.loads(command("data", "check", tmp_path, "--model", "keywords", "--json").out)
    assert all(one["other"] > one["own"] for one in strange["outliers"])
    refused = command("data", "check", tmp_path / "none", status=1)
    assert "none" in refused.error
