"""Which operations get Thumb kernels of their own, and their calls; the others' kernels are the same as everywhere."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from watchword.compile.lower import lower as lower_anywhere
from watchword.compile.lower.call import Call, Parameter
from watchword.compile.lower.movement import copies, fill
from watchword.compile.thumb import packed, packed_bytes
from watchword.compile.thumb.cost import timed
from watchword.compile.thumb.order import orders, tap_order
from watchword.compile.thumb.packed_depthwise import lower_depthwise
from watchword.graph import Conv2D, Dense, DepthwiseConv2D, Graph, Operation, Tensor, Weighted, extents
from watchword.kernels import PACKED, PACKED_BYTES, Kernel
from watchword.reference import activation_range

Ints = NDArray[np.int64]

_TWO, _FOUR = "packed", "packed_bytes"  # kernels with so many weights in a word
_FRAMED = 4096  # bytes of a picture that is copied into a frame of padding as a whole
_CYCLES_PER_HALF = 0.5  # at a run, that may be spent on a byte of RAM which PACKED_BYTES saves
_FREE = 4096  # bytes that PACKED may take more than CONVOLUTION; a layer whose weights are used once gains little from more,
_CYCLES_PER_BYTE = 8  # since they also have to be sent, kept and read


class Lowering:
    """As watchword.compile.lower.lower, which see, for one graph whose channels lie in an order of their own.

    orders: of tensors whose channels are not where the graph has them, the channel that lies in each place.
    """

    def __init__(self, graph: Graph) -> None:
        self.orders = orders(graph)
        self._permuted: dict[Operation, Weighted] = {}
        self._kernels: dict[Operation, tuple[str, ...]] = {}  # the packed ones that may compute it, the best first
        self._narrow: frozenset[Operation] = frozenset()  # what is computed by the last of these

    def narrowed(self, op: Operation) -> Lowering | None:
        """As watchword.compile.schedule.Lowering has it."""
        if self._kernels.get(op) != (_TWO, _FOUR) or op in self._narrow:
            return None
        narrow = copy.copy(self)
        narrow._narrow = self._narrow | {op}
        return narrow

    def __call__(self, op: Operation, first: int = 0, last: int | None = None) -> list[Call]:
        calls: list[Call] | None = None
        match op:
            case Weighted():
                last = op.parts if last is None else last
                calls = self._weighted(op, first, last)
        return lower_anywhere(op, first, last) if calls is None else calls

    def timed(self, call: Call) -> Call:
        """With its cycles, and as many rows at once as take no longer than a call may."""
        return timed(call)

    def _weighted(self, op: Weighted, first: int, last: int) -> list[Call]:
        rows, inputs = self.orders.get(op.output), self.orders.get(op.input)
        if isinstance(op, DepthwiseConv2D) and op.input.shape[3] > 1:
            if op not in self._permuted:
                self._permuted[op] = permuted(op, inputs, None)
            ours = self._permuted[op]
            assert isinstance(ours, DepthwiseConv2D)
            # Channels come in the order of the input; each goes to its place.
            come = np.arange(op.parts) if inputs is None else inputs
            places = come if rows is None else np.argsort(rows)[come]
            call = lower_depthwise(ours, first, last, places)
            return lower_anywhere(ours, first, last) if call is None else [call]
        per = op.multiplier if isinstance(op, DepthwiseConv2D) else 1
        if op not in self._permuted:
            self._permuted[op] = permuted(_one_channel(op) if isinstance(op, DepthwiseConv2D) else op, rows, inputs)
        ours = self._permuted[op]
        assert isinstance(ours, Conv2D | Dense)
        assert ours.weights.data is not None
        source = op if inputs is None and not isinstance(op, DepthwiseConv2D) else ours  # has the same taps
        makers: dict[str, CallOf] = {_TWO: partial(_two_in_a_word, taps=partial(tap_order, source)), _FOUR: _four_in_a_word}
        if op not in self._kernels:
            self._kernels[op] = _choice(ours, makers)
        if kernels := self._kernels[op]:
            calls = _packed(ours, first * per, last * per, makers[kernels[-1 if op in self._narrow else 0]])
            assert calls is not None  # parts of what it can compute it can compute
            return calls
        return lower_anywhere(ours, first * per, last * per)


def _choice(op: Conv2D | Dense, makers: Mapping[str, CallOf]) -> tuple[str, ...]:
    """The packed kernels that are worth their bytes for a layer. PACKED_BYTES comes first where it costs hardly any time."""
    others = lower_anywhere(op)
    made = {kernel: _packed(op, 0, op.weights.shape[0], maker) for kernel, maker in makers.items()}
    worth = {kernel: calls for kernel, calls in made.items() if calls is not None and _worth(calls, others)}
    if worth.keys() == {_TWO, _FOUR}:
        two, four = worth[_TWO], worth[_FOUR]
        if _cycles(four) - _cycles(two) <= _CYCLES_PER_HALF * (_bytes(two) - _bytes(four)):
            return (_FOUR,)
    return tuple(worth)


def _worth(calls: list[Call], others: list[Call]) -> bool:
    """Whether the calls of a packed kernel save enough time for the bytes that they take more than the others."""
    return _cycles(others) - _cycles(calls) > _CYCLES_PER_BYTE * max(0, _bytes(calls) - _bytes(others) - _FREE)


def _cycles(calls: list[Call]) -> int:
    return sum(timed(call).cycles for call in calls)


def _bytes(calls: list[Call]) -> int:
    return sum(4 * _words(call) + sum(map(len, call.constants.values())) for call in calls)


def _words(call: Call) -> int:
    return len(call.kernel.fields) + sum(len(fields) for _, fields in call.more)


def permuted(op: Weighted, rows: Ints | None, inputs: Ints | None) -> Weighted:
    """The operation with its output channels, and its input channels, in another order; its tensors are the same."""
    if rows is None and inputs is None:
        return op
    assert op.weights.data is not None
    axis = op.channel_axis
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


def _packed(op: Conv2D | Dense, first: int, last: int, call_of: CallOf) -> list[Call] | None:
    """The calls of a packed kernel, and before them those that put padding around what is read; None: it cannot compute it.

    call_of: makes the call for an area.
    """
    if isinstance(op, Dense):
        return _calls(op, first, last, call_of, [_Area(op.input, op.places, 1, (0, op.places), (0, 1))])
    _, height, width, depth = op.input.shape
    _, out_h, out_w, _ = op.output.shape
    rows, columns = extents(op)
    inside = (_inside(op, 0, rows.before), _inside(op, 1, columns.before))
    if inside == ((0, out_h), (0, out_w)):
        return _calls(op, first, last, call_of, [_Area(op.input, height, width, inside[0], inside[1])])
    if op.input.size <= _FRAMED or any(begin >= end for begin, end in inside):
        bands = [((0, out_h), (0, out_w))]
        areas = []
    else:  # a picture is read where it is, and only what is read of its edges has padding
        (top, bottom), (left, right) = inside
        bands = [((0, top), (0, out_w)), ((bottom, out_h), (0, out_w)), (inside[0], (0, left)), (inside[0], (right, out_w))]
        begin = top * op.stride[0] - rows.before, left * op.stride[1] - columns.before
        areas = [_Area(op.input, height, width, inside[0], inside[1], *begin)]
    for (y, y_end), (x, x_end) in bands:
        if y < y_end and x < x_end:
            need_h, need_w = _needed(y_end - y, op, 0), _needed(x_end - x, op, 1)
            if depth % 4:
                need_w += -need_w % 4  # rows begin on words, which are copied faster
            frame = Tensor(f"{op.input.name}/padded", (1, need_h, need_w, depth), op.input.dtype, op.input.scale)
            begin = y * op.stride[0] - rows.before, x * op.stride[1] - columns.before
            areas.append(_Area(frame, need_h, need_w, (y, y_end), (x, x_end), copied=_framed(op.input, frame, *begin)))
    return _calls(op, first, last, call_of, areas)


@dataclass(frozen=True)
class _Area:
    """Outputs whose patches lie in a tensor of height and width: rows and columns of them, (first, end).

    top, left: where the first patch begins. copied: calls that bring there what is read.
    """

    source: Tensor
    height: int
    width: int
    rows: tuple[int, int]
    columns: tuple[int, int]
    top: int = 0
    left: int = 0
    copied: list[Call] = field(default_factory=list)

    def begin(self, op: Conv2D | Dense) -> int:
        """The byte of the tensor at which the first patch begins."""
        return (self.top * self.width + self.left) * packed.depth(op)


CallOf = Callable[[Conv2D | Dense, int, int, _Area], Call | None]
"""Makes a packed kernel's call for outputs of an area; None where the kernel cannot compute them."""


