"""Averages and maxima over places."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from watchword import graph
from watchword.errors import DataError
from watchword.graph import Operation, Rule, Tensor
from watchword.train.layers.activations import clamp
from watchword.train.layers.layer import Array, Layer, Part, Shape, picture
from watchword.train.layers.windows import Window


class Pool(Layer):
    """Base of the pools. size: (height, width) of the window, or None for the whole picture; stride: the size, if None.

    Places in the padding do not count.
    """

    keeps_scale = True

    def __init__(
        self, size: tuple[int, int] | None = None, stride: tuple[int, int] | None = None, padding: Rule = "valid"
    ) -> None:
        super().__init__()
        self.size, self.stride, self.padding = size, stride, padding

    def build(self, shapes: Sequence[Shape], rng: np.random.Generator) -> Shape:
        height, width, channels = picture(shapes, type(self).__name__)
        size = self.size or (height, width)
        self.window = Window(size, self.stride or size, padding=self.padding)
        rows, columns = self.window.extents(height, width)
        return rows.output, columns.output, channels

    def absorb(self, following: Layer) -> Part | None:
        return self.clamped(following)

    def output(self, x: Array) -> Array:
        """The buffer for the outputs of x."""
        rows, columns = self.window.extents(*x.shape[1:3])
        return self.buffer("output", (len(x), rows.output, columns.output, x.shape[3]), x.dtype)


class AveragePool(Pool):
    """The mean over a window: (channels, h, w, clips) -> (channels, h', w', clips)."""

    kind = "average_pool"

    def forward(self, x: Array, training: bool = False) -> Array:
        self._shape = x.shape
        y = self.output(x)
        if self._whole:
            np.mean(x, axis=(1, 2), keepdims=True, out=y)
            return clamp(y, self.activation)
        y.fill(0)
        counts = np.zeros((*y.shape[1:3], 1), x.dtype)
        for tap in self.window.taps(*x.shape[1:3]):
            y[:, *tap.outputs] += x[:, *tap.inputs]
            counts[tap.outputs] += 1
        self._counts = counts
        y /= counts
        return clamp(y, self.activation)

    def backward(self, gradient: Array) -> Array:
        d_x = self.buffer("input gradient", self._shape, gradient.dtype)
        if self._whole:
            d_x[:] = gradient / math.prod(self._shape[1:3])
            return d_x
        d_x.fill(0)
        shares = gradient / self._counts
        for tap in self.window.taps(*self._shape[1:3]):
            d_x[:, *tap.inputs] += shares[:, *tap.outputs]
        return d_x

    @property
    def _whole(self) -> bool:
        return self.window.kernel == self._shape[1:3] and self.window.padding == "valid"

    def operations(self, inputs: Sequence[Tensor], output: Tensor) -> list[Operation]:
        window = self.window
        return [graph.AveragePool2D(inputs[0], output, window.kernel, window.stride, self.padding, self.activation)]


class MaxPool(Pool):
    """The greatest of a window: (channels, h, w, clips) -> (channels, h', w', clips). The first of equals has the gradient."""

    kind = "max_pool"

    def forward(self, x: Array, training: bool = False) -> Array:
        y = self.output(x)
        y.fill(-np.inf)
        for tap in self.window.taps(*x.shape[1:3]):
            seen = y[:, *tap.outputs]
            np.maximum(seen, x[:, *tap.inputs], out=seen)
        if training:
            self._x, self._y = x, y
        return clamp(y, self.activation)

    def backward(self, gradient: Array) -> Array:
        d_x = self.buffer("input gradient", self._x.shape, gradient.dtype)
        d_x.fill(0)
        left = np.ones(gradient.shape, bool)  # whose greatest has not been met
        for tap in self.window.taps(*self._x.shape[1:3]):
            hit = (self._x[:, *tap.inputs] == self._y[:, *tap.outputs]) & left[:, *tap.outputs]
            left[:, *tap.outputs] &= ~hit
            d_x[:, *tap.inputs] += gradient[:, *tap.outputs] * hit
        return d_x

    def operations(self, inputs: Sequence[Tensor], output: Tensor) -> list[Operation]:
        window = self.window
        return [graph.MaxPool2D(inputs[0], output, window.kernel, window.stride, self.padding, self.activation)]


class Mean(Layer):
    """The mean along axes of an example: 0 height, 1 width, 2 channels. keep: whether they stay, of size 1.

    Unlike AveragePool, its output has a scale of its own in the int8 graph.
    """

    kind = "mean"

    def __init__(self, axes: tuple[int, ...] = (0, 1), keep: bool = False) -> None:
        super().__init__()
        self.axes, self.keep = tuple(sorted(set(axes))), keep

    def build(self, shapes: Sequence[Shape], rng: np.random.Generator) -> Shape:
        shape = picture(shapes, "Mean")
        if not self.axes or not set(self.axes) <= {0, 1, 2}:
            raise DataError(f"axes is {self.axes}: some of 0 (height), 1 (width) and 2 (channels) are averaged over")
        if not self.keep and self.axes != (0, 1):
            raise DataError(f"Mean over {self.axes} leaves other axes than the channels: keep = true keeps them apart")
        return tuple(1 if axis in self.axes else size for axis, size in enumerate(shape)) if self.keep else shape[2:]

    def forward(self, x: Array, training: bool = False) -> Array:
        self._shape = x.shape
        y = np.asarray(x.mean(axis=self._own_axes, keepdims=True))
        return y if self.keep else y.reshape(len(x), -1)

    def backward(self, gradient: Array) -> Array:
        d_x = self.buffer("input gradient", self._shape, gradient.dtype)
        kept = tuple(1 if axis in self._own_axes else size for axis, size in enumerate(self._shape))
        d_x[:] = gradient.reshape(kept) * (math.prod(kept) / math.prod(self._shape))
        return d_x

    @property
    def _own_axes(self) -> tuple[int, ...]:
        """The axes in the layout (channels, height, width, clips)."""
        return tuple((axis + 1) % 3 for axis in self.axes)

    def operations(self, inputs: Sequence[Tensor], output: Tensor) -> list[Operation]:
        return [graph.Mean(inputs[0], output, tuple(axis + 1 for axis in self.axes))]
