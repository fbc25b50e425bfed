"""The oracle equals LiteRT's reference kernels, bit for bit, operation by operation and on whole models."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.litert import (
    ACTIVATIONS,
    assert_equal_to_litert,
    compared,
    litert,
    output_shape,
    scales,
    seeds,
    tensor,
    windows,
    zero_points,
)

from watchword import reference, tflite
from watchword.errors import DataError, ModelError
from watchword.graph import (
    AveragePool2D,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Graph,
    Softmax,
    Tensor,
)


@st.composite
def constants(
    draw: st.DrawFn, shape: tuple[int, ...], axis: int, input_scale: float, taps: int
) -> tuple[Tensor, Tensor | None, float]:
    """Weights, bias and an output scale; the outputs reach from a few steps to far beyond the clamp."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    channels = shape[axis]
    per_channel = channels > 1 and draw(st.booleans())
    scale = np.exp2(rng.uniform(-14, -2, channels if per_channel else 1)).astype(np.float32)
    kind = draw(st.sampled_from(("random", "greatest", "least", "sparse")))
    values = {
        "random": rng.integers(-128, 128, shape),
        "greatest": np.full(shape, 127),
        "least": np.full(shape, -128),
        "sparse": rng.integers(-128, 128, shape) * (rng.random(shape) < 0.1),
    }[kind]
    quantized_axis = axis if per_channel else None
    weights = Tensor("weights", shape, np.dtype(np.int8), scale, 0, quantized_axis, values.astype(np.int8))
    bias = None
    if draw(st.booleans()):
        data = rng.integers(-5000, 5000, channels).astype(np.int32)
        bias_scale = np.float32(input_scale) * scale
        bias = Tensor("bias", (channels,), np.dtype(np.int32), bias_scale, 0, 0 if per_channel else None, data)
    spread = math.sqrt(taps) * 70 * 70 * input_scale * float(scale.max())  # of real outputs
    return weights, bias, spread / 60 * 2.0 ** draw(st.floats(-4, 5))


@compared
@given(st.data(), windows(), st.integers(1, 5), st.integers(1, 5), scales, zero_points, zero_points)
def test_conv2d(data, window, depth, channels, input_scale, input_zero, output_zero) -> None:
    size, kernel, stride, dilation, padding = window
    taps = kernel[0] * kernel[1] * depth
    weights, bias, scale = data.draw(constants((channels, *kernel, depth), 0, input_scale, taps))
    output = tensor("output", output_shape(*window, channels), scale, output_zero)
    activation = data.draw(st.sampled_from(ACTIVATIONS))
    op = Conv2D(
        tensor("input", (1, *size, depth), input_scale, input_zero),
        output,
        weights,
        bias,
        stride,
        dilation,
        padding,
        activation,
    )
    assert_equal_to_litert(op, data.draw(seeds))


@compared
@given(st.data(), windows(), st.integers(1, 5), st.integers(1, 3), scales, zero_points, zero_points)
def test_depthwise_conv2d(data, window, depth, multiplier, input_scale, input_zero, output_zero) -> None:
    size, kernel, stride, dilation, padding = window
    channels = depth * multiplier
    weights, bias, scale = data.draw(constants((1, *kernel, channels), 3, input_scale, kernel[0] * kernel[1]))
    output = tensor("output", output_shape(*window, channels), scale, output_zero)
    activation = data.draw(st.sampled_from(ACTIVATIONS))
    op = DepthwiseConv2D(
        tensor("input", (1, *size, depth), input_scale, input_zero),
        output,
        weights,
        bias,
        stride,
        dilation,
        padding,
        activation,
    )
    assert_equal_to_litert(op, data.draw(seeds))


@compared
@given(
    st.data(), st.sampled_from(((1, 1), (1, 40), (1, 300), (1, 3, 5, 4))), st.integers(1, 9), scales, zero_points, zero_points
)
def test_dense(data, shape, channels, input_scale, input_zero, output_zero) -> None:
    taps = math.prod(shape)
    weights, bias, scale = data.draw(constants((channels, taps), 0, input_scale, taps))
    output = tensor("output", (1, channels), scale, output_zero)
    op = Dense(tensor("input", shape, input_scale, input_zero), output, weights, bias, data.draw(st.sampled_from(ACTIVATIONS)))
    assert_equal_to_litert(op, data.draw(seeds))


