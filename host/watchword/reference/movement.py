"""Operations that only move bytes: RESHAPE, TRANSPOSE, CONCATENATION, slices, PAD and RESIZE_NEAREST_NEIGHBOR.

The samples are an axis in front of the tensor's own axes, whose first, the batch axis, has 1 place.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from watchword.graph import Concatenation, Operation, Pad, Reshape, ResizeNearestNeighbor, Slice, Transpose


def reshape(op: Operation, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """The same bytes as (samples, *output shape without batch)."""
    return x.reshape(len(x), *op.output.shape[1:])


def transpose(op: Transpose, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """Axis i of the output is axis permutation[i] of the input."""
    axes = (0, *(axis + 1 for axis in op.permutation))
    return reshape(op, x[:, np.newaxis].transpose(axes))


def concatenate(op: Concatenation, *x: NDArray[np.int8]) -> NDArray[np.int8]:
    """One input after another; a constant is the same for all samples."""
    samples = max(len(part) for part, tensor in zip(x, op.inputs, strict=True) if tensor.data is None)
    parts = [np.broadcast_to(part, (samples, *tensor.shape[1:])) for part, tensor in zip(x, op.inputs, strict=True)]
    return np.concatenate(parts, axis=op.axis)


def slice_(op: Slice, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """The places of every axis, as of Python's slices."""
    places = (slice(b, None if e < 0 else e, s) for b, e, s in zip(op.begin, op.end, op.strides, strict=True))
    return x[:, np.newaxis][(slice(None), *places)][:, 0]


def pad(op: Pad, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """The value around the input."""
    return np.pad(x, [(0, 0), *zip(op.before[1:], op.after[1:], strict=True)], constant_values=op.value)


def resize_nearest_neighbor(op: ResizeNearestNeighbor, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """The rows and the columns that `nearest` names."""
    rows, columns = nearest(op)
    return x[:, rows[:, np.newaxis], columns]


def nearest(op: ResizeNearestNeighbor) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each row and for each column of the output the one of the input, rising (TFLite's GetNearestNeighbor)."""
    rows, columns = (_nearest(size, to, op) for size, to in zip(op.input.shape[1:3], op.output.shape[1:3], strict=True))
    return rows, columns


def _nearest(size: int, to: int, op: ResizeNearestNeighbor) -> NDArray[np.int64]:
    ends = 1 if op.align_corners and to > 1 else 0
    scale = np.float32(size - ends) / np.float32(to - ends)
    at = (np.arange(to, dtype=np.float32) + np.float32(0.5 if op.half_pixel_centers else 0)) * scale
    # Rounded, half of a step more; floats have it exactly, doubles surely.
    places: NDArray[np.int64] = np.floor(at.astype(np.float64) + (0.5 if op.align_corners else 0)).astype(np.int64)
    return places.clip(max=size - 1)


RUN: dict[type[Operation], Callable[..., NDArray[np.int8]]] = {
    Reshape: reshape,
    Transpose: transpose,
    Concatenation: concatenate,
    Slice: slice_,
    Pad: pad,
    ResizeNearestNeighbor: resize_nearest_neighbor,
}
