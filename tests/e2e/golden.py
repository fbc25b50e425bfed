"""Nine models of other projects, and what LiteRT (or, where that refuses a model, TFLite Micro) makes of inputs for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from watchword import reference
from watchword.board import Board
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


def path(shared: Path, name: str) -> Path:
    return shared / f"models/{name}.tflite"


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
    compiled = model.compile(board.hello.target, ram=ram)
    board.push(compiled, scratch=True)
    x, y = (some[:samples] for some in vectors(shared, name))
    expected = reference.run_layers(compiled.graph, x)
    for i, sample in enumerate(x):
        outputs = board.run_layers(compiled, sample, reset=i == 0)
        for layer, output, wanted in zip(compiled.layers, outputs, expected, strict=True):
            what = f"{name}, sample {i}: {layer.operation.kind} {layer.operation.output.name}"
            assert np.array_equal(output.ravel(), wanted[i].ravel()), what
        assert np.array_equal(model.dequantize(outputs[-1]).ravel(), y[i].ravel()), f"{name}, sample {i}"
    return model