@compared
@given(st.data(), st.sampled_from(((1, 3, 1), (1, 2, 40), (1, 3, 5, 4))), st.integers(1, 9), scales, zero_points, zero_points)
def test_dense_over_several_places(data, shape, channels, input_scale, input_zero, output_zero) -> None:
    weights, bias, scale = data.draw(constants((channels, shape[-1]), 0, input_scale, shape[-1]))
    output = tensor("output", (*shape[:-1], channels), scale, output_zero)
    op = Dense(tensor("input", shape, input_scale, input_zero), output, weights, bias, data.draw(st.sampled_from(ACTIVATIONS)))
    assert op.macs == output.size * shape[-1]
    assert_equal_to_litert(op, data.draw(seeds))


@compared
@given(st.data(), windows(), st.integers(1, 5), scales, zero_points)
def test_average_pool2d(data, window, channels, scale, zero_point) -> None:
    size, kernel, stride, _, padding = window
    output = tensor("output", output_shape(size, kernel, stride, (1, 1), padding, channels), scale, zero_point)
    activation = data.draw(st.sampled_from(ACTIVATIONS))
    op = AveragePool2D(tensor("input", (1, *size, channels), scale, zero_point), output, kernel, stride, padding, activation)
    assert_equal_to_litert(op, data.draw(seeds))


@compared
@given(st.integers(1, 40), st.floats(-12, 3), st.floats(0.05, 10), zero_points, seeds)
def test_softmax(classes, exponent, beta, zero_point, seed) -> None:
    shape = (1, classes)
    beta = float(np.float32(beta))
    op = Softmax(tensor("input", shape, 2.0**exponent, zero_point), tensor("output", shape, 1 / 256, -128), beta)
    assert_equal_to_litert(op, seed)


