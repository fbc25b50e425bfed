"""SOFTMAX, as tflite::reference_ops::Softmax: exponentials from a table, a sum, its reciprocal and a product each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from watchword.errors import ModelError
from watchword.graph import Operation, Softmax
from watchword.reference.fixedpoint import (
    INT32_MAX,
    high_mul,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    rounding_divide,
)

EXCLUDED = -1
"""In the table of `softmax_exponentials`: too far below the maximum to count."""


def softmax_exponentials(op: Softmax) -> NDArray[np.int32]:
    """exp(-d * beta * input scale) for d = 0..255, Q0.31, int32 (256,); EXCLUDED where d is beyond TFLite's range.

    ModelError: beta * input scale is too small for the fixed-point form.
    """
    # The scaled difference has 5 integer and 26 fractional bits.
    real = min(op.beta * float(op.input.scale[0]) * 2**26, INT32_MAX)
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
    total = np.where(counted, rounding_divide(exponentials, 12), 0).sum(axis=-1, keepdims=True)
    # A sum of n bits is 2^(n - 20) times a mantissa of [1, 2), here without its leading one as Q0.31.
    bits = np.frexp(total.astype(np.float64))[1].astype(np.int64)
    mantissa = (total << (32 - bits)) - 2**31
    scale = _one_over_one_plus(mantissa)
    outputs = rounding_divide(high_mul(scale, exponentials), bits - 20 + 31 - 8) - 128
    return np.where(counted, np.clip(outputs, -128, 127), -128).astype(np.int8)


def _exp_on_negative_values(x: NDArray[np.int64]) -> NDArray[np.int64]:
    """exp(x) as Q0.31 for x <= 0 in Q5.26 (gemmlowp): a polynomial on [-1/4, 0), then a factor for each higher bit."""
    quarter = 1 << 24
    part = (x & (quarter - 1)) - quarter
    y = (part << 5) + (1 << 28)  # Q0.31, around the middle -1/8 of the interval
    y2 = high_mul(y, y)
    y3 = high_mul(y2, y)
    y4 = high_mul(y2, y2)
    tail = rounding_divide(high_mul(rounding_divide(y4, 2) + y3, 715827883) + y2, 1)  # 1/3: y^4/24 + y^3/6 + y^2/2
    exp_middle = 1895147668  # exp(-1/8)
    result = exp_middle + high_mul(y + tail, exp_middle)
    rest = part - x
    # exp(-1/4), exp(-1/2), exp(-1) ... exp(-16) in Q0.31
    for bit, factor in enumerate((1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)):
        result = np.where(rest & (quarter << bit), high_mul(result, factor), result)
    return np.where(x == 0, INT32_MAX, result)


def _one_over_one_plus(x: NDArray[np.int64]) -> NDArray[np.int64]:
    """1 / (1 + x) as Q0.31 for x of [0, 1) in Q0.31: three steps of Newton's division (gemmlowp)."""
    half_denominator = (x + INT32_MAX + 1) >> 1
    y = 1515870810 + high_mul(half_denominator, -1010580540)  # 48/17 - 32/17 * half denominator, Q2.29
    for _ in range(3):
        y = y + (high_mul(y, (1 << 29) - high_mul(half_denominator, y)) << 2)
    result: NDArray[np.int64] = np.minimum(y << 1, INT32_MAX)
    return result


RUN: dict[type[Operation], Callable[..., NDArray[np.int8]]] = {Softmax: lambda op, x: softmax(x, softmax_exponentials(op))}
