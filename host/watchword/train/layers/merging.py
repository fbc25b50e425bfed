"""Where branches meet: sums and concatenations."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from watchword import graph
from watchword.errors import DataError
from watchword.graph import Operation, Tensor
from watchword.train.layers.activations import clamp
from watchword.train.layers.layer import Array, Layer, Merge, Part, Shape
from watchword.train.layers.movement import rescaled


class Add(Merge):
    """The sum of two inputs of the same shape: what makes a branch around a block a residual connection (arXiv:1512.03385)."""

    kind = "add"

    def build(self, shapes: Sequence[Shape], rng: np.random.Generator) -> Shape:
        if len(shapes) != 2 or shapes[0] != shapes[1]:
            raise DataError(f"Add takes two inputs of the same shape, not {' and '.join(map(str, shapes))}")
        return shapes[0]

    def forward(self, inputs: Sequence[Array], training: bool = False) -> Array:
        first, second = inputs
        y = np.add(first, second, out=self.buffer("output", first.shape, first.dtype))
        return clamp(y, self.activation)

    def backward(self, gradient: Array) -> list[Array]:
        return [gradient, gradient]

    def absorb(self, following: Layer) -> Part | None:
        return self.clamped(following)

    def operations(self, inputs: Sequence[Tensor], output: Tensor) -> list[Operation]:
        first, second = inputs
        return [graph.Add(first, output, second, self.activation)]


class Concatenate(Merge):
    """Inputs one after another along an axis of an example: -1 the channels (or the values of a row), 0 height, 1 width."""

    kind = "concatenate"
    keeps_scale = True

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self.axis = axis

    def build(self, shapes: Sequence[Shape], rng: np.random.Generator) -> Shape:
        rank = len(shapes[0])
        if not -rank <= self.axis < rank:
            raise DataError(f"axis is {self.axis}: an input of shape {shapes[0]} has axes 0 to {rank - 1}")
        axis = self.axis % rank
        rests = {shape[:axis] + shape[axis + 1 :] for shape in shapes}
        if len(shapes) < 2 or len(rests) > 1 or len({len(shape) for shape in shapes}) > 1:
            told = " and ".join(map(str, shapes))
            raise DataError(f"Concatenate takes inputs that differ only along axis {axis}, not {told}")
        self._axis = axis
        return (*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :])

    def forward(self, inputs: Sequence[Array], training: bool = False) -> Array:
        # Channels are the first axis in here.
        self._own = (self._axis + 1) % (inputs[0].ndim - 1)
        sizes = [x.shape[self._own] for x in inputs]
        self._ends = list(accumulate(sizes))
        shape = list(inputs[0].shape)
        shape[self._own] = self._ends[-1]
        y = self.buffer("output", tuple(shape), inputs[0].dtype)
        return np.concatenate(inputs, axis=self._own, out=y)

    def backward(self, gradient: Array) -> list[Array]:
        return [np.ascontiguousarray(part) for part in np.split(gradient, self._ends[:-1], axis=self._own)]

    def operations(self, inputs: Sequence[Tensor], output: Tensor) -> list[Operation]:
        sources, before = [], []
        for number, tensor in enumerate(inputs):
            source, made = rescaled(tensor, output, f"{output.name}/input_{number}")
            sources.append(source)
            before += made
        return [*before, graph.Concatenation(sources[0], output, tuple(sources[1:]), self._axis + 1)]
