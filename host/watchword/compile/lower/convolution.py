"""Convolutions and dense layers, as calls of CONVOLUTION."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from watchword.compile.lower.call import (
    CYCLES_PER_OUTPUT,
    SUMS,
    Call,
    Lowerings,
    requantized,
    rescales,
    rows_at_once,
)
from watchword.errors import UnsupportedError
from watchword.graph import Conv2D, Dense, DepthwiseConv2D, Weighted, extents
from watchword.kernels import CONVOLUTION
from watchword.reference import activation_range, multiply_by_quantized_multiplier, multiply_rounding_once, rescale

_CYCLES_PER_MAC = 30


def convolution(op: Conv2D | Dense, first: int, last: int) -> list[Call]:
    """first, last: which output channels."""
    outputs = op.weights.shape[0]
    if isinstance(op, Dense):
        # A dense layer is a convolution of one tap over as many channels as it has inputs.
        depth = op.weights.shape[1]
        if op.input.size != depth:
            raise UnsupportedError(
                f"{op.output.name}: Dense of {depth} inputs on a tensor of {op.input.size}: batches are not had"
            )
        window = ONE_TAP | {"input_channels": depth}
    else:
        window = sliding(op)
    patch = patch_size(window)
    cycles = int((last - first) / outputs * (op.macs * _CYCLES_PER_MAC + op.output.size * CYCLES_PER_OUTPUT))
    low, high = activation_range(op)
    parameters = {
        **requantized(op, low, high, rescale_step=16, round_once=isinstance(op, Dense)),
        **window,
        "output": first,
        "output_channels": last - first,
        "input_zero_point": op.input.zero_point + 128,
        "patch_size": patch,
        "input_step": window["input_channels"],
        "output_step": outputs,
    }
    rows = window["output_height"]
    weights, rescale = weights_of(op, first, last)
    packed = np.zeros((len(weights), patch), np.uint8)
    packed[:, : weights.shape[1]] = weights + 128
    return [
        Call(
            CONVOLUTION,
            rows,
            rows_at_once(rows, cycles),
            parameters,
            {"input": op.input, "output": op.output},
            {"weights": packed.tobytes(), "rescale": rescale},
            {"sums": 4 * (last - first), "patch": patch},
        )
    ]


ONE_TAP = {
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


def sliding(op: Conv2D | DepthwiseConv2D) -> dict[str, int]:
    """How the window slides over the picture, but for the output channels."""
    _, height, width, depth = op.input.shape
    _, out_h, out_w, _ = op.output.shape
    rows, columns = extents(op)
    return {
        "input_height": height,
        "input_width": width,
        "input_channels": depth,
        "output_height": out_h,
        "output_width": out_w,
        "kernel_height": op.weights.shape[1],
        "kernel_width": op.weights.shape[2],
        "stride_y": op.stride[0],
        "stride_x": op.stride[1],
        "padding_top": rows.before,
        "padding_left": columns.before,
        "dilation_y": op.dilation[0],
        "dilation_x": op.dilation[1],
    }


def patch_size(window: dict[str, int]) -> int:
    """Bytes for what one output sees: eight taps are taken at once."""
    return -(-window["kernel_height"] * window["kernel_width"] * window["input_channels"] // 8) * 8


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
