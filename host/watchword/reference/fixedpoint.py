"""The fixed-point arithmetic of TFLite and gemmlowp, on NumPy integers.

A real factor is a Q31 multiplier and a power of two, applied with two roundings (`multiply_by_quantized_multiplier`).
Sums are int32 and wrap as in C.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from watchword.graph import Activation, Tensor

INT32_MAX = 2**31 - 1


def quantize_multiplier(real: float) -> tuple[int, int]:
    """real >= 0 as (Q31 multiplier, exponent): real = multiplier * 2^(exponent - 31) (TFLite's QuantizeMultiplier)."""
    mantissa, exponent = math.frexp(real)
    multiplier = math.floor(mantissa * 2**31 + 0.5)
    if multiplier == 2**31:
        multiplier, exponent = 2**30, exponent + 1
    return (multiplier, exponent) if exponent >= -31 else (0, 0)


class Clamped(Protocol):
    """An operation with a fused activation."""

    output: Tensor
    activation: Activation


def activation_range(op: Clamped) -> tuple[int, int]:
    """The int8 values to which the fused activation clamps, both included (CalculateActivationRangeQuantized)."""
    zero_point = op.output.zero_point
    if op.activation in ("none", "relu"):
        return -128 if op.activation == "none" else max(-128, zero_point), 127
    low, high = (0, 6) if op.activation == "relu6" else (-1, 1)
    with np.errstate(over="ignore"):
        steps = np.floor(float(np.float32(high) / op.output.scale.astype(np.float32)[0]) + 0.5)
    return int(max(-128, zero_point + (-steps if low else 0))), int(min(127, zero_point + steps))


def multiply_by_quantized_multiplier(x: ArrayLike, multiplier: ArrayLike, shift: ArrayLike) -> NDArray[np.int64]:
    """x * multiplier * 2^(shift - 31), rounded twice as TFLite's MultiplyByQuantizedMultiplier does.

    x: int32 values of any shape. multiplier, shift: what `quantize_multiplier` gives, scalars or arrays that broadcast
    with x. A left shift wraps at 32 bits.
    """
    exponent = np.asarray(shift, np.int64)
    shifted = (np.asarray(x, np.int64) << np.maximum(exponent, 0)).astype(np.int32).astype(np.int64)
    return rounding_divide(high_mul(shifted, np.asarray(multiplier, np.int64)), np.maximum(-exponent, 0))


def multiply_rounding_once(x: ArrayLike, multiplier: ArrayLike, shift: ArrayLike) -> NDArray[np.int64]:
    """x * multiplier * 2^(shift - 31), rounded once, halves away from 0; the arguments are as above, shift <= 30."""
    return rounding_divide(np.asarray(x, np.int64) * np.asarray(multiplier, np.int64), 31 - np.asarray(shift, np.int64))


def round_half_away(x: NDArray[np.float64]) -> NDArray[np.int64]:
    """C's round: halves away from 0; beyond 32 bits it saturates."""
    return np.copysign(np.floor(np.abs(x) + 0.5), x).clip(-(2**31), INT32_MAX).astype(np.int64)


def high_mul(a: NDArray[np.int64], b: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """gemmlowp's SaturatingRoundingDoublingHighMul: a * b / 2^31, halves rounded up.

    Its one case of saturation, both factors -2^31, does not occur here.
    """
    return (a * b + (1 << 30)) >> 31


def rounding_divide(x: NDArray[np.int64], exponent: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """gemmlowp's RoundingDivideByPOT: x / 2^exponent, halves rounded away from 0."""
    half = (np.int64(1) << np.asarray(exponent, np.int64)) >> 1
    return (x + half - ((x < 0) & (half > 0))) >> exponent