def _calls(op: Conv2D | Dense, first: int, last: int, call_of: CallOf, areas: list[_Area]) -> list[Call] | None:
    calls: list[Call] = []
    for area in areas:
        call = call_of(op, first, last, area)
        if call is None:
            return None
        if calls:
            call.groupings = {}  # the same outputs elsewhere in the picture
        calls += [*area.copied, call]
    return calls


def _two_in_a_word(op: Conv2D | Dense, first: int, last: int, area: _Area, taps: Callable[[int], Ints]) -> Call | None:
    """The call of PACKED for an area."""
    patch = packed.patch(op, area.width, area.begin(op), taps)
    made = packed.stream(op, first, last, patch) if patch else None
    if patch is None or made is None:
        return None
    call = _call(PACKED, op, first, last, area, packed.cycles(made, patch), made, patch)
    call.parameters["segments"] = patch.segments
    call.scratch = {"sums": 24 * sum(run.groups for run in made.runs)} if patch.segments > 1 else {}
    call.more = packed.records(made, patch)
    call.groupings = packed.groupings(made)
    return call


def _four_in_a_word(op: Conv2D | Dense, first: int, last: int, area: _Area) -> Call | None:
    """The call of PACKED_BYTES for an area."""
    patch = packed_bytes.patch(op, area.width, area.begin(op))
    if patch is None:
        return None
    made = packed_bytes.stream(op, first, last, patch)
    call = _call(PACKED_BYTES, op, first, last, area, packed_bytes.cycles(made, patch), made, patch)
    call.scratch = {"window": 4 * patch.taps}
    call.more = packed_bytes.records(made, patch)
    call.groupings = packed_bytes.groupings(made, patch)
    return call


