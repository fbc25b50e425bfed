"""ADD, SUB, MUL and PRELU, and the functions of one value: RELU, RELU6, LEAKY_RELU, HARD_SWISH, LOGISTIC, TANH and QUANTIZE."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from watchword.errors import ModelError
from watchword.graph import Add, Function, Lookup, Multiply, Operation, Prelu, Subtract, Tensor
from watchword.reference.fixedpoint import (
    activation_range,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    rounding_divide,
)

_LEFT_SHIFT = 20  # of the inputs of a sum, so that they keep their fractions


def sum_multipliers(op: Add | Subtract) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """(multiplier, shift) for the input, the other one and the output of a sum whose inputs are shifted left by 20.

    All factors are below 1. ModelError: the output's is not, and LiteRT stops there.
    """
    # TFLite takes these products in single precision, the quotients in double.
    first, second, output = (tensor.scale[0].astype(np.float32) for tensor in (op.input, op.other, op.output))
    twice_largest = float(np.float32(2) * max(first, second))
    real = twice_largest / float(np.float32(2**_LEFT_SHIFT) * output)
    rescale = quantize_multiplier(real)
    if not 0 < real < 1 or rescale[1] > 0:
        raise ModelError(f"{op.kind} {op.output.name!r}: its output scale is more than 2^19 times smaller than its inputs'")
    return quantize_multiplier(float(first) / twice_largest), quantize_multiplier(float(second) / twice_largest), rescale


def product_multiplier(op: Multiply | Prelu) -> tuple[int, int]:
    """(multiplier, shift) for the product of two inputs.

    ModelError: its output scale is too small for 32 bits.
    """
    first, second, output = (tensor.scale[0].astype(np.float32) for tensor in (op.input, op.other, op.output))
    with np.errstate(over="ignore"):
        real = float(first * second / output)
    if not real < 2**14:  # 255 * 255 shifted by 14 bits still fits
        raise ModelError(f"{op.kind} {op.output.name!r}: its output scale is more than 2^14 times too small")
    return quantize_multiplier(real)


def add(op: Add | Subtract, x: NDArray[np.int8], other: NDArray[np.int8]) -> NDArray[np.int8]:
    """x + other or x - other: each rescaled to twice the greater scale, then their sum to the output."""
    first, second, rescale = sum_multipliers(op)
    a = multiply_by_quantized_multiplier(_centred(op.input, x, op.output) << _LEFT_SHIFT, *first)
    b = multiply_by_quantized_multiplier(_centred(op.other, other, op.output) << _LEFT_SHIFT, *second)
    return _finish(op, multiply_by_quantized_multiplier(a - b if isinstance(op, Subtract) else a + b, *rescale))


def multiply(op: Multiply, x: NDArray[np.int8], other: NDArray[np.int8]) -> NDArray[np.int8]:
    """x * other, element by element."""
    product = _centred(op.input, x, op.output) * _centred(op.other, other, op.output)
    return _finish(op, multiply_by_quantized_multiplier(product, *product_multiplier(op)))


def prelu(op: Prelu, x: NDArray[np.int8], other: NDArray[np.int8]) -> NDArray[np.int8]:
    """x where it is 0 or more, as RELU rescales it, else x * other."""
    q = _centred(op.input, x, op.output)
    product = np.minimum(q, 0) * _centred(op.other, other, op.output)
    scaled = multiply_by_quantized_multiplier(product, *product_multiplier(op)) + op.output.zero_point
    table = lookup_table("relu", op.input, op.output)
    return np.where(q < 0, scaled.clip(-128, 127), table[x.astype(np.int64) + 128].reshape(q.shape)).astype(np.int8)


def lookup(op: Lookup, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """The table's value for each x."""
    return op.table[x.astype(np.int16) + 128]


def _centred(tensor: Tensor, x: NDArray[np.int8], output: Tensor) -> NDArray[np.int64]:
    """Values less their zero point, int64 of the output's rank with the samples (or 1, of a constant) in front."""
    batch = 1 if tensor.data is not None else len(x)
    padded = (1,) * (len(output.shape) - len(tensor.shape)) + tensor.shape
    return x.reshape(batch, *padded[1:]).astype(np.int64) - tensor.zero_point


def _finish(op: Add | Subtract | Multiply, scaled: NDArray[np.int64]) -> NDArray[np.int8]:
    outputs: NDArray[np.int8] = np.clip(scaled + op.output.zero_point, *activation_range(op)).astype(np.int8)
    return outputs


