"""Which operations get Thumb kernels of their own, and their calls; the others' kernels are the same as everywhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from watchword.compile.lower import CYCLES_PER_CALL, Call, channels, copies, fill
from watchword.compile.lower import lower as lower_anywhere
from watchword.compile.program import PAIRS
from watchword.compile.thumb import pairs
from watchword.compile.thumb.depthwise import lower_depthwise
from watchword.graph import Conv2D, Dense, DepthwiseConv2D, Operation, Tensor, extents
from watchword.reference import activation_range


def lower(op: Operation, first: int = 0, last: int | None = None) -> list[Call]:
    """As watchword.compile.lower.lower, which see."""
    calls: list[Call] | None = None
    match op:
        case DepthwiseConv2D() if op.input.shape[3] == 1:
            as_conv = _one_channel(op)
            scale = as_conv.output.shape[3]
            calls = _pairs(as_conv, first * scale, scale if last is None else last * scale)
        case DepthwiseConv2D():
            call = lower_depthwise(op, first, channels(op) if last is None else last)
            calls = None if call is None else [call]
        case Conv2D() | Dense():
            calls = _pairs(op, first, channels(op) if last is None else last)
    return lower_anywhere(op, first, last) if calls is None else calls


def _one_channel(op: DepthwiseConv2D) -> Conv2D:
    """A depthwise convolution of one channel is a convolution."""
    assert op.weights.data is not None
    data = np.ascontiguousarray(op.weights.data.transpose(3, 1, 2, 0))
    weights = Tensor(op.weights.name, data.shape, data.dtype, op.weights.scale, op.weights.zero_point, 0, data)
    return Conv2D(op.input, op.output, weights, op.bias, op.stride, op.dilation, op.padding, op.activation)


def _pairs(op: Conv2D | Dense, first: int, last: int) -> list[Call] | None:
    """The call of PAIRS, and before it those that put padding around the input; None where it cannot compute the layer."""
    assert op.weights.data is not None
    outputs = op.weights.shape[0]
    source, calls = op.input, []
    if isinstance(op, Dense):
        height, width, depth, out_h, out_w = 1, 1, op.weights.shape[1], 1, 1
        if op.input.size != depth:
            return None
        stride = (1, 1)
    else:
        _, height, width, depth = op.input.shape
        _, out_h, out_w, _ = op.output.shape
        stride = op.stride
        rows, columns = extents(op)
        need_h, need_w = _needed(out_h, op, 0), _needed(out_w, op, 1)
        if rows.before or columns.before or need_h > height or need_w > width:
            source = Tensor(f"{op.input.name}/padded", (1, need_h, need_w, depth), op.input.dtype, op.input.scale)
            calls = _padded(op.input, source, rows.before, columns.before)
            height, width = need_h, need_w
    patch = pairs.patch(op, height, width)
    if patch is None:
        return None
    weights = op.weights.data.astype(np.int64).reshape(outputs, -1)
    bias = np.zeros(outputs, np.int64) if op.bias is None or op.bias.data is None else op.bias.data.astype(np.int64)
    made = pairs.stream(op, weights, bias - op.input.zero_point * weights.sum(1), first, last, patch.segments)
    if made is None:
        return None
    low, high = activation_range(op)
    steps = (stride[1] * depth, stride[0] * width * depth, outputs - (last - first), out_w * outputs)
    parameters = pairs.parameters(made, patch, out_w, steps, low, high, op.output.zero_point, isinstance(op, Dense))
    parameters[1] = first
    cycles = out_h * out_w * pairs.cycles(made, patch)
    scratch = {17: 24 * sum(run.groups for run in made.runs)} if patch.segments > 1 else {}
    chunk = max(1, min(out_h, CYCLES_PER_CALL * out_h // cycles))
    call = Call(PAIRS, out_h, chunk, parameters, {0: source, 1: op.output}, {6: made.content}, scratch, cycles)
    return [*calls, call]


def _needed(outputs: int, op: Conv2D, axis: int) -> int:
    return (outputs - 1) * op.stride[axis] + (op.weights.shape[1 + axis] - 1) * op.dilation[axis] + 1


def _padded(source: Tensor, to: Tensor, top: int, left: int) -> list[Call]:
    """Calls that copy a picture into a frame of its zero point; what does not fit is left away."""
    _, height, width, depth = source.shape
    _, to_height, to_width, _ = to.shape
    rows, columns = min(height, to_height - top), min(width, to_width - left)
    axes = [(rows, width * depth, to_width * depth), (columns * depth, 1, 1)]
    return [fill(to, source.zero_point, to.size), *copies(source, 0, to, (top * to_width + left) * depth, axes)]
