"""Sums, products and functions of one value, as calls of ADD, MULTIPLY, PRELU and LOOKUP."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from watchword.compile.lower.call import (
    CYCLES_PER_BYTE,
    CYCLES_PER_OUTPUT,
    Call,
    Lowerings,
    Parameter,
    requantized,
    rescales,
    rows_at_once,
)
from watchword.compile.lower.movement import ROW, axis_steps, nests, shape, strides
from watchword.graph import Add, Lookup, Multiply, Prelu, Subtract, Tensor
from watchword.kernels import ADD, LOOKUP, MULTIPLY, PRELU, Kernel
from watchword.reference import (
    activation_range,
    lookup_table,
    multiply_by_quantized_multiplier,
    product_multiplier,
    sum_multipliers,
)

_TILE = 64  # sums that a kernel holds at once


def add(op: Add | Subtract) -> list[Call]:
    """Each input is looked up in a table of what its values add to the sum."""
    first, second, (multiplier, shift) = sum_multipliers(op)
    q = np.arange(-128, 128, dtype=np.int64)
    a = multiply_by_quantized_multiplier((q - op.input.zero_point) << 20, *first)
    b = multiply_by_quantized_multiplier((q - op.other.zero_point) << 20, *second)
    if isinstance(op, Subtract):
        b = -b
    tables = [(op.input, a), (op.other, b)]
    if op.input.data is not None:  # a sum has no order: the kernel wants the constant last
        tables.reverse()
    (input, table), (other, other_table) = tables
    greatest = int(np.abs(a).max() + np.abs(b).max())
    constants: dict[Parameter, bytes] = {
        "input_table": table.astype("<i4").tobytes(),
        "other_table": other_table.astype("<i4").tobytes(),
        "rescale": rescales(op, [0], [multiplier], [shift], [greatest]),
    }
    return _broadcast(ADD, op, input, other, constants, {})


def multiply(op: Multiply) -> list[Call]:
    multiplier, shift = product_multiplier(op)
    input, other = (op.input, op.other) if op.input.data is None else (op.other, op.input)
    greatest = max(abs(q - op.input.zero_point) for q in (-128, 127)) * max(abs(q - op.other.zero_point) for q in (-128, 127))
    zero_points = {"input_zero_point": input.zero_point + 128, "other_zero_point": other.zero_point + 128}
    rescale = rescales(op, [0], [multiplier], [shift], [greatest])
    return _broadcast(MULTIPLY, op, input, other, {"rescale": rescale}, zero_points)


def prelu(op: Prelu) -> list[Call]:
    """Products of what is below the zero point; what is not is looked up."""
    multiplier, shift = product_multiplier(op)
    greatest = (op.input.zero_point + 128) * max(abs(q - op.other.zero_point) for q in (-128, 127))
    zero_points = {"input_zero_point": op.input.zero_point + 128, "other_zero_point": op.other.zero_point + 128}
    constants: dict[Parameter, bytes] = {
        "rescale": rescales(op, [0], [multiplier], [shift], [greatest]),
        "positive_table": lookup_table("relu", op.input, op.output)[op.input.zero_point + 128 :].tobytes(),
    }
    return _broadcast(PRELU, op, op.input, op.other, constants, zero_points)


def _broadcast(
    kernel: Kernel,
    op: Add | Subtract | Multiply | Prelu,
    input: Tensor,
    other: Tensor,
    constants: dict[Parameter, bytes],
    own: dict[str, int],
) -> list[Call]:
    """The calls of ADD, MULTIPLY or PRELU: one, or as many as axes beyond four make necessary. own: parameters of its own."""
    low, high = (-128, 127) if isinstance(op, Prelu) else activation_range(op)
    calls = []
    to = op.output.shape
    axes = zip(to, _strides_within(input.shape, to), _strides_within(other.shape, to), strides(to), strict=True)
    for sizes, (at, other_at, output_at), (steps, other_steps, _) in nests(op.output, axes, 3):
        rows = sizes[0]
        tile = min(sizes[3], _TILE)
        parameters = {
            **requantized(op, low, high),
            "input": at,
            "output": output_at,
            "other": other_at,
            "other_is_constant": int(other.data is not None),
            **shape(sizes),
            **axis_steps("input", steps),
            **axis_steps("other", other_steps),
            "tile": tile,
            **own,
        }
        chunk = rows_at_once(rows, math.prod(sizes) * CYCLES_PER_OUTPUT)
        tensors: dict[Parameter, Tensor] = {"input": input, "output": op.output}
        call = Call(kernel, rows, chunk, parameters, tensors, dict(constants), {"sums": 4 * tile})
        if other.data is None:
            call.tensors["other"] = other
        else:
            call.constants["other"] = other.data.astype(np.int8).tobytes()
        calls.append(call)
    return calls


def _strides_within(shape: Sequence[int], to: Sequence[int]) -> list[int]:
    """Strides of an array that is repeated to fill a shape: 0 along the axes where it is."""
    padded = (1,) * (len(to) - len(shape)) + tuple(shape)
    return [0 if size == 1 else step for size, step in zip(padded, strides(padded), strict=True)]


def lookup(op: Lookup) -> list[Call]:
    rows = math.prod(op.output.shape)
    depth = 1
    for size in reversed(op.output.shape):
        if depth * size > ROW:
            break
        depth *= size
        rows //= size
    chunk = rows_at_once(rows, op.output.size * CYCLES_PER_BYTE)
    tensors: dict[Parameter, Tensor] = {"input": op.input, "output": op.output}
    return [Call(LOOKUP, rows, chunk, {"depth": depth}, tensors, {"table": op.table.tobytes()})]


LOWER: Lowerings = {Add: add, Subtract: add, Multiply: multiply, Prelu: prelu, Lookup: lookup}
