"""inspect: what a model's layers are, and what it takes on each target."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from watchword import tflite
from watchword.chips import CHIPS
from watchword.cli import app
from watchword.graph import Dense, Graph, Softmax, Tensor
from watchword.model import keywords, load
from watchword.report.inspection import Inspection, inspect


def dense(x: Tensor, name: str, outputs: int, greatest: int = 127) -> Dense:
    y = Tensor(name, (1, outputs), np.dtype(np.int8), np.array([0.1], np.float32), 0)
    data = np.random.default_rng(outputs).integers(-greatest, greatest + 1, (outputs, x.size)).astype(np.int8)
    return Dense(x, y, Tensor(f"{name}/w", data.shape, data.dtype, np.array([0.01], np.float32), 0, None, data), None)


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """A model whose input alone is more than a small chip has RAM, and whose weights are more than a large one has."""
    x = Tensor("x", (1, 90_000), np.dtype(np.int8), np.array([0.1], np.float32), 0)
    first = dense(x, "embedding", 16, 7)
    second = dense(first.output, "classes", 4)
    y = Tensor("y", (1, 4), np.dtype(np.int8), np.array([1 / 256], np.float32), -128)
    path = tmp_path / "wide.tflite"
    path.write_bytes(tflite.write(Graph("wide", x, y, [first, second, Softmax(second.output, y)])))
    return path


@pytest.fixture(scope="module")
def inspected() -> Inspection:
    """The keyword model, which takes seconds to compile for all targets."""
    return inspect(load(keywords()))


def test_layers_add_up(inspected: Inspection) -> None:
    found = inspected.as_dict()
    assert (found["runs"], found["quantization"], found["use"]) == (True, "int8", "sound")
    assert found["operations"]["SOFTMAX"] == 1
    assert sum(layer["macs"] for layer in found["layers"]) == found["macs"]
    assert max(layer["arena"] for layer in found["layers"]) <= found["arena"]
    (peak,) = (layer for layer in found["layers"] if layer["name"] == found["peak"])
    assert peak["arena"] == max(layer["arena"] for layer in found["layers"])
    assert found["input"] == {
        "name": "input",
        "shape": [1, 49, 40, 1],
        "type": "int8",
        "scale": pytest.approx(0.1, abs=0.05),
        "zero_point": -128,
    }
    assert found["layers"][-1]["kind"] == "Softmax"
    assert set(found["targets"]) == set(CHIPS)
    assert all(fit["fits"] and fit["ram"] <= fit["ram_limit"] for fit in found["targets"].values())


def test_embeddings_are_narrow_and_no_classes(inspected: Inspection) -> None:
    marked = [layer.operation for layer in inspected.layers if inspected.embedding(layer)]
    assert [op.kind for op in marked] == ["Conv2D", "AveragePool2D"]  # and what its mean is taken of
    assert [op.output.shape[-1] for op in marked] == [64, 64]


def test_what_fits_nowhere_small_is_said_with_the_figures(wide: Path) -> None:
    result = CliRunner().invoke(app, ["inspect", str(wide), "--json"])
    assert result.exit_code == 0, result.output
    targets = json.loads(result.stdout)["targets"]
    assert not targets["rp2040"]["fits"]
    assert "has 96000 for a program" in targets["rp2040"]["reason"]
    assert targets["rp2350"]["reason"].startswith("reads ")  # weights, at each run
    assert targets["unix"]["fits"]
    table = CliRunner().invoke(app, ["inspect", str(wide)])
    assert "does not fit" in table.stdout
    # What is the same for several chips is said once.
    assert re.search(r"^esp32, esp32s2: .*wide.tflite needs more than \d+ bytes of RAM", table.stderr, re.M)
    lines = [line.split(": ", 1) for line in table.stderr.splitlines()]
    assert len({need for _, need in lines}) == len(lines)
    assert sorted(chip for chips, _ in lines for chip in chips.split(", ")) == sorted(set(targets) - {"rp2350", "unix"})
    assert "* " in table.stdout  # the embedding


def test_a_model_that_keeps_state_tells_how_much(shared_data: Path) -> None:
    found = inspect(load(shared_data / "models/microwakeword/okay_nabu.tflite")).as_dict()
    assert found["output"]["type"] == "uint8"
    assert 1000 < found["state_bytes"] < 5000
    assert any(layer["embedding"] for layer in found["layers"])
