"""Cycles of the Thumb bodies that take what all chips do; those of the packed kernels come with them.

Measured on a Cortex-M0+ whose code and data lie in RAM without waiting.
"""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

from watchword.compile.lower.call import Call, rows_at_once
from watchword.kernels import (
    ADD,
    AVERAGE_POOL,
    CONVOLUTION,
    COPY,
    DEPTHWISE,
    FILL,
    LOOKUP,
    MAX_POOL,
    MEAN,
    MULTIPLY,
    PRELU,
    READ,
    SOFTMAX,
    Kernel,
)


def timed(call: Call) -> Call:
    """With its cycles, and as many rows at once as take no longer than a call may."""
    cycles = call.cycles or _cycles(call.kernel, call.rows, SimpleNamespace(**call.parameters))
    if not cycles:
        return call
    return dataclasses.replace(call, cycles=cycles, chunk=rows_at_once(call.rows, cycles))


def _cycles(kernel: Kernel, rows: int, p: SimpleNamespace) -> int:
    """Of all rows; 0: a kernel that has no Thumb body. p: the parameters."""
    if kernel is READ:
        return 150 + int(p.size)
    if kernel is FILL:
        return 130 + rows * int(p.row_size)
    if kernel is COPY:
        return 150 + rows * int(p.planes * p.lines * 60 + p.planes * p.lines * p.values * 5)
    if kernel in (AVERAGE_POOL, MAX_POOL):
        taps, outputs = p.kernel_height * p.kernel_width, rows * p.output_width
        if kernel is AVERAGE_POOL and p.input_channels % 4 == 0 and taps <= 255:
            return int(150 + outputs * (140 + p.input_channels * (taps * 13 // 4 + 175)))
        return int(150 + outputs * (100 + p.input_channels * (taps * 9 + 130)))
    if kernel is MEAN:
        return int(150 + rows * p.depth * (p.places * 8 + 100))
    if kernel in (ADD, MULTIPLY):
        return int(200 + rows * p.planes * p.lines * (60 + p.values * 118))
    if kernel is PRELU:  # where all are below the zero point; the others take 31
        return int(200 + rows * p.planes * p.lines * (60 + p.values * 100))
    if kernel is SOFTMAX:
        return int(150 + rows * (900 + p.depth * 120))
    if kernel is LOOKUP:
        return int(100 + rows * p.depth * 12)
    if kernel is DEPTHWISE:
        height, width = p.kernel_height, p.kernel_width
        window = (1, height) if width == 1 else (height, width)  # a column is walked like a row
        inside = _inside(rows, p.input_height, height, p.stride_y, p.padding_top, p.dilation_y)
        inside *= _inside(p.output_width, p.input_width, width, p.stride_x, p.padding_left, p.dilation_x)
        pixels = rows * p.output_width
        pixel = 200 + p.output_channels * (102 + window[0] * (12 + window[1] // 3 * 31 + window[1] % 3 * 13))
        return int(200 + pixels * pixel + (pixels - inside) * p.output_channels * height * width * 16)
    if kernel is CONVOLUTION:
        gather = p.kernel_height * p.kernel_width * (40 + p.input_channels * 11)
        return int(200 + rows * p.output_width * (250 + gather + p.output_channels * (120 + p.patch_size * 7)))
    return 0


def _inside(outputs: int, inputs: int, window: int, stride: int, before: int, dilation: int) -> int:
    """Of the outputs along one axis: how many see inputs only."""
    starts = range(-before, -before + outputs * stride, stride)
    return sum(start >= 0 and start + (window - 1) * dilation < inputs for start in starts)
