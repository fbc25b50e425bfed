"""Which operations get Thumb kernels of their own, and their calls; the others' kernels are the same as everywhere."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from watchword.compile.lower import CYCLES_PER_CALL, Call, channels, copies, fill
from watchword.compile.lower import lower as lower_anywhere
from watchword.compile.program import PAIRS
from watchword.compile.thumb import pairs
from watchword.compile.thumb.depthwise import lower_depthwise
from watchword.compile.thumb.order import orders
from watchword.graph import Conv2D, Dense, DepthwiseConv2D, Graph, Operation, Tensor, extents
from watchword.reference import activation_range

Weighted = Conv2D | DepthwiseConv2D | Dense
Ints = NDArray[np.int64]


class Lowering:
    """As watchword.compile.lower.lower, which see, for one graph whose channels lie in an order of their own.

    orders: of tensors whose channels are not where the graph has them, the channel that lies in each place.
    """

    def __init__(self, graph: Graph) -> None:
        self.orders = orders(graph)
        self._permuted: dict[Operation, Weighted] = {}

    def __call__(self, op: Operation, first: int = 0, last: int | None = None) -> list[Call]:
        calls: list[Call] | None = None
        match op:
            case Conv2D() | Dense() | DepthwiseConv2D():
                last = channels(op) if last is None else last
                calls = self._weighted(op, first, last)
        return lower_anywhere(op, first, last) if calls is None else calls

    def _weighted(self, op: Weighted, first: int, last: int) -> list[Call]:
        rows, inputs = self.orders.get(op.output), self.orders.get(op.input)
        if isinstance(op, DepthwiseConv2D) and op.input.shape[3] > 1:
            if op not in self._permuted:
                self._permuted[op] = permuted(op, inputs, None)
            ours = self._permuted[op]
            assert isinstance(ours, DepthwiseConv2D)
            # Channels come in the order of the input; each goes to its place.
            places = None if rows is None else np.argsort(rows)[np.arange(len(rows)) if inputs is None else inputs]
            call = lower_depthwise(ours, first, last, places)
            return lower_anywhere(ours, first, last) if call is None else [call]
        per = op.multiplier if isinstance(op, DepthwiseConv2D) else 1
        if op not in self._permuted:
            self._permuted[op] = permuted(_one_channel(op) if isinstance(op, DepthwiseConv2D) else op, rows, inputs)
        ours = self._permuted[op]
        assert isinstance(ours, Conv2D | Dense)
        calls = _pairs(ours, first * per, last * per)
        return lower_anywhere(ours, first * per, last * per) if calls is None else calls


def permuted(op: Weighted, rows: Ints | None, inputs: Ints | None) -> Weighted:
    """The operation with its output channels, and its input channels, in another order; its tensors are the same."""
    if rows is None and inputs is None:
        return op
    assert op.weights.data is not None
    axis = 3 if isinstance(op, DepthwiseConv2D) else 0
    data, scale, bias = op.weights.data, op.weights.scale, op.bias
    if inputs is not None:
        data = data[..., inputs]
    if rows is not None:
        data = np.take(data, rows, axis=axis)
        scale = scale[rows] if len(scale) > 1 else scale
        if bias is not None:
            assert bias.data is not None
            bias = dataclasses.replace(
                bias, data=bias.data[rows], scale=bias.scale[rows] if len(bias.scale) > 1 else bias.scale
            )
    return dataclasses.replace(op, weights=dataclasses.replace(op.weights, data=data, scale=scale), bias=bias)


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
            if depth % 4:
                need_w += -need_w % 4  # rows begin on words, which are copied faster
            source = Tensor(f"{op.input.name}/padded", (1, need_h, need_w, depth), op.input.dtype, op.input.scale)
            calls = _padded(op.input, source, rows.before, columns.before)
            height, width = need_h, need_w
    patch = pairs.patch(op, height, width)
    if patch is None:
        return None
    made = pairs.stream(op, first, last, patch.segments)
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
