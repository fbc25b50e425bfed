"""What `watchword evaluate` tells: how sure a rate is, of what model and data it is, and what was made of each clip."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.unit.command import Command, command_of
from tests.unit.litert import tensor
from tests.unit.test_evaluate import louder, model

from watchword import __version__, shipped, tflite
from watchword.data import audio
from watchword.data.clips import Clip
from watchword.errors import DataError
from watchword.evaluate import evaluate
from watchword.evaluate.origin import data_sha256
from watchword.evaluate.scores import Evaluation, Judged, wilson
from watchword.graph import AveragePool2D, Dense, Graph, Reshape, Softmax, Tensor

CLIPS = shipped.models() / "keywords" / "clips"
KEYWORDS = shipped.models() / "keywords" / "keywords.tflite"


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return command_of(monkeypatch, capsys)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A manifest of the words that come along, the last of them under a wrong label."""
    paths = audio.find(CLIPS)
    labels = [path.name.partition("_")[0] for path in paths[:-1]] + ["no"]
    lines = [f"{path},{label}" for path, label in zip(paths, labels, strict=True)]
    (tmp_path / "m.csv").write_text("\n".join(["file,label", *lines]) + "\n")
    return tmp_path / "m.csv"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


# ---- intervals


@pytest.mark.parametrize(("right", "n"), [(10, 20), (912, 1000), (1, 3), (0, 10), (10, 10), (1, 1), (99_999, 100_000)])
def test_wilson_is_as_scipy_has_it(right: int, n: int) -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed: pip install watchword[train]")
    expected = stats.binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert wilson(right, n) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_wilson_of_nothing_is_everything_and_of_ten_right_ones_not_certainty() -> None:
    assert wilson(0, 0) == (0, 1)
    assert wilson(10, 10) == (pytest.approx(0.7225, abs=1e-4), 1)
    assert wilson(0, 10) == (0, pytest.approx(0.2775, abs=1e-4))


