"""CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED: sums of int8 products, then one rescale per output channel.

Only LiteRT's reference FULLY_CONNECTED rounds once, in double (TFLite Micro rounds twice there too);
`multiply_rounding_once` is that in integers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from watchword.errors import ModelError, UnsupportedError
from watchword.graph import Conv2D, Dense, DepthwiseConv2D, Operation, Weighted, extents
from watchword.reference.fixedpoint import (
    activation_range,
    multiply_by_quantized_multiplier,
    multiply_rounding_once,
    quantize_multiplier,
    round_half_away,
)
from watchword.reference.windows import views

_PATCHES = 1 << 24  # values of the patches of a convolution that are held at once


def rescale(op: Weighted) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
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


def real_multiplier(op: Weighted) -> NDArray[np.float64]:
    """Input scale * weight scale / output scale per output channel, (channels,), in double as LiteRT takes it."""
    product = op.input.scale.astype(np.float64) * op.weights.scale.astype(np.float64)
    return np.broadcast_to(product / op.output.scale.astype(np.float64), (op.output.shape[-1],))


def _exact_multiplier(real: float, nearest: int, shift: int, largest: int) -> int | None:
    """The multiplier beside `nearest` that rounds sums up to `largest` as round_half_away(sum * real); None if there is none.

    Both are odd and monotonic in the sum, so they agree everywhere when they do around the sums where the result
    changes. Results beyond 255 are clamped whatever they are.
    """
    changes = np.minimum(np.round((np.arange(256) + 0.5) / real), largest).astype(np.int64)
    sums = (changes[:, np.newaxis] + (-1, 0, 1)).clip(0, largest)
    expected = round_half_away(sums * real)
    for multiplier in (nearest, nearest + 1, nearest - 1):
        if multiplier < 2**31 and np.array_equal(multiply_rounding_once(sums, multiplier, shift), expected):
            return multiplier
    return None


def sums(op: Weighted, x: NDArray[np.int8]) -> NDArray[np.int32]:
    """What the layer rescales, bias included: x int8 (samples, *input shape) -> int32 (samples, *output shape)."""
    match op:
        case Conv2D():
            height, width = op.weights.shape[1:3]
            taps = list(views(x, (height, width), op.stride, op.dilation, extents(op), op.input.zero_point))
            _, rows, columns, _ = op.output.shape
            at_once = max(1, _PATCHES // (len(x) * columns * (op.weights.size // op.weights.shape[0])))
            blocks = [[tap[:, row : row + at_once] for tap in taps] for row in range(0, rows, at_once)]
            products = np.concatenate([_matmul(op, np.concatenate(block, axis=3)) for block in blocks], axis=1)
        case DepthwiseConv2D():
            products = _channel_by_channel(op, x)
        case Dense():
            products = _matmul(op, x.reshape(len(x), *op.output.shape[1:-1], -1))
    if op.bias is None:
        return products
    assert op.bias.data is not None
    return products + op.bias.data.astype(np.int32)


def requantize(op: Weighted, sums: NDArray[np.int32]) -> NDArray[np.int8]:
    """int32 sums (..., channels) with the bias -> int8 outputs."""
    # LiteRT's reference FULLY_CONNECTED is alone in rounding once, and in double.
    rounds_once = isinstance(op, Dense)
    scaled = (
        round_half_away(sums * real_multiplier(op)) if rounds_once else multiply_by_quantized_multiplier(sums, *rescale(op))
    )
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


def _channel_by_channel(op: DepthwiseConv2D, x: NDArray[np.int8]) -> NDArray[np.int32]:
    assert op.weights.data is not None
    _, height, width, channels = op.weights.shape
    taps = op.weights.data.reshape(height * width, channels).astype(np.int32)
    centred = np.repeat(x, op.multiplier, axis=3).astype(np.int32) - op.input.zero_point
    products = np.zeros((len(x), *op.output.shape[1:]), np.int32)
    for tap, view in zip(taps, views(centred, (height, width), op.stride, op.dilation, extents(op), 0), strict=True):
        products += view * tap
    return products


def convolution(op: Conv2D | DepthwiseConv2D | Dense, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """Sums, rescaled to the output."""
    return requantize(op, sums(op, x))


RUN: dict[type[Operation], Callable[..., NDArray[np.int8]]] = {
    Conv2D: convolution,
    DepthwiseConv2D: convolution,
    Dense: convolution,
}
