"""From operations to calls of kernels: firmware/watchword/kernels/__init__.py says what each parameter is."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from watchword.compile.program import (
    ADD,
    AVERAGE_POOL,
    CONV,
    COPY,
    DEPTHWISE,
    FILL,
    LOOKUP,
    MAX_POOL,
    MEAN,
    MULTIPLY,
    SOFTMAX,
    SVDF,
)
from watchword.errors import UnsupportedError
from watchword.graph import (
    Add,
    AveragePool2D,
    Concatenation,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Lookup,
    MaxPool2D,
    Mean,
    Multiply,
    Operation,
    Pad,
    Reshape,
    Slice,
    Softmax,
    Subtract,
    Svdf,
    Tensor,
    Transpose,
    extents,
)
from watchword.reference import (
    activation_range,
    mean_multiplier,
    multiply_by_quantized_multiplier,
    multiply_rounding_once,
    product_multiplier,
    rescale,
    softmax_exponentials,
    sum_multipliers,
    svdf_multipliers,
)

Weighted = Conv2D | DepthwiseConv2D | Dense

_AT_ONCE = 64  # sums that an element-wise kernel holds at once
_ROW = 2048  # values in a row of an operation whose shape does not matter
_SUMS = 1 << 29  # below this, the kernels' products fit the pieces that they are made of; real layers stay far below
_NESTS = 256  # calls of a kernel for one operation of many axes; each is 160 bytes of RAM
_SOFTMAX = 2047  # values that its kernel takes

# Cycles of the viper kernels on a Cortex-M0+: how many rows fit into one call of about 8 ms at 125 MHz.
_CYCLES_PER_MAC, _CYCLES_PER_TAP, _CYCLES_PER_OUTPUT, _CYCLES_PER_BYTE, CYCLES_PER_CALL = 30, 130, 300, 40, 1_000_000


@dataclass
class Call:
    """A kernel and its parameters, whose addresses are not known yet.

    parameters: those named below hold an offset within what they refer to. tensors, scratch: parameter -> tensor, or bytes of
    work space. constants: parameter -> bytes that lie in the constants. cycles: of all rows, by a
    Thumb kernel; 0: there is none, or it is not known.
    """

    kernel: int
    rows: int
    chunk: int
    parameters: list[int]
    tensors: dict[int, Tensor] = field(default_factory=dict)
    constants: dict[int, bytes] = field(default_factory=dict)
    scratch: dict[int, int] = field(default_factory=dict)
    cycles: int = 0


def lower(op: Operation, first: int = 0, last: int | None = None) -> list[Call]:
    """The calls that compute an operation. first, last: only these of its `channels`.

    Raises UnsupportedError naming the operation that no kernel computes, and why.
    """
    if any(tensor.data is not None for tensor in op.inputs) and all(tensor.data is not None for tensor in op.inputs):
        raise UnsupportedError(f"{op.output.name}: {op.kind} of constants only; simplification computes it on the host")
    match op:
        case Conv2D() | DepthwiseConv2D() | Dense():
            return [_convolution(op, first, channels(op) if last is None else last)]
        case AveragePool2D() | MaxPool2D():
            return [_pool(op)]
        case Mean():
            return _mean(op)
        case Add() | Subtract():
            return _add(op)
        case Multiply():
            return _multiply(op)
        case Lookup():
            return [_lookup(op)]
        case Reshape():
            return []
        case Transpose():
            steps = _steps(op.input.shape)
            moved = [steps[axis] for axis in op.permutation]
            return copies(op.input, 0, op.output, 0, zip(op.output.shape, moved, _steps(op.output.shape), strict=True))
        case Slice():
            steps = _steps(op.input.shape)
            begin = sum(b * step for b, step in zip(op.begin, steps, strict=True))
            strided = [s * step for s, step in zip(op.strides, steps, strict=True)]
            sizes = [len(range(*places)) for places in zip(op.begin, op.end, op.strides, strict=True)]
            dense = _steps(sizes)
            return copies(op.input, begin, op.output, 0, zip(sizes, strided, dense, strict=True))
        case Pad():
            steps = _steps(op.output.shape)
            begin = sum(b * step for b, step in zip(op.before, steps, strict=True))
            axes = zip(op.input.shape, _steps(op.input.shape), steps, strict=True)
            return [fill(op.output, op.value, op.output.size), *copies(op.input, 0, op.output, begin, axes)]
        case Concatenation():
            return _concatenation(op)
        case Softmax():
            return [_softmax(op)]
        case Svdf():
            return [_svdf(op)]
    raise UnsupportedError(f"{op.output.name}: no kernel for {op.kind}")


class Portable:
    """Makes the calls of the kernels that run on every chip. Channels lie where the graph has them."""

    orders: Mapping[Tensor, NDArray[np.int64]] = MappingProxyType({})

    def __call__(self, op: Operation, first: int = 0, last: int | None = None) -> list[Call]:
        return lower(op, first, last)

    def timed(self, call: Call) -> Call:
        return call


def channels(op: Operation) -> int:
    """Into how many parts an operation can be cut, each with its own weights."""
    match op:
        case Conv2D() | Dense():
            return op.weights.shape[0]
        case DepthwiseConv2D():
            return op.input.shape[3]
    return 1


def in_place(op: Operation) -> list[Tensor]:
    """Inputs whose place the output may take, value by value, where nobody reads them afterwards."""
    if isinstance(op, Lookup):
        return [op.input]
    if isinstance(op, Add | Subtract | Multiply):
        return [tensor for tensor in op.inputs if tensor.data is None and tensor.size == op.output.size]
    return []


def reset(place: Tensor, value: NDArray[np.int8]) -> Call:
    """The call that gives a state its first value."""
    if value.size and (value == value.flat[0]).all():
        return fill(place, int(value.flat[0]), place.size)
    return Call(COPY, 1, 1, [0, 0, 1, 1, 1, value.size, 0, 0, 0, 1, 0, 0, 0, 1], {1: place}, {0: value.tobytes()})


def fill(place: Tensor, value: int, size: int) -> Call:
    """The call that sets all bytes of a tensor to an int8 value."""
    return Call(FILL, 1, 1, [0, 0, value + 128, size], {1: place})


def move(source: Tensor, destination: Tensor) -> list[Call]:
    """The calls that copy a tensor, or a constant, to another of the same size."""
    return copies(source, 0, destination, 0, [(source.size, 1, 1)])


def rows_at_once(rows: int, cycles: int) -> int:
    """Into how many rows a step is cut, so that no call takes much longer than it may, nor one much longer than another."""
    chunk = -(-rows // max(1, -(-cycles // CYCLES_PER_CALL)))
    return max(1, min(chunk, CYCLES_PER_CALL * 6 // 5 * rows // max(cycles, 1)))


# ---- sums that are brought back to int8


def _rescale(
    op: Operation, bias: Sequence[int], multiplier: Sequence[int], shift: Sequence[int], greatest: Sequence[int]
) -> bytes:
    """Four int32 for each channel. greatest: of the sums' magnitudes, bias included.

    Raises UnsupportedError where those are too great for the kernels.
    """
    packed = b""
    for b, m, s, g in zip(bias, multiplier, shift, greatest, strict=True):
        left, right = max(s, 0), max(-s, 0)
        if g << left >= _SUMS:
            raise UnsupportedError(f"{op.output.name}: {op.kind} whose sums may reach 2^29: the kernels hold less")
        if right > 29:  # less than a half of one step, whatever the sum
            m = right = 0
        packed += struct.pack("<4i", b, m, left, right)
    return packed


def _head(op: Operation, low: int, high: int, step: int = 0, rounding: int = 0) -> list[int]:
    """The nine parameters that kernels with sums share."""
    return [0, 0, low + 128, high + 128, op.output.zero_point + 128, 0, step, 0, rounding]


def _kernel_size(op: Weighted) -> tuple[int, int]:
    return (1, 1) if isinstance(op, Dense) else (op.weights.shape[1], op.weights.shape[2])


def _convolution(op: Weighted, first: int, last: int) -> Call:
    low, high = activation_range(op)
    kernel_h, kernel_w = _kernel_size(op)
    if isinstance(op, Dense):
        # A dense layer is a convolution of one tap over as many channels as it has inputs.
        (height, width, depth), (out_h, out_w, outputs) = (1, 1, op.weights.shape[1]), (1, 1, op.weights.shape[0])
        stride = dilation = (1, 1)
        top = left = 0
        if op.input.size != depth:
            raise UnsupportedError(
                f"{op.output.name}: Dense of {depth} inputs on a tensor of {op.input.size}: batches are not had"
            )
    else:
        _, height, width, depth = op.input.shape
        _, out_h, out_w, outputs = op.output.shape
        stride, dilation = op.stride, op.dilation
        top, left = (window.before for window in extents(op))
    # A depthwise convolution of one channel is a convolution, whose kernel is the faster.
    depthwise = isinstance(op, DepthwiseConv2D) and depth > 1
    taps = kernel_h * kernel_w
    if isinstance(op, DepthwiseConv2D):
        inputs = last - first
        begin, end = first * op.multiplier, last * op.multiplier
    else:
        inputs = depth
        begin, end = first, last
    patch = -(-taps * inputs // 8) * 8  # eight are taken at once
    constants = _weights(op, begin, end, patch, depthwise)
    parameters = _head(op, low, high, 16, int(isinstance(op, Dense)))
    parameters[0] = first if depthwise else 0
    parameters[1] = begin
    parameters += [height, width, inputs, out_h, out_w, end - begin, kernel_h, kernel_w, *stride, top, left, *dilation]
    parameters += [op.input.zero_point + 128, 0, 0, patch, depth, outputs]
    share = (end - begin) / outputs
    per_mac = _CYCLES_PER_TAP if depthwise else _CYCLES_PER_MAC
    cycles = int(share * (op.macs * per_mac + op.output.size * _CYCLES_PER_OUTPUT))
    return Call(
        DEPTHWISE if depthwise else CONV,
        out_h,
        rows_at_once(out_h, cycles),
        parameters,
        {0: op.input, 1: op.output},
        constants,
        {7: 4 * (end - begin), 25: patch},
    )


def _weights(op: Weighted, begin: int, end: int, patch: int, depthwise: bool) -> dict[int, bytes]:
    """Weights and rescale of some output channels, biases with the input's zero point folded in."""
    assert op.weights.data is not None
    outputs = op.output.shape[-1]
    weights: NDArray[np.int64] = op.weights.data.astype(np.int64)
    weights = weights.reshape(-1, outputs).T if isinstance(op, DepthwiseConv2D) else weights.reshape(outputs, -1)
    weights = weights[begin:end]
    multiplier, shift = (numbers[begin:end].astype(np.int64) for numbers in _factors(op))
    bias = np.zeros(outputs, np.int64) if op.bias is None or op.bias.data is None else op.bias.data.astype(np.int64)
    bias = bias[begin:end]
    greatest = np.abs(bias) + 255 * np.abs(weights).sum(1)
    constant = (greatest << np.maximum(shift, 0)) >= _SUMS
    if constant.any():
        weights, bias, multiplier, shift, greatest = _constant_channels(
            op, constant, weights, bias, multiplier, shift, greatest
        )
    packed = np.zeros((len(weights), weights.shape[1] if depthwise else patch), np.uint8)
    packed[:, : weights.shape[1]] = weights + 128
    folded = bias - (op.input.zero_point + 128) * weights.sum(1)
    numbers = (folded, multiplier, shift, greatest)
    return {24: packed.tobytes(), 5: _rescale(op, *([int(v) for v in row] for row in numbers))}


