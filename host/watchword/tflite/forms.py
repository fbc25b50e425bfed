"""The operations of the graph as operators of a `.tflite` file: code, version, options, and what else they take as inputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import tflite
from numpy.typing import NDArray

from watchword.errors import UnsupportedError
from watchword.graph import (
    Add,
    AveragePool2D,
    Concatenation,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Lookup,
    Margins,
    MaxPool2D,
    Mean,
    Multiply,
    Operation,
    Pad,
    Padding,
    Prelu,
    Reshape,
    ResizeNearestNeighbor,
    Slice,
    Softmax,
    Subtract,
    Svdf,
    Tensor,
    Transpose,
)

_PADDING = {"same": tflite.Padding.SAME, "valid": tflite.Padding.VALID}
_ACTIVATION = {
    "none": tflite.ActivationFunctionType.NONE,
    "relu": tflite.ActivationFunctionType.RELU,
    "relu6": tflite.ActivationFunctionType.RELU6,
    "relu_n1_to_1": tflite.ActivationFunctionType.RELU_N1_TO_1,
}
_UNQUANTIZED = np.empty(0, np.float32)

Option = int | float | bool | str | NDArray[np.int32]


@dataclass(frozen=True)
class Form:
    """code, version: of the operator, the version being that of int8. kind, options: a table of the schema, by its fields.

    inputs: None stands for one that is left out.
    """

    code: int
    version: int
    inputs: Sequence[Tensor | None]
    kind: str | None = None
    options: dict[str, Option] = field(default_factory=dict)


def spelled(op: Operation) -> list[Operation]:
    """What stands in a file for an operation: a convolution whose margins no rule gives is a PAD and a VALID one."""
    if not isinstance(op, Conv2D | DepthwiseConv2D) or not isinstance(op.padding, Margins):
        return [op]
    margins, input = op.padding, op.input
    before, after = (0, margins.top, margins.left, 0), (0, margins.bottom, margins.right, 0)
    shape = tuple(b + size + a for b, size, a in zip(before, input.shape, after, strict=True))
    padded = dataclasses.replace(input, name=f"{op.output.name}/padded", shape=shape)
    pad = Pad(input, padded, before, after, input.zero_point)
    return [pad, dataclasses.replace(op, input=padded, padding="valid")]


def form(op: Operation) -> Form:
    """The operator for one of what `spelled` gives. UnsupportedError: an operation that has no form there."""
    builtin = tflite.BuiltinOperator
    match op:
        case Conv2D():
            bias = _zero_bias(op) if op.bias is None else op.bias
            options = {**_window(op.padding, op.stride), **_dilation(op.dilation), **_fused(op.activation)}
            return Form(builtin.CONV_2D, 3, [op.input, op.weights, bias], "Conv2DOptions", options)
        case DepthwiseConv2D():
            options = {**_window(op.padding, op.stride), "DepthMultiplier": op.multiplier, **_dilation(op.dilation)}
            inputs = [op.input, *op.constants]
            return Form(builtin.DEPTHWISE_CONV_2D, 3, inputs, "DepthwiseConv2DOptions", {**options, **_fused(op.activation)})
        case Dense():
            # Version 4 is int8 with one scale for all weights, 5 keeps axes, 12 is the one with a scale per channel.
            keep = len(op.output.shape) > 2
            version = 12 if op.weights.scale.size > 1 else 5 if keep else 4
            inputs = [op.input, *op.constants]
            options = {**_fused(op.activation), "KeepNumDims": keep}
            return Form(builtin.FULLY_CONNECTED, version, inputs, "FullyConnectedOptions", options)
        case AveragePool2D() | MaxPool2D():
            code = builtin.MAX_POOL_2D if isinstance(op, MaxPool2D) else builtin.AVERAGE_POOL_2D
            size: dict[str, Option] = {"FilterHeight": op.size[0], "FilterWidth": op.size[1]}
            options = {**_window(op.padding, op.stride), **size, **_fused(op.activation)}
            return Form(code, 2, op.inputs, "Pool2DOptions", options)
        case Mean():
            keep = len(op.output.shape) == len(op.input.shape)
            return Form(builtin.MEAN, 2, [op.input, _integers(op, "axes", op.axes)], "ReducerOptions", {"KeepDims": keep})
        case Add():
            return Form(builtin.ADD, 2, op.inputs, "AddOptions", _fused(op.activation))
        case Subtract():
            return Form(builtin.SUB, 2, op.inputs, "SubOptions", _fused(op.activation))
        case Multiply():
            return Form(builtin.MUL, 2, op.inputs, "MulOptions", _fused(op.activation))
        case Prelu():
            return Form(builtin.PRELU, 1, op.inputs)
        case Lookup():
            code = getattr(builtin, op.function.upper())
            if op.function == "leaky_relu":
                return Form(code, 2, op.inputs, "LeakyReluOptions", {"Alpha": op.alpha})
            return Form(code, 1 if op.function == "hard_swish" else 2, op.inputs)
        case Reshape():
            shape = np.array(op.output.shape, np.int32)
            return Form(builtin.RESHAPE, 1, op.inputs, "ReshapeOptions", {"NewShape": shape})
        case Transpose():
            return Form(builtin.TRANSPOSE, 2, [op.input, _integers(op, "permutation", op.permutation)], "TransposeOptions")
        case Concatenation():
            return Form(builtin.CONCATENATION, 2, op.inputs, "ConcatenationOptions", {"Axis": op.axis})
        case Slice():
            # An end before the first place has no number: there it would count from the last.
            mask = sum(1 << axis for axis, end in enumerate(op.end) if end < 0)
            parts = (("begin", op.begin), ("end", op.end), ("strides", op.strides))
            inputs = [op.input, *(_integers(op, name, values) for name, values in parts)]
            return Form(builtin.STRIDED_SLICE, 2, inputs, "StridedSliceOptions", {"EndMask": mask})
        case Pad():
            inputs = [op.input, _integers(op, "paddings", list(zip(op.before, op.after, strict=True)))]
            if op.value == op.output.zero_point:
                return Form(builtin.PAD, 2, inputs, "PadOptions")
            value = np.array([op.value], np.int8)
            scale, zero_point = op.output.scale, op.output.zero_point
            constant = Tensor(f"{op.output.name}/value", (1,), value.dtype, scale, zero_point, data=value)
            return Form(builtin.PADV2, 2, [*inputs, constant], "PadV2Options")
        case ResizeNearestNeighbor():
            options = {"AlignCorners": op.align_corners, "HalfPixelCenters": op.half_pixel_centers}
            version = 3 if op.align_corners or op.half_pixel_centers else 2
            inputs = [op.input, _integers(op, "size", op.output.shape[1:3])]
            return Form(builtin.RESIZE_NEAREST_NEIGHBOR, version, inputs, "ResizeNearestNeighborOptions", options)
        case Softmax():
            return Form(builtin.SOFTMAX, 2, op.inputs, "SoftmaxOptions", {"Beta": op.beta})
        case Svdf():
            # The only activation that LiteRT takes; it does not apply it.
            options = {"Rank": op.rank, **_fused("relu")}
            return Form(builtin.SVDF, 3, [op.input, op.features, op.time, op.bias, op.state], "SVDFOptions", options)
    raise UnsupportedError(f"{op.kind} {op.output.name!r} has no .tflite form here")


def _window(padding: Padding, stride: tuple[int, int]) -> dict[str, Option]:
    assert not isinstance(padding, Margins)
    return {"Padding": _PADDING[padding], "StrideH": stride[0], "StrideW": stride[1]}


def _dilation(dilation: tuple[int, int]) -> dict[str, Option]:
    return {"DilationHFactor": dilation[0], "DilationWFactor": dilation[1]}


def _fused(activation: str) -> dict[str, Option]:
    return {"FusedActivationFunction": _ACTIVATION[activation]}


def _integers(op: Operation, name: str, values: Sequence[object]) -> Tensor:
    """A constant int32 that the operation takes as an input."""
    data = np.array(values, np.int32)
    return Tensor(f"{op.output.name}/{name}", data.shape, data.dtype, _UNQUANTIZED, data=data)


def _zero_bias(op: Conv2D) -> Tensor:
    channels = op.weights.shape[0]
    scale = (op.input.scale * op.weights.scale).astype(np.float32)
    axis = None if scale.size == 1 else 0
    return Tensor(f"{op.output.name}/bias", (channels,), np.dtype(np.int32), scale, 0, axis, np.zeros(channels, np.int32))
