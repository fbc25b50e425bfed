"""Every further operation: written, read back and computed as LiteRT's reference kernels compute it, bit for bit."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable

import ai_edge_litert.schema_py_generated as schema
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.unit.litert import (
    ACTIVATIONS,
    assert_equal_to_litert,
    assert_graph_equal_to_litert,
    changed,
    compared,
    litert,
    output_shape,
    samples,
    scales,
    seeds,
    tensor,
    windows,
    zero_points,
)

from watchword import reference, tflite
from watchword.errors import ModelError, UnsupportedError
from watchword.graph import (
    Add,
    Concatenation,
    Function,
    Graph,
    Lookup,
    MaxPool2D,
    Mean,
    Multiply,
    Operation,
    Pad,
    Prelu,
    Reshape,
    ResizeNearestNeighbor,
    Slice,
    State,
    Subtract,
    Svdf,
    Tensor,
    Transpose,
)

shapes = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(lambda rest: (1, *rest))
activations = st.sampled_from(ACTIVATIONS)


def constant(name: str, data: NDArray[np.generic], scale: float, zero_point: int = 0) -> Tensor:
    return Tensor(name, data.shape, data.dtype, np.array([scale], np.float32), zero_point, data=data)


def lookup(function: Function, input: Tensor, output: Tensor, alpha: float = 0.0) -> Lookup:
    return Lookup(input, output, function, reference.lookup_table(function, input, output, alpha), alpha)


# Two operands


@st.composite
def operands(draw: st.DrawFn) -> tuple[list[Operation], Tensor, Tensor, tuple[int, ...]]:
    """Two tensors of different quantization whose shapes broadcast, both made of one input or one a constant."""
    shape = draw(shapes)
    x = tensor("x", shape, draw(scales), draw(zero_points))
    small = tuple(1 if draw(st.booleans()) else size for size in shape)
    scale, zero_point = draw(scales), draw(zero_points)
    if draw(st.booleans()):
        if draw(st.booleans()):
            small = small[draw(st.integers(0, len(small))) :]
        rng = np.random.default_rng(draw(seeds))
        other = constant("other", rng.integers(-128, 128, small).astype(np.int8), scale, zero_point)
        operations: list[Operation] = [lookup("quantize", x, tensor("same", shape, x.scale[0], x.zero_point))]
        pair = (operations[0].output, other)
    else:
        other = tensor("other", shape, scale, zero_point)
        operations = [lookup("quantize", x, other)]
        if small != shape:
            part = tensor("part", small, scale, zero_point)
            operations.append(Slice(other, part, (0,) * len(shape), small, (1,) * len(shape)))
            other = part
        pair = (x, other)
    first, second = draw(st.permutations(pair))
    return operations, first, second, shape


@compared
@given(st.data(), operands(), st.sampled_from((Add, Subtract)), st.floats(-6, 3) | st.floats(-17, 30), zero_points, activations)
def test_add_and_subtract(data, chosen, kind, exponent, zero_point, activation) -> None:
    operations, first, second, shape = chosen
    scale = float(max(first.scale[0], second.scale[0])) * 2.0**exponent
    op = kind(first, tensor("y", shape, scale, zero_point), second, activation)
    assert_equal_to_litert([*operations, op], data.draw(seeds))


@compared
@given(st.data(), operands(), st.floats(-6, 8) | st.floats(-13, 50), zero_points, activations)
def test_multiply(data, chosen, exponent, zero_point, activation) -> None:
    operations, first, second, shape = chosen
    scale = float(first.scale[0] * second.scale[0]) * 2.0**exponent
    op = Multiply(first, tensor("y", shape, scale, zero_point), second, activation)
    assert_equal_to_litert([*operations, op], data.draw(seeds))


@compared
@given(st.data(), shapes, st.floats(-6, 8) | st.floats(-20, 40), st.floats(-10, 2), zero_points, zero_points)
def test_prelu(data, shape, exponent, slope_exponent, input_zero, output_zero) -> None:
    """Slopes for each channel, or of any shape that broadcasts; they may be below 0, and their zero point is anywhere."""
    scale, slope_scale = data.draw(scales), 2.0**slope_exponent
    slopes = shape[-1:] if data.draw(st.booleans()) else tuple(1 if data.draw(st.booleans()) else size for size in shape)
    slopes = slopes[data.draw(st.integers(0, len(slopes))) if data.draw(st.integers(0, 3)) == 0 else 0 :]
    rng = np.random.default_rng(data.draw(seeds))
    other = constant("slopes", rng.integers(-128, 128, slopes).astype(np.int8), slope_scale, data.draw(zero_points))
    output = tensor("y", shape, max(scale * 2.0**exponent, scale * slope_scale * 2.0**-13), output_zero)
    assert_equal_to_litert(Prelu(tensor("x", shape, scale, input_zero), output, other), data.draw(seeds))


def test_operands_of_other_ranks_broadcast() -> None:
    x = tensor("x", (1, 3, 2, 4), 0.1, 5)
    means = Mean(x, tensor("means", (1, 4), 0.07, -3), (1, 2))
    op = Add(means.output, tensor("y", (1, 3, 2, 4), 0.12), x)
    assert_equal_to_litert([means, op], 1)


def test_an_operand_may_be_a_scalar() -> None:
    x = tensor("x", (1, 3, 2), 0.1, 5)
    assert_equal_to_litert(Multiply(x, tensor("y", (1, 3, 2), 0.05), constant("two", np.array(100, np.int8), 0.02)), 1)


def test_sums_and_products_that_litert_cannot_scale_are_refused() -> None:
    x, y = tensor("x", (1, 4), 1.0), tensor("y", (1, 4), 2.0**-19)
    with pytest.raises(ModelError, match="Add 'y': its output scale"):
        reference.sum_multipliers(Add(x, y, x))
    with pytest.raises(ModelError, match="Multiply 'y': its output scale"):
        reference.product_multiplier(Multiply(x, y, x))


def test_functions_that_litert_cannot_scale_are_refused() -> None:
    x = tensor("x", (1, 4), 1.0)
    with pytest.raises(ModelError, match=r"'y': its scale is more than 2\^22 times too small"):
        lookup("quantize", x, tensor("y", (1, 4), 2.0**-22))
    with pytest.raises(ModelError, match="'y': 6 has no 32-bit form"):
        lookup("relu6", tensor("x", (1, 4), 2.0**-29), tensor("y", (1, 4), 2.0**-29))
    for scale, to in ((1.0, 2.0**-8), (2.0**26, 1.0)):
        with pytest.raises(ModelError, match="'y': hard swish from the scale .* has no 16-bit form"):
            lookup("hard_swish", tensor("x", (1, 4), scale), tensor("y", (1, 4), to))


# Functions of one value: all 256 of them


def assert_table_equals_litert(function: Function, input: Tensor, output: Tensor, alpha: float = 0.0) -> None:
    op = lookup(function, input, output, alpha)
    graph = Graph("table", input, output, [op])
    x = np.arange(-128, 128, dtype=np.int8)[np.newaxis]
    np.testing.assert_array_equal(litert(tflite.write(graph), graph, x)[0][0], op.table)
    np.testing.assert_array_equal(reference.run(tflite.read(tflite.write(graph)), x)[0], op.table)


@compared
@given(st.sampled_from(("relu", "relu6", "quantize")), scales, st.floats(-8, 8) | st.floats(-21, 40), zero_points, zero_points)
def test_relu_and_quantize(function, scale, exponent, input_zero, output_zero) -> None:
    assume(function != "relu6" or scale * 2.0**exponent > 2**-28)
    shape = (1, 256)
    output = tensor("y", shape, scale * 2.0**exponent, output_zero)
    assert_table_equals_litert(function, tensor("x", shape, scale, input_zero), output)


@compared
@given(st.floats(-2, 2), scales, st.floats(-8, 8) | st.floats(-20, 40), zero_points, zero_points)
def test_leaky_relu(alpha, scale, exponent, input_zero, output_zero) -> None:
    shape, alpha = (1, 256), float(np.float32(alpha))
    output = tensor("y", shape, scale * 2.0**exponent, output_zero)
    assert_table_equals_litert("leaky_relu", tensor("x", shape, scale, input_zero), output, alpha)


@compared
@given(st.floats(-12, 4) | st.floats(-24, 24), st.floats(-7, 6) | st.floats(-7, 24), zero_points, zero_points)
def test_hard_swish(exponent, ratio, input_zero, output_zero) -> None:
    """The output's scale goes down to where LiteRT stops: 128 times less than the input's."""
    scale = float(np.float32(2.0**exponent))
    output_scale = max(scale * 2.0**ratio, float(np.nextafter(np.float32(scale / 128), np.float32(np.inf))))
    shape = (1, 256)
    assert_table_equals_litert(
        "hard_swish", tensor("x", shape, scale, input_zero), tensor("y", shape, output_scale, output_zero)
    )


@compared
@given(st.floats(-12, 2), zero_points)
def test_logistic(exponent, zero_point) -> None:
    shape = (1, 256)
    assert_table_equals_litert("logistic", tensor("x", shape, 2.0**exponent, zero_point), tensor("y", shape, 1 / 256, -128))


@compared
@given(st.floats(-12, 2), zero_points, st.just(2.0**-7) | scales, st.just(0) | zero_points)
def test_tanh(exponent, input_zero, scale, output_zero) -> None:
    shape = (1, 256)
    assert_table_equals_litert("tanh", tensor("x", shape, 2.0**exponent, input_zero), tensor("y", shape, scale, output_zero))


# Windows and means


@compared
@given(st.data(), windows(), st.integers(1, 5), scales, zero_points)
def test_max_pool2d(data, window, channels, scale, zero_point) -> None:
    size, kernel, stride, _, padding = window
    output = tensor("y", output_shape(size, kernel, stride, (1, 1), padding, channels), scale, zero_point)
    input = tensor("x", (1, *size, channels), scale, zero_point)
    assert_equal_to_litert(MaxPool2D(input, output, kernel, stride, padding, data.draw(activations)), data.draw(seeds))


@compared
@given(
    st.data(),
    st.lists(st.integers(1, 9), min_size=1, max_size=3),
    scales,
    st.floats(-4, 4) | st.floats(-12, 40),
    zero_points,
    zero_points,
)
def test_mean(data, sizes, scale, exponent, input_zero, output_zero) -> None:
    shape = (1, *sizes)
    axes = tuple(sorted(data.draw(st.sets(st.integers(1, len(sizes)), min_size=1))))
    keep = data.draw(st.booleans())
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(shape) if keep or axis not in axes)
    output = tensor("y", kept, scale * 2.0**exponent, output_zero)
    assert_equal_to_litert(Mean(tensor("x", shape, scale, input_zero), output, axes), data.draw(seeds))


# Moving


@compared
@given(st.data(), shapes, st.integers(0, 3), scales, zero_points)
def test_concatenation(data, shape, others, scale, zero_point) -> None:
    axis = data.draw(st.integers(1, len(shape) - 1))
    x = tensor("x", shape, scale, zero_point)
    parts = [x]
    rng = np.random.default_rng(data.draw(seeds))
    for i in range(others):
        part = (*shape[:axis], data.draw(st.integers(1, 4)), *shape[axis + 1 :])
        fixed = constant(f"part{i}", rng.integers(-128, 128, part).astype(np.int8), scale, zero_point)
        parts.append(fixed if data.draw(st.booleans()) else x)
    first = lookup("quantize", x, tensor("same", shape, scale, zero_point))
    inputs = data.draw(st.permutations([first.output, *parts[1:]]))
    total = sum(part.shape[axis] for part in inputs)
    output = tensor("y", (*shape[:axis], total, *shape[axis + 1 :]), scale, zero_point)
    assert_equal_to_litert([first, Concatenation(inputs[0], output, tuple(inputs[1:]), axis)], data.draw(seeds))


@compared
@given(st.data(), st.lists(st.integers(1, 9), min_size=1, max_size=3))
def test_slices_of_any_stride(data, sizes) -> None:
    places = [range(1)]
    for size in sizes:
        stride = data.draw(st.sampled_from((1, 2, 3, -1, -2)))
        begin = data.draw(st.integers(0, size - 1))
        end = data.draw(st.integers(begin + 1, size) if stride > 0 else st.integers(-1, begin - 1))
        places.append(range(begin, end, stride))
    x, output = tensor("x", (1, *sizes), 0.1, 3), tensor("y", tuple(map(len, places)), 0.1, 3)
    parts = (tuple(getattr(place, part) for place in places) for part in ("start", "stop", "step"))
    assert_equal_to_litert(Slice(x, output, *parts), data.draw(seeds))


@compared
@given(st.data(), shapes, st.none() | st.integers(-128, 127), zero_points)
def test_pad(data, shape, value, zero_point) -> None:
    amounts = [(0, 0), *(data.draw(st.tuples(st.integers(0, 3), st.integers(0, 3))) for _ in shape[1:])]
    before, after = zip(*amounts, strict=True)
    padded = tuple(b + size + a for b, size, a in zip(before, shape, after, strict=True))
    op = Pad(
        tensor("x", shape, 0.1, zero_point),
        tensor("y", padded, 0.1, zero_point),
        before,
        after,
        zero_point if value is None else value,
    )
    assert_equal_to_litert(op, data.draw(seeds))


@compared
@given(st.data(), shapes)
def test_transpose(data, shape) -> None:
    permutation = tuple(data.draw(st.permutations(range(len(shape)))))
    output = tuple(shape[axis] for axis in permutation)
    assume(output[0] == 1)
    assert_equal_to_litert(Transpose(tensor("x", shape, 0.1), tensor("y", output, 0.1), permutation), data.draw(seeds))


@compared
@given(st.data(), st.tuples(*[st.integers(1, 12)] * 4) | st.tuples(*[st.integers(1, 150)] * 4), st.booleans(), st.booleans())
def test_resize_nearest_neighbor(data, sizes, align_corners, half_pixel_centers) -> None:
    height, width, to_height, to_width = sizes
    if data.draw(st.booleans()):
        to_height, to_width = (min(150, size * data.draw(st.integers(1, 5))) for size in (height, width))
    channels = data.draw(st.integers(1, 3))
    x, y = tensor("x", (1, height, width, channels), 0.1, 3), tensor("y", (1, to_height, to_width, channels), 0.1, 3)
    assert_equal_to_litert(ResizeNearestNeighbor(x, y, align_corners, half_pixel_centers), data.draw(seeds))


def test_reshape() -> None:
    assert_equal_to_litert(Reshape(tensor("x", (1, 3, 4), 0.1), tensor("y", (1, 2, 1, 6), 0.1)), 1)


# What other converters write: forms of the file that become the operations above


def rewritten(
    x: tuple[int, ...],
    outputs: list[tuple[int, ...]],
    code: str,
    options: object,
    parameters: list[object],
    at: int = 0,
    shown: int = -1,
) -> bytes:
    """A file of one operator, whose parameters are constants int32 around the input, which stands in place `at`.

    shown: the output that the graph gives.
    """
    graph = Graph("one", tensor("x", x, 0.1, 3), tensor("y0", outputs[0], 0.1, 3))
    graph.operations.append(Reshape(graph.input, graph.output))

    def change(model: schema.ModelT) -> None:
        subgraph = model.subgraphs[0]
        operator = subgraph.operators[0]
        number = getattr(schema.BuiltinOperator, code)
        model.operatorCodes[0].builtinCode = model.operatorCodes[0].deprecatedBuiltinCode = number
        model.operatorCodes[0].version = 1 if code in ("SQUEEZE", "EXPAND_DIMS") else 2
        operator.builtinOptions = options
        kind = type(options).__name__.removesuffix("T")
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind) if options else 0
        operator.inputs = [0]
        for values in parameters:
            data = np.array(values, "<i4")
            model.buffers.append(schema.BufferT())
            model.buffers[-1].data = np.frombuffer(data.tobytes(), np.uint8)
            constant = schema.TensorT()
            constant.shape, constant.type, constant.buffer = list(data.shape), schema.TensorType.INT32, len(model.buffers) - 1
            subgraph.tensors.append(constant)
            operator.inputs.append(len(subgraph.tensors) - 1)
        operator.inputs[0], operator.inputs[at] = operator.inputs[at], operator.inputs[0]
        for i, shape in enumerate(outputs[1:], 1):
            extra = copy.deepcopy(subgraph.tensors[1])
            extra.name, extra.shape = f"y{i}", list(shape)
            subgraph.tensors.append(extra)
            operator.outputs = [*operator.outputs, len(subgraph.tensors) - 1]
        subgraph.outputs = [operator.outputs[shown]]

    return changed(graph, change)


def options_of(kind: str, **values: object) -> object:
    options = getattr(schema, f"{kind}OptionsT")()
    for name, value in values.items():
        setattr(options, name, value)
    return options


@compared
@given(st.data(), shapes)
def test_unpack(data, shape) -> None:
    axis = data.draw(st.integers(1, len(shape) - 1))
    size = shape[axis]
    options = options_of("Unpack", num=size, axis=axis - data.draw(st.sampled_from((0, len(shape)))))
    outputs = [shape[:axis] + shape[axis + 1 :]] * size
    content = rewritten(shape, outputs, "UNPACK", options, [], shown=data.draw(st.integers(0, size - 1)))
    graph = tflite.read(content)
    assert len(graph.operations) == 2 * size
    x = samples(shape, data.draw(seeds))
    expected = whole(content, x)
    np.testing.assert_array_equal(reference.run(graph, x), expected)
    np.testing.assert_array_equal(whole(tflite.write(graph), x), expected)


SHRINK = options_of("StridedSlice", beginMask=1, endMask=1, shrinkAxisMask=2)
REWRITTEN = {
    "split": rewritten((1, 6, 2), [(1, 2, 2)] * 3, "SPLIT", options_of("Split", numSplits=3), [1], 1),
    "split along a negative axis": rewritten((1, 2, 6), [(1, 2, 3)] * 2, "SPLIT", options_of("Split", numSplits=2), [-1], 1),
    "split_v": rewritten((1, 6, 2), [(1, 1, 2), (1, 5, 2)], "SPLIT_V", options_of("SplitV", numSplits=2), [[1, 5], 1]),
    "split_v with the rest": rewritten((1, 6), [(1, 2), (1, 4)], "SPLIT_V", options_of("SplitV", numSplits=2), [[2, -1], 1]),
    "slice": rewritten((1, 6, 5), [(1, 2, 4)], "SLICE", options_of("Slice"), [[0, 3, 1], [1, 2, -1]]),
    "squeeze": rewritten((1, 1, 6, 1), [(1, 6)], "SQUEEZE", options_of("Squeeze", squeezeDims=[1, 3]), []),
    "expand_dims": rewritten((1, 6, 2), [(1, 6, 1, 2)], "EXPAND_DIMS", options_of("ExpandDims"), [2]),
    "axis taken away": rewritten((1, 6, 2), [(1, 2)], "STRIDED_SLICE", SHRINK, [[0, -2, 0], [0, 0, 2], [1, 1, 1]]),
    "fewer indices than axes": rewritten(
        (1, 6, 2), [(1, 2, 2)], "STRIDED_SLICE", options_of("StridedSlice"), [[0, -3], [1, 99], [1, 2]]
    ),
    "reversed": rewritten((1, 6), [(1, 6)], "STRIDED_SLICE", options_of("StridedSlice", endMask=2), [[0, -1], [1, 0], [1, -1]]),
    "mean along negative axes": rewritten((1, 6, 2), [(1, 1, 2)], "MEAN", options_of("Reducer", keepDims=True), [[-2, 0]]),
}


@pytest.mark.parametrize("what", REWRITTEN)
def test_other_forms_are_read(what: str) -> None:
    graph = tflite.read(REWRITTEN[what])
    x = samples(graph.input.shape, 1)
    np.testing.assert_array_equal(reference.run(graph, x), whole(REWRITTEN[what], x))


def whole(content: bytes, x: NDArray[np.int8]) -> NDArray[np.generic]:
    """The outputs of LiteRT's reference kernels for consecutive inputs."""
    interpreter = Interpreter(model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    (given,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    outputs = []
    for sample in x:
        interpreter.set_tensor(given["index"], sample[np.newaxis])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(result["index"])[0])
    return np.array(outputs)


NEW_AXIS = options_of("StridedSlice", newAxisMask=2)
REFUSED = {
    "new axis": (
        rewritten((1, 6), [(1, 1, 6)], "STRIDED_SLICE", NEW_AXIS, [[0, 0, 0], [1, 0, 6], [1, 1, 1]]),
        "0 STRIDED_SLICE 'y0': its indices have an ellipsis, a new axis or an offset",
    ),
    "mean that takes the batch away": (
        rewritten((1, 6), [(1, 1)], "MEAN", options_of("Reducer"), [[0]]),
        "0 MEAN 'y0': it takes the batch axis away",
    ),
    "join along the batch": (
        rewritten((1, 6), [(1, 6)], "CONCATENATION", options_of("Concatenation", axis=0), []),
        "0 CONCATENATION 'y0': it joins along the batch axis",
    ),
    "split in unequal parts": (
        rewritten((1, 6), [(1, 2), (1, 2)], "SPLIT_V", options_of("SplitV", numSplits=2), [[2, 2], 1]),
        "operation 0 SPLIT_V 'y0', 'y1': parts of [2, 2] of 6",
    ),
    "axis that is not there": (rewritten((1, 6), [(1, 1)], "MEAN", options_of("Reducer"), [[5]]), "axis 5 of 2"),
    "unpack of the batch": (
        rewritten((1, 6), [(6,)], "UNPACK", options_of("Unpack", num=1, axis=0), []),
        "0 UNPACK 'y0': it takes the batch axis away",
    ),
    "unpack of too few": (
        rewritten((1, 3, 2), [(1, 2)] * 2, "UNPACK", options_of("Unpack", num=2, axis=1), []),
        "operation 0 UNPACK 'y0', 'y1': 2 outputs where 3 come out",
    ),
    "unpack of another shape": (
        rewritten((1, 2, 3), [(1, 2)] * 2, "UNPACK", options_of("Unpack", num=2, axis=1), []),
        "operation 0 UNPACK 'y0', 'y1': an output of (1, 2) where (1, 3) comes out",
    ),
    "resize of another shape": (
        rewritten((1, 2, 3, 1), [(1, 4, 6, 1)], "RESIZE_NEAREST_NEIGHBOR", options_of("ResizeNearestNeighbor"), [[4, 5]]),
        "operation 0 RESIZE_NEAREST_NEIGHBOR 'y0': an output of (1, 4, 6, 1) where (1, 4, 5, 1) comes out",
    ),
    "resize of no picture": (
        rewritten((1, 2, 3), [(1, 4, 6)], "RESIZE_NEAREST_NEIGHBOR", options_of("ResizeNearestNeighbor"), [[4, 6]]),
        "operation 0 RESIZE_NEAREST_NEIGHBOR 'y0': (1, 2, 3) cannot be resized to [4, 6]",
    ),
    "slice of another shape": (
        rewritten((1, 6), [(1, 4)], "SLICE", options_of("Slice"), [[0, 1], [1, 3]]),
        "operation 0 SLICE 'y0': an output of (1, 4) where (1, 3) comes out",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_is_named(what: str) -> None:
    content, message = REFUSED[what]
    with pytest.raises(ModelError) as caught:
        tflite.read(content)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def prelu_file(change: Callable[[schema.ModelT], None], slopes: tuple[int, ...] = (3,)) -> bytes:
    x, y = tensor("x", (1, 2, 3), 0.1, 3), tensor("y", (1, 2, 3), 0.1, 3)
    same = lookup("quantize", x, tensor("same", x.shape, 0.1, 3))
    prelu = Prelu(same.output, y, constant("slopes", np.zeros(slopes, np.int8), 0.01))
    return changed(Graph("prelu", x, y, [same, prelu]), change)


def of_floats(model: schema.ModelT) -> None:
    (slopes,) = (each for each in model.subgraphs[0].tensors if each.name == b"slopes")
    slopes.type = schema.TensorType.FLOAT32


def of_two_scales(model: schema.ModelT) -> None:
    (slopes,) = (each for each in model.subgraphs[0].tensors if each.name == b"slopes")
    slopes.quantization.scale, slopes.quantization.zeroPoint = [0.1, 0.1, 0.2], [0, 0, 0]


def of_what_flows(model: schema.ModelT) -> None:
    prelu = model.subgraphs[0].operators[1]
    prelu.inputs = [prelu.inputs[0], prelu.inputs[0]]


def resized_as_it_runs(model: schema.ModelT) -> None:
    subgraph = model.subgraphs[0]
    subgraph.tensors[subgraph.operators[0].inputs[1]].buffer = 0


def to_floats(model: schema.ModelT) -> None:
    for each in model.subgraphs[0].tensors:
        each.type = schema.TensorType.FLOAT32 if each.type == schema.TensorType.INT8 else each.type


def to_another_scale(model: schema.ModelT) -> None:
    model.subgraphs[0].tensors[-1].quantization.scale = [0.5]


DOUBLED = rewritten((1, 2, 3, 1), [(1, 4, 6, 1)], "RESIZE_NEAREST_NEIGHBOR", options_of("ResizeNearestNeighbor"), [[4, 6]])
UNPACKED = rewritten((1, 2, 3), [(1, 3)] * 2, "UNPACK", options_of("Unpack", num=2, axis=1), [])
ILL_FITTING = {
    "slopes of floats": (prelu_file(of_floats), "1 PRELU 'y': tensor 'slopes' is FLOAT32, not int8"),
    "slopes with a scale per channel": (prelu_file(of_two_scales), "'y': its constant 'slopes' is not int8 of one scale"),
    "slopes that are computed": (prelu_file(of_what_flows), "1 PRELU 'y': its slopes 'same' are computed where constants"),
    "slopes that do not fit": (prelu_file(lambda _: None, (2,)), "1 PRELU 'y': slopes (2,) do not fit the input (1, 2, 3)"),
    "more slopes than values": (
        prelu_file(lambda _: None, (2, 2, 3)), "1 PRELU 'y': slopes (2, 2, 3) do not fit the input (1, 2, 3)"
    ),
    "a size that is computed": (
        changed(DOUBLED, resized_as_it_runs), "RESIZE_NEAREST_NEIGHBOR 'y0': tensor '' is computed where a constant is possible"
    ),
    "a picture of floats": (changed(DOUBLED, to_floats), "it computes in float32: convert it with full-integer quantization"),
    "parts of floats": (changed(UNPACKED, to_floats), "it computes in float32: convert it with full-integer quantization"),
    "parts of another scale": (
        changed(UNPACKED, to_another_scale), "0 UNPACK 'y0', 'y1': its input and its output 'y1' differ in scale or zero point"
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ILL_FITTING)
def test_constants_and_types_that_cannot_be_are_named(what: str) -> None:
    content, message = ILL_FITTING[what]
    with pytest.raises(ModelError) as caught:
        tflite.read(content)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


# State


@compared
@given(st.data(), st.integers(1, 9), st.integers(1, 4), st.integers(1, 3), st.integers(1, 6), scales, zero_points, zero_points)
def test_svdf(data, inputs, units, rank, steps, scale, input_zero, output_zero) -> None:
    rng = np.random.default_rng(data.draw(seeds))
    filters = units * rank
    features = constant("features", rng.integers(-128, 128, (filters, inputs)).astype(np.int8), 0.01)
    # int16 products of both extremes wrap at 32 bits in sums.
    reach = data.draw(st.sampled_from((500, 2**15)))
    time = constant("time", rng.integers(-reach, reach, (filters, steps)).astype(np.int16), 1 / 4096)
    state_scale = scale * 0.01 * 100 * math.sqrt(inputs) / 2**11 * 2.0 ** data.draw(st.floats(-4, 4))
    state = Tensor("state", (1, filters * steps), np.dtype(np.int16), np.array([state_scale], np.float32))
    spread = state_scale * 2**11 * math.sqrt(steps * rank) * reach / 4096
    output = tensor("y", (1, units), spread / 60 * 2.0 ** data.draw(st.floats(-3, 3)), output_zero)
    bias = constant("bias", rng.integers(-10000, 10000, units).astype(np.int32), state_scale / 4096)
    bias = data.draw(st.sampled_from((bias, None)))
    op = Svdf(tensor("x", (1, inputs), scale, input_zero), output, features, time, bias, state, rank)
    assert_equal_to_litert(op, data.draw(seeds))


def test_svdf_remembers_beyond_the_samples_that_are_run_at_once() -> None:
    rng = np.random.default_rng(4)
    features = constant("features", rng.integers(-128, 128, (3, 5)).astype(np.int8), 0.01)
    time = constant("time", rng.integers(-3000, 3000, (3, 50)).astype(np.int16), 1 / 4096)
    state = Tensor("state", (1, 150), np.dtype(np.int16), np.array([0.001], np.float32))
    op = Svdf(tensor("x", (1, 5), 0.1), tensor("y", (1, 3), 0.5), features, time, None, state)
    graph = Graph("svdf", op.input, op.output, [op])
    x = rng.integers(-128, 128, (100, 5)).astype(np.int8)
    np.testing.assert_array_equal(reference.run(graph, x), litert(tflite.write(graph), graph, x)[0])


def delay(steps: int, zero_point: int = -7) -> Graph:
    """What streaming models do: the last steps are kept, the newest comes behind them; here the mean of all comes out."""
    x = tensor("x", (1, 1, 3), 0.1, zero_point)
    kept = tensor("kept", (1, steps, 3), 0.1, zero_point)
    both = tensor("both", (1, steps + 1, 3), 0.1, zero_point)
    newest = tensor("newest", (1, steps, 3), 0.1, zero_point)
    y = tensor("y", (1, 3), 0.03, 4)
    initial = np.arange(steps * 3, dtype=np.int8).reshape(1, steps, 3)
    operations = [
        Concatenation(kept, both, (x,), 1),
        Slice(both, newest, (0, 1, 0), (1, steps + 1, 3), (1, 1, 1)),
        Mean(both, y, (1,)),
    ]
    return Graph("delay", x, y, operations, [State("window", kept, newest, initial)])


@pytest.mark.parametrize("steps", [1, 4])
def test_states_pass_from_step_to_step(steps: int) -> None:
    graph = delay(steps)
    assert graph.stateful
    assert_graph_equal_to_litert(graph, 2)
    x = samples(graph.input.shape, 3)
    once = reference.run(graph, x)
    np.testing.assert_array_equal(reference.run(graph, x), once)  # each run starts after a reset
    assert (reference.run(graph, x[::-1])[::-1] != once).any()


def test_a_state_that_nothing_assigns_keeps_its_value() -> None:
    graph = delay(2)
    state = graph.states[0]
    graph.operations.pop(1)
    graph.states = [State(state.name, state.read, state.read, state.initial)]
    assert_graph_equal_to_litert(graph, 2)


def test_a_variable_that_was_assigned_is_read_as_assigned() -> None:
    """A second READ_VARIABLE behind the ASSIGN_VARIABLE: it gives what was assigned in this step."""
    graph = delay(2)
    content = changed(graph, read_again)
    again = tflite.read(content)
    assert again.output.name == "newest"
    x = samples(graph.input.shape, 3)
    np.testing.assert_array_equal(reference.run(again, x), whole(content, x))


def read_again(model: schema.ModelT) -> None:
    """The output is the variable, read at the end of the step."""
    subgraph = model.subgraphs[0]
    (first,) = (op for op in subgraph.operators if op.builtinOptionsType == schema.BuiltinOptions.ReadVariableOptions)
    extra = copy.deepcopy(subgraph.tensors[first.outputs[0]])
    extra.name = "again"
    subgraph.tensors.append(extra)
    again = copy.deepcopy(first)
    again.outputs = subgraph.outputs = [len(subgraph.tensors) - 1]
    subgraph.operators.append(again)


# The ends of a graph


@pytest.mark.parametrize(("input_type", "output_type"), [("uint8", "int8"), ("int8", "uint8"), ("float32", "float32")])
def test_other_ends_are_written_and_read(input_type, output_type) -> None:
    x, y = tensor("x", (1, 6), 0.05, 11), tensor("y", (1, 6), 1 / 256, -128)
    graph = Graph("ends", x, y, [lookup("logistic", x, y)], [], input_type, output_type)
    content = tflite.write(graph)
    again = tflite.read(content)
    assert (again.input_type, again.output_type) == (input_type, output_type)
    assert [op.kind for op in again.operations] == ["Logistic"]
    q = samples(x.shape, 5)
    wide, outputs = q.astype(int), reference.run(again, q).astype(int)
    given = {"int8": q, "uint8": (wide + 128).astype(np.uint8), "float32": (0.05 * (wide - 11)).astype(np.float32)}
    expected = {"int8": outputs, "uint8": outputs + 128, "float32": (outputs + 128) / 256}
    np.testing.assert_array_equal(whole(content, given[input_type]), expected[output_type])


def test_uint8_ends_that_are_rescaled_are_int8_with_a_table() -> None:
    def change(model: schema.ModelT) -> None:
        for end in (model.subgraphs[0].tensors[0], model.subgraphs[0].tensors[-1]):
            end.type = schema.TensorType.UINT8
            end.quantization.zeroPoint = [end.quantization.zeroPoint[0] + 128]

    x, y, z = tensor("x", (1, 6), 0.05, 11), tensor("y", (1, 6), 0.07, 3), tensor("z", (1, 6), 0.06, -9)
    content = changed(Graph("ends", x, z, [lookup("quantize", x, y), lookup("quantize", y, z)]), change)
    graph = tflite.read(content)
    assert (graph.input_type, graph.output_type) == ("uint8", "uint8")
    assert [op.kind for op in graph.operations] == ["Quantize", "Quantize"]
    q = samples(x.shape, 5)
    np.testing.assert_array_equal(
        reference.run(graph, q).astype(int) + 128, whole(content, (q.astype(int) + 128).astype(np.uint8))
    )


# Refusals of state, and damaged files


def without_call_once(model: schema.ModelT) -> None:
    operators = model.subgraphs[0].operators
    operators[:] = [op for op in operators if op.builtinOptionsType != schema.BuiltinOptions.CallOnceOptions]


def computing(model: schema.ModelT) -> None:
    """The first values come out of an operation."""
    model.subgraphs[1].operators.append(copy.deepcopy(model.subgraphs[0].operators[-2]))


def another_scale(model: schema.ModelT) -> None:
    (assign,) = (
        op for op in model.subgraphs[0].operators if op.builtinOptionsType == schema.BuiltinOptions.AssignVariableOptions
    )
    model.subgraphs[0].tensors[assign.inputs[1]].quantization.zeroPoint = [55]


STATES = {
    "no first value": (without_call_once, "READ_VARIABLE 'kept': variable 'window' has no value to start with"),
    "computed first value": (computing, "0 CALL_ONCE (no output): its subgraph runs MEAN"),
    "another zero point": (another_scale, "variable 'window' changes its shape, scale or zero point"),
}


@pytest.mark.parametrize("what", STATES)
def test_states_that_cannot_be_are_named(what: str) -> None:
    change, message = STATES[what]
    with pytest.raises(UnsupportedError) as caught:
        tflite.read(changed(delay(2), change))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def everything() -> Graph:
    """A chain of most operations."""
    x, kept = tensor("x", (1, 2, 4, 3), 0.1, 3), tensor("kept", (1, 3, 4, 3), 0.1, 3)
    both, newest = tensor("both", (1, 5, 4, 3), 0.1, 3), tensor("newest", (1, 3, 4, 3), 0.1, 3)
    padded, pooled = tensor("padded", (1, 6, 4, 5), 0.1, 3), tensor("pooled", (1, 3, 4, 5), 0.1, 3)
    turned, sums = tensor("turned", (1, 5, 4, 3), 0.1, 3), tensor("sums", (1, 5, 4, 3), 0.2, 1)
    products, means = tensor("products", (1, 5, 4, 3), 0.3, 1), tensor("means", (1, 3), 0.2, 0)
    leaky, y = tensor("leaky", (1, 3), 0.2, 0), tensor("y", (1, 2), 0.5, 0)
    rng = np.random.default_rng(3)
    row = constant("row", rng.integers(-128, 128, (3,)).astype(np.int8), 0.02)
    features = constant("features", rng.integers(-128, 128, (4, 3)).astype(np.int8), 0.01)
    time = constant("time", rng.integers(-3000, 3000, (4, 6)).astype(np.int16), 1 / 4096)
    state = Tensor("state", (1, 24), np.dtype(np.int16), np.array([0.001], np.float32))
    operations = [
        Concatenation(kept, both, (x,), 1),
        Slice(both, newest, (0, 4, 0, 0), (1, 1, 4, 3), (1, -1, 1, 1)),
        Pad(both, padded, (0, 1, 0, 1), (0, 0, 0, 1), 9),
        MaxPool2D(padded, pooled, (2, 1), (2, 1), "valid", "relu6"),
        Transpose(pooled, turned, (0, 3, 2, 1)),
        Subtract(turned, sums, both, "relu"),
        Multiply(sums, products, row),
        Mean(products, means, (1, 2)),
        lookup("leaky_relu", means, leaky, 0.25),
        Svdf(leaky, y, features, time, None, state, 2),
    ]
    return Graph(
        "everything", x, y, operations, [State("kept", kept, newest, np.ones((1, 3, 4, 3), np.int8))], "uint8", "float32"
    )


def test_everything_in_one_graph() -> None:
    graph = everything()
    assert [op.kind for op in tflite.read(tflite.write(graph)).operations] == [op.kind for op in graph.operations]
    graph.input_type = graph.output_type = "int8"
    assert_graph_equal_to_litert(graph, 1)


def test_garbage_is_refused_or_a_graph_that_runs() -> None:
    """Any bytes: a damaged file never shows as anything but a ModelError, and what is read is sound."""
    content = tflite.write(everything())
    rng = np.random.default_rng(7)
    refused = 0
    for _ in range(int(os.environ.get("WATCHWORD_EXAMPLES", "500"))):
        damaged = bytearray(content)
        for _ in range(rng.integers(1, 4)):
            damaged[rng.integers(8, len(damaged))] = rng.choice((0, 1, 127, 128, 255, rng.integers(256)))
        try:
            found = tflite.read(bytes(damaged), "bad")
            reference.run(found, samples(found.input.shape, 1))
        except ModelError:
            refused += 1
    assert refused > 100
