"""The oracle: a graph run in NumPy integers, equal to LiteRT's reference kernels bit for bit.

The fixed-point arithmetic is that of TFLite and gemmlowp: a real factor is a Q31 multiplier and a power of two, applied
with two roundings (`multiply_by_quantized_multiplier`). Only LiteRT's reference FULLY_CONNECTED rounds once, in double
(TFLite Micro rounds twice there too); `multiply_rounding_once` is that in integers. Sums are int32 and wrap as in C.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from watchword.errors import DataError, ModelError, UnsupportedError
from watchword.graph import (
    AveragePool2D,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Graph,
    Operation,
    Padding,
    Reshape,
    Softmax,
    Tensor,
    extent,
)

EXCLUDED = -1
"""In the table of `softmax_exponentials`: too far below the maximum to count."""

_SAMPLES_AT_ONCE = 32  # bounds the memory of the patches of a convolution

_INT32_MAX = 2**31 - 1

Scalar = TypeVar("Scalar", bound=np.generic)


# Running a graph


def run(graph: Graph, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """The output (samples, *output shape without batch) for x int8 (samples, *input shape, with or without batch).

    DataError: x has another shape or dtype.
    """
    blocks = [_outputs(graph, block)[graph.output] for block in _blocks(graph, x)]
    return np.concatenate(blocks) if blocks else np.empty((0, *graph.output.shape[1:]), np.int8)


def run_layers(graph: Graph, x: NDArray[np.int8]) -> list[NDArray[np.int8]]:
    """The outputs of all operations, in the order of `graph.operations`, each as `run` gives the last; same errors."""
    blocks = [_outputs(graph, block) for block in _blocks(graph, x)]
    return [
        np.concatenate([np.empty((0, *op.output.shape[1:]), np.int8), *(block[op.output] for block in blocks)])
        for op in graph.operations
    ]


def run_operation(op: Operation, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """One operation: x int8 (samples, *input shape without batch) -> int8 (samples, *output shape without batch)."""
    match op:
        case Conv2D():
            return _requantize(op, _conv2d(op, x))
        case DepthwiseConv2D():
            return _requantize(op, _depthwise_conv2d(op, x))
        case Dense():
            return _requantize(op, _matmul(op, x.reshape(len(x), -1)))
        case AveragePool2D():
            return _average_pool2d(op, x)
        case Reshape():
            return x.reshape(len(x), *op.output.shape[1:])
        case Softmax():
            return softmax(x, softmax_exponentials(op))
    raise UnsupportedError(f"{op.kind} {op.output.name!r}: the reference cannot run this operation")


def _blocks(graph: Graph, x: NDArray[np.int8]) -> Iterator[NDArray[np.int8]]:
    shape = graph.input.shape
    if x.dtype != np.int8 or x.shape[1:] not in (shape, shape[1:]) or x.ndim < 2:
        raise DataError(f"{graph.name} takes int8 samples of shape {shape[1:]}, not {x.dtype} of shape {x.shape[1:]}")
    for start in range(0, len(x), _SAMPLES_AT_ONCE):
        block = x[start : start + _SAMPLES_AT_ONCE]
        yield block.reshape(len(block), *shape[1:])


def _outputs(graph: Graph, x: NDArray[np.int8]) -> dict[Tensor, NDArray[np.int8]]:
    """The values of all tensors that flow."""
    values = {graph.input: x}
    for op in graph.operations:
        values[op.output] = run_operation(op, values[op.input])
    return values


# Convolution and dense: sums of int8 products, then one rescale per output channel


def rescale(op: Conv2D | DepthwiseConv2D | Dense) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """(multiplier, shift) int32 (output channels,): `real_multiplier` in integers.

    For convolutions they are meant for `multiply_by_quantized_multiplier`, which makes them what TFLite computes; for
    Dense they are meant for `multiply_rounding_once`, which gives LiteRT's result for every sum that the layer can have.
    ModelError: the scales are too far apart for 32 bits. UnsupportedError: no multiplier does that for a Dense; in
    trials only where its outputs need sums beyond 2^21.
    """
    real = real_multiplier(op)
    pairs = np.array([quantize_multiplier(float(value)) for value in real], np.int64)
    multiplier, shift = pairs[:, 0], pairs[:, 1]
    if shift.max() > 30:
        raise ModelError(f"{op.kind} {op.output.name!r}: its output scale is more than 2^30 times too small")
    if isinstance(op, Dense):
        assert op.weights.data is not None
        largest = 255 * np.abs(op.weights.data.astype(np.int64)).sum(axis=1)
        if op.bias is not None and op.bias.data is not None:
            largest = largest + np.abs(op.bias.data.astype(np.int64))
        for channel, value in enumerate(real):
            exact = _exact_multiplier(float(value), int(multiplier[channel]), int(shift[channel]), int(largest[channel]))
            if exact is None:
                raise UnsupportedError(f"Dense {op.output.name!r}: output {channel} has no exact 32-bit factor for {value}")
            multiplier[channel] = exact
    return multiplier.astype(np.int32), shift.astype(np.int32)


def real_multiplier(op: Conv2D | DepthwiseConv2D | Dense) -> NDArray[np.float64]:
    """Input scale * weight scale / output scale per output channel, (channels,), in double as LiteRT takes it."""
    product = op.input.scale.astype(np.float64) * op.weights.scale.astype(np.float64)
    return np.broadcast_to(product / op.output.scale.astype(np.float64), (op.output.shape[-1],))


def _exact_multiplier(real: float, nearest: int, shift: int, largest: int) -> int | None:
    """The multiplier beside `nearest` that rounds sums up to `largest` as `_round(sum * real)` does; None if there is none.

    Both are odd and monotonic in the sum, so they agree everywhere when they do around the sums where the result
    changes. Results beyond 255 are clamped whatever they are.
    """
    changes = np.minimum(np.round((np.arange(256) + 0.5) / real), largest).astype(np.int64)
    sums = (changes[:, np.newaxis] + (-1, 0, 1)).clip(0, largest)
    expected = _round(sums * real)
    for multiplier in (nearest, nearest + 1, nearest - 1):
        if multiplier < 2**31 and np.array_equal(multiply_rounding_once(sums, multiplier, shift), expected):
            return multiplier
    return None


def activation_range(op: Conv2D | DepthwiseConv2D | Dense | AveragePool2D) -> tuple[int, int]:
    """The int8 values to which the fused activation clamps, both included (CalculateActivationRangeQuantized)."""
    zero_point = op.output.zero_point
    low = -128 if op.activation == "none" else max(-128, zero_point)
    high = 127
    if op.activation == "relu6":
        with np.errstate(over="ignore"):
            six = np.float32(6) / op.output.scale.astype(np.float32)[0]
        high = int(min(127, zero_point + np.floor(float(six) + 0.5)))
    return low, high


def _requantize(op: Conv2D | DepthwiseConv2D | Dense, sums: NDArray[np.int32]) -> NDArray[np.int8]:
    """int32 sums (..., channels) without bias -> int8 outputs."""
    if op.bias is not None:
        assert op.bias.data is not None
        sums = sums + op.bias.data.astype(np.int32)
    # LiteRT's reference FULLY_CONNECTED is alone in rounding once, and in double.
    rounds_once = isinstance(op, Dense)
    scaled = _round(sums * real_multiplier(op)) if rounds_once else multiply_by_quantized_multiplier(sums, *rescale(op))
    return np.clip(scaled + op.output.zero_point, *activation_range(op)).astype(np.int8)


def _matmul(op: Conv2D | Dense, x: NDArray[np.int8]) -> NDArray[np.int32]:
    """Sums (..., out) of x int8 (..., taps), zero point taken off, with weights (out, ...).

    Floats give the speed of BLAS and stay exact: all partial sums are integers within the float's mantissa.
    """
    assert op.weights.data is not None
    weights = op.weights.data.reshape(len(op.weights.data), -1)
    largest = 255 * int(np.abs(weights.astype(np.int64)).sum(axis=1).max())
    dtype = np.dtype(np.float32 if largest <= 2**24 else np.float64)
    centred = x.astype(dtype) - op.input.zero_point
    sums: NDArray[np.int32] = (centred @ weights.T.astype(dtype)).astype(np.int32)
    return sums


def _conv2d(op: Conv2D, x: NDArray[np.int8]) -> NDArray[np.int32]:
    height, width = op.weights.shape[1:3]
    views = _views(x, (height, width), op.stride, op.dilation, op.padding, op.input.zero_point)
    return _matmul(op, np.concatenate(list(views), axis=3))


def _depthwise_conv2d(op: DepthwiseConv2D, x: NDArray[np.int8]) -> NDArray[np.int32]:
    assert op.weights.data is not None
    _, height, width, channels = op.weights.shape
    taps = op.weights.data.reshape(height * width, channels).astype(np.int32)
    centred = np.repeat(x, op.multiplier, axis=3).astype(np.int32) - op.input.zero_point
    sums = np.zeros((len(x), *op.output.shape[1:]), np.int32)
    for tap, view in zip(taps, _views(centred, (height, width), op.stride, op.dilation, op.padding, 0), strict=True):
        sums += view * tap
    return sums


def _average_pool2d(op: AveragePool2D, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """The mean, halves rounded away from 0; only places inside the picture count."""
    shape = (len(x), *op.output.shape[1:])
    sums, counts = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    inside = np.ones_like(x, np.int32)
    for view in _views(x.astype(np.int32), op.size, op.stride, (1, 1), op.padding, 0):
        sums += view
    for view in _views(inside, op.size, op.stride, (1, 1), op.padding, 0):
        counts += view
    means = np.sign(sums) * ((np.abs(sums) + counts // 2) // counts)
    outputs: NDArray[np.int8] = np.clip(means, *activation_range(op)).astype(np.int8)
    return outputs


def _views(
    x: NDArray[Scalar],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: Padding,
    fill: int,
) -> Iterator[NDArray[Scalar]]:
    """For every tap of a window, row by row: what it sees at all positions, (samples, h', w', channels)."""
    rows = extent(x.shape[1], kernel[0], stride[0], dilation[0], padding)
    columns = extent(x.shape[2], kernel[1], stride[1], dilation[1], padding)
    margins = ((0, 0), (rows.before, rows.after), (columns.before, columns.after), (0, 0))
    padded = np.pad(x, margins, constant_values=fill)
    for row in range(0, kernel[0] * dilation[0], dilation[0]):
        for column in range(0, kernel[1] * dilation[1], dilation[1]):
            bottom, right = row + (rows.output - 1) * stride[0] + 1, column + (columns.output - 1) * stride[1] + 1
            yield padded[:, row : bottom : stride[0], column : right : stride[1]]


# Softmax (tflite::reference_ops::Softmax)


def softmax_exponentials(op: Softmax) -> NDArray[np.int32]:
    """exp(-d * beta * input scale) for d = 0..255, Q0.31, int32 (256,); EXCLUDED where d is beyond TFLite's range.

    ModelError: beta * input scale is too small for the fixed-point form.
    """
    # The scaled difference has 5 integer and 26 fractional bits.
    real = min(op.beta * float(op.input.scale[0]) * 2**26, _INT32_MAX)
    if not real > 1:
        raise ModelError(f"Softmax {op.output.name!r}: beta {op.beta} and input scale {op.input.scale[0]} are too small")
    multiplier, shift = quantize_multiplier(real)
    radius = 31 * 2**26 // 2**shift
    differences = -np.arange(256, dtype=np.int64)
    counted = differences >= -radius
    scaled = multiply_by_quantized_multiplier(np.where(counted, differences, 0), multiplier, shift)
    return np.where(counted, _exp_on_negative_values(scaled), EXCLUDED).astype(np.int32)


def softmax(x: NDArray[np.int8], table: NDArray[np.int32]) -> NDArray[np.int8]:
    """Over the last axis of x int8 (..., classes), at most 4095 of them, by the table of `softmax_exponentials`.

    These are the very steps of the board: look-ups, a sum (Q12.19), its reciprocal, and a product each.
    """
    exponentials = table.astype(np.int64)[x.max(axis=-1, keepdims=True).astype(np.int64) - x]
    counted = exponentials != EXCLUDED
    total = np.where(counted, _rounding_divide(exponentials, 12), 0).sum(axis=-1, keepdims=True)
    # A sum of n bits is 2^(n - 20) times a mantissa of [1, 2), here without its leading one as Q0.31.
    bits = np.frexp(total.astype(np.float64))[1].astype(np.int64)
    mantissa = (total << (32 - bits)) - 2**31
    scale = _one_over_one_plus(mantissa)
    outputs = _rounding_divide(_high_mul(scale, exponentials), bits - 20 + 31 - 8) - 128
    return np.where(counted, np.clip(outputs, -128, 127), -128).astype(np.int8)


def _exp_on_negative_values(x: NDArray[np.int64]) -> NDArray[np.int64]:
    """exp(x) as Q0.31 for x <= 0 in Q5.26 (gemmlowp): a polynomial on [-1/4, 0), then a factor for each higher bit."""
    quarter = 1 << 24
    part = (x & (quarter - 1)) - quarter
    y = (part << 5) + (1 << 28)  # Q0.31, around the middle -1/8 of the interval
    y2 = _high_mul(y, y)
    y3 = _high_mul(y2, y)
    y4 = _high_mul(y2, y2)
    tail = _rounding_divide(_high_mul(_rounding_divide(y4, 2) + y3, 715827883) + y2, 1)  # 1/3: y^4/24 + y^3/6 + y^2/2
    exp_middle = 1895147668  # exp(-1/8)
    result = exp_middle + _high_mul(y + tail, exp_middle)
    rest = part - x
    # exp(-1/4), exp(-1/2), exp(-1) ... exp(-16) in Q0.31
    for bit, factor in enumerate((1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)):
        result = np.where(rest & (quarter << bit), _high_mul(result, factor), result)
    return np.where(x == 0, _INT32_MAX, result)


def _one_over_one_plus(x: NDArray[np.int64]) -> NDArray[np.int64]:
    """1 / (1 + x) as Q0.31 for x of [0, 1) in Q0.31: three steps of Newton's division (gemmlowp)."""
    half_denominator = (x + _INT32_MAX + 1) >> 1
    y = 1515870810 + _high_mul(half_denominator, -1010580540)  # 48/17 - 32/17 * half denominator, Q2.29
    for _ in range(3):
        y = y + (_high_mul(y, (1 << 29) - _high_mul(half_denominator, y)) << 2)
    result: NDArray[np.int64] = np.minimum(y << 1, _INT32_MAX)
    return result


