"""The operations of a `.tflite` file as operations of the graph: one function for each kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import tflite

from watchword import reference
from watchword.errors import ModelError, UnsupportedError
from watchword.graph import (
    Activation,
    Add,
    AveragePool2D,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Function,
    Lookup,
    MaxPool2D,
    Mean,
    Multiply,
    Operation,
    Prelu,
    Reshape,
    Rule,
    Softmax,
    Subtract,
    Svdf,
    Tensor,
    extent,
    extents,
)
from watchword.tflite.movement import MOVEMENT
from watchword.tflite.node import Node, axis_within, require
from watchword.tflite.tensors import constant_name, same_quantization


def _conv2d(node: Node) -> Operation:
    input, output = node.single()
    options = node.options(tflite.Conv2DOptions)
    weights = node.weights(rank=4, axis=0)
    channels, height, width, depth = weights.shape
    if len(input.shape) == 4 and depth < input.shape[3] and input.shape[3] % depth == 0:
        raise UnsupportedError(f"its {input.shape[3]} input channels are in groups of {depth}")
    require(input.shape[3:] == (depth,), f"weights {weights.shape} do not fit the input {input.shape}")
    stride, dilation = _stride(options), _dilation(options)
    _require_window(input, output, (height, width), stride, dilation, _padding(options), channels)
    bias = node.bias(channels)
    return Conv2D(input, output, weights, bias, stride, dilation, _padding(options), _activation(options))


def _depthwise_conv2d(node: Node) -> Operation:
    input, output = node.single()
    options = node.options(tflite.DepthwiseConv2DOptions)
    weights = node.weights(rank=4, axis=3)
    batch, height, width, channels = weights.shape
    fits = batch == 1 and len(input.shape) == 4 and channels % input.shape[3] == 0
    require(fits, f"weights {weights.shape} do not fit the input {input.shape}")
    stride, dilation = _stride(options), _dilation(options)
    _require_window(input, output, (height, width), stride, dilation, _padding(options), channels)
    bias = node.bias(channels)
    return DepthwiseConv2D(input, output, weights, bias, stride, dilation, _padding(options), _activation(options))


def _fully_connected(node: Node) -> list[Operation]:
    input, output = node.single(places=True)
    options = node.options(tflite.FullyConnectedOptions)
    if options.WeightsFormat() != tflite.FullyConnectedOptionsWeightsFormat.DEFAULT:
        raise UnsupportedError("its weights are in a shuffled format")
    weights = node.weights(rank=2, axis=0)
    channels, taps = weights.shape
    require(input.size % taps == 0, f"weights {weights.shape} do not fit the input {input.shape}")
    places = input.size // taps
    fits = output.shape[-1] == channels and output.size == places * channels
    require(fits, f"weights {weights.shape} do not fit the output {output.shape}")
    if places == 1 or input.shape[-1] == taps:
        return [Dense(input, output, weights, node.bias(channels), _activation(options))]
    # Places of which each is a part of the last axis, or more than that.
    rows = dataclasses.replace(input, name=f"{output.name}/places", shape=(1, places, taps))
    return [Reshape(input, rows), Dense(rows, output, weights, node.bias(channels), _activation(options))]


def _pool2d(node: Node) -> Operation:
    input, output = node.single()
    options = node.options(tflite.Pool2DOptions)
    size, stride = (options.FilterHeight(), options.FilterWidth()), _stride(options)
    require(len(input.shape) == 4 and min(size) >= 1, f"a window of {size} over the input {input.shape}")
    _require_window(input, output, size, stride, (1, 1), _padding(options), input.shape[3])
    require(same_quantization(input, output), "its input and output differ in scale or zero point")
    kind = MaxPool2D if node.builtin == tflite.BuiltinOperator.MAX_POOL_2D else AveragePool2D
    op = kind(input, output, size, stride, _padding(options), _activation(options))
    return _halves_up(op) if isinstance(op, AveragePool2D) and node.tensors.is_uint8(node.inputs[0]) else op


def _halves_up(op: AveragePool2D) -> Operation:
    """The mean of uint8 rounds halves up, that of int8 away from 0; of an odd number of places there are none.

    Else it is a sum with weights of 64 and a bias of 32, which the scale makes a mean and half a step of its fraction: no half
    is left, and none is so near that the roundings of the scale and of a convolution could matter.
    """
    _, height, width, channels = op.input.shape
    rows, columns = (
        {
            len(range(max(0, at), min(size, at + kernel)))
            for at in range(-along.before, along.output * stride - along.before, stride)
        }
        for size, kernel, stride, along in zip((height, width), op.size, op.stride, extents(op), strict=True)
    )
    if all(count % 2 for count in (*rows, *columns)):
        return op
    count = op.size[0] * op.size[1]
    if (rows, columns) != ({op.size[0]}, {op.size[1]}) or count > 4096 or op.input.scale[0] != op.output.scale[0]:
        raise UnsupportedError(
            "its uint8 windows have an even number of places, and not all as many: convert the model to int8"
        )
    one = np.array([1 / (64 * count)], np.float32)
    data = np.full((1, *op.size, channels), 64, np.int8)
    weights = Tensor(f"{op.output.name}/weights", data.shape, data.dtype, one, data=data)
    halves = np.full(channels, 32, np.int32)
    bias = Tensor(f"{op.output.name}/bias", halves.shape, halves.dtype, (op.input.scale * one).astype(np.float32), data=halves)
    return DepthwiseConv2D(op.input, op.output, weights, bias, op.stride, (1, 1), "valid", op.activation)


def _softmax(node: Node) -> Operation:
    input, output = node.single(places=True)
    beta = float(node.options(tflite.SoftmaxOptions).Beta())
    require(input.shape == output.shape, f"{input.shape} cannot become {output.shape}")
    standard = abs(float(output.scale[0]) * 256 - 1) <= 0.001 and output.zero_point == -128
    require(standard, "the scale of its output is not 1/256 or its zero point not -128")
    # Below this TFLite's fixed-point form does not exist.
    require(beta * float(input.scale[0]) * 2**26 > 1, f"beta {beta} with the input scale {input.scale[0]}")
    return Softmax(input, output, beta)


def _mean(node: Node) -> Operation:
    input, output, axes = _reduced(node)
    op = Mean(input, output, axes)
    reference.mean_multiplier(op)
    return op


def _greatest(node: Node) -> list[Operation]:
    """Over rows and columns of a picture, as Keras' GlobalMaxPooling2D: a pool of one window."""
    input, output, axes = _reduced(node)
    if len(input.shape) != 4 or not axes or not set(axes) <= {1, 2}:
        raise UnsupportedError(f"it is taken along the axes {axes} of {input.shape}: those of rows and columns are possible")
    require(same_quantization(input, output), "its input and output differ in scale or zero point")
    rows, columns = (input.shape[axis] if axis in axes else 1 for axis in (1, 2))
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(input.shape))
    whole = output if output.shape == shape else dataclasses.replace(output, name=f"{output.name}/pooled", shape=shape)
    pool = MaxPool2D(input, whole, (rows, columns), (1, 1), "valid")
    return [pool] if whole is output else [pool, Reshape(whole, output)]


