"""From float networks to int8 graphs: folding, scales, every layer's operation, and what has none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.unit.test_layers import generator

from watchword import graph, reference, tflite
from watchword.errors import ModelError
from watchword.train import layers
from watchword.train.architectures import DsCnn
from watchword.train.layers import Array, Part
from watchword.train.layers.int8 import Range, activation_scale
from watchword.train.network import Input, Network
from watchword.train.quantize import fold, quantize


def trained(network: Network) -> Network:
    """The network with statistics, gamma and beta as after training."""
    rng = generator()
    for node in network.nodes:
        if isinstance(node.layer, layers.BatchNorm):
            channels = len(node.layer.parameters["beta"])
            node.layer.parameters["gamma"][:] = rng.uniform(0.5, 1.5, channels)
            node.layer.parameters["beta"][:] = rng.normal(size=channels)
            node.layer.state["mean"][:] = rng.normal(size=channels)
            node.layer.state["variance"][:] = rng.uniform(0.5, 2, channels)
    return network


def small_network() -> Network:
    return trained(DsCnn(channels=8, blocks=2).network(Input.sound(49, 40), 5, generator()))


def sound(clips: int) -> np.ndarray:
    return generator().integers(-128, 128, (clips, 49, 40)).astype(np.int8)


def int8_scores(result: graph.Graph, real: Array) -> Array:
    """What a graph makes of real numbers, as real numbers."""
    counts = np.rint(real / result.input.scale[0]) + result.input.zero_point
    y = reference.run(result, np.clip(counts, -128, 127).astype(np.int8))
    return (y.astype(np.float64) - result.output.zero_point) * result.output.scale[0]


class TestFold:
    def test_it_changes_nothing_but_rounding(self) -> None:
        network, x = small_network(), sound(4)
        folded = fold(network)
        expected = network.forward(x).copy()
        np.testing.assert_allclose(folded.forward(x), expected, atol=1e-4 * np.abs(expected).max())
        kinds = [type(layer).__name__ for layer in folded.layers]
        assert kinds == ["Conv2D", *["DepthwiseConv2D", "Conv2D"] * 2, "AveragePool", "Flatten", "Dense"]
        assert [layer.activation for layer in folded.layers] == ["relu"] * 5 + ["none"] * 3
        names = [node.name for node in folded.nodes]
        assert names == ["stem", "block_1/filtered", "block_1", "block_2/filtered", "block_2", "average", "flatten", "dense"]
        assert folded.embedding == "block_2"

    def test_what_others_look_at_stays(self) -> None:
        network = Network(Input((4, 4, 2)), generator())
        conv = network.add(layers.Conv2D(2, (1, 1)), name="conv")
        network.add(layers.ReLU())
        network.add(layers.Add(), conv, "relu_1")
        assert [node.name for node in fold(network).nodes] == ["conv", "relu_1", "add_2"]
        network = Network(Input((4, 4, 2)), generator())
        network.embedding = network.add(layers.Conv2D(2, (1, 1)), name="conv")
        network.add(layers.ReLU())
        assert [node.name for node in fold(network).nodes] == ["conv", "relu_1"]

    def test_what_only_training_needs_is_left_out(self) -> None:
        network = Network(Input((4,)), generator())
        network.add(layers.Dropout(0.5))
        network.add(layers.Dense(3), name="dense")
        network.add(layers.Dropout(0.5))
        network.add(layers.ReLU())
        network.add(layers.Dropout(0.5))
        network.embedding = network.add(layers.L2Normalize())
        network.add(layers.Cosines(7))
        folded = fold(network)
        assert [node.name for node in folded.nodes] == ["relu_3"]
        assert folded.output.inputs == ("input",)
        assert folded.embedding == ""

    def test_the_network_itself_is_left_as_it_was(self) -> None:
        network, x = small_network(), sound(2)
        before = network.forward(x).copy()
        quantize(network, sound(8))
        assert (network.forward(x) == before).all()


class TestQuantize:
    def test_the_graph_is_what_tflite_expects(self) -> None:
        result = quantize(small_network(), sound(20), "tiny")
        assert result.input.shape == (1, 49, 40, 1)
        assert (result.input.zero_point, result.input.scale[0]) == (-128, np.float32(666 / 256 / 25.6))
        assert (result.output.zero_point, result.output.scale[0]) == (-128, np.float32(1 / 256))
        assert [op.output.name for op in result.operations][-3:] == ["flatten", "dense", "scores"]
        for op in result.operations:
            if isinstance(op, graph.Conv2D | graph.DepthwiseConv2D | graph.Dense):
                assert op.weights.data is not None
                assert op.bias is not None
                assert np.abs(op.weights.data.astype(int)).max() == 127
                assert op.bias.scale == pytest.approx(op.input.scale * op.weights.scale)
                assert op.weights.axis == (3 if isinstance(op, graph.DepthwiseConv2D) else 0)
            if isinstance(op, graph.AveragePool2D):
                assert (op.input.scale, op.input.zero_point) == (op.output.scale, op.output.zero_point)
        assert tflite.write(tflite.read(tflite.write(result), "tiny")) == tflite.write(result)

    def test_int8_outputs_follow_the_float_network(self) -> None:
        network, features = small_network(), sound(64)
        exact = network.predict(features)
        scores = (reference.run(quantize(network, features), features[..., None]).reshape(64, -1) + 128.0) / 256
        assert np.abs(scores - exact).mean() < 0.02

    def test_a_channel_that_never_moves_stays_in_range(self) -> None:
        network, features = small_network(), sound(8)
        network.parameters()["stem/conv.weights"][3] = 0
        network.parameters()["stem/norm.beta"][3] = 50
        first = quantize(network, features).operations[0]
        assert isinstance(first, graph.Conv2D)
        assert first.bias is not None
        assert first.bias.data is not None
        assert np.abs(first.bias.data.astype(int)).max() <= 2**23 + 1
        steps = reference.run_operation(first, features[..., None])[..., 3].astype(float) - first.output.zero_point
        norm = network.layers[1]
        assert isinstance(norm, layers.BatchNorm)
        assert steps * first.output.scale[0] == pytest.approx(norm.affine()[1][3], rel=0.05)

    @pytest.mark.parametrize(("low", "high"), [(0.0, 3.0), (-1.0, 3.0), (-2.0, -1.0), (0.0, 0.0)])
    def test_a_range_of_activations_holds_zero_and_all_values(self, low: float, high: float) -> None:
        scale, zero_point = activation_scale(Range(low, high))
        step = float(scale[0])
        assert (-128 - zero_point) * step <= min(0, low) + step / 2
        assert (127 - zero_point) * step >= high - step / 2
        assert step <= max(max(0, high) - min(0, low), 1e-6) / 255 * 1.001
        assert -128 <= zero_point <= 127

    @pytest.mark.parametrize("broken", [np.nan, np.inf])
    def test_calibration_that_is_not_finite_is_refused(self, broken: float) -> None:
        network = small_network()
        network.parameters()["stem/norm.beta"][0] = broken
        with pytest.raises(ModelError, match="stem has values that are not finite on the calibration examples"):
            quantize(network, sound(4))

    def test_calibration_without_examples_is_refused(self) -> None:
        with pytest.raises(ModelError, match="there are no calibration examples"):
            quantize(small_network(), sound(4)[:0])


PICTURE = (8, 6, 4)
LAYERS: dict[str, tuple[Callable[[], Part], tuple[int, ...], str]] = {
    "conv, valid by axis, dilation": (
        lambda: layers.Conv2D(5, (3, 2), (1, 2), (2, 1), ("valid", "same")),
        PICTURE,
        "Conv2D",
    ),
    "depthwise, same by axis, strides": (
        lambda: layers.DepthwiseConv2D((3, 3), (2, 1), padding=("same", "valid"), bias=True),
        PICTURE,
        "DepthwiseConv2D",
    ),
    "dense": (lambda: layers.Dense(5), (12,), "Dense"),
    "batch norm by itself": (layers.BatchNorm, PICTURE, "DepthwiseConv2D"),
    "relu": (layers.ReLU, PICTURE, "Relu"),
    "relu6": (layers.ReLU6, PICTURE, "Relu6"),
    "leaky relu": (lambda: layers.LeakyReLU(0.2), PICTURE, "LeakyRelu"),
    "hard swish": (layers.HardSwish, PICTURE, "HardSwish"),
    "sigmoid": (layers.Sigmoid, PICTURE, "Logistic"),
    "tanh": (layers.Tanh, PICTURE, "Tanh"),
    "softmax": (layers.Softmax, (12,), "Softmax"),
    "average pool": (lambda: layers.AveragePool((3, 2), (2, 2), "same"), PICTURE, "AveragePool2D"),
    "max pool": (lambda: layers.MaxPool((2, 2)), PICTURE, "MaxPool2D"),
    "mean": (layers.Mean, PICTURE, "Mean"),
    "mean over time": (lambda: layers.Mean((0,), keep=True), PICTURE, "Mean"),
    "flatten": (layers.Flatten, PICTURE, "Reshape"),
    "slice": (lambda: layers.Slice((1, None), None, (1, 3)), PICTURE, "Slice"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_has_an_operation_that_computes_it(name: str) -> None:
    make, shape, kind = LAYERS[name]
    network = Network(Input(shape), generator(), head="none")
    network.add(make(), name="only")
    trained(network)
    real = generator().normal(0, 2, (40, *shape)).astype(np.float32)
    result = quantize(network, real)
    assert [op.kind for op in result.operations] == [kind]
    exact = network.predict(real)
    found = int8_scores(result, real).reshape(exact.shape)
    step = float(result.output.scale[0])
    assert np.abs(found - exact).max() <= 3 * step + 4 * float(result.input.scale[0])
    assert np.abs(found - exact).mean() <= step + float(result.input.scale[0])
    assert tflite.write(tflite.read(tflite.write(result), "model")) == tflite.write(result)


def test_sums_and_concatenations_of_branches() -> None:
    network = Network(Input((8, 6, 4)), generator(), head="none")
    network.add(layers.Conv2D(6, (3, 3)), name="a")
    network.add(layers.Tanh(), name="bounded")
    network.add(layers.MaxPool((2, 2)), "a", name="b")
    network.add(layers.AveragePool((2, 2)), "bounded", name="c")
    network.add(layers.Conv2D(6, (2, 2), (2, 2)), "input", name="d")
    network.add(layers.Add(), "b", "d", name="sum")
    network.add(layers.ReLU6(), name="clamped")
    network.add(layers.Concatenate(), "b", "c", "clamped", name="joined")
    real = generator().normal(0, 1, (40, 8, 6, 4)).astype(np.float32)
    result = quantize(network, real)
    kinds = [op.kind for op in result.operations]
    assert kinds == ["Conv2D", "Tanh", "MaxPool2D", "AveragePool2D", "Conv2D", "Add", "Quantize", "Concatenation"]
    add = next(op for op in result.operations if isinstance(op, graph.Add))
    assert (add.activation, add.output.name) == ("relu6", "clamped")
    joined = result.operations[-1]
    assert {(float(tensor.scale[0]), tensor.zero_point) for tensor in (*joined.inputs, joined.output)} == {
        (float(joined.output.scale[0]), joined.output.zero_point)
    }
    exact = network.predict(real)
    assert np.abs(int8_scores(result, real) - exact).max() <= 4 * joined.output.scale[0]


@pytest.mark.parametrize("function", [layers.LeakyReLU, layers.HardSwish, layers.Sigmoid, layers.Tanh])
def test_a_function_after_a_convolution_is_a_table(function: type[Part]) -> None:
    network = Network(Input.picture(8, 8, 3), generator(), head="none")
    network.add(layers.Conv2D(6, (3, 3)))
    network.add(layers.BatchNorm())
    network.add(function(), name="activated")
    pictures = generator().integers(0, 256, (30, 8, 8, 3)).astype(np.uint8)
    result = quantize(trained(network), pictures)
    assert isinstance(result.operations[1], graph.Lookup)
    y = reference.run(result, (pictures.astype(int) - 128).astype(np.int8))
    found = (y.astype(float) - result.output.zero_point) * result.output.scale[0]
    assert np.abs(found - network.predict(pictures)).mean() < 2 * result.output.scale[0]


def test_what_has_no_operation_is_refused_by_name() -> None:
    network = Network(Input((4,)), generator())
    network.add(layers.L2Normalize(), name="ball")
    network.add(layers.Dense(2))
    with pytest.raises(ModelError, match="L2Normalize 'ball' cannot be quantized: the int8 graph has no such operation"):
        quantize(network, np.ones((3, 4), np.float32))
    network = Network(Input((4,)), generator())
    network.add(layers.BatchNorm(), name="first")
    with pytest.raises(ModelError, match="BatchNorm 'first' cannot be quantized: it follows no layer with weights"):
        quantize(network, np.ones((3, 4), np.float32))
