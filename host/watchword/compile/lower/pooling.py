"""Pools and means, as calls of AVERAGE_POOL, MAX_POOL and MEAN."""

from __future__ import annotations

import math

from watchword.compile.lower.call import (
    CYCLES_PER_BYTE,
    CYCLES_PER_OUTPUT,
    Call,
    Lowerings,
    requantized,
    rescales,
    rows_at_once,
    window,
)
from watchword.compile.lower.movement import copies, strides
from watchword.graph import AveragePool2D, MaxPool2D, Mean, Tensor
from watchword.kernels import AVERAGE_POOL, MAX_POOL, MEAN
from watchword.reference import activation_range, mean_multiplier

_TILE = 64  # sums that a kernel holds at once


def pool(op: AveragePool2D | MaxPool2D) -> list[Call]:
    low, high = activation_range(op)
    sliding = window(op)
    rows, channels = sliding["output_height"], sliding["input_channels"]
    parameters = {**sliding, "output_channels": channels, "minimum": low + 128, "maximum": high + 128}
    cycles = op.output.size * (math.prod(op.kernel) * CYCLES_PER_BYTE + CYCLES_PER_OUTPUT)
    kernel = AVERAGE_POOL if isinstance(op, AveragePool2D) else MAX_POOL
    return [Call(kernel, rows, rows_at_once(rows, cycles), parameters, {"input": op.input, "output": op.output})]


def mean(op: Mean) -> list[Call]:
    """The axes of the mean are brought together, in front of the others that are not in front of all of them anyway."""
    multiplier, shift = mean_multiplier(op)
    axes = [axis for axis, size in enumerate(op.input.shape) if size > 1]
    reduced = [axis for axis in axes if axis in op.axes]
    kept = [axis for axis in axes if axis not in op.axes]
    front = [axis for axis in kept if not reduced or axis < reduced[0]]
    order = [*front, *reduced, *(axis for axis in kept if axis not in front)]
    calls: list[Call] = []
    source = op.input
    if order != axes:
        shape = tuple(op.input.shape[axis] for axis in order)
        source = Tensor(f"{op.input.name}/transposed", shape, op.input.dtype, op.input.scale, op.input.zero_point)
        steps = strides(op.input.shape)
        calls = copies(op.input, 0, source, 0, zip(shape, [steps[axis] for axis in order], strides(shape), strict=True))
    rows = math.prod(op.input.shape[axis] for axis in front)
    places = math.prod(op.input.shape[axis] for axis in reduced)
    depth = op.output.size // rows
    tile = min(depth, _TILE)
    bias = -(op.input.zero_point + 128) * places
    cycles = op.input.size * CYCLES_PER_BYTE + op.output.size * CYCLES_PER_OUTPUT
    call = Call(
        MEAN,
        rows,
        rows_at_once(rows, cycles),
        {**requantized(op, -128, 127), "places": places, "depth": depth, "tile": tile},
        {"input": source, "output": op.output},
        {"rescale": rescales(op, [bias], [multiplier], [shift], [255 * places])},
        {"sums": 4 * tile},
    )
    return [*calls, call]


LOWER: Lowerings = {AveragePool2D: pool, MaxPool2D: pool, Mean: mean}
