"""Operations that only move bytes: RESHAPE, TRANSPOSE, CONCATENATION, slices and PAD.

The samples are an axis in front of the tensor's own axes, whose first, the batch axis, has 1 place.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from watchword.graph import Concatenation, Operation, Pad, Slice, Transpose


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
