"""From operations to calls of kernels, a family a file; firmware/watchword/kernels has of each family the contract."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from watchword.compile.lower import convolution, depthwise, elementwise, movement, pooling, softmax, svdf
from watchword.compile.lower.call import Call
from watchword.errors import UnsupportedError
from watchword.graph import (
    Add,
    AveragePool2D,
    Concatenation,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Lookup,
    MaxPool2D,
    Mean,
    Multiply,
    Operation,
    Pad,
    Prelu,
    Reshape,
    ResizeNearestNeighbor,
    Slice,
    Softmax,
    Subtract,
    Svdf,
    Tensor,
    Transpose,
)


def lower(op: Operation, first: int = 0, last: int | None = None) -> list[Call]:
    """The calls that compute an operation. first, last: only these of its `parts`.

    Raises UnsupportedError naming the operation that no kernel computes, and why.
    """
    if any(tensor.data is not None for tensor in op.inputs) and all(tensor.data is not None for tensor in op.inputs):
        raise UnsupportedError(f"{op.output.name}: {op.kind} of constants only; simplification computes it on the host")
    last = op.parts if last is None else last
    match op:
        case Conv2D() | Dense():
            return convolution.convolution(op, first, last)
        case DepthwiseConv2D():
            return depthwise.depthwise(op, first, last)
        case AveragePool2D() | MaxPool2D():
            return pooling.window(op)
        case Mean():
            return pooling.mean(op)
        case Add() | Subtract():
            return elementwise.add(op)
        case Multiply():
            return elementwise.multiply(op)
        case Prelu():
            return elementwise.prelu(op)
        case Lookup():
            return elementwise.lookup(op)
        case Reshape():
            return []
        case Transpose():
            return movement.transpose(op)
        case Slice():
            return movement.slice_(op)
        case Pad():
            return movement.pad(op)
        case ResizeNearestNeighbor():
            return movement.resize_nearest_neighbor(op)
        case Concatenation():
            return movement.concatenation(op)
        case Softmax():
            return softmax.softmax(op)
        case Svdf():
            return svdf.svdf(op)
    raise UnsupportedError(f"{op.output.name}: no kernel for {op.kind}")


class Portable:
    """Makes the calls of the kernels that run on every chip. Channels lie where the graph has them."""

    orders: Mapping[Tensor, NDArray[np.int64]] = MappingProxyType({})

    def __call__(self, op: Operation, first: int = 0, last: int | None = None) -> list[Call]:
        return lower(op, first, last)

    def timed(self, call: Call) -> Call:
        return call