# Fixed-point arithmetic


def quantize_multiplier(real: float) -> tuple[int, int]:
    """real >= 0 as (Q31 multiplier, exponent): real = multiplier * 2^(exponent - 31) (TFLite's QuantizeMultiplier)."""
    mantissa, exponent = math.frexp(real)
    multiplier = math.floor(mantissa * 2**31 + 0.5)
    if multiplier == 2**31:
        multiplier, exponent = 2**30, exponent + 1
    return (multiplier, exponent) if exponent >= -31 else (0, 0)


def multiply_by_quantized_multiplier(x: ArrayLike, multiplier: ArrayLike, shift: ArrayLike) -> NDArray[np.int64]:
    """x * multiplier * 2^(shift - 31), rounded twice as TFLite's MultiplyByQuantizedMultiplier does.

    x: int32 values of any shape. multiplier, shift: what `quantize_multiplier` gives, scalars or arrays that broadcast
    with x. A left shift wraps at 32 bits.
    """
    exponent = np.asarray(shift, np.int64)
    shifted = (np.asarray(x, np.int64) << np.maximum(exponent, 0)).astype(np.int32).astype(np.int64)
    return _rounding_divide(_high_mul(shifted, np.asarray(multiplier, np.int64)), np.maximum(-exponent, 0))


