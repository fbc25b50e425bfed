"""Folders and manifests as `train` and `evaluate` take them: what is trained on, what is left out, and that both are said."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.unit.command import Command

from watchword.data import audio
from watchword.errors import DataError
from watchword.train.datasets import SoundDataset
from watchword.train.recipe import Data, Recipe, Source, read_recipe

ROOT = Path(__file__).parents[2]
CLIPS = ROOT / "models/keywords/clips"
SPEAKERS = ("ann", "bob", "cy")


def tone(path: Path, seconds: float, hertz: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    audio.write(path, audio.to_int16(3_000 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * 16_000)) / 16_000)))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Words in the layout of Speech Commands: three speakers, of whom bob validates and cy tests."""
    for pitch, word in enumerate(("yes", "no", "bed", "bird")):
        for speaker in SPEAKERS:
            for number in range(2):
                tone(tmp_path / "words" / word / f"{speaker}_nohash_{number}.wav", 0.5, 300 + 200 * pitch)
    for name, speaker in (("validation_list.txt", "bob"), ("testing_list.txt", "cy")):
        names = [f"{word}/{speaker}_nohash_{number}.wav\n" for word in ("yes", "no", "bed", "bird") for number in range(2)]
        (tmp_path / "words" / name).write_text("".join(names))
    return tmp_path


@pytest.fixture
def recipe() -> Recipe:
    labels = ("_silence_", "_unknown_", "yes", "no")
    data = Data(train=(Source(folder="words"),), validation_silence=4)
    return Recipe(name="words", labels=labels, data=data, background=labels[:2])


