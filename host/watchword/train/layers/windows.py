"""A window that slides over pictures: which places each of its taps sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from watchword.errors import DataError
from watchword.graph import Extent, Margins, Padding, Rule, extent


class Tap(NamedTuple):
    """A place (row, column) of a window, the outputs that see the picture there, and what they see: slices (rows, columns)."""

    row: int
    column: int
    outputs: tuple[slice, slice]
    inputs: tuple[slice, slice]


@dataclass(frozen=True)
class Window:
    """kernel, stride, dilation: (height, width), in places. padding: a rule for rows and columns, or one for each."""

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: Rule | tuple[Rule, Rule] = "same"

    @property
    def rules(self) -> tuple[Rule, Rule]:
        return self.padding if isinstance(self.padding, tuple) else (self.padding, self.padding)

    @property
    def turned(self) -> Window:
        """The window for pictures whose rows and columns are exchanged."""
        return Window(self.kernel[::-1], self.stride[::-1], self.dilation[::-1], self.rules[::-1])

    def extents(self, height: int, width: int) -> tuple[Extent, Extent]:
        """How the window slides over rows and columns. DataError: it does not fit in."""
        rows, columns = (
            extent(size, self.kernel[axis], self.stride[axis], self.dilation[axis], self.rules[axis])
            for axis, size in enumerate((height, width))
        )
        if rows.output < 1 or columns.output < 1:
            reach = [(size - 1) * step + 1 for size, step in zip(self.kernel, self.dilation, strict=True)]
            raise DataError(
                f"a window of {reach[0]} x {reach[1]} places does not fit into {height} x {width}: "
                'a smaller kernel or dilation, or the padding "same", would'
            )
        return rows, columns

    def padding_of(self, height: int, width: int) -> Padding:
        """The padding as the graph has it."""
        rows, columns = self.rules
        if rows == columns:
            return rows
        vertical, horizontal = self.extents(height, width)
        return Margins(vertical.before, vertical.after, horizontal.before, horizontal.after)

    def taps(self, height: int, width: int) -> Iterator[Tap]:
        """All taps that see any place inside the picture, row by row; padding is what none sees."""
        rows, columns = self.extents(height, width)
        for row in range(self.kernel[0]):
            down = _seen(height, rows, row * self.dilation[0], self.stride[0])
            for column in range(self.kernel[1]):
                across = _seen(width, columns, column * self.dilation[1], self.stride[1])
                if down is not None and across is not None:
                    yield Tap(row, column, (down[0], across[0]), (down[1], across[1]))


def _seen(size: int, axis: Extent, offset: int, stride: int) -> tuple[slice, slice] | None:
    """Along one axis: the outputs whose tap at `offset` lies inside, and the inputs that they see there."""
    shift = offset - axis.before  # output i sees input i * stride + shift
    first = max(0, -(shift // stride))
    last = min(axis.output, -((shift - size) // stride))  # beyond the last
    if first >= last:
        return None
    return slice(first, last), slice(first * stride + shift, (last - 1) * stride + shift + 1, stride)
