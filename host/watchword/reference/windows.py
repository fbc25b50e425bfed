"""The windows that slide over a picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from watchword.graph import Extent

Scalar = TypeVar("Scalar", bound=np.generic)


def views(
    x: NDArray[Scalar],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    extents: tuple[Extent, Extent],
    fill: int,
) -> Iterator[NDArray[Scalar]]:
    """For every tap of a window, row by row: what it sees at all positions, (samples, h', w', channels).

    extents: of rows and columns (`graph.extents`); `fill` stands in their padding.
    """
    rows, columns = extents
    margins = ((0, 0), (rows.before, rows.after), (columns.before, columns.after), (0, 0))
    padded = np.pad(x, margins, constant_values=fill)
    for row in range(0, kernel[0] * dilation[0], dilation[0]):
        for column in range(0, kernel[1] * dilation[1], dilation[1]):
            bottom, right = row + (rows.output - 1) * stride[0] + 1, column + (columns.output - 1) * stride[1] + 1
            yield padded[:, row : bottom : stride[0], column : right : stride[1]]
