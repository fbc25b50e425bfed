"""Cycles of the Thumb kernels that take the parameters of all chips; PAIRS and DEPTHWISE_PAIRS come with theirs.

Measured on a Cortex-M0+ whose code and data lie in RAM without waiting; layouts: firmware/watchword/kernels/__init__.py.
"""

from __future__ import annotations

import dataclasses
import math

from watchword.compile.lower import Call, rows_at_once
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
    READ,
    SOFTMAX,
)


def timed(call: Call) -> Call:
    """With its cycles, and as many rows at once as take no longer than a call may."""
    cycles = call.cycles or _cycles(call.kernel, call.rows, call.parameters)
    if not cycles:
        return call
    return dataclasses.replace(call, cycles=cycles, chunk=rows_at_once(call.rows, cycles))


def _cycles(kernel: int, rows: int, p: list[int]) -> int:
    """Of all rows; 0: a kernel that has no Thumb code."""
    if kernel == READ:
        return 150 + p[2]
    if kernel == FILL:
        return 130 + rows * p[3]
    if kernel == COPY:
        return 150 + rows * math.prod(p[3:5]) * 60 + rows * math.prod(p[3:6]) * 5
    if kernel == AVERAGE_POOL and p[11] % 4 == 0 and p[15] * p[16] <= 255:
        return 150 + rows * p[13] * (140 + p[11] * (p[15] * p[16] * 13 // 4 + 175))
    if kernel in (AVERAGE_POOL, MAX_POOL):
        return 150 + rows * p[13] * (100 + p[11] * (p[15] * p[16] * 9 + 130))
    if kernel == MEAN:
        return 150 + rows * p[10] * (p[9] * 8 + 100)
    if kernel in (ADD, MULTIPLY):
        return 200 + rows * p[11] * p[12] * (60 + p[13] * 118)
    if kernel == SOFTMAX:
        return 150 + rows * (900 + p[2] * 120)
    if kernel == LOOKUP:
        return 100 + rows * p[2] * 12
    if kernel == DEPTHWISE:
        window = (1, p[15]) if p[16] == 1 else (p[15], p[16])  # a column is walked like a row
        inside = _inside(rows, p[9], p[15], p[17], p[19], p[21]) * _inside(p[13], p[10], p[16], p[18], p[20], p[22])
        pixel = 150 + p[14] * (147 + window[0] * (10 + window[1] * 13))
        return 200 + rows * p[13] * pixel + (rows * p[13] - inside) * p[14] * p[15] * p[16] * 16
    if kernel == CONV:
        return 200 + rows * p[13] * (250 + p[15] * p[16] * (40 + p[11] * 11) + p[14] * (120 + p[26] * 7))
    return 0


def _inside(outputs: int, inputs: int, window: int, stride: int, before: int, dilation: int) -> int:
    """Of the outputs along one axis: how many see inputs only."""
    starts = range(-before, -before + outputs * stride, stride)
    return sum(start >= 0 and start + (window - 1) * dilation < inputs for start in starts)
