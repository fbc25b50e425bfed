"""Nine models of other projects, and what LiteRT (or, where that refuses a model, TFLite Micro) makes of inputs for them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from watchword import reference
from watchword.board import Board
from watchword.compile import Compiled
from watchword.model import Model, load

MODELS = (
    "mlperf_tiny/kws_ref_model",
    "mlperf_tiny/vww_96_int8",
    "mlperf_tiny/str_ww_ref_model",
    "tflite_micro/person_detect",
    "tflite_micro/micro_speech_quantized",
    "tflite_micro/hello_world_int8",
    "microwakeword/alexa",
    "microwakeword/okay_nabu",
    "microwakeword/hey_jarvis",
)


OWN = "keywords"


def path(shared: Path, name: str) -> Path:
    return shared / f"models/{name}.tflite"


@cache
def compiled(path: Path, target: str, ram: int | None = None) -> Compiled:
    """As of `Model.compile`; for a Pico that takes seconds, and several tests want it."""
    return load(path).compile(target, ram=ram)


def compiled_together(*names: str) -> list[Any]:
    """Parameters of tests that compile models for the Pico: those of one model run in one process."""
    return [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in names]


def vectors(shared: Path, name: str) -> tuple[NDArray[np.int8], NDArray[np.generic]]:
    """(inputs, golden outputs) of a model; of one that keeps state they are consecutive steps."""
    golden = np.load(shared / "models/golden_outputs.npz")
    y = f"{name}:y_litert"
    return golden[f"{name}:x"], golden[y if y in golden.files else f"{name}:y_tflm"]


def check(board: Board, shared: Path, name: str, samples: int, ram: int | None = None) -> Model:
    """Push a model and compare the output of every layer with the reference, and the last one with the golden output.

    ram: bytes of heap that the program may take, as of `compile`.
    """
    model = load(path(shared, name))
    program = compiled(path(shared, name), board.hello.target, ram)
    board.push(program, scratch=True)
    x, y = (some[:samples] for some in vectors(shared, name))
    expected = reference.run_layers(program.graph, x)
    for i, sample in enumerate(x):
        outputs = board.run_layers(program, sample, reset=i == 0)
        for layer, output, wanted in zip(program.layers, outputs, expected, strict=True):
            what = f"{name}, sample {i}: {layer.operation.kind} {layer.operation.output.name}"
            assert np.array_equal(output.ravel(), wanted[i].ravel()), what
        assert np.array_equal(model.dequantize(outputs[-1]).ravel(), y[i].ravel()), f"{name}, sample {i}"
    return model