class TestSpeechCommands:
    def test_lists_decide_what_validates_and_what_is_left_out(self, root: Path, recipe: Recipe) -> None:
        tone(root / "words/_background_noise_/hum.wav", 20, 100)
        told: list[str] = []
        dataset = SoundDataset.of_recipe(recipe, root, told.append)
        assert {clip.speaker for clip in dataset.clips} == {"ann"}
        assert {clip.speaker for clip in dataset.validation_clips} == {"bob"}
        assert [clip.label for clip in dataset.clips] == ["bed"] * 2 + ["bird"] * 2 + ["no"] * 2 + ["yes"] * 2
        assert sorted(dataset.batch(1, 0).targets.tolist()) == [0] + [1] * 4 + [2] * 2 + [3] * 2  # silence: a tenth of 8
        assert [len(samples) for samples in dataset.noise] == [20 * 16_000]
        assert dataset.quiet.shape == (4, 16_000)
        eight = "8 clips (by split: 8 of {}; 1 speakers)"
        assert told[1:] == [
            "8 clips of data.train are for tests by their split and are left out: split names another choice",
            "4 of 8 clips have labels that the model does not, and count as _unknown_: 'bed' (2), 'bird' (2)",
            f"training: {eight.format('train')}; validation: {eight.format('validation')}; noise: 20 s",
        ]

    def test_a_recipe_may_choose_otherwise(self, root: Path, recipe: Recipe) -> None:
        tone(root / "words/_background_noise_/hum.wav", 20, 100)
        sources = (Source(folder="words", split="test"), Source(folder="words", split="validation"))
        dataset = SoundDataset.of_recipe(
            dataclasses.replace(recipe, data=Data(sources, (Source(folder="words", split="train"),))), root
        )
        assert {clip.speaker for clip in dataset.clips} == {"bob", "cy"}
        assert {clip.speaker for clip in dataset.validation_clips} == {"ann"}

    def test_short_clips_of_silence_are_joined_to_noise(self, root: Path, recipe: Recipe) -> None:
        for number in range(12):
            tone(root / f"words/_silence_/{number}.wav", 1, 50)
        dataset = SoundDataset.of_recipe(recipe, root)
        assert [len(samples) for samples in dataset.noise] == [12 * 16_000]
        assert len(dataset.clips) == 8  # silence is cut from the noise, of any level

    def test_silence_of_validation_stays_a_clip(self, root: Path, recipe: Recipe) -> None:
        tone(root / "words/_background_noise_/hum.wav", 20, 100)
        tone(root / "words/_silence_/room_nohash_0.wav", 1, 50)
        with (root / "words/validation_list.txt").open("a") as file:
            file.write("_silence_/room_nohash_0.wav\n")
        dataset = SoundDataset.of_recipe(recipe, root)
        assert [clip.label for clip in dataset.validation_clips].count("_silence_") == 1
        without = dataclasses.replace(recipe, labels=recipe.labels[1:], background=("_unknown_",))
        assert "_silence_" not in {clip.label for clip in SoundDataset.of_recipe(without, root).validation_clips}

    def test_without_noise_silence_cannot_be_made(self, root: Path, recipe: Recipe) -> None:
        with pytest.raises(DataError, match="data.noise is missing, and no folder of data.train has _background_noise_"):
            SoundDataset.of_recipe(recipe, root)
        tone(root / "words/_silence_/1.wav", 3, 50)
        with pytest.raises(
            DataError, match=r"the folders of data\.train: 3\.0 s of noise in 1 files are too few; 10 s or more"
        ):
            SoundDataset.of_recipe(recipe, root)

    def test_a_folder_of_noise_without_any_is_told(self, root: Path, recipe: Recipe) -> None:
        tone(root / "words/_background_noise_/hum.wav", 20, 100)
        (root / "hush").mkdir()
        with pytest.raises(DataError, match=r"hush: no recordings of noise there \(.*\.wav"):
            SoundDataset.of_recipe(dataclasses.replace(recipe, data=dataclasses.replace(recipe.data, noise="hush")), root)

    def test_a_source_that_is_of_the_other_kind_is_told(self, root: Path, recipe: Recipe) -> None:
        (root / "list.csv").write_text("file,label\n")
        for source, said in (
            (Source(folder="list.csv"), "list.csv: no such folder"),
            (Source(manifest="words"), "words: is a folder, where a list of files is expected"),
        ):
            with pytest.raises(DataError, match=said):
                SoundDataset.of_recipe(dataclasses.replace(recipe, data=Data((source,), noise="words")), root)

    def test_without_lists_clips_are_divided_by_speakers(self, root: Path, recipe: Recipe) -> None:
        tone(root / "words/_background_noise_/hum.wav", 20, 100)
        for name in ("validation_list.txt", "testing_list.txt"):
            (root / "words" / name).unlink()
        dataset = SoundDataset.of_recipe(
            dataclasses.replace(recipe, data=dataclasses.replace(recipe.data, validation_share=0.4)), root
        )
        training, validation = ({clip.speaker for clip in part} for part in (dataset.clips, dataset.validation_clips))
        assert training | validation == set(SPEAKERS)
        assert not training & validation

    def test_a_label_that_is_nearly_one_is_refused_before_anything_is_read(self, root: Path, recipe: Recipe) -> None:
        (root / "words/yes").rename(root / "words/Yes")
        (root / "words/bed/ann_nohash_0.wav").write_bytes(b"damaged")
        with pytest.raises(DataError, match=r"words/Yes: 'Yes': did you mean 'yes'\? 5 more clips have such labels"):
            SoundDataset.of_recipe(recipe, root)

    def test_a_manifest_with_splits_is_no_other(self, root: Path, recipe: Recipe) -> None:
        tone(root / "noise/hum.wav", 20, 100)
        rows = [f"words\\{word}\\{who}_nohash_0.wav;{word};{part}\n" for word in ("yes", "no") for who, part in
                zip(SPEAKERS, ("Training", "dev", "TEST"), strict=True)]  # fmt: skip
        (root / "list.csv").write_bytes(("path;class;fold\n" + "".join(rows)).encode("utf-16"))
        dataset = SoundDataset.of_recipe(
            dataclasses.replace(recipe, data=Data((Source(manifest="list.csv"),), noise="noise")), root
        )
        assert [(clip.label, clip.speaker) for clip in dataset.clips] == [("yes", "ann"), ("no", "ann")]
        assert [(clip.label, clip.speaker) for clip in dataset.validation_clips] == [("yes", "bob"), ("no", "bob")]


def test_the_recipe_of_the_guide_trains(tmp_path: Path, command: Command) -> None:
    """As it stands there, but for one epoch."""
    [text] = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/guide.md").read_text("utf-8"), re.DOTALL)
    path = tmp_path / "lights.toml"
    path.write_text(text, "utf-8")
    recipe = read_recipe(path)
    assert recipe.data.train == (Source(folder="recordings"),)
    assert recipe.data.noise == "noise"
    for pitch, word in enumerate(("lights", "music", "_unknown_")):
        for number in range(12):
            tone(tmp_path / "recordings" / word / f"{number}.wav", 0.4, 300 + 300 * pitch)
    for number in range(3):
        tone(tmp_path / f"noise/{number}.wav", 5, 100)  # of 5 s each, as ESC-10's are
    path.write_text(text + "\n[training]\nepochs = 1\n", "utf-8")
    done = command("train", path, "--data", tmp_path, "-o", tmp_path / "out", "--json")
    facts = json.loads(done.out)
    assert facts["training"]["clips"] + facts["validation"]["clips"] == 36
    assert facts["training"]["speakers"] == 0
    assert facts["training"]["splits"] == {}
    assert "noise: 15 s" in done.err