@pytest.mark.parametrize("scale", [0.001, 0.0123456, 0.09173192, 0.14469251, 1 / 16, 0.3, 2.0])
def test_softmax_table_covers_every_difference(scale: float) -> None:
    op = Softmax(tensor("input", (1, 3), scale, 3), tensor("output", (1, 3), 1 / 256, -128))
    graph = Graph("softmax", op.input, op.output, [op])
    differences = np.arange(256)
    x = np.stack([np.full(256, 127), 127 - differences, 127 - differences // 2], axis=1).astype(np.int8)
    np.testing.assert_array_equal(reference.run(graph, x), litert(tflite.write(graph), graph, x)[0])


def test_softmax_table_excludes_what_is_far_below() -> None:
    op = Softmax(tensor("input", (1, 2), 1.0), tensor("output", (1, 2), 1 / 256, -128))
    table = reference.softmax_exponentials(op)
    assert table.dtype == np.int32
    assert table[0] == 2**31 - 1
    assert (np.diff(table[:16].astype(np.int64)) < 0).all()
    assert (table[:16] >= 0).all()
    assert (table[16:] == reference.EXCLUDED).all()


def test_softmax_refuses_a_scale_without_fixed_point_form() -> None:
    op = Softmax(tensor("input", (1, 2), 1e-9), tensor("output", (1, 2), 1 / 256, -128))
    with pytest.raises(ModelError, match="too small"):
        reference.softmax_exponentials(op)


int32 = st.integers(-(2**31), 2**31 - 1)


@given(st.floats(min_value=2.0**-40, max_value=2.0**29))
def test_quantize_multiplier_is_the_nearest_of_31_bits(real: float) -> None:
    multiplier, exponent = reference.quantize_multiplier(real)
    if multiplier == 0:
        assert real <= 2.0**-32
    else:
        assert 2**30 <= multiplier < 2**31
        assert abs(multiplier * 2.0 ** (exponent - 31) / real - 1) <= 2.0**-31


@pytest.mark.parametrize(
    ("real", "expected"),
    [(0.0, (0, 0)), (0.5, (2**30, 0)), (1.0, (2**30, 1)), (1 - 2.0**-40, (2**30, 1)), (2.0**-33, (0, 0))],
)
def test_quantize_multiplier_at_the_edges(real: float, expected: tuple[int, int]) -> None:
    assert reference.quantize_multiplier(real) == expected


def nearest(value: Fraction, half_up: bool) -> int:
    """The nearest integer; halves go up or away from 0."""
    if half_up or value >= 0:
        return math.floor(value + Fraction(1, 2))
    return math.ceil(value - Fraction(1, 2))


@given(int32, st.integers(0, 2**31 - 1), st.integers(-31, 0))
def test_multiply_by_quantized_multiplier_rounds_twice(x: int, multiplier: int, shift: int) -> None:
    high = nearest(Fraction(x * multiplier, 2**31), half_up=True)
    expected = nearest(Fraction(high, 2**-shift), half_up=False)
    assert reference.multiply_by_quantized_multiplier(x, multiplier, shift) == expected


@given(int32, st.integers(0, 2**31 - 1), st.integers(-31, 30))
def test_multiply_rounding_once(x: int, multiplier: int, shift: int) -> None:
    expected = nearest(Fraction(x * multiplier, 2 ** (31 - shift)), half_up=False)
    assert reference.multiply_rounding_once(x, multiplier, shift) == expected


@compared
@given(st.data(), scales)
def test_dense_in_integers_is_the_dense_of_the_reference(data, input_scale) -> None:
    """The board has the integers that `rescale` gives, the reference follows LiteRT in double."""
    weights, bias, scale = data.draw(constants((8, 64), 0, input_scale, 64))
    op = Dense(tensor("input", (1, 64), input_scale), tensor("output", (1, 8), scale), weights, bias)
    real = reference.real_multiplier(op)
    rng = np.random.default_rng(data.draw(seeds))
    # Sums next to where the result changes, where a wrong multiplier shows.
    sums = np.round((rng.integers(-128, 128, (500, 8)) + 0.5) / real).astype(np.int64) + rng.integers(-1, 2, (500, 8))
    sums = np.clip(sums, -255 * 128 * 64, 255 * 128 * 64)
    products = sums * real
    expected = np.sign(products) * np.floor(np.abs(products) + 0.5)
    reachable = np.abs(sums) <= 255 * np.abs(weights.data.astype(np.int64)).sum(axis=1)
    actual = reference.multiply_rounding_once(sums, *reference.rescale(op))
    np.testing.assert_array_equal(np.where(reachable, actual, 0), np.where(reachable, expected, 0))


@pytest.mark.parametrize(
    ("activation", "scale", "zero_point", "expected"),
    [
        ("none", 0.1, 10, (-128, 127)),
        ("relu", 0.1, 10, (10, 127)),
        ("relu", 0.1, -128, (-128, 127)),
        ("relu6", 0.1, -128, (-128, -68)),
        ("relu6", 0.1, 100, (100, 127)),
        ("relu6", 4.0, 0, (0, 2)),  # 1.5 steps, halves go up
        ("relu6", 1e-6, -128, (-128, 127)),
        ("relu_n1_to_1", 0.1, 3, (-7, 13)),
        ("relu_n1_to_1", 2.0, 0, (-1, 1)),  # half a step, away from 0
        ("relu_n1_to_1", 0.01, -100, (-128, 0)),
        ("relu_n1_to_1", 1e-39, 0, (-128, 127)),
    ],
)
def test_activation_range(activation, scale, zero_point, expected) -> None:
    shape = (1, 2, 2, 1)
    op = AveragePool2D(tensor("in", shape, scale, zero_point), tensor("out", shape, scale, zero_point), activation=activation)
    assert reference.activation_range(op) == expected


def test_scales_too_far_apart_are_refused() -> None:
    weights = Tensor("w", (1, 1, 1, 1), np.dtype(np.int8), np.ones(1, np.float32), data=np.ones((1, 1, 1, 1), np.int8))
    op = Conv2D(tensor("in", (1, 1, 1, 1), 1.0), tensor("out", (1, 1, 1, 1), 1e-12), weights, None)
    with pytest.raises(ModelError, match="too small"):
        reference.rescale(op)


MODELS = ("mlperf_tiny/kws_ref_model", "tflite_micro/micro_speech_quantized", "mlperf_tiny/str_ww_ref_model")
STREAMING = ("microwakeword/alexa", "microwakeword/okay_nabu", "microwakeword/hey_jarvis")
GOLDEN = (*MODELS, "mlperf_tiny/vww_96_int8", "tflite_micro/hello_world_int8", *STREAMING)


@pytest.mark.parametrize("name", GOLDEN)
def test_real_models_give_their_golden_outputs(name: str, shared_data: Path) -> None:
    """hello_world has one of 8 outputs of TFLite Micro's otherwise, whose FULLY_CONNECTED rounds twice."""
    golden = np.load(shared_data / "models/golden_outputs.npz")
    graph = tflite.read(shared_data / f"models/{name}.tflite")
    offset = 128 if graph.output_type == "uint8" else 0
    outputs = reference.run(graph, golden[f"{name}:x"]).astype(int) + offset
    np.testing.assert_array_equal(outputs, golden[f"{name}:y_litert"])


def test_person_detect_gives_the_golden_outputs_of_tflite_micro(shared_data: Path) -> None:
    """LiteRT does not load it: a bias has the axis of its weights."""
    golden = np.load(shared_data / "models/golden_outputs.npz")
    name = "tflite_micro/person_detect"
    graph = tflite.read(shared_data / f"models/{name}.tflite")
    np.testing.assert_array_equal(reference.run(graph, golden[f"{name}:x"]), golden[f"{name}:y_tflm"])


@pytest.mark.parametrize("name", MODELS + STREAMING)
def test_every_layer_of_real_models_equals_litert(name: str, shared_data: Path) -> None:
    path = shared_data / f"models/{name}.tflite"
    graph = tflite.read(path)
    x = np.load(shared_data / "models/golden_outputs.npz")[f"{name}:x"]
    x = x if graph.states else x[:3]
    layers = reference.run_layers(graph, x)
    for op, ours, theirs in zip(graph.operations, layers, litert(path.read_bytes(), graph, x), strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=f"{op.kind} {op.output.name}")


def pool() -> Graph:
    op = AveragePool2D(tensor("in", (1, 2, 2, 3), 1.0), tensor("out", (1, 1, 1, 3), 1.0), size=(2, 2))
    return Graph("pool", op.input, op.output, [op])


def test_more_samples_than_are_run_at_once_keep_their_order() -> None:
    x = np.arange(100, dtype=np.int8)[:, np.newaxis, np.newaxis, np.newaxis] + np.zeros((1, 2, 2, 3), np.int8)
    np.testing.assert_array_equal(reference.run(pool(), x)[:, 0, 0, 0], np.arange(100))
    np.testing.assert_array_equal(reference.run_layers(pool(), x)[0][:, 0, 0, 0], np.arange(100))


def test_samples_come_with_or_without_the_batch_axis_or_not_at_all() -> None:
    x = np.ones((2, 2, 2, 3), np.int8)
    assert reference.run(pool(), x).shape == (2, 1, 1, 3)
    np.testing.assert_array_equal(reference.run(pool(), x[:, np.newaxis]), reference.run(pool(), x))
    assert reference.run(pool(), x[:0]).shape == (0, 1, 1, 3)
    assert reference.run_layers(pool(), x[:0])[0].shape == (0, 1, 1, 3)


@pytest.mark.parametrize("x", [np.ones((2, 2, 3), np.int8), np.ones((1, 2, 2, 3), np.uint8), np.int8(3)])
def test_other_inputs_are_refused(x) -> None:
    with pytest.raises(DataError, match="pool takes int8"):
        reference.run(pool(), x)
