"""What converters write for common layers: run as LiteRT runs it, every layer, or refused in one line."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.files import File, assert_run_as_litert

from watchword.graph import Dense

RNG = np.random.default_rng(5)


def dense(file: File, x: int, taps: int, units: int, shape: tuple[int, ...], channels: bool = True, **options: object) -> int:
    """A FULLY_CONNECTED behind x, of scale 0.05."""
    scale = RNG.uniform(0.005, 0.02, units) if channels else 0.01
    w = file.tensor((units, taps), scale=scale, data=RNG.integers(-127, 128, (units, taps)))
    b = file.tensor((units,), "int32", np.float32(0.05) * np.float32(scale), data=RNG.integers(-500, 500, units))
    y = file.tensor(shape, scale=0.1, zero_point=-7)
    file.operator("FULLY_CONNECTED", [x, w, b], [y], "FullyConnected", **options)
    return y


# Dense layers over several places


@pytest.mark.parametrize("channels", [True, False])
@pytest.mark.parametrize(
    ("input", "taps", "output", "keep"),
    [
        ((1, 3, 8), 8, (1, 3, 5), True),
        ((1, 3, 8), 8, (3, 5), False),
        ((1, 3, 4, 8), 8, (1, 3, 4, 5), True),
        ((1, 3, 4, 8), 8, (12, 5), False),
        ((1, 4, 6), 8, (3, 5), False),  # each a part of the last axes
        ((1, 4, 6), 3, (8, 5), False),
        ((1, 2, 2, 8), 32, (1, 5), False),  # once, over all
        ((1, 1, 1, 8), 8, (1, 1, 1, 5), True),
        ((1, 8), 8, (1, 5), True),
    ],
)
def test_dense_layers_over_places(input, taps, output, keep, channels) -> None:
    file = File()
    x = file.tensor(input, scale=0.05, zero_point=3)
    y = dense(file, x, taps, 5, output, channels, keepNumDims=keep)
    size = int(np.prod(output))
    if output[0] != 1:  # the batch of the file's output is 1
        flat = file.tensor((1, size), scale=0.1, zero_point=-7)
        file.operator("RESHAPE", [y, file.constant((1, size))], [flat], "Reshape")
        y = flat
    graph = assert_run_as_litert(file.content(x, y))
    (op,) = (op for op in graph.operations if isinstance(op, Dense))
    assert op.places == size // 5


def test_a_dense_layer_at_each_place_between_reshapes() -> None:
    """As Keras' Tensordot is converted: the places become the batch, and functions run over them."""
    file = File()
    x, rows = file.tensor((1, 3, 3, 8), scale=0.05), file.tensor((9, 8), scale=0.05)
    file.operator("RESHAPE", [x, file.constant((9, 8))], [rows], "Reshape")
    y = dense(file, rows, 8, 4, (9, 4))
    bent = file.tensor((9, 4), scale=0.1, zero_point=-128)
    file.operator("RELU", [y], [bent])
    scores = file.tensor((9, 4), scale=1 / 256, zero_point=-128)
    file.operator("SOFTMAX", [bent], [scores], "Softmax", beta=1.0)
    added = file.tensor((9, 4), scale=0.15)
    file.operator("ADD", [y, scores], [added], "Add")
    flat = file.tensor((1, 36), scale=0.15)
    file.operator("RESHAPE", [added, file.constant((1, -1))], [flat], "Reshape")
    assert_run_as_litert(file.content(x, flat))
