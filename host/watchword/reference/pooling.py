"""AVERAGE_POOL_2D, MAX_POOL_2D and MEAN."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from watchword.errors import ModelError
from watchword.graph import AveragePool2D, MaxPool2D, Mean, Operation, extents
from watchword.reference.fixedpoint import activation_range, multiply_by_quantized_multiplier, quantize_multiplier
from watchword.reference.windows import views


def average_pool2d(op: AveragePool2D, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """The mean, halves rounded away from 0; only places inside the picture count. x int8 (samples, h, w, channels)."""
    shape = (len(x), *op.output.shape[1:])
    sums, counts = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    inside = np.ones_like(x, np.int32)
    for view in views(x.astype(np.int32), op.size, op.stride, (1, 1), extents(op), 0):
        sums += view
    for view in views(inside, op.size, op.stride, (1, 1), extents(op), 0):
        counts += view
    means = np.sign(sums) * ((np.abs(sums) + counts // 2) // counts)
    outputs: NDArray[np.int8] = np.clip(means, *activation_range(op)).astype(np.int8)
    return outputs


def max_pool2d(op: MaxPool2D, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """The greatest value inside the picture, clamped. x int8 (samples, h, w, channels)."""
    greatest = np.full((len(x), *op.output.shape[1:]), -128, np.int8)
    for view in views(x, op.size, op.stride, (1, 1), extents(op), -128):
        np.maximum(greatest, view, out=greatest)
    outputs: NDArray[np.int8] = np.clip(greatest, *activation_range(op)).astype(np.int8)
    return outputs


def mean_multiplier(op: Mean) -> tuple[int, int]:
    """(multiplier, shift) that take a sum of input steps to the mean in output steps (QuantizedMeanOrSum).

    The division by the number of places goes into the multiplier, truncated; it does not round like a division would.
    ModelError: the scales are too far apart for 32 bits.
    """
    count = math.prod(op.input.shape[axis] for axis in op.axes)
    multiplier, shift = quantize_multiplier(float(op.input.scale[0]) / float(op.output.scale[0]))
    places = min(count.bit_length() - 1, 32, 31 + shift)
    multiplier, shift = (multiplier << places) // count, shift - places
    if 255 * count << max(shift, 0) >= 2**31:
        raise ModelError(f"{op.kind} {op.output.name!r}: its output scale is too small for its input scale")
    return multiplier, shift


def mean(op: Mean, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """The mean along op.axes. x int8 (samples, ...)."""
    count = math.prod(op.input.shape[axis] for axis in op.axes)
    sums = x.sum(axis=op.axes, dtype=np.int64).reshape(len(x), *op.output.shape[1:]) - op.input.zero_point * count
    scaled = multiply_by_quantized_multiplier(sums, *mean_multiplier(op)) + op.output.zero_point
    outputs: NDArray[np.int8] = np.clip(scaled, -128, 127).astype(np.int8)
    return outputs


RUN: dict[type[Operation], Callable[..., NDArray[np.int8]]] = {AveragePool2D: average_pool2d, MaxPool2D: max_pool2d, Mean: mean}
