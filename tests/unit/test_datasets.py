"""Datasets: the same batches whoever makes them, balanced as asked, and what is wrong with them told."""

from __future__ import annotations

import dataclasses
import itertools
import os
import pickle
import signal
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from watchword.data import audio, memory
from watchword.data.augmentation import ArrayAugmentation, PictureAugmentation, SoundAugmentation
from watchword.errors import DataError
from watchword.features import features, frames, to_int8
from watchword.settings import build
from watchword.train.datasets import ArrayDataset, Dataset, Examples, PictureDataset, SoundDataset, beside, open_dataset
from watchword.train.datasets.sampling import draw
from watchword.train.recipe import Data, Recipe, Source, Training

LABELS = ("_silence_", "_unknown_", "yes", "no")
EVERYTHING = SoundAugmentation(
    pitch=2, before=0.5, reverb=0.5, equalizer=6, microphone=0.5, frequency_masks=1, time_masks=1, rt60=(0.05, 0.1)
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Words of several pitches, two folders of them, and noise."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(1)
    for folder, words, count in (("words", ("yes", "no", "cat"), 12), ("more", ("yes",), 4)):
        for pitch, word in enumerate(words):
            (root / folder / word).mkdir(parents=True)
            for number in range(count):
                wave = 4_000 * np.sin(2 * np.pi * (300 + 400 * pitch) * np.arange(12_000) / 16_000) + rng.normal(0, 50, 12_000)
                audio.write(root / folder / word / f"{number}.wav", audio.to_int16(wave))
    (root / "noise").mkdir()
    audio.write(root / "noise" / "hiss.wav", audio.to_int16(rng.normal(0, 800, 12 * 16_000)))
    return root


def recipe(augmentation: SoundAugmentation | None = None, **data: object) -> Recipe:
    sources = (Source(folder="words"), Source(folder="more"))
    keys = {"train": sources, "noise": "noise", "silence": 0.25, "validation_silence": 4, "validation_share": 0.2} | data
    return Recipe(
        name="words",
        labels=LABELS,
        background=LABELS[:2],
        data=Data(**keys),  # type: ignore[arg-type]
        augmentation=augmentation or SoundAugmentation(),
        training=Training(batch=8, seed=5),
    )


def same(one: Examples, other: Examples) -> bool:
    return one.inputs.tobytes() == other.inputs.tobytes() and one.targets.tobytes() == other.targets.tobytes()


class TestSound:
    def test_a_batch_depends_on_seed_epoch_and_number_alone(self, root: Path) -> None:
        one, other = (SoundDataset.of_recipe(recipe(EVERYTHING), root) for _ in range(2))
        epochs = [list(one.epoch(number)) for number in (1, 2)]
        assert len(epochs[0]) == one.batches
        assert same(other.batch(2, 1), epochs[1][1])  # in any order
        assert same(other.batch(1, 0), epochs[0][0])
        assert not same(epochs[0][0], epochs[1][0])
        changed = dataclasses.replace(recipe(EVERYTHING), training=Training(batch=8, seed=6))
        assert not same(SoundDataset.of_recipe(changed, root).batch(1, 0), epochs[0][0])

    def test_an_epoch_has_each_word_once_and_its_share_of_silence(self, root: Path) -> None:
        dataset = SoundDataset.of_recipe(recipe(), root)
        targets = np.concatenate([examples.targets for examples in dataset.epoch(1)])
        words = Counter(clip.label for clip in dataset.clips)
        assert Counter(targets.tolist()) == {
            0: round(0.25 * len(dataset.clips)), 1: words["cat"], 2: words["yes"], 3: words["no"]
        }  # fmt: skip
        assert len(targets) == dataset.size
        assert all(8 <= len(examples) < 16 for examples in dataset.epoch(1))

    def test_validation_is_what_a_board_hears_after_a_second_of_silence(self, root: Path) -> None:
        dataset = SoundDataset.of_recipe(recipe(), root)
        found = dataset.validation()
        clip = np.pad(audio.read(dataset.validation_clips[0].path), (16_000, 4_000))
        assert found.inputs.shape == (len(dataset.validation_clips) + 4, 49, 40, 1)
        assert (found.inputs[0, ..., 0] == to_int8(features(clip[None]))[0, -49:]).all()
        assert found.targets[-4:].tolist() == [0] * 4
        assert dataset.shape == found.inputs.shape[1:]

    def test_calibration_is_the_beginning_of_the_first_epoch(self, root: Path) -> None:
        dataset = SoundDataset.of_recipe(recipe(), root)
        first = np.concatenate([examples.inputs for examples in dataset.epoch(1)])
        assert (dataset.calibration(20) == first[:20]).all()
        assert (dataset.calibration(10_000) == first).all()

    def test_mixup_gives_shares_of_labels(self, root: Path) -> None:
        dataset = SoundDataset.of_recipe(recipe(SoundAugmentation(mixup=0.4)), root)
        found = dataset.batch(1, 0)
        assert found.targets.shape == (len(found), 4)
        assert found.targets.dtype == np.float32
        assert found.targets.sum(axis=1) == pytest.approx(1)
        assert found.inputs.dtype == np.int8

    def test_clips_are_read_from_disk_and_not_sent(self, root: Path) -> None:
        dataset = SoundDataset.of_recipe(recipe(), root)
        dataset.validation()
        noise = sum(samples.nbytes for samples in dataset.noise)
        assert len(pickle.dumps(dataset)) < noise + 30_000  # 40 clips are 1.3 MB

    def test_too_little_memory_is_told_before_anything_is_read(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(memory, "available", lambda: 1_000_000)
        with pytest.raises(
            DataError, match=r"some \d+ MB of memory are needed \(a batch of sound .*\) and 1 MB are free: take"
        ):
            SoundDataset.of_recipe(recipe(), root)


class TestSampling:
    GROUPS = [(0, 0)] * 60 + [(0, 1)] * 20 + [(1, 1)] * 15 + [(1, 2)] * 5

    def count(self, groups: list[tuple[int, ...]]) -> Counter[tuple[int, ...]]:
        return Counter(groups[row] for row in draw(groups, np.random.default_rng(3)).tolist())

    def test_without_groups_each_row_is_drawn_once(self) -> None:
        rows = draw([()] * 50, np.random.default_rng(1)).tolist()
        assert sorted(rows) == list(range(50))
        assert rows != list(range(50))
        assert draw([], np.random.default_rng(1)).tolist() == []

    def test_groups_have_equal_shares(self) -> None:
        classes: list[tuple[int, ...]] = [(group[1],) for group in self.GROUPS]
        assert all(count in (33, 34) for count in self.count(classes).values())
        assert self.count(classes).total() == 100

    def test_within_a_source_its_classes_have_equal_shares(self) -> None:
        assert self.count(self.GROUPS) == {(0, 0): 25, (0, 1): 25, (1, 1): 25, (1, 2): 25}

    def test_within_a_group_none_is_drawn_twice_as_often_as_another(self) -> None:
        drawn = Counter(draw(self.GROUPS, np.random.default_rng(2)).tolist())
        rare = [drawn[row] for row in range(95, 100)]
        assert sum(rare) == 25
        assert set(rare) == {5}
        assert max(drawn[row] for row in range(60)) == 1

    def test_a_recipe_balances_by_class(self, root: Path) -> None:
        dataset = SoundDataset.of_recipe(recipe(balance=("class",)), root)
        targets = Counter(np.concatenate([examples.targets for examples in dataset.epoch(1)]).tolist())
        assert max(targets[n] for n in (1, 2, 3)) - min(targets[n] for n in (1, 2, 3)) <= 1

    def test_a_recipe_balances_by_source(self, root: Path) -> None:
        dataset = SoundDataset.of_recipe(recipe(balance=("source",)), root)
        rows = dataset.drawn(np.random.default_rng(1))
        folders = Counter(dataset.clips[row].path.parts[-3] for row in rows if row >= 0)
        assert abs(folders["more"] - folders["words"]) <= 1


class TestPictures:
    @pytest.fixture
    def pictures(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: pip install pillow")
        root = tmp_path_factory.mktemp("pictures")
        rng = np.random.default_rng(1)
        for label in ("cat", "dog"):
            (root / label).mkdir()
            for number in range(8):
                Image.fromarray(rng.integers(0, 256, (90, 130, 3)).astype(np.uint8)).save(root / label / f"{number}.png")
        (root / "cat/broken.png").write_text("text")
        return root

    def recipe(self, colours: int = 3, **keys: float) -> Recipe:
        data = Data((Source(folder="."),), validation_share=0.3, size=(48, 64), colours=colours)
        settings = PictureAugmentation(**keys)  # type: ignore[arg-type]
        training = Training(batch=4)
        return Recipe("pets", ("cat", "dog"), data, kind="picture", augmentation=settings, training=training)

    @pytest.mark.parametrize("colours", [1, 3])
    def test_a_picture_is_what_a_board_makes_of_a_cameras_frame(self, pictures: Path, colours: int) -> None:
        dataset = PictureDataset.of_recipe(self.recipe(colours, flip=0, crop=0, brightness=0, contrast=0), pictures)
        assert dataset.shape == (48, 64, colours)
        found = dataset.validation()
        from watchword.data.pictures import fitted, read

        frame = frames.camera(fitted(read(dataset.validation_clips[0].path)), colour=colours == 3)
        board = frames.to_tensor(frame, dataset.shape, frames.table(1 << 16, -128))
        assert (found.inputs[0] == (board.astype(int) + 128)).all()
        assert found.inputs.dtype == np.uint8
        assert dataset.batch(1, 0).inputs.shape[1:] == (48, 64, colours)

    def test_broken_ones_are_counted_and_batches_are_the_same_again(self, pictures: Path) -> None:
        from watchword.data.batch import Batch

        batch = Batch("pictures")
        settings = self.recipe(noise=0.1, cutout=0.3, mixup=0.2)
        one, two = (PictureDataset.of_recipe(settings, pictures, batch=batch) for _ in range(2))
        assert batch.skipped == 2  # one, twice
        assert len(one.clips) + len(one.validation_clips) == 16
        assert same(one.batch(3, 1), two.batch(3, 1))
        assert not same(one.batch(3, 1), one.batch(4, 1))


class TestArrays:
    def recipe(self, source: Source, labels: tuple[str, ...] = ("a", "b"), **keys: float) -> Recipe:
        return Recipe(
            "table",
            labels,
            Data((source,), validation_share=0.25),
            kind="tensor",
            augmentation=ArrayAugmentation(**keys),
            training=Training(batch=4),
        )

    def test_rows_of_an_npz_file(self, tmp_path: Path) -> None:
        x, y = np.arange(120, dtype=np.float64).reshape(40, 3), np.arange(40) % 2
        np.savez(tmp_path / "a.npz", x=x, y=y)
        dataset = open_dataset(self.recipe(Source(arrays="a.npz")), tmp_path)
        assert isinstance(dataset, ArrayDataset)
        assert (dataset.shape, dataset.size, len(dataset.validation())) == ((1, 1, 3), 30, 10)
        found = np.concatenate([e.inputs[:, 0, 0] for e in dataset.epoch(1)] + [dataset.validation().inputs[:, 0, 0]])
        assert sorted(found[:, 0].tolist()) == x[:, 0].tolist()
        assert all((e.inputs[:, 0, 0, 0].astype(int) // 3 % 2 == e.targets).all() for e in dataset.epoch(2))
        dataset.save_validation(tmp_path)
        again = open_dataset(self.recipe(Source(arrays="validation.npz")), tmp_path)
        assert again.size + len(again.validation()) == 10

    def test_a_table_with_labels_by_name(self, tmp_path: Path) -> None:
        lines = ["width;height,kind", *(f"{n},{n / 2},{'ab'[n % 2]}" for n in range(20))]
        (tmp_path / "a.csv").write_text("\n".join(["width,height,kind", *lines[1:]]))
        dataset = open_dataset(self.recipe(Source(arrays="a.csv", label_column="kind")), tmp_path)
        assert all((e.inputs[:, 0, 0, 0].astype(int) % 2 == e.targets).all() for e in dataset.epoch(1))

    def test_values_are_targets_too(self, tmp_path: Path) -> None:
        x = np.linspace(0, 1, 24, dtype=np.float32).reshape(24, 1)
        np.savez(tmp_path / "a.npz", x=x, y=3 * x[:, 0])
        dataset = open_dataset(self.recipe(Source(arrays="a.npz"), noise=0.0), tmp_path)
        examples = dataset.batch(1, 0)
        assert examples.targets.dtype == np.float32
        assert examples.targets[:, 0] == pytest.approx(3 * examples.inputs[:, 0, 0, 0])

    @pytest.mark.parametrize(
        ("x", "y", "said"),
        [
            (
                [[1, 2], [3, float("nan")], [float("inf"), 1]],
                [0, 1, 0],
                "row 1: value 1 is nan, and 1 more values are infinite",
            ),
            ([[1], [2]], [0, 5], "row 1: '5' is neither among a, b nor one of their numbers"),
            ([[1], [2]], [0.5, float("nan")], "row 1: its target is infinite or NaN"),
            ([[1], [2]], [0, 1, 1], r"x and y have \(2, 1\) and \(3,\): as many rows in both"),
            (np.zeros((2, 1, 1, 1, 1)), [0, 1], r"inputs have the shape \(2, 1, 1, 1, 1\)"),
            ([["a"], ["b"]], [0, 1], "x holds <U1, and numbers are expected"),
            ([[1], [2], [3], [4]], [0, 0, 0, 0], "data.train has no example of b"),
        ],
    )
    def test_what_is_wrong_is_told_by_its_place(self, tmp_path: Path, x: object, y: object, said: str) -> None:
        np.savez(tmp_path / "a.npz", x=np.array(x), y=np.array(y))
        with pytest.raises(DataError, match=said):
            open_dataset(self.recipe(Source(arrays="a.npz")), tmp_path)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "is empty|a line of column names"),
            ("a,b,label\n1,2,a\n1,x,b\n", "line 3, column b: 'x' is no number"),
            ("a,b,label\n1,2,a\n\n1,nan,b\n", "line 4: value 1 is nan"),
            ("a,b,label\n1,a\n", "line 2 has 2 cells and its table 3"),
            ("a,b\n1,2\n", "has no column label, only a, b: label_column names another one"),
        ],
    )
    def test_of_tables_too(self, tmp_path: Path, text: str, said: str) -> None:
        (tmp_path / "a.csv").write_text(text)
        with pytest.raises(DataError, match=said):
            open_dataset(self.recipe(Source(arrays="a.csv")), tmp_path)

    def test_other_files(self, tmp_path: Path) -> None:
        (tmp_path / "a.npz").write_bytes(b"text")
        for name, said in (("a.npz", "not a readable .npz file"), ("b.npz", "no such file"), ("b.csv", "no such file")):
            with pytest.raises(DataError, match=said):
                open_dataset(self.recipe(Source(arrays=name)), tmp_path)


class TestBeside:
    def test_a_process_makes_the_same_bytes(self, root: Path) -> None:
        dataset = SoundDataset.of_recipe(recipe(EVERYTHING), root)
        with beside(dataset) as other:
            for epoch in (1, 2, 7, 2):  # the next one, and others
                for mine, theirs in zip(dataset.epoch(epoch), other.epoch(epoch), strict=True):
                    assert same(mine, theirs)
            next(iter(other.epoch(3)))  # not to its end
            assert same(next(iter(other.epoch(3))), dataset.batch(3, 0))
            assert same(other.validation(), dataset.validation())

    def test_an_end_of_the_process_is_one_line(self, root: Path) -> None:
        with beside(SoundDataset.of_recipe(recipe(), root)) as other:
            batches = other.epoch(1)
            next(batches)
            assert other._maker is not None
            os.kill(other._maker._process.pid, signal.SIGTERM)
            said = r"^epoch \d+, batch \d+: the process that makes examples (was ended by SIGTERM|ended with status)"
            every = (examples for epoch in range(2, 100) for examples in other.epoch(epoch))
            with pytest.raises(DataError, match=said):
                list(itertools.chain(batches, every))

    def test_what_goes_wrong_there_is_told_here(self, root: Path) -> None:
        dataset = SoundDataset.of_recipe(recipe(), root)
        dataset._signals._read, dataset._signals._path = _refuse, Path("none")  # as where the cache and the files are gone
        with beside(dataset) as other, pytest.raises(DataError, match="no more clips"):
            list(other.epoch(1))

    def test_nothing_is_left_running(self, root: Path) -> None:
        with beside(SoundDataset.of_recipe(recipe(), root)) as other:
            next(iter(other.epoch(1)))
            assert other._maker is not None
            process, thread = other._maker._process, other._maker._thread
        assert process.poll() is not None
        assert not thread.is_alive()


def _refuse(path: Path, report: object) -> None:
    raise DataError("no more clips")


class TestRecipe:
    def test_the_keys_of_augmentation_are_those_of_the_kind(self) -> None:
        table = {"name": "x", "labels": ["a", "b"], "kind": "picture", "data": {"train": [{"folder": "x"}]}}
        assert build(Recipe, table).augmentation == PictureAugmentation()
        found = build(Recipe, table | {"augmentation": {"cutout": 0.5}})
        assert found.augmentation == PictureAugmentation(cutout=0.5)
        with pytest.raises(DataError, match=r"augmentation.reverb is not known.*; known here: flip, crop"):
            build(Recipe, table | {"augmentation": {"reverb": 0.5}})
        assert found.shape == (96, 96, 1)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"kind": "tensor"}, r"data.train\[0\]: arrays is needed where kind is tensor"),
            ({"kind": "pictures"}, "kind is 'pictures', did you mean 'picture'.?: it is sound or picture or tensor"),
            ({"data": {"train": [{"arrays": "x.npz"}]}}, r"data.train\[0\]: manifest or folder is needed where kind is sound"),
            ({"data": {"train": [{"folder": "x"}], "balance": ["class", "class"]}}, "data.balance names class twice"),
            (
                {"data": {"train": [{"folder": "x"}], "balance": ["word"]}},
                r"data.balance\[0\] is 'word': it is class or source",
            ),
            ({"data": {"train": [{"folder": "x"}], "colours": 2}}, r"data.colours is 2: it is 1 \(grey\) or 3"),
            ({"data": {"train": [{"folder": "x", "manifest": "y"}]}}, r"data.train\[0\].manifest or folder: one of the two"),
        ],
    )
    def test_what_does_not_go_together_is_told(self, change: dict[str, object], said: str) -> None:
        table = {"name": "x", "labels": ["a", "b"], "data": {"train": [{"folder": "x"}]}}
        with pytest.raises(DataError, match=said):
            build(Recipe, table | change)


class TestMemory:
    def test_what_there_is_is_known_here(self) -> None:
        free = memory.available()
        assert free is not None
        assert free > 10_000_000

    def test_what_needs_more_is_refused_with_figures(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(memory, "available", lambda: 5_000_000_000)
        memory.require({"a": 4_000_000_000}, "buy more")
        said = r"some 6\.0 GB of memory are needed \(b 4\.0 GB, a 2\.0 GB\) and 5\.0 GB are free: buy more"
        with pytest.raises(DataError, match=said):
            memory.require({"a": 2_000_000_000, "b": 4_000_000_000}, "buy more")
        monkeypatch.setattr(memory, "available", lambda: None)
        memory.require({"a": 10**15}, "buy more")


def test_every_dataset_is_one() -> None:
    assert all(issubclass(kind, Dataset) for kind in (SoundDataset, PictureDataset, ArrayDataset))
