"""Convolutions and dense layers, as calls of CONVOLUTION."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from watchword.compile.lower.call import CYCLES_PER_OUTPUT, SUMS, Call, Lowerings, requantized, rescales, rows_at_once, window
from watchword.graph import Conv2D, Dense, DepthwiseConv2D, Weighted
from watchword.kernels import CONVOLUTION, Kernel
from watchword.reference import activation_range, multiply_by_quantized_multiplier, multiply_rounding_once, rescale

CYCLES_PER_MAC = 30

_ONE_TAP = {
    "input_height": 1,
    "input_width": 1,
    "output_height": 1,
    "output_width": 1,
    "kernel_height": 1,
    "kernel_width": 1,
    "stride_y": 1,
    "stride_x": 1,
    "dilation_y": 1,
    "dilation_x": 1,
}


def convolution(op: Conv2D | Dense, first: int, last: int) -> list[Call]:
    """first, last: which output channels."""
    if isinstance(op, Dense):
        # A dense layer is a convolution of one tap over as many channels as it has inputs, each of its places a row.
        sizes = {"input_channels": op.weights.shape[1], "input_height": op.places, "output_height": op.places}
        return [call(CONVOLUTION, op, _ONE_TAP | sizes, first, last, CYCLES_PER_MAC)]
    return [call(CONVOLUTION, op, window(op) | dilation(op), first, last, CYCLES_PER_MAC)]


def dilation(op: Conv2D | DepthwiseConv2D) -> dict[str, int]:
    """Its parameters."""
    return {"dilation_y": op.dilation[0], "dilation_x": op.dilation[1]}


def call(kernel: Kernel, op: Weighted, sliding: dict[str, int], begin: int, end: int, cycles_per_mac: int) -> Call:
    """A call of CONVOLUTION or DEPTHWISE for output channels begin to end - 1. sliding: the window over what these see."""
    outputs = op.output.shape[-1]
    share = (end - begin) / outputs
    cycles = int(share * (op.macs * cycles_per_mac + op.output.size * CYCLES_PER_OUTPUT))
    patch = -(-sliding["kernel_height"] * sliding["kernel_width"] * sliding["input_channels"] // 8) * 8  # eight at once
    low, high = activation_range(op)
    parameters = {
        **requantized(op, low, high, rescale_step=16, round_once=isinstance(op, Dense)),
        **sliding,
        "output": begin,
        "output_channels": end - begin,
        "input_zero_point": op.input.zero_point + 128,
        "patch_size": patch,
        "input_step": sliding["input_channels"] if isinstance(op, Dense) else op.input.shape[3],
        "output_step": outputs,
    }
    weights, rescale = weights_of(op, begin, end)
    packed = np.zeros((len(weights), patch if kernel is CONVOLUTION else weights.shape[1]), np.uint8)
    packed[:, : weights.shape[1]] = weights + 128
    rows = sliding["output_height"]
    return Call(
        kernel,
        rows,
        rows_at_once(rows, cycles),
        parameters,
        {"input": op.input, "output": op.output},
        {"weights": packed.tobytes(), "rescale": rescale},
        {"sums": 4 * (end - begin), "patch": patch},
    )


def weights_of(op: Weighted, begin: int, end: int) -> tuple[NDArray[np.int64], bytes]:
    """Weights (channels, taps) of some output channels, and RESCALE of each, the input's zero point folded into the bias."""
    weights, bias = op.rows[begin:end], op.biases[begin:end]
    multiplier, shift = (numbers[begin:end].astype(np.int64) for numbers in _factors(op))
    greatest = np.abs(bias) + 255 * np.abs(weights).sum(1)
    constant = (greatest << np.maximum(shift, 0)) >= SUMS
    if constant.any():
        weights, bias, multiplier, shift, greatest = _constant_channels(
            op, constant, weights, bias, multiplier, shift, greatest
        )
    folded = bias - (op.input.zero_point + 128) * weights.sum(1)
    numbers = (folded, multiplier, shift, greatest)
    return weights, rescales(op, *([int(v) for v in row] for row in numbers))


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


LOWER: Lowerings = {Conv2D: convolution, Dense: convolution}
