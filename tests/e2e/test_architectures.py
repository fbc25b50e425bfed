"""Networks of this trainer's architectures on the boards: every layer computes what the reference does."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.test_architectures import CASES, made, material
from watchword import reference
from watchword.board import Board
from watchword.chips import named
from watchword.compile import compile
from watchword.description import Description
from watchword.train.quantize import quantize

SOME = {"unix": ("autoencoder", "mixed_depthwise", "mlp", "resnet, half as wide"), "pico": ("autoencoder",)}


@pytest.mark.parametrize(("on", "name"), [(on, name) for on, names in SOME.items() for name in names])
def test_every_layer_computes_what_the_reference_does(on: str, name: str, micropython: object) -> None:
    case = CASES[name]
    network, (inputs, _, _) = made(case), material(case)
    for _ in range(3):  # statistics for batch normalization
        network.forward(inputs, training=True)
    graph = quantize(network, inputs, "model")
    labels = tuple(str(number) for number in range(case.outputs)) if case.outputs < 20 else ("distance",)
    with Board.open(on) as board:
        program = compile(graph, Description(name="model", labels=labels, kind="tensor"), named(board.hello.target))
        board.push(program, scratch=True)
        x = np.random.default_rng(3).integers(-128, 128, (2, *case.input.shape)).astype(np.int8)
        expected = reference.run_layers(program.graph, x)
        for i, sample in enumerate(x):
            outputs = board.run_layers(program, sample)
            for layer, output, wanted in zip(program.layers, outputs, expected, strict=True):
                assert np.array_equal(output.ravel(), wanted[i].ravel()), layer.operation.output.name
        assert (reference.run(graph, x) == expected[-1]).all()