def test_each_rate_has_its_interval_and_counts() -> None:
    clip = Clip(Path("x"), "a")
    result = Evaluation(("a", "b", "c"), tuple(Judged(clip, t, p, {}) for t, p in [(0, 0), (0, 0), (0, 1), (1, 1)]))
    found = result.as_dict()
    assert (found["n"], found["right"], found["accuracy"]) == (4, 3, 0.75)
    assert found["accuracy_ci95"] == list(wilson(3, 4))
    assert found["confusion"] == [[2, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert found["per_class"] == {
        "a": {"n": 3, "right": 2, "accuracy": 2 / 3, "accuracy_ci95": list(wilson(2, 3))},
        "b": {"n": 1, "right": 1, "accuracy": 1.0, "accuracy_ci95": list(wilson(1, 1))},
    }
    assert [one.taken_for for one in result.classes] == [[("b", 1)], []]


def test_the_text_shows_intervals_and_counts(command: Command, data: Path) -> None:
    text = command("evaluate", KEYWORDS, "--data", data, "--on", "reference").out
    n, right = len(audio.find(CLIPS)), len(audio.find(CLIPS)) - 1
    low, high = wilson(right, n)
    assert f"accuracy {100 * right / n:.1f} % ({100 * low:.1f} to {100 * high:.1f}): {right} of {n} clips are right" in text
    assert "50.0 % (9.5 to 90.5)" in text  # one of them stands under a wrong label
    assert text.rstrip().count("yes 1") == 1


# ---- of what it is


def test_json_names_model_data_and_version(command: Command, data: Path) -> None:
    found = json.loads(command("evaluate", KEYWORDS, "--data", data, "--on", "reference", "--json").out)
    assert found["watchword"] == __version__
    assert found["model_sha256"] == hashlib.sha256(KEYWORDS.read_bytes()).hexdigest()
    clips = [Clip(Path(row["file"]), row["label"]) for row in rows(data)]
    assert found["data_sha256"] == data_sha256(clips)


def test_the_hash_of_data_is_of_contents_and_labels_alone(tmp_path: Path) -> None:
    a, b, c = (tmp_path / name for name in "abc")
    a.write_bytes(b"one")
    b.write_bytes(b"two")
    shutil.copy(a, c)
    clips = [Clip(a, "x", "anna"), Clip(b, "y")]
    lines = sorted(f"{hashlib.sha256(text).hexdigest()} {label}\n" for text, label in ((b"one", "x"), (b"two", "y")))
    whole = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert data_sha256(clips) == whole
    assert data_sha256([Clip(b, "y"), Clip(c, "x")]) == whole  # in another order, elsewhere
    others = [clips[:1], [*clips, clips[0]], [Clip(a, "y"), Clip(b, "x")], [Clip(a, "x"), Clip(b, "x")]]
    assert len({whole, *map(data_sha256, others)}) == 5
    b.write_bytes(b"tWo")
    assert data_sha256(clips) != whole
    b.unlink()
    with pytest.raises(DataError, match="b: cannot be read"):
        data_sha256(clips)


# ---- each clip


def test_scores_of_keywords(command: Command, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("what was there before\n")
    done = command("evaluate", KEYWORDS, "--data", data, "--on", "reference", "--scores", out, "--json")
    found = json.loads(done.out)
    labels = found["labels"]
    table = rows(out)
    assert list(table[0]) == ["file", "label", "prediction", "correct", *(f"score_{label}" for label in labels)]
    assert [(row["file"], row["label"]) for row in table] == [(row["file"], row["label"]) for row in rows(data)]
    assert sum(row["correct"] == "1" for row in table) == found["right"] == len(table) - 1
    for row in table:
        scores = [float(row[f"score_{label}"]) for label in labels]
        assert row["prediction"] == labels[int(np.argmax(scores))]
        assert sum(scores) == pytest.approx(1, abs=0.03)
    assert done.err.endswith(f"\n{out}: {len(table)} clips\n")


def test_scores_of_a_wake_word(tmp_path: Path) -> None:
    """Of a clip that does not fire the highest score is told, too."""
    noise = np.random.default_rng(1).normal(0, 1, 16000)
    clips = []
    for loudness in (6000, 1, 0):
        path = tmp_path / f"{loudness}.wav"
        audio.write(path, audio.to_int16(loudness * noise))
        clips.append(Clip(path, "word"))
    result = evaluate(model(louder()), clips)
    loud, soft, silent = (one.found for one in result.judged)
    assert [one.predicted for one in result.judged] == [0, 1, 1]
    assert (loud["fired"], soft["fired"], silent["fired"]) == (1, 0, 0)
    assert loud["time"] is not None
    assert 0 <= loud["time"] < 1
    assert soft["time"] is silent["time"] is None
    assert loud["score"] is not None
    assert loud["score"] >= 0.5 > (soft["score"] or 0) > (silent["score"] or 0)


def test_scores_of_pictures(command: Command, tmp_path: Path) -> None:
    pytest.importorskip("PIL.Image", reason="pillow is not installed: pip install watchword[vision]")
    from PIL import Image

    x, h, f, g, y = (
        tensor("x", (1, 20, 20, 1), 1 / 255, -128),
        tensor("h", (1, 1, 1, 1), 1 / 255, -128),
        tensor("f", (1, 1), 1 / 255, -128),
        tensor("g", (1, 2), 0.02, 0),
        tensor("y", (1, 2), 1 / 256, -128),
    )
    weights = np.array([[-100], [100]], np.int8)
    w = Tensor("w", (2, 1), np.dtype(np.int8), np.array([0.04], np.float32), 0, 0, weights)
    sums = np.array([12800, -12800], np.int32)
    b = Tensor("b", (2,), np.dtype(np.int32), np.array([0.04 / 255], np.float32), 0, None, sums)
    layers = [AveragePool2D(x, h, (20, 20)), Reshape(h, f), Dense(f, g, w, b), Softmax(g, y)]
    (tmp_path / "m.tflite").write_bytes(tflite.write(Graph("m", x, y, layers)))
    (tmp_path / "m.toml").write_text('name = "m"\nkind = "picture"\nlabels = ["dark", "bright"]\n[input]\nmultiplier = 65536\n')
    for name, grey in (("a", 0), ("b", 255)):
        Image.new("L", (40, 40), grey).save(tmp_path / f"{name}.png")
    (tmp_path / "d.csv").write_text("file,label\na.png,dark\nb.png,1\nb.png,dark\n")
    out = tmp_path / "out.csv"
    command("evaluate", tmp_path / "m.tflite", "--data", tmp_path / "d.csv", "--on", "reference", "--scores", out)
    told = [(row["label"], row["prediction"], row["correct"]) for row in rows(out)]
    assert told == [("dark", "dark", "1"), ("1", "bright", "1"), ("dark", "bright", "0")]
    assert float(rows(out)[0]["score_dark"]) > 0.9


def test_where_nothing_can_be_written_is_told_before_the_work(command: Command, data: Path, tmp_path: Path) -> None:
    evaluate = ("evaluate", KEYWORDS, "--data", data, "--on", "reference", "--scores")
    before = data.read_bytes()
    assert "is read by this command" in command(*evaluate, data, status=1).error
    assert data.read_bytes() == before
    assert "is a folder" in command(*evaluate, tmp_path, status=1).error
    assert "there is no folder" in command(*evaluate, tmp_path / "no" / "out.csv", status=1).error
    assert "there is no folder" in command(*evaluate, data / "out.csv", status=1).error
    none = ("evaluate", "none.tflite", "--data", "none.csv", "--scores", tmp_path)
    assert "is a folder" in command(*none, status=1).error  # before anything is read
    assert "does not go with --few-shot" in command(*evaluate, tmp_path / "o.csv", "--few-shot", 2, status=1).error


def test_a_disk_that_is_full_is_told_in_one_line(command: Command, data: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here, which is always full")
    error = command("evaluate", KEYWORDS, "--data", data, "--on", "reference", "--scores", "/dev/full", status=1).error
    assert error == "/dev/full: cannot be written: No space left on device"
