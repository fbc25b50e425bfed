"""Depthwise convolutions, as calls of DEPTHWISE; of one channel as calls of CONVOLUTION, which is the faster."""

from __future__ import annotations

import numpy as np

from watchword.compile.lower.call import CYCLES_PER_OUTPUT, Call, Lowerings, requantized, rows_at_once
from watchword.compile.lower.convolution import patch_size, sliding, weights_of
from watchword.graph import DepthwiseConv2D
from watchword.kernels import CONVOLUTION, DEPTHWISE
from watchword.reference import activation_range

_CYCLES_PER_TAP, _CYCLES_PER_MAC = 130, 30


def depthwise(op: DepthwiseConv2D, first: int, last: int) -> list[Call]:
    """first, last: which input channels."""
    depth, outputs = op.input.shape[3], op.output.shape[3]
    begin, end = first * op.multiplier, last * op.multiplier
    several = depth > 1
    window = sliding(op) | {"input_channels": last - first}
    patch = patch_size(window)
    per_mac = _CYCLES_PER_TAP if several else _CYCLES_PER_MAC
    cycles = int((end - begin) / outputs * (op.macs * per_mac + op.output.size * CYCLES_PER_OUTPUT))
    low, high = activation_range(op)
    parameters = {
        **requantized(op, low, high, rescale_step=16),
        **window,
        "input": first,
        "output": begin,
        "output_channels": end - begin,
        "input_zero_point": op.input.zero_point + 128,
        "patch_size": patch,
        "input_step": depth,
        "output_step": outputs,
    }
    rows = window["output_height"]
    weights, rescale = weights_of(op, begin, end)
    packed = np.zeros((len(weights), weights.shape[1] if several else patch), np.uint8)
    packed[:, : weights.shape[1]] = weights + 128
    return [
        Call(
            DEPTHWISE if several else CONVOLUTION,
            rows,
            rows_at_once(rows, cycles),
            parameters,
            {"input": op.input, "output": op.output},
            {"weights": packed.tobytes(), "rescale": rescale},
            {"sums": 4 * (end - begin), "patch": patch},
        )
    ]


LOWER: Lowerings = {DepthwiseConv2D: depthwise}
