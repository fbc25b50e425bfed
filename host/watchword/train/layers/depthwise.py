"""DepthwiseConv2D: products with banded matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from watchword import graph
from watchword.graph import Operation, Rule, Tensor
from watchword.train.layers.layer import Array, Shape, picture
from watchword.train.layers.weighted import Weighted
from watchword.train.layers.windows import Window

_COLUMNS = 8  # of a band; from 6 to 16 made little difference, and whole rows of 48 took twice as long


@dataclass(frozen=True)
class _Band:
    """Some columns of a result, and the matrix that makes one row of them from rows of a source.

    targets, sources: columns of result and source. target, row, source: where in the matrix (targets, rows, sources) a weight
    of the kernel stands, by numbers from 0 of each; tap: which one.
    """

    targets: slice
    sources: slice
    target: NDArray[np.intp]
    row: NDArray[np.intp]
    source: NDArray[np.intp]
    tap: NDArray[np.intp]


@dataclass(frozen=True)
class _Plan:
    """How rows of a source make rows of a result, by matrices for bands of columns.

    height: of the source with its margins, and `rows` where its own rows go in there. reach: rows that one of the result sees,
    of which the next begins `step` further.
    """

    height: int
    rows: slice
    reach: int
    step: int
    bands: list[_Band]


class DepthwiseConv2D(Weighted):
    """A convolution of each channel by itself: weights (1, kernel_h, kernel_w, channels).

    x (channels, h, w, clips) -> (channels, h', w', clips). For eight columns of the output at a time the kernel is written out
    as a banded matrix: a row of them is that matrix times the rows above each other that it sees, which lie in one piece, and
    BLAS is several times faster at this than NumPy at a sum over taps, though two thirds of the matrix are 0. The gradients are
    products of the same form.
    """

    kind = "depthwise"
    channel_axis = 3

    def __init__(
        self,
        kernel: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
        dilation: tuple[int, int] = (1, 1),
        padding: Rule | tuple[Rule, Rule] = "same",
        bias: bool = False,
    ) -> None:
        super().__init__(bias)
        self.window = Window(kernel, stride, dilation, padding)

    def build(self, shapes: Sequence[Shape], rng: np.random.Generator) -> Shape:
        height, width, channels = picture(shapes, "DepthwiseConv2D")
        self.make((1, *self.window.kernel, channels), rng)
        rows, columns = self.window.extents(height, width)
        # One column is a row that stands upright: lying, it is cut into bands.
        self._lies = width == 1 and self.window.kernel[1] == 1
        plane = (1, height) if self._lies else (height, width)
        self._plane, self._made = plane, (1, rows.output) if self._lies else (rows.output, columns.output)
        self._forward, self._backward = _plans(self.window.turned if self._lies else self.window, plane)
        return rows.output, columns.output, channels

    def forward(self, x: Array, training: bool = False) -> Array:
        channels, _, _, clips = x.shape
        y = self.buffer("output", (channels, *self._made, clips), x.dtype)
        self._seen = self._multiply("forward", self._forward, x.reshape(channels, *self._plane, clips), y)
        self._shape = x.shape
        shape = (channels, *reversed(self._made), clips) if self._lies else y.shape
        return self.finish(y.reshape(shape))

    def backward(self, gradient: Array) -> Array:
        self.backward_parameters(gradient)
        channels, clips = len(gradient), gradient.shape[3]
        d_x = self.buffer("input gradient", (channels, *self._plane, clips), gradient.dtype)
        self._multiply("backward", self._backward, gradient.reshape(channels, *self._made, clips), d_x)
        return d_x.reshape(self._shape)

    def backward_parameters(self, gradient: Array) -> None:
        channels, clips = len(gradient), gradient.shape[3]
        lying = gradient.reshape(channels, *self._made, clips)
        d_taps = np.zeros((channels, len(self._taps[0])), gradient.dtype)
        for band, seen in zip(self._forward.bands, self._seen, strict=True):
            # The gradient of every entry of the matrix, of which those of a tap are summed.
            d_matrix = np.matmul(lying[:, :, band.targets], seen.swapaxes(2, 3)).sum(axis=1)
            by_entry = d_matrix.reshape(*d_matrix.shape[:2], self._forward.reach, -1)[:, band.target, band.row, band.source]
            d_taps += by_entry @ np.eye(d_taps.shape[1], dtype=gradient.dtype)[band.tap]
        self.gradient("weights")[:] = d_taps.T.reshape(self.parameters["weights"].shape)
        self.finish_backward(gradient)

    @property
    def _taps(self) -> Array:
        """The weights, (channels, taps)."""
        weights = self.parameters["weights"]
        return weights.reshape(-1, weights.shape[3]).T

    def _multiply(self, name: str, plan: _Plan, source: Array, result: Array) -> list[Array]:
        """Compute `result` from `source`, each (channels, h, w, clips); returns what each band has seen, as matrices."""
        channels, _, _, clips = source.shape
        seen = []
        for number, band in enumerate(plan.bands):
            columns = band.sources.stop - band.sources.start
            # Margins are never written, and stay 0.
            rows = self.buffer(f"{name} rows {number}", (channels, plan.height, columns, clips), source.dtype)
            rows[:, plan.rows] = source[:, :, band.sources]
            over, down, across, each = rows.strides
            # Rows above each other, as a matrix; the next begins within it.
            seen_at_once = (channels, result.shape[1], plan.reach * columns, clips)
            windows: Array = np.ndarray(seen_at_once, rows.dtype, rows, strides=(over, down * plan.step, across, each))
            shape = (channels, band.targets.stop - band.targets.start, plan.reach, columns)
            matrix = self.buffer(f"{name} matrix {number}", shape, source.dtype)
            matrix[:, band.target, band.row, band.source] = self._taps[:, band.tap]
            np.matmul(matrix.reshape(channels, 1, shape[1], -1), windows, out=result[:, :, band.targets])
            seen.append(windows)
        return seen

    def operations(self, inputs: Sequence[Tensor], output: Tensor) -> list[Operation]:
        (source,) = inputs
        window, padding = self.window, self.window.padding_of(*source.shape[1:3])
        constants = self.constants(source, output)
        return [graph.DepthwiseConv2D(source, output, *constants, window.stride, window.dilation, padding, self.activation)]


def _plans(window: Window, plane: tuple[int, int]) -> tuple[_Plan, _Plan]:
    """How outputs are made of inputs, and how gradients of inputs are made of those of outputs."""
    rows, columns = window.extents(*plane)
    kernel_h, kernel_w = window.kernel
    reach = (kernel_h - 1) * window.dilation[0] + 1
    # All pairs of an output column and an input column that a tap's column joins.
    output, tap = (index.ravel() for index in np.indices((columns.output, kernel_w)))
    input = output * window.stride[1] + tap * window.dilation[1] - columns.before
    inside = (input >= 0) & (input < plane[1])
    output, tap, input = output[inside], tap[inside], input[inside]
    height = max((rows.output - 1) * window.stride[0] + reach, rows.before + plane[0])
    down = np.arange(kernel_h) * window.dilation[0]
    forward = _Plan(
        height,
        slice(rows.before, rows.before + plane[0]),
        reach,
        window.stride[0],
        _bands(columns.output, output, input, tap, down, kernel_w),
    )
    # Backwards the window is turned around, and between the rows of outputs are `stride` - 1 rows of nothing.
    first = reach - 1 - rows.before
    last = first + (rows.output - 1) * window.stride[0]
    backward = _Plan(
        max(plane[0] + reach - 1, last + 1),
        slice(first, last + 1, window.stride[0]),
        reach,
        1,
        _bands(plane[1], input, output, tap, reach - 1 - down, kernel_w),
    )
    return forward, backward


def _bands(
    width: int,
    target: NDArray[np.intp],
    source: NDArray[np.intp],
    tap: NDArray[np.intp],
    down: NDArray[np.intp],
    kernel_w: int,
) -> list[_Band]:
    """Cut `width` columns into bands. target, source, tap: columns that are joined; down: the row of each row of the kernel."""
    bands = []
    for start in range(0, width, _COLUMNS):
        stop = min(start + _COLUMNS, width)
        chosen = (target >= start) & (target < stop)
        low, high = (int(source[chosen].min()), int(source[chosen].max()) + 1) if chosen.any() else (0, 1)
        entry, row = (index.ravel() for index in np.indices((int(chosen.sum()), len(down))))
        bands.append(
            _Band(
                slice(start, stop),
                slice(low, high),
                target[chosen][entry] - start,
                down[row],
                source[chosen][entry] - low,
                row * kernel_w + tap[chosen][entry],
            )
        )
    return bands
