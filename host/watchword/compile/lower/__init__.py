"""From operations to calls of kernels, a family a file; firmware/watchword/kernels has of each family the contract."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from watchword.compile.lower import convolution, depthwise, elementwise, movement, pooling, softmax, svdf
from watchword.compile.lower.call import Call, Lowerings
from watchword.errors import UnsupportedError
from watchword.graph import Operation, Tensor

# The calls of each kind of operation; every family says it of its own. Those of weights can be made for some parts only.
_PARTED: Lowerings = {**convolution.LOWER, **depthwise.LOWER}
_WHOLE: Lowerings = {
    **pooling.LOWER,
    **elementwise.LOWER,
    **movement.LOWER,
    **softmax.LOWER,
    **svdf.LOWER,
}


def lower(op: Operation, first: int = 0, last: int | None = None) -> list[Call]:
    """The calls that compute an operation. first, last: only these of its `parts`.

    Raises UnsupportedError naming the operation that no kernel computes, and why.
    """
    if any(tensor.data is not None for tensor in op.inputs) and all(tensor.data is not None for tensor in op.inputs):
        raise UnsupportedError(f"{op.output.name}: {op.kind} of constants only; simplification computes it on the host")
    if type(op) in _PARTED:
        return _PARTED[type(op)](op, first, op.parts if last is None else last)
    if type(op) in _WHOLE:
        return _WHOLE[type(op)](op)
    raise UnsupportedError(f"{op.output.name}: no kernel for {op.kind}")


class Portable:
    """Makes the calls of the kernels that run on every chip. Channels lie where the graph has them."""

    orders: Mapping[Tensor, NDArray[np.int64]] = MappingProxyType({})

    def __call__(self, op: Operation, first: int = 0, last: int | None = None) -> list[Call]:
        return lower(op, first, last)

    def timed(self, call: Call) -> Call:
        return call

    def narrowed(self, op: Operation) -> None:
        return None
