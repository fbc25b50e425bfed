"""What moves values, or picks some: Flatten, Slice, and Dropout, which picks in training only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from watchword import graph, reference
from watchword.errors import DataError
from watchword.graph import Operation, Tensor
from watchword.train.layers.int8 import activation
from watchword.train.layers.layer import Array, Layer, Shape, only, picture


class Flatten(Layer):
    """Flattens (channels, h, w, clips) -> (h * w * channels, clips), in the order of TFLite's NHWC."""

    kind = "flatten"
    keeps_scale = True

    def build(self, shapes: Sequence[Shape], rng: np.random.Generator) -> Shape:
        return (int(np.prod(only(shapes, "Flatten"))),)

    def forward(self, x: Array, training: bool = False) -> Array:
        self._shape = x.shape
        return np.moveaxis(x, 0, -2).reshape(-1, x.shape[-1])

    def backward(self, gradient: Array) -> Array:
        channels, *places, clips = self._shape
        return np.ascontiguousarray(np.moveaxis(gradient.reshape(*places, channels, clips), -2, 0))

    def operations(self, inputs: Sequence[Tensor], output: Tensor) -> list[Operation]:
        return [graph.Reshape(inputs[0], output)]


class Slice(Layer):
    """A stretch of each axis: rows, columns, channels are (first, beyond the last) or None for all; as Python counts."""

    kind = "slice"
    keeps_scale = True

    def __init__(
        self,
        rows: tuple[int, int | None] | None = None,
        columns: tuple[int, int | None] | None = None,
        channels: tuple[int, int | None] | None = None,
    ) -> None:
        super().__init__()
        self.rows, self.columns, self.channels = rows, columns, channels

    def build(self, shapes: Sequence[Shape], rng: np.random.Generator) -> Shape:
        shape = picture(shapes, "Slice")
        picked = (self.rows, self.columns, self.channels)
        ranges = [range(size)[slice(*(pick or (0, None)))] for size, pick in zip(shape, picked, strict=True)]
        if not all(ranges):
            raise DataError(
                f"Slice leaves nothing of {shape}: rows {self.rows}, columns {self.columns}, channels {self.channels}"
            )
        self._ranges = ranges
        return tuple(map(len, ranges))

    @property
    def _own(self) -> tuple[slice, ...]:
        """In the layout (channels, height, width, clips)."""
        rows, columns, channels = (slice(places.start, places.stop) for places in self._ranges)
        return channels, rows, columns

    def forward(self, x: Array, training: bool = False) -> Array:
        self._shape = x.shape
        return np.ascontiguousarray(x[self._own])

    def backward(self, gradient: Array) -> Array:
        d_x = self.buffer("input gradient", self._shape, gradient.dtype)  # 0 but for the stretch
        d_x[self._own] = gradient
        return d_x

    def operations(self, inputs: Sequence[Tensor], output: Tensor) -> list[Operation]:
        begin = (0, *(places.start for places in self._ranges))
        end = (1, *(places.stop for places in self._ranges))
        return [graph.Slice(inputs[0], output, begin, end, (1, 1, 1, 1))]


class Dropout(Layer):
    """Sets the share `rate` of the values to 0 in training, and scales the others so that their mean stays (arXiv:1207.0580).

    It draws from a generator of its own, so that the same seed gives the same network. In use it does nothing.
    """

    kind = "dropout"
    training_only = True

    def __init__(self, rate: float = 0.5) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise DataError(f"rate is {rate}: the share of values that dropout sets to 0 is at least 0 and below 1")
        self.rate = rate

    def build(self, shapes: Sequence[Shape], rng: np.random.Generator) -> Shape:
        # What a resumed run needs to go on as the unbroken one: how many masks have been drawn, and the seed.
        self.state["drawn"] = np.array([0, rng.integers(2**32)], np.int64)
        return only(shapes, "Dropout")

    def forward(self, x: Array, training: bool = False) -> Array:
        if not training or self.rate == 0:
            return x
        drawn = np.random.default_rng(self.state["drawn"]).random(x.shape, np.float32)
        self.state["drawn"][0] += 1
        mask = self.buffer("mask", x.shape, x.dtype)
        np.multiply(drawn >= self.rate, 1 / (1 - self.rate), out=mask)
        y = self.buffer("output", x.shape, x.dtype)
        np.multiply(x, mask, out=y)
        return y

    def backward(self, gradient: Array) -> Array:
        if self.rate == 0:
            return gradient
        d_x = self.buffer("input gradient", gradient.shape, gradient.dtype)
        np.multiply(gradient, self.buffer("mask", gradient.shape, gradient.dtype), out=d_x)
        return d_x


def rescaled(input: Tensor, like: Tensor, name: str) -> tuple[Tensor, list[Operation]]:
    """A tensor of the scale of another one, and the operation that makes it where it is not `input` itself."""
    if (input.scale[0], input.zero_point) == (like.scale[0], like.zero_point):
        return input, []
    output = activation(name, input.shape[1:], like.scale, like.zero_point)
    return output, [graph.Lookup(input, output, "quantize", reference.lookup_table("quantize", input, output))]
