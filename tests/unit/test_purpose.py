"""What a model is for: told by its ends where they tell, else both answers and how to choose; a map is no classifier."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from watchword import description, reference, tflite
from watchword.cli import app
from watchword.errors import ModelError
from watchword.graph import Conv2D, Dense, Graph, Reshape, Tensor
from watchword.model import Model, load
from watchword.purpose import no_classifier, purpose, told


def flowing(name: str, shape: tuple[int, ...]) -> Tensor:
    return Tensor(name, shape, np.dtype(np.int8), np.array([0.1], np.float32))


def weights(*shape: int) -> Tensor:
    data = (np.arange(np.prod(shape)) % 7 - 3).astype(np.int8).reshape(shape)
    return Tensor("w", shape, np.dtype(np.int8), np.array([0.01], np.float32), data=data)


def classifier(*shape: int, labels: int = 3) -> Graph:
    """Of an input of this shape, without the batch axis."""
    x = flowing("x", (1, *shape))
    flat, y = flowing("flat", (1, x.size)), flowing("y", (1, labels))
    return Graph("g", x, y, [Reshape(x, flat), Dense(flat, y, weights(labels, x.size), None)])


def heatmap() -> Graph:
    """24 x 24 pixels to a map of 12 x 12 places with 3 values each."""
    x, y = flowing("x", (1, 24, 24, 3)), flowing("y", (1, 12, 12, 3))
    return Graph("map", x, y, [Conv2D(x, y, weights(3, 2, 2, 3), None, (2, 2), (1, 1), "valid", "none")])


def flat_map() -> Graph:
    """The same as 144 rows of 3 values, as anchors of a detector come."""
    graph = heatmap()
    rows = flowing("rows", (1, 144, 3))
    return Graph("flat", graph.input, rows, [*graph.operations, Reshape(graph.output, rows)])


def saved(graph: Graph, folder: Path, labels: int | None = None, kind: str = "picture") -> Path:
    """labels: with a description that names so many."""
    path = folder / "mine.tflite"
    path.write_bytes(tflite.write(graph))
    if labels is not None:
        names = ", ".join(f'"l{i}"' for i in range(labels))
        path.with_suffix(".toml").write_text(f'name = "mine"\nlabels = [{names}]\nkind = "{kind}"\n')
    return path


@pytest.mark.parametrize(
    ("shape", "kind", "possible"),
    [
        ((49, 40), "sound", {"picture"}),
        ((49, 40, 1), "sound", {"picture"}),
        ((1960,), "sound", {"picture"}),
        ((3920,), "sound", {"picture"}),
        ((99, 43, 1), "tensor", {"sound", "picture"}),
        ((49, 10, 1), "tensor", {"sound", "picture"}),
        ((96, 64, 1), "tensor", {"sound", "picture"}),
        ((40, 40, 1), "sound", {"picture"}),
        ((3, 40), "sound", set()),
        ((96, 96, 1), "picture", set()),
        ((96, 96, 3), "picture", set()),
        ((120, 160, 3), "picture", set()),
        ((128, 3, 1), "tensor", set()),  # an accelerometer's
        ((96, 96, 4), "tensor", set()),
        ((640,), "tensor", set()),
        ((40,), "tensor", set()),
        ((784,), "tensor", set()),
        ((1,), "tensor", set()),
    ],
)
def test_an_input_tells_what_a_model_is_for_or_leaves_it_open(shape: tuple[int, ...], kind: str, possible: set[str]) -> None:
    graph = classifier(*shape)
    found = purpose(graph)
    assert (found.kind, set(found.possible)) == (kind, possible)
    assert no_classifier(graph) == ""
    text = told(graph)
    assert len(text) < 250
    if possible:
        assert "sound" in text
        assert "picture" in text
        assert "--kind" in text
    elif kind == "tensor":
        assert "neither sound nor a picture" in text
    else:
        assert text == ""


@pytest.mark.parametrize("graph", [heatmap(), flat_map()])
def test_a_map_is_no_classifier(graph: Graph, tmp_path: Path) -> None:
    """Whatever a description says of it; `run` takes it."""
    said = r"mine\.tflite: its output is a map, 3 values at each of (12x12|144) places, .*`watchword run` and `bench`"
    assert purpose(graph).kind == "tensor"
    for labels in (None, 3, graph.output.size):
        found = load(saved(graph, tmp_path, labels))
        for require in (found.require_fed, found.require_picture, found.require_sound):
            with pytest.raises(ModelError, match=said):
                require()
    x = np.zeros((1, 24, 24, 3), np.int8)
    assert reference.run(found.graph, x).shape == graph.output.shape


COMMANDS = {
    "push": ["push", "MODEL"],
    "see": ["see", "--image", "OUT", "--model", "MODEL"],
    "listen": ["listen", "--wav", "OUT", "--model", "MODEL"],
    "evaluate": ["evaluate", "MODEL", "--data", "OUT", "--on", "reference"],
    "few shots": ["evaluate", "MODEL", "--data", "OUT", "--few-shot", "2", "--unknown", "OUT", "--on", "reference"],
    "bench --live": ["bench", "MODEL", "--live"],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("labels", [None, 3])
def test_commands_that_need_a_classifier_refuse_a_map(command: str, labels: int | None, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("path,label\n")
    path = saved(heatmap(), tmp_path, labels)
    result = CliRunner().invoke(app, [{"MODEL": str(path), "OUT": str(out)}.get(w, w) for w in COMMANDS[command]])
    assert isinstance(result.exception, ModelError)
    assert f"{path}: its output is a map" in str(result.exception)


def test_a_map_is_run(tmp_path: Path) -> None:
    path, x, y = saved(heatmap(), tmp_path), tmp_path / "x.npy", tmp_path / "y.npy"
    np.save(x, np.ones((2, 24, 24, 3), np.int8))
    result = CliRunner().invoke(app, ["run", str(path), "--input", str(x), "--output", str(y), "--on", "reference"])
    assert result.exit_code == 0, result.exception
    assert np.load(y).shape == (2, 12, 12, 3)


# ---- describe


def described(path: Path, *options: str) -> tuple[str, description.Description]:
    """What is said beside the draft, and the draft."""
    result = CliRunner().invoke(app, ["describe", str(path), "--json", *options])
    assert result.exit_code == 0, result.exception
    written = description.read(path.with_suffix(".toml"))
    assert json.loads(result.stdout) == written.as_dict()
    return result.stderr, written


def test_describe_says_that_a_map_is_none_for_ears_or_eyes(tmp_path: Path) -> None:
    said, drafted = described(saved(heatmap(), tmp_path))
    assert "its output is a map, 3 values at each of 12x12 places, and so it is no classifier" in said
    assert drafted.kind == "tensor"
    shown = CliRunner().invoke(app, ["describe", str(saved(heatmap(), tmp_path))]).stdout
    assert "run" in shown
    assert "fires at" not in shown
    assert "label" not in shown


def test_describe_says_both_where_an_input_may_be_either_and_a_flag_chooses(tmp_path: Path) -> None:
    path = saved(classifier(99, 43, 1), tmp_path)
    said, drafted = described(path)
    assert "its input of 99x43x1 may be sound as well as a picture: not taken for either" in said
    assert "--kind" in said
    assert drafted.kind == "tensor"
    with pytest.raises(ModelError, match="takes neither sound nor pictures by its description.*--kind"):
        load(path).require_fed()
    said, drafted = described(path, "--kind", "picture")
    assert drafted.kind == "picture"
    assert "may be" not in said
    load(path).require_picture()
    said, drafted = described(path, "--kind", "sound")
    assert (drafted.kind, drafted.features) == ("sound", "log_mel")
    with pytest.raises(ModelError, match="takes log_mel features, which no front end here makes"):
        load(path).require_fed()


def test_a_flag_keeps_what_is_described_already(tmp_path: Path) -> None:
    path = saved(classifier(49, 40, 1), tmp_path)
    beside = path.with_suffix(".toml")
    beside.write_text('name = "mine"\nlabels = ["none", "yes", "no"]\nbackground = ["none"]\nlicence = "MIT"\n')
    before = beside.read_text()
    assert CliRunner().invoke(app, ["describe", str(path), "--kind", "sound"]).exit_code == 0
    assert beside.read_text() == before
    _, drafted = described(path, "--kind", "picture")
    assert (drafted.kind, drafted.input, drafted.decision.stride) == ("picture", description.PIXELS, 1)
    assert (drafted.name, drafted.labels, drafted.background, drafted.licence) == (
        "mine",
        ("none", "yes", "no"),
        ("none",),
        "MIT",
    )


def test_a_flag_that_cannot_be_is_refused(tmp_path: Path) -> None:
    for shape in ((1960,), (49, 40), (641, 10, 1), (24, 24, 4)):
        path = saved(classifier(*shape), tmp_path)
        result = CliRunner().invoke(app, ["describe", str(path), "--kind", "picture"])
        assert isinstance(result.exception, ModelError)
        assert f"{path}: it cannot be for pictures: its input of" in str(result.exception)
        assert not path.with_suffix(".toml").exists()


@pytest.mark.parametrize(
    ("shape", "outputs", "kind", "why"),
    [
        ((24, 24, 3), 4, "picture", "its outputs are 3, its labels 4"),
        ((49, 10, 1), 3, "sound", "its input of 490 values is no frames of 40 features"),
        ((1960,), 3, "picture", "its input of 1960 is no picture of 1 or 3 channels"),
        ((24, 24, 4), 3, "picture", "its input of 24x24x4 is no picture of 1 or 3 channels"),
        ((700, 2, 1), 3, "picture", "its input of 700x2x1 has sides of more than 640 pixels"),
    ],
)
def test_a_description_that_does_not_fit_its_model_is_refused(
    shape: tuple[int, ...], outputs: int, kind: str, why: str, tmp_path: Path
) -> None:
    found: Model = load(saved(classifier(*shape), tmp_path, outputs, kind))
    with pytest.raises(
        ModelError, match=f"mine.tflite: {why}.*: `watchword run` and `bench` are for it, or mend its description"
    ):
        found.require_fed()
