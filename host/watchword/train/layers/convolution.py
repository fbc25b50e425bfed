"""Conv2D and Dense: matrix products."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from watchword import graph
from watchword.errors import DataError
from watchword.graph import Operation, Rule, Tensor
from watchword.train.layers.layer import Array, Shape, only, picture
from watchword.train.layers.weighted import Weighted
from watchword.train.layers.windows import Window


class Conv2D(Weighted):
    """A convolution: weights (channels, kernel_h, kernel_w, in); x (in, h, w, clips) -> (channels, h', w', clips).

    A matrix product of the weights with the patches that they see (im2col). Those of a pointwise convolution are the input.
    """

    kind = "conv"

    def __init__(
        self,
        channels: int,
        kernel: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
        dilation: tuple[int, int] = (1, 1),
        padding: Rule | tuple[Rule, Rule] = "same",
        bias: bool = False,
    ) -> None:
        super().__init__(bias)
        self.channels = channels
        self.window = Window(kernel, stride, dilation, padding)

    def build(self, shapes: Sequence[Shape], rng: np.random.Generator) -> Shape:
        height, width, inputs = picture(shapes, "Conv2D")
        rows, columns = self.window.extents(height, width)
        self.make((self.channels, *self.window.kernel, inputs), rng)
        return rows.output, columns.output, self.channels

    def forward(self, x: Array, training: bool = False) -> Array:
        weights = self.parameters["weights"]
        _, height, width, clips = x.shape
        rows, columns = self.window.extents(height, width)
        patches = self._patches(x)
        if training:
            self._shape, self._seen = x.shape, patches
        y = self.buffer("output", (self.channels, rows.output, columns.output, clips), x.dtype)
        np.matmul(weights.reshape(self.channels, -1), patches, out=y.reshape(self.channels, -1))
        return self.finish(y)

    def backward(self, gradient: Array) -> Array:
        self.backward_parameters(gradient)
        weights = self.parameters["weights"]
        flat = gradient.reshape(self.channels, -1)
        by_tap = self.buffer("patches gradient", (weights[0].size, flat.shape[1]), flat.dtype)
        np.matmul(weights.reshape(self.channels, -1).T, flat, out=by_tap)
        if self._pointwise:
            return by_tap.reshape(self._shape)
        inputs, height, width, _ = self._shape
        taps = by_tap.reshape(*self.window.kernel, inputs, *gradient.shape[1:])
        d_x = self.buffer("input gradient", self._shape, flat.dtype)
        d_x.fill(0)
        for tap in self.window.taps(height, width):
            d_x[:, *tap.inputs] += taps[tap.row, tap.column][:, *tap.outputs]
        return d_x

    def backward_parameters(self, gradient: Array) -> None:
        d_weights = self.gradient("weights").reshape(self.channels, -1)
        np.matmul(gradient.reshape(self.channels, -1), self._seen.T, out=d_weights)
        self.finish_backward(gradient)

    @property
    def _pointwise(self) -> bool:
        return self.window.kernel == (1, 1) and self.window.stride == (1, 1)

    def _patches(self, x: Array) -> Array:
        """What the window sees at each place: (taps * in, h' * w' * clips)."""
        inputs, height, width, clips = x.shape
        if self._pointwise:
            return x.reshape(inputs, -1)
        rows, columns = self.window.extents(height, width)
        # What lies in the padding is never written, and stays the 0 that the buffer began with.
        patches = self.buffer("patches", (*self.window.kernel, inputs, rows.output, columns.output, clips), x.dtype)
        for tap in self.window.taps(height, width):
            patches[tap.row, tap.column][:, *tap.outputs] = x[:, *tap.inputs]
        return patches.reshape(math.prod(self.window.kernel) * inputs, -1)

    def operations(self, inputs: Sequence[Tensor], output: Tensor) -> list[Operation]:
        (source,) = inputs
        window, padding = self.window, self.window.padding_of(*source.shape[1:3])
        constants = self.constants(source, output)
        return [graph.Conv2D(source, output, *constants, window.stride, window.dilation, padding, self.activation)]


class Dense(Weighted):
    """A fully connected layer: weights (units, in), bias (units,); x (in, clips) -> (units, clips)."""

    kind = "dense"

    def __init__(self, units: int, bias: bool = True) -> None:
        super().__init__(bias)
        self.units = units

    def build(self, shapes: Sequence[Shape], rng: np.random.Generator) -> Shape:
        shape = only(shapes, "Dense")
        if len(shape) != 1:
            raise DataError(f"Dense takes values in one row, not {shape}: Flatten makes them so")
        self.make((self.units, shape[0]), rng)
        return (self.units,)

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._x = x
        y = self.buffer("output", (self.units, x.shape[1]), x.dtype)
        return self.finish(np.matmul(self.parameters["weights"], x, out=y))

    def backward(self, gradient: Array) -> Array:
        self.backward_parameters(gradient)
        d_x = self.buffer("input gradient", self._x.shape, gradient.dtype)
        return np.matmul(self.parameters["weights"].T, gradient, out=d_x)

    def backward_parameters(self, gradient: Array) -> None:
        np.matmul(gradient, self._x.T, out=self.gradient("weights"))
        self.finish_backward(gradient)

    def operations(self, inputs: Sequence[Tensor], output: Tensor) -> list[Operation]:
        (source,) = inputs
        return [graph.Dense(source, output, *self.constants(source, output), self.activation)]