class TestEvaluate:
    @pytest.fixture
    def words(self, tmp_path: Path) -> Path:
        for clip in CLIPS.glob("*.wav"):
            word, _, speaker = clip.stem.partition("_")
            (tmp_path / word).mkdir(exist_ok=True)
            shutil.copy(clip, tmp_path / word / f"{speaker}_nohash_0.WAV")
            (tmp_path / word / f"._{speaker}_nohash_0.WAV").write_bytes(b"what macOS leaves")
        (tmp_path / "testing_list.txt").write_text("yes/f292725f_nohash_0.wav\nno/837a0f64_nohash_0.wav\n")
        return tmp_path

    @pytest.fixture
    def evaluate(self, command: Command) -> Callable[..., tuple[dict[str, object], str]]:
        def run(data: Path, *more: object) -> tuple[dict[str, object], str]:
            done = command("evaluate", "keywords", "--data", data, "--on", "reference", "--json", *more)
            return json.loads(done.out), done.err

        return run

    def test_what_was_taken_is_said(self, words: Path, evaluate: Callable[..., tuple[dict[str, object], str]]) -> None:
        found, said = evaluate(words)
        assert (found["n"], found["accuracy"]) == (8, 1.0)
        assert found["selection"] == {"clips": 8, "speakers": 5, "splits": {"test": 2, "train": 6}}
        assert "on 8 clips (by split: 2 of test, 6 of train; 5 speakers)" in said
        found, _ = evaluate(words, "--split", "testing")
        assert found["selection"] == {"clips": 2, "speakers": 2, "splits": {"test": 2}}

    def test_labels_that_the_model_does_not_know_are_said(
        self, words: Path, evaluate: Callable[..., tuple[dict[str, object], str]]
    ) -> None:
        (words / "yes").rename(words / "yesterday")
        found, said = evaluate(words)
        assert "1 of 8 clips have labels that the model does not, and count as _unknown_: 'yesterday' (1)" in said
        assert found["accuracy"] == 7 / 8

    def test_few_shot_says_it_too(self, words: Path, evaluate: Callable[..., tuple[dict[str, object], str]]) -> None:
        for word in ("yes", "no"):
            for clip in list((words / word).glob("[!.]*.WAV")):
                audio.write(words / word / "other.wav", audio.read(clip)[::-1])
        found, said = evaluate(words, "--few-shot", 1, "--words", "yes,no", "--unknown", words, "--draws", 2)
        assert found["selection"] == {"clips": 4, "speakers": 2, "splits": {"test": 2, "train": 2}}
        assert "on 4 clips (by split: 2 of test, 2 of train; 2 speakers)" in said

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("file,label\nyes/f292725f_nohash_0.WAV,Yes\n", "line 2: 'Yes': did you mean 'yes'?"),
            ("file,label\nyes/f292725f_nohash_0.WAV,\n", "line 2 has no label"),
            ('file,label\n"yes/f292725f_nohash_0.WAV,yes\n', 'line 2 opens a quote (") and does not close it'),
            ("file,label\nyes.wav,yes\n", "none of its 1 files is there"),
            ("", "is empty"),
        ],
    )
    def test_mistakes_get_one_line(self, words: Path, command: Command, text: str, said: str) -> None:
        (words / "list.csv").write_text(text)
        done = command("evaluate", "keywords", "--data", words / "list.csv", "--on", "reference", status=1)
        assert said in done.error
        assert len(done.err.splitlines()) == 1

    def test_a_shot_of_two_words_is_no_traceback(self, words: Path, command: Command) -> None:
        for number in range(2):
            shutil.copy(words / "yes/f292725f_nohash_0.WAV", words / f"yes/{number}.wav")
            shutil.copy(words / "yes/f292725f_nohash_0.WAV", words / f"no/{number}.wav")
        done = command(
            *("evaluate", "keywords", "--data", words, "--few-shot", 2, "--words", "yes,no", "--unknown", words),
            *("--on", "reference"),
            status=1,
        )
        assert "cannot be taught as " in done.error
        assert "it is the same as a shot of" in done.error