def _reduced(node: Node) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """Input, output, and the axes that the output has as 1 or not at all, without the batch axis."""
    input, output = node.single()
    keep = bool(node.options(tflite.ReducerOptions).KeepDims())
    rank = len(input.shape)
    axes = sorted({axis_within(int(axis), rank) for axis in node.integers(1).ravel()})
    if 0 in axes and not keep:
        raise UnsupportedError("it takes the batch axis away")
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(input.shape) if keep or axis not in axes)
    require(output.shape == shape, f"an output of {output.shape} where {shape} comes out")
    return input, output, tuple(axis for axis in axes if axis > 0)


_BINARY: dict[int, tuple[type[Add | Subtract | Multiply], Any]] = {
    tflite.BuiltinOperator.ADD: (Add, tflite.AddOptions),
    tflite.BuiltinOperator.SUB: (Subtract, tflite.SubOptions),
    tflite.BuiltinOperator.MUL: (Multiply, tflite.MulOptions),
}


def _binary(node: Node) -> Operation:
    require(len(node.inputs) == 2 and len(node.outputs) == 1, f"{len(node.inputs)} inputs and {len(node.outputs)} outputs")
    input, other, output = node.operand(0, places=True), node.operand(1, places=True), node.output(0, places=True)
    if input.data is not None and other.data is not None:
        raise UnsupportedError("both its inputs are constants")
    try:
        shape = np.broadcast_shapes(input.shape, other.shape)
    except ValueError:
        raise ModelError(f"{input.shape} and {other.shape} do not broadcast") from None
    require(output.shape == shape, f"an output of {output.shape} where {shape} comes out")
    kind, options = _BINARY[node.builtin]
    op = kind(input, output, other, _activation(node.options(options)))
    if isinstance(op, Multiply):
        reference.product_multiplier(op)
    else:
        reference.sum_multipliers(op)
    return op


def _prelu(node: Node) -> Operation:
    require(len(node.inputs) == 2, f"{len(node.inputs)} inputs")
    (input, output), slopes = node.single(), node.operand(1)
    if slopes.data is None:
        raise UnsupportedError(f"its slopes {slopes.name!r} are computed where constants are possible")
    require(input.shape == output.shape, f"{input.shape} cannot become {output.shape}")
    sizes = zip(reversed(slopes.shape), reversed(input.shape), strict=False)
    fits = len(slopes.shape) <= len(input.shape) and all(size in (1, whole) for size, whole in sizes)
    require(fits, f"slopes {slopes.shape} do not fit the input {input.shape}")
    op = Prelu(input, output, slopes)
    reference.product_multiplier(op)
    reference.lookup_table("relu", input, output)
    return op


_FUNCTIONS: dict[int, Function] = {
    tflite.BuiltinOperator.RELU: "relu",
    tflite.BuiltinOperator.RELU6: "relu6",
    tflite.BuiltinOperator.LEAKY_RELU: "leaky_relu",
    tflite.BuiltinOperator.HARD_SWISH: "hard_swish",
    tflite.BuiltinOperator.LOGISTIC: "logistic",
    tflite.BuiltinOperator.TANH: "tanh",
    tflite.BuiltinOperator.QUANTIZE: "quantize",
}


