"""Which places of a tensor a STRIDED_SLICE takes."""

from __future__ import annotations

from typing import NamedTuple

import tflite

from watchword.errors import UnsupportedError
from watchword.tflite.node import Node, require


class Places(NamedTuple):
    """Along every axis range(begin, end, stride); an end of -1 is before the first. kept: the sizes that the output has."""

    begin: tuple[int, ...]
    end: tuple[int, ...]
    strides: tuple[int, ...]
    kept: tuple[int, ...]


def strided(node: Node, shape: tuple[int, ...]) -> Places:
    """Those that begin, end, strides and masks of a node name in its first input, of a shape. An axis may be left empty.

    UnsupportedError: a mask that no converter writes for a model of fixed shapes.
    """
    options = node.options(tflite.StridedSliceOptions)
    if options.EllipsisMask() or options.NewAxisMask() or options.Offset():
        raise UnsupportedError("its indices have an ellipsis, a new axis or an offset")
    given = [[int(value) for value in node.integers(place).ravel()] for place in (1, 2, 3)]
    axes = len(given[0])
    require(axes == len(given[1]) == len(given[2]) <= len(shape), f"{axes} indices for the input {shape}")
    begin, end, strides, kept = [], [], [], []
    for axis, size in enumerate(shape):
        b, e, stride = (part[axis] for part in given) if axis < axes else (0, size, 1)
        require(stride != 0, "a stride of 0")
        first = None if options.BeginMask() >> axis & 1 else b
        last = None if options.EndMask() >> axis & 1 or axis >= axes else e
        b, e, stride = slice(first, last, stride).indices(size)
        if options.ShrinkAxisMask() >> axis & 1:
            if stride < 0:
                raise UnsupportedError("it takes an axis away with a stride below 0")
            require(size > 0 and (first is None or -size <= first < size), f"place {first} of {size}")
            e, stride = b + 1, 1
        else:
            kept.append(len(range(b, e, stride)))
        begin.append(b)
        end.append(e)
        strides.append(stride)
    return Places(tuple(begin), tuple(end), tuple(strides), tuple(kept))
