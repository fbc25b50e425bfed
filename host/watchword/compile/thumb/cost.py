"""Cycles of the Thumb kernels that take the parameters of all chips; PAIRS and DEPTHWISE_PAIRS come with theirs.

Measured on a Cortex-M0+ whose code and data lie in RAM without waiting; layouts: firmware/watchword/kernels/__init__.py.
"""

from __future__ import annotations

import dataclasses
import math

from watchword.compile.lower import CYCLES_PER_CALL, Call
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
)


def timed(call: Call) -> Call:
    """With its cycles, and as many rows at once as take no longer than a call may."""
    cycles = call.cycles or _cycles(call.kernel, call.rows, call.parameters)
    if not cycles:
        return call
    chunk = max(1, min(call.rows, CYCLES_PER_CALL * call.rows // cycles))
    return dataclasses.replace(call, cycles=cycles, chunk=chunk)


def _cycles(kernel: int, rows: int, p: list[int]) -> int:
    """Of all rows; 0: a kernel that has no Thumb code."""
    if kernel == FILL:
        return 130 + rows * p[3]
    if kernel == COPY:
        return 150 + rows * math.prod(p[3:5]) * 60 + rows * math.prod(p[3:6]) * 5
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
        return 200 + rows * p[13] * (150 + p[14] * (150 + p[15] * (15 + p[16] * 13)))
    if kernel == CONV:
        return 200 + rows * p[13] * (250 + p[15] * p[16] * (40 + p[11] * 11) + p[14] * (120 + p[26] * 7))
    return 0