_factors = lru_cache(maxsize=64)(rescale)  # an operation may be lowered in many parts


def _constant_channels(op: Weighted, which: NDArray[np.bool_], *channels: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Channels whose sums are too great for the kernels, but whose output is the same for the least and the greatest sum.

    Then it is that for all sums, since the rescale is monotone; such a channel gets no weights and its output as bias. Trained
    networks have many of them: dead ones with a tiny scale, in which a bias is a huge number. Channels that are not constant
    stay as they are. channels: weights (channels, taps), bias, multiplier, shift, greatest.
    """
    weights, bias, multiplier, shift, greatest = (numbers.copy() for numbers in channels)
    low, high = activation_range(op)
    once = isinstance(op, Dense)
    zero = op.input.zero_point
    for c in np.flatnonzero(which):
        ends = np.stack([weights[c] * (-128 - zero), weights[c] * (127 - zero)])
        sums = np.array([ends.min(0).sum(), ends.max(0).sum()]) + bias[c]
        if np.abs(sums).max() << max(int(shift[c]), 0) >= 1 << 31:
            continue  # it wraps, and is not monotone
        rescaled = (multiply_rounding_once if once else multiply_by_quantized_multiplier)(sums, multiplier[c], shift[c])
        least, most = np.clip(rescaled + op.output.zero_point, low, high)
        if least == most:
            # times 2 and 2^30 / 2^31 is times 1
            weights[c], bias[c], multiplier[c], shift[c], greatest[c] = 0, least - op.output.zero_point, 1 << 30, 1, 255
    return weights, bias, multiplier, shift, greatest


def _pool(op: AveragePool2D | MaxPool2D) -> Call:
    _, height, width, depth = op.input.shape
    _, out_h, out_w, _ = op.output.shape
    low, high = activation_range(op)
    top, left = (window.before for window in extents(op))
    parameters = [0, 0, low + 128, high + 128, 0, 0, 0, 0, 0]
    parameters += [height, width, depth, out_h, out_w, depth, *op.size, *op.stride, top, left]
    cycles = op.output.size * (op.size[0] * op.size[1] * _CYCLES_PER_BYTE + _CYCLES_PER_OUTPUT)
    kernel = AVERAGE_POOL if isinstance(op, AveragePool2D) else MAX_POOL
    return Call(kernel, out_h, rows_at_once(out_h, cycles), parameters, {0: op.input, 1: op.output})


def _mean(op: Mean) -> list[Call]:
    """The axes of the mean are brought together, in front of the others that are not in front of all of them anyway."""
    multiplier, shift = mean_multiplier(op)
    axes = [axis for axis, size in enumerate(op.input.shape) if size > 1]
    reduced = [axis for axis in axes if axis in op.axes]
    kept = [axis for axis in axes if axis not in op.axes]
    front = [axis for axis in kept if not reduced or axis < reduced[0]]
    order = [*front, *reduced, *(axis for axis in kept if axis not in front)]
    calls: list[Call] = []
    source = op.input
    if order != axes:
        shape = tuple(op.input.shape[axis] for axis in order)
        source = Tensor(f"{op.input.name}/transposed", shape, op.input.dtype, op.input.scale, op.input.zero_point)
        steps = _steps(op.input.shape)
        calls = copies(op.input, 0, source, 0, zip(shape, [steps[axis] for axis in order], _steps(shape), strict=True))
    rows = math.prod(op.input.shape[axis] for axis in front)
    places = math.prod(op.input.shape[axis] for axis in reduced)
    values = op.output.size // rows
    tile = min(values, _AT_ONCE)
    bias = -(op.input.zero_point + 128) * places
    constants = {5: _rescale(op, [bias], [multiplier], [shift], [255 * places])}
    cycles = op.input.size * _CYCLES_PER_BYTE + op.output.size * _CYCLES_PER_OUTPUT
    parameters = [*_head(op, -128, 127), places, values, tile]
    call = Call(MEAN, rows, rows_at_once(rows, cycles), parameters, {0: source, 1: op.output}, constants, {7: 4 * tile})
    return [*calls, call]


def _add(op: Add | Subtract) -> list[Call]:
    """Each input is looked up in a table of what its values add to the sum."""
    first, second, (multiplier, shift) = sum_multipliers(op)
    q = np.arange(-128, 128, dtype=np.int64)
    a = multiply_by_quantized_multiplier((q - op.input.zero_point) << 20, *first)
    b = multiply_by_quantized_multiplier((q - op.other.zero_point) << 20, *second)
    if isinstance(op, Subtract):
        b = -b
    tables = [(op.input, a), (op.other, b)]
    if op.input.data is not None:  # a sum has no order: the kernel wants the constant last
        tables.reverse()
    greatest = int(np.abs(a).max() + np.abs(b).max())
    constants = {index: table.astype("<i4").tobytes() for index, (_, table) in zip((22, 23), tables, strict=True)}
    constants[5] = _rescale(op, [0], [multiplier], [shift], [greatest])
    return _binary(ADD, op, tables[0][0], tables[1][0], constants, (0, 0))


def _multiply(op: Multiply) -> list[Call]:
    multiplier, shift = product_multiplier(op)
    input, other = (op.input, op.other) if op.input.data is None else (op.other, op.input)
    greatest = max(abs(q - op.input.zero_point) for q in (-128, 127)) * max(abs(q - op.other.zero_point) for q in (-128, 127))
    constants = {5: _rescale(op, [0], [multiplier], [shift], [greatest])}
    return _binary(MULTIPLY, op, input, other, constants, (input.zero_point + 128, other.zero_point + 128))


def _binary(
    kernel: int,
    op: Add | Subtract | Multiply,
    input: Tensor,
    other: Tensor,
    constants: dict[int, bytes],
    last: tuple[int, int],
) -> list[Call]:
    """The calls of ADD or MULTIPLY: one, or as many as axes beyond four make necessary. last: parameters 22 and 23."""
    low, high = activation_range(op)
    calls = []
    shape = op.output.shape
    axes = zip(shape, _broadcast(input.shape, shape), _broadcast(other.shape, shape), _steps(shape), strict=True)
    for sizes, (at, other_at, output_at), (steps, other_steps, _) in _nests(op.output, axes, 3):
        rows = sizes[0]
        tile = min(sizes[3], _AT_ONCE)
        parameters = [*_head(op, low, high), other_at, int(other.data is not None)]
        parameters += [*sizes[1:], *steps, *other_steps, *last, tile]
        parameters[0], parameters[1] = at, output_at
        call = Call(kernel, rows, 1, parameters, {0: input, 1: op.output}, dict(constants), {7: 4 * tile})
        call.chunk = rows_at_once(rows, math.prod(sizes) * _CYCLES_PER_OUTPUT)
        if other.data is None:
            call.tensors[9] = other
        else:
            call.constants[9] = other.data.astype(np.int8).tobytes()
        calls.append(call)
    return calls


def _lookup(op: Lookup) -> Call:
    rows = math.prod(op.output.shape)
    values = 1
    for size in reversed(op.output.shape):
        if values * size > _ROW:
            break
        values *= size
        rows //= size
    chunk = rows_at_once(rows, op.output.size * _CYCLES_PER_BYTE)
    return Call(LOOKUP, rows, chunk, [0, 0, values, 0], {0: op.input, 1: op.output}, {3: op.table.tobytes()})


def _softmax(op: Softmax) -> Call:
    depth = op.input.shape[-1]
    if depth > _SOFTMAX:
        raise UnsupportedError(f"{op.output.name}: Softmax over {depth} values; the kernel takes at most {_SOFTMAX}")
    rows = op.input.size // depth
    table = softmax_exponentials(op).astype("<i4").tobytes()
    chunk = rows_at_once(rows, op.output.size * 4 * _CYCLES_PER_OUTPUT)
    return Call(SOFTMAX, rows, chunk, [0, 0, depth, 0, 0], {0: op.input, 1: op.output}, {3: table}, {4: 4 * (4 + depth)})


def _svdf(op: Svdf) -> Call:
    assert op.features.data is not None
    assert op.time.data is not None
    to_state, to_output = svdf_multipliers(op)
    filters, inputs = op.features.shape
    units, steps = op.output.shape[-1], op.time.shape[1]
    features = op.features.data.astype(np.int64)
    patch = -(-inputs // 8) * 8
    packed = np.zeros((filters, patch), np.uint8)
    packed[:, :inputs] = features + 128
    folded = -(op.input.zero_point + 128) * features.sum(1)
    bias = np.zeros(units, np.int64) if op.bias is None or op.bias.data is None else op.bias.data
    constants = {
        5: _full_rescale(bias, to_output),
        13: packed.tobytes(),
        14: op.time.data.astype("<i2").tobytes(),
        16: _full_rescale(folded, to_state),
    }
    parameters = [*_head(op, -128, 127, 16), inputs, units, op.rank, steps, 0, 0, 0, 0, 0, patch]
    scratch = {7: 4 * units, 17: patch}
    return Call(SVDF, 1, 1, parameters, {0: op.input, 1: op.output, 15: op.state}, constants, scratch)


def _full_rescale(bias: NDArray[np.generic], rescale: tuple[int, int]) -> bytes:
    """Four int32 for each channel, as `_rescale`, of sums that may be any int32: their kernel multiplies in full, and wraps."""
    multiplier, shift = rescale
    return b"".join(struct.pack("<4i", int(b), multiplier, max(shift, 0), max(-shift, 0)) for b in bias)


# ---- bytes that only move


def _concatenation(op: Concatenation) -> list[Call]:
    calls = []
    steps = _steps(op.output.shape)
    at = 0
    for tensor in op.inputs:
        axes = zip(tensor.shape, _steps(tensor.shape), steps, strict=True)
        calls += copies(tensor, 0, op.output, at * steps[op.axis], axes)
        at += tensor.shape[op.axis]
    return calls


def copies(source: Tensor, source_at: int, output: Tensor, output_at: int, axes: Iterable[tuple[int, int, int]]) -> list[Call]:
    """Calls of COPY. axes: (size, bytes from place to place of the source, the same of the output), outermost first."""
    calls = []
    for sizes, (at, to), (steps, output_steps) in _nests(output, axes, 2):
        rows = sizes[0]
        parameters = [source_at + at, output_at + to, int(source.data is not None), *sizes[1:], *steps, *output_steps]
        call = Call(COPY, rows, 1, parameters, {1: output})
        call.chunk = rows_at_once(rows, math.prod(sizes) * _CYCLES_PER_BYTE)
        if source.data is None:
            call.tensors[0] = source
        else:
            call.constants[0] = source.data.astype(np.int8).tobytes()
        calls.append(call)
    return calls


def _steps(shape: Sequence[int]) -> list[int]:
    """Bytes from place to place along each axis of a dense int8 array."""
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]


def _broadcast(shape: Sequence[int], to: Sequence[int]) -> list[int]:
    """The same of an array that is repeated to fill a shape: 0 along the axes where it is."""
    padded = (1,) * (len(to) - len(shape)) + tuple(shape)
    return [0 if size == 1 else step for size, step in zip(padded, _steps(padded), strict=True)]


Nest = tuple[tuple[int, ...], tuple[int, ...], tuple[tuple[int, ...], ...]]


def _nests(output: Tensor, axes: Iterable[tuple[int, ...]], arrays: int) -> list[Nest]:
    """Loops over any number of axes as nests of four, which is what kernels have.

    axes: (size, step of one array, step of the next, ...). A nest: four sizes; where each array begins; four steps of each.
    """
    axes = [axis for axis in axes if axis[0] > 1]
    joined: list[tuple[int, ...]] = []
    for axis in reversed(axes):
        inner = joined[0] if joined else None
        # Axes that lie behind each other are one, as long as there is something left to count as rows.
        if inner and axis[0] * inner[0] <= _ROW and all(a == inner[0] * b for a, b in zip(axis[1:], inner[1:], strict=True)):
            joined[0] = (axis[0] * inner[0], *inner[1:])
        else:
            joined.insert(0, axis)
    nests: list[Nest] = []
    outer, inner_axes = joined[:-4], joined[-4:]
    count = math.prod(axis[0] for axis in outer)
    if count > _NESTS:
        raise UnsupportedError(f"{output.name}: {len(joined)} axes in an order that takes {count} calls of a kernel")
    for places in np.ndindex(*(axis[0] for axis in outer)):
        begins = [sum(i * axis[k + 1] for i, axis in zip(places, outer, strict=True)) for k in range(arrays)]
        full = [(1,) + (0,) * arrays] * (4 - len(inner_axes)) + inner_axes
        steps = tuple(tuple(axis[k + 1] for axis in full) for k in range(arrays))
        nests.append((tuple(axis[0] for axis in full), tuple(begins), steps))
    return nests