def _function(node: Node) -> Operation:
    input, output = node.single(places=True)
    function = _FUNCTIONS[node.builtin]
    alpha = float(node.options(tflite.LeakyReluOptions).Alpha()) if function == "leaky_relu" else 0.0
    if function == "logistic":
        require(float(output.scale[0]) == 1 / 256, "the scale of its output is not 1/256")
    return lookup(function, input, output, alpha)


def lookup(function: Function, input: Tensor, output: Tensor, alpha: float = 0.0) -> Lookup:
    """A function of one value with its table."""
    require(input.shape == output.shape, f"{input.shape} cannot become {output.shape}")
    require(np.isfinite(alpha), f"alpha is {alpha}")
    return Lookup(input, output, function, reference.lookup_table(function, input, output, alpha), alpha)


def _svdf(node: Node) -> Operation:
    input, output = node.single()
    options = node.options(tflite.SVDFOptions)
    # LiteRT takes no other activation.
    if options.FusedActivationFunction() != tflite.ActivationFunctionType.RELU:
        raise UnsupportedError("its fused activation is not RELU, the only one that LiteRT takes")
    features, time = node.weights(2, None, 1), node.weights(2, None, 2, np.int16)
    filters, steps = time.shape
    rank = options.Rank()
    require(rank > 0 and filters % rank == 0, f"{filters} filters of rank {rank}")
    fits = len(input.shape) == 2 and features.shape == (filters, input.shape[1]) and output.shape == (1, filters // rank)
    require(fits, f"filters {features.shape} and {time.shape} do not fit {input.shape} and {output.shape}")
    state = node.tensors.tensor(node.index(4))
    is_state = node.tensors.entry(node.index(4)).IsVariable() and state.data is None and state.zero_point == 0
    if not is_state or state.dtype != np.int16 or state.scale.size != 1:
        raise UnsupportedError(f"its state {state.name!r} is not an int16 variable around 0")
    require(state.shape == (1, filters * steps), f"its state {state.name!r} has the shape {state.shape}")
    op = Svdf(input, output, features, time, node.bias(filters // rank, 3), state, rank)
    reference.svdf_multipliers(op)
    return op


OPERATIONS: dict[int, Callable[[Node], Operation | list[Operation]]] = {
    tflite.BuiltinOperator.AVERAGE_POOL_2D: _pool2d,
    tflite.BuiltinOperator.CONV_2D: _conv2d,
    tflite.BuiltinOperator.DEPTHWISE_CONV_2D: _depthwise_conv2d,
    tflite.BuiltinOperator.FULLY_CONNECTED: _fully_connected,
    tflite.BuiltinOperator.MAX_POOL_2D: _pool2d,
    tflite.BuiltinOperator.MEAN: _mean,
    tflite.BuiltinOperator.PRELU: _prelu,
    tflite.BuiltinOperator.REDUCE_MAX: _greatest,
    tflite.BuiltinOperator.SOFTMAX: _softmax,
    tflite.BuiltinOperator.SVDF: _svdf,
    **MOVEMENT,
    **dict.fromkeys(_BINARY, _binary),
    **dict.fromkeys(_FUNCTIONS, _function),
}
"""What makes the operations of the graph out of an operator of the file."""

_PADDINGS: dict[int, Rule] = {tflite.Padding.SAME: "same", tflite.Padding.VALID: "valid"}
_ACTIVATIONS: dict[int, Activation] = {
    tflite.ActivationFunctionType.NONE: "none",
    tflite.ActivationFunctionType.RELU: "relu",
    tflite.ActivationFunctionType.RELU6: "relu6",
    tflite.ActivationFunctionType.RELU_N1_TO_1: "relu_n1_to_1",
}


def _require_window(
    input: Tensor,
    output: Tensor,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: Rule,
    channels: int,
) -> None:
    """The output has the shape that a window over the input gives."""
    require(min(*stride, *dilation) >= 1, f"stride {stride}, dilation {dilation}")
    rows = extent(input.shape[1], kernel[0], stride[0], dilation[0], padding).output
    columns = extent(input.shape[2], kernel[1], stride[1], dilation[1], padding).output
    expected = (1, rows, columns, channels)
    require(min(expected) >= 1 and output.shape == expected, f"an output of {output.shape} where {expected} comes out")


def _stride(options: Any) -> tuple[int, int]:
    return options.StrideH(), options.StrideW()


def _dilation(options: Any) -> tuple[int, int]:
    return options.DilationHFactor(), options.DilationWFactor()


def _padding(options: Any) -> Rule:
    require(options.Padding() in _PADDINGS, f"padding {options.Padding()}")
    return _PADDINGS[options.Padding()]


def _activation(options: Any) -> Activation:
    value = options.FusedActivationFunction()
    if value not in _ACTIVATIONS:
        raise UnsupportedError(f"its fused activation is {constant_name(tflite.ActivationFunctionType, value)}")
    return _ACTIVATIONS[value]