def _call(
    kernel: Kernel,
    op: Conv2D | Dense,
    first: int,
    last: int,
    area: _Area,
    cycles: int,
    made: packed.Stream | packed_bytes.Stream,
    patch: packed.Patch | packed_bytes.Patch,
) -> Call:
    """What both kernels take alike: PATCHES of their contracts. cycles: of a pixel."""
    outputs, depth = op.weights.shape[0], packed.depth(op)
    low, high = activation_range(op)
    out_w = 1 if isinstance(op, Dense) else op.output.shape[2]
    stride = (1, 1) if isinstance(op, Dense) else op.stride
    (y, y_end), (x, x_end) = area.rows, area.columns
    height, width = y_end - y, x_end - x
    parameters = {
        "input": area.begin(op),
        "output": (y * out_w + x) * outputs + first,
        "shift": made.shift,
        "minimum": low + 128,
        "maximum": high + 128,
        "zero_point": op.output.zero_point + 128,
        "taps": patch.taps,
        "columns": width,
        "input_column_step": stride[1] * depth,
        "input_row_step": stride[0] * area.width * depth,
        "output_gap": outputs - (last - first),
        "output_row_step": out_w * outputs,
        "has_table": int(patch.places is not None),
        "round_once": int(isinstance(op, Dense)),
        "runs": len(made.runs),
    }
    tensors: dict[Parameter, Tensor] = {"input": area.source, "output": op.output}
    constants: dict[Parameter, bytes] = {"stream": made.content}
    return Call(kernel, height, height, parameters, tensors, constants, cycles=400 + height * (35 + width * cycles))


def _needed(outputs: int, op: Conv2D, axis: int) -> int:
    return (outputs - 1) * op.stride[axis] + (op.weights.shape[1 + axis] - 1) * op.dilation[axis] + 1


def _inside(op: Conv2D, axis: int, before: int) -> tuple[int, int]:
    """(first, end) of the outputs along an axis that see no padding."""
    size, stride, outputs = op.input.shape[1 + axis], op.stride[axis], op.output.shape[1 + axis]
    begin = -(-before // stride)
    end = (size + before - _needed(1, op, axis)) // stride + 1
    return min(begin, outputs), max(0, min(end, outputs))


def _framed(source: Tensor, to: Tensor, top: int, left: int) -> list[Call]:
    """Calls that copy what a picture has from (top, left) on into another tensor, with its zero point where it has nothing."""
    _, height, width, depth = source.shape
    _, to_height, to_width, _ = to.shape
    skip_h, skip_w = max(-top, 0), max(-left, 0)
    rows = min(height, top + to_height) - max(top, 0)
    columns = min(width, left + to_width) - max(left, 0)
    calls = [fill(to, source.zero_point, to.size)]
    if rows > 0 and columns > 0:
        axes = [(rows, width * depth, to_width * depth), (columns * depth, 1, 1)]
        begin = (max(top, 0) * width + max(left, 0)) * depth
        calls += copies(source, begin, to, (skip_h * to_width + skip_w) * depth, axes)
    return calls
