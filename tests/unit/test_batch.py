"""Of many files the rest goes on where some cannot be used; what was skipped and what is amiss is said and counted."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tests import wavs
from tests.unit.test_evaluate import dense, louder, model, tensor

from watchword.data import audio, batch, recordings
from watchword.data.batch import Batch, Report
from watchword.data.clips import Clip
from watchword.data.noise import read_noise
from watchword.description import Description
from watchword.errors import BoardError, DataError, LinkError
from watchword.evaluate import evaluate, fewshot
from watchword.graph import Graph, Reshape
from watchword.model import Model, keywords, load
from watchword.train.datasets import SoundDataset
from watchword.train.recipe import Data, Recipe, Source, read_recipe

FILES = [Path(name) for name in "abcdefghijkl"]


def use(path: Path, report: Report) -> str:
    """Refuses vowels, in two ways; of some there is something to be said."""
    if path.name == "a":
        raise DataError("a: is no sound")
    if path.name in "ei":
        raise BoardError("not now")
    if path.name > "e":
        report("loud")
        report("loud")
    if path.name == "c":
        report("odd")
    return path.name.upper()


def test_the_rest_goes_on_and_all_is_counted() -> None:
    lines: list[str] = []
    files = Batch("letters", lines.append)
    assert [(number, made) for number, made, _ in files.each(FILES, use)] == [
        (number, path.name.upper()) for number, path in enumerate(FILES) if path.name not in "aei"
    ]
    assert files.skipped == 3
    assert files.notes == Counter({"loud": 6, "odd": 1})
    assert files.as_dict() == {"skipped": 3, "notes": {"odd": 1, "loud": 6}}
    loud = [f"{name}: loud" for name in "fghjk"]  # and not of the sixth
    assert lines == [
        *("a: is no sound", "c: odd", "e: not now", *loud[:3], "i: not now", *loud[3:]),
        *("6 of 12 letters: loud", "3 of 12 letters were skipped"),
    ]


def test_what_was_said_of_a_file_comes_with_it() -> None:
    assert [said for _, _, said in Batch("letters").each(FILES[2:6], use)] == [["odd"], [], ["loud"]]


def test_several_turns_are_counted_together() -> None:
    files = Batch("letters")
    for _ in range(2):
        assert len(list(files.each(FILES, use))) == 9
    assert files.skipped == 6
    assert files.notes["loud"] == 12


def test_many_that_cannot_be_used_are_not_all_named() -> None:
    lines: list[str] = []
    many = [Path("b"), *[Path("a")] * 100]
    assert len(list(Batch("letters", lines.append).each(many, use))) == 1
    assert lines == ["a: is no sound"] * batch.TOLD + ["100 of 101 letters were skipped"]


def test_one_alone_or_none_that_can_be_used_is_an_error() -> None:
    with pytest.raises(DataError, match=r"^a: is no sound$"):
        list(Batch("letters").each([Path("a")], use))
    with pytest.raises(BoardError, match=r"^e: not now$"):
        list(Batch("letters").each([Path("e")], use))
    with pytest.raises(DataError, match=r"^none of 2 letters can be learnt; the first: a: is no sound$"):
        list(Batch("letters", done="learnt").each([Path("a"), Path("e")], use))
    assert list(Batch("letters").each([], use)) == []


def test_a_line_that_breaks_ends_all() -> None:
    def gone(path: Path, report: Report) -> str:
        raise LinkError("unplugged")

    with pytest.raises(LinkError):
        list(Batch("letters").each(FILES, gone))


# ---- everything that takes many files does so


@pytest.fixture
def mixed(tmp_path: Path) -> list[Clip]:
    """Two words of three good recordings each; of each word also one that is not there, and one that is none; one of 8 kHz."""
    found = []
    rng = np.random.default_rng(1)
    for word in ("yes", "no"):
        (tmp_path / word).mkdir()
        for number in range(3):
            path = tmp_path / word / f"{number}.wav"
            audio.write(path, rng.normal(0, 3000, 16_000).astype(np.int16))
            found.append(Clip(path, word))
        (tmp_path / word / "text.wav").write_text("text")
        found += [Clip(tmp_path / word / "text.wav", word), Clip(tmp_path / word / "missing.wav", word)]
    (tmp_path / "no/0.wav").write_bytes(wavs.wav(fmt=wavs.form(rate=8000), data=bytes(16000)))
    return found


NOTE = "recorded at 8000 Hz: nothing above 4 kHz"


def counted(files: Batch, skipped: int, notes: int = 1) -> None:
    assert files.skipped == skipped
    assert files.notes == {NOTE: notes}


def test_loading_keeps_those_that_can_be_read(mixed: list[Clip]) -> None:
    files = Batch("recordings")
    found = recordings.load(mixed, ["yes", "no"], 16_000, files)
    counted(files, 4)
    assert [clip.path.name for clip in found.clips] == ["0.wav", "1.wav", "2.wav"] * 2
    assert found.targets.tolist() == [0] * 3 + [1] * 3
    assert len(found.signals) == 6
    assert found.signals.rows([5]).any()
    assert not found.signals.rows([3]).any()


def test_noise(mixed: list[Clip], tmp_path: Path) -> None:
    folder = tmp_path / "noise"
    folder.mkdir()
    audio.write(folder / "long.wav", np.ones(160_000, np.int16))
    (folder / "talk.m4a").write_bytes(b"\0\0\0\x20ftypM4A ")
    files = Batch("noise recordings")
    assert len(read_noise(audio.find(folder), "noise", files)) == 1
    assert files.skipped == 1


def test_evaluation_by_windows(mixed: list[Clip]) -> None:
    files = Batch("recordings")
    result = evaluate(load(keywords()), mixed, batch=files)
    counted(files, 4)
    assert result.n == 6
    assert result.confusion.sum(1)[result.labels.index("yes")] == 3


def test_evaluation_by_streams(mixed: list[Clip]) -> None:
    files = Batch("recordings")
    result = evaluate(model(louder(), labels=("yes",)), mixed, batch=files)
    counted(files, 4)
    assert result.confusion.sum(1).tolist() == [3, 3]


def test_few_shot(mixed: list[Clip]) -> None:
    files = Batch("recordings")
    unknown = [dataclasses.replace(clip, label="other") for clip in mixed[:5]]
    found = fewshot.few_shot(load(keywords()), mixed, unknown, shots=1, draws=2, batch=files)
    counted(files, 4 + 2)
    assert found.unknown == 3
    assert found.queries == 4
    with pytest.raises(DataError, match="yes: has 3 clips, more than the 3 that are taught are needed"):
        fewshot.few_shot(load(keywords()), mixed, unknown, shots=3, draws=2)


def test_background(mixed: list[Clip]) -> None:
    files = Batch("files")
    assert fewshot.background(load(keywords()), mixed, batch=files).shape == (6, 128)
    counted(files, 4)


def test_training(mixed: list[Clip], tmp_path: Path, root: Path) -> None:
    recipe = read_recipe(root / "models/keywords/recipe.toml")
    data = Data(train=(Source(folder="."),), validation_share=0.4, validation_silence=0)
    recipe = _recipe(recipe, data)
    files = Batch("recordings")
    dataset = SoundDataset.of_recipe(recipe, tmp_path, batch=files)
    counted(files, 2)
    assert len(dataset.clips) + len(dataset.validation_clips) == 6
    for number in range(3):
        (tmp_path / f"no/{number}.wav").write_bytes(b"")
    with pytest.raises(DataError, match=r"no clip of no that can be read|none of \d recordings can be read"):
        SoundDataset.of_recipe(recipe, tmp_path)


def _recipe(recipe: Recipe, data: Data) -> Recipe:
    return dataclasses.replace(recipe, labels=("yes", "no"), background=(), data=data)


def test_pictures(tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="Pillow is not installed: pip install pillow")
    from PIL import Image

    x, flat, y = tensor("x", (1, 10, 12, 1), 0.1), tensor("flat", (1, 120), 0.1), tensor("y", (1, 2), 1 / 256)
    graph = Graph("seeing", x, y, [Reshape(x, flat), dense(flat, y, 1)])
    described = Description(name="m", labels=("a", "b"), kind="picture")
    paths = [tmp_path / name for name in ("a.png", "b.png", "c.png")]
    for path in paths[:2]:
        Image.new("RGB", (160, 120), "red").save(path)
    paths[2].write_text("text")
    files = Batch("pictures")
    result = evaluate(Model(Path("m.tflite"), b"", graph, described, True), [Clip(path, "1") for path in paths], batch=files)
    assert result.confusion.sum(1).tolist() == [0, 2]
    assert files.skipped == 1