def multiply_rounding_once(x: ArrayLike, multiplier: ArrayLike, shift: ArrayLike) -> NDArray[np.int64]:
    """x * multiplier * 2^(shift - 31), rounded once, halves away from 0; the arguments are as above, shift <= 30."""
    return _rounding_divide(np.asarray(x, np.int64) * np.asarray(multiplier, np.int64), 31 - np.asarray(shift, np.int64))


def _round(x: NDArray[np.float64]) -> NDArray[np.int64]:
    """C's round: halves away from 0; beyond 32 bits it saturates."""
    return np.copysign(np.floor(np.abs(x) + 0.5), x).clip(-(2**31), _INT32_MAX).astype(np.int64)


def _high_mul(a: NDArray[np.int64], b: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """gemmlowp's SaturatingRoundingDoublingHighMul: a * b / 2^31, halves rounded up.

    Its one case of saturation, both factors -2^31, does not occur here.
    """
    return (a * b + (1 << 30)) >> 31


def _rounding_divide(x: NDArray[np.int64], exponent: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """gemmlowp's RoundingDivideByPOT: x / 2^exponent, halves rounded away from 0."""
    half = (np.int64(1) << np.asarray(exponent, np.int64)) >> 1
    return (x + half - ((x < 0) & (half > 0))) >> exponent