def lookup_table(function: Function, input: Tensor, output: Tensor, alpha: float = 0.0) -> NDArray[np.int8]:
    """The outputs for the inputs -128..127, int8 (256,).

    LOGISTIC and TANH are single-precision floats in LiteRT's reference kernels, where TFLite Micro has fixed point; the
    others are rescaled in fixed point. ModelError: the scales are too far apart for 32 bits.
    """
    q = np.arange(-128, 128, dtype=np.int64) - input.zero_point
    if function == "logistic":
        return _table_of_floats(_logistic, q, input, output)
    if function == "tanh":
        return _table_of_floats(np.tanh, q, input, output)
    if function == "hard_swish":
        return _hard_swish(q, input, output)
    input_scale, output_scale = input.scale[0].astype(np.float32), output.scale[0].astype(np.float32)
    # LiteRT divides the scales in single precision, those of QUANTIZE in double.
    real = float(input_scale) / float(output_scale) if function == "quantize" else float(input_scale / output_scale)
    scaled = _rescale(q, real, output)
    if function == "leaky_relu":
        # The sign of a negative slope is taken off and put back.
        slope = float(input_scale * np.float32(alpha) / output_scale)
        scaled = np.where(q >= 0, scaled, math.copysign(1, slope) * _rescale(q, abs(slope), output))
    low, high = -128, 127
    if function in ("relu", "relu6"):
        low = output.zero_point
    if function == "relu6":
        if not output_scale > 2**-28:
            raise ModelError(f"{output.name!r}: 6 has no 32-bit form in its scale")
        high = min(127, output.zero_point + math.floor(float(np.float32(6) / output_scale) + 0.5))
    table: NDArray[np.int8] = np.clip(scaled + output.zero_point, low, max(low, high)).astype(np.int8)
    return table


def _rescale(q: NDArray[np.int64], real: float, output: Tensor) -> NDArray[np.int64]:
    if not real < 2**22:
        raise ModelError(f"{output.name!r}: its scale is more than 2^22 times too small")
    return multiply_by_quantized_multiplier(q, *quantize_multiplier(real))


def _hard_swish(q: NDArray[np.int64], input: Tensor, output: Tensor) -> NDArray[np.int8]:
    """x * relu6(x + 3) / 6 in 16 bits, as LiteRT's HardSwish computes it.

    ModelError: an output scale that is 128 times smaller than the input's, or less, where LiteRT stops; an input scale that
    is too great for shifts of 32 bits.
    """
    # 7 bits below a step of the input; LiteRT takes all quotients in single precision.
    fine = np.float32(1 / 128) * input.scale[0].astype(np.float32)
    multiplier, exponent = _quantize_multiplier_16(float(fine / output.scale[0].astype(np.float32)))
    slope, slope_exponent = _quantize_multiplier_16(float(fine / np.float32(3 / 32768)))
    if exponent > 0 or slope_exponent > 31:
        raise ModelError(f"{output.name!r}: hard swish from the scale {input.scale[0]} to {output.scale[0]} has no 16-bit form")
    x = q << 7
    gate = x  # at last relu6(x + 3) / 6, where 1 is 2^15
    if slope_exponent > 0:
        gate = _saturate(gate << (slope_exponent - 1))
    gate = _high_mul_16(gate, slope)
    gate = _saturate(gate << 1) if slope_exponent > 0 else _rounding_divide_16(gate, -slope_exponent)
    gate = (gate + 2**15) >> 1
    product = gate * _high_mul_16(x, multiplier)
    scaled = _rounding_divide_16(np.sign(product) * (np.abs(product) >> 15), -exponent)
    table: NDArray[np.int8] = np.clip(scaled + output.zero_point, -128, 127).astype(np.int8)
    return table


def _quantize_multiplier_16(real: float) -> tuple[int, int]:
    """(multiplier of 15 bits, exponent): real = multiplier * 2^(exponent - 15)."""
    multiplier, exponent = quantize_multiplier(real)
    return min((multiplier + 2**15) >> 16, 2**15 - 1), exponent


def _saturate(x: NDArray[np.int64]) -> NDArray[np.int64]:
    return x.clip(-(2**15), 2**15 - 1)


def _high_mul_16(a: NDArray[np.int64], b: int) -> NDArray[np.int64]:
    """gemmlowp's SaturatingRoundingDoublingHighMul of int16: a * b / 2^15, halves rounded up. b: 0 or more."""
    return (a * b + 2**14) >> 15


def _rounding_divide_16(x: NDArray[np.int64], exponent: int) -> NDArray[np.int64]:
    """gemmlowp's RoundingDivideByPOT of int16: halves go away from 0. Its mask of more than 15 bits is -1."""
    if exponent > 15:
        return np.where(x < 0, -1, 1)
    return rounding_divide(x, exponent)


def _logistic(x: NDArray[np.float64]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return np.float32(1) / (np.float32(1) + np.exp(-x).astype(np.float32))


def _table_of_floats(
    function: Callable[[NDArray[np.float64]], NDArray[np.floating]], q: NDArray[np.int64], input: Tensor, output: Tensor
) -> NDArray[np.int8]:
    """A function of floats as LiteRT tabulates it (LUTPopulate).

    exp and tanh are taken in double and rounded, which is what a good single-precision library gives.
    """
    x = (input.scale[0].astype(np.float32) * q.astype(np.float32)).astype(np.float64)
    inverse_scale = np.float32(1) / output.scale[0].astype(np.float32)
    y = function(x).astype(np.float32) * inverse_scale
    rounded = np.copysign(np.floor(np.abs(y.astype(np.float64)) + 0.5), y)
    table: NDArray[np.int8] = np.clip(rounded + output.zero_point, -128, 127).astype(np.int8)
    return table


RUN: dict[type[Operation], Callable[..., NDArray[np.int8]]] = {
    Add: add,
    Subtract: add,
    Multiply: multiply,
    Prelu: prelu,
    Lookup: lookup,
}
