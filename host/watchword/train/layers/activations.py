"""Functions of one value.

ReLU and ReLU6 are computed with the layer before them in use, where that has weights, adds or pools; the others are tables of
256 outputs.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from watchword import graph, reference
from watchword.errors import DataError
from watchword.graph import Activation, Function, Operation, Tensor
from watchword.train.layers.layer import Array, Layer, Shape, only


class Elementwise(Layer):
    """Base of the functions of one value: subclasses compute y from x, and the derivative from both."""

    function: ClassVar[Function]
    """The graph's name of it."""

    alpha: float = 0.0

    def build(self, shapes: Sequence[Shape], rng: np.random.Generator) -> Shape:
        return only(shapes, type(self).__name__)

    @abstractmethod
    def apply(self, x: Array, y: Array) -> None:
        """Write the outputs for x into y."""

    @abstractmethod
    def differentiate(self, x: Array, y: Array, derivative: Array) -> None:
        """Write the derivatives at x, whose outputs are y, into `derivative`."""

    def forward(self, x: Array, training: bool = False) -> Array:
        y = self.buffer("output", x.shape, x.dtype)
        self.apply(x, y)
        if training:
            self._x, self._y = x, y
        return y

    def backward(self, gradient: Array) -> Array:
        d_x = self.buffer("input gradient", gradient.shape, gradient.dtype)
        self.differentiate(self._x, self._y, d_x)
        d_x *= gradient
        return d_x

    def operations(self, inputs: Sequence[Tensor], output: Tensor) -> list[Operation]:
        (source,) = inputs
        table = reference.lookup_table(self.function, source, output, self.alpha)
        return [graph.Lookup(source, output, self.function, table, self.alpha)]


class ReLU(Elementwise):
    """The rectifier, max(x, 0)."""

    kind = "relu"
    function = "relu"
    fused: ClassVar[Activation] = "relu"

    def apply(self, x: Array, y: Array) -> None:
        np.maximum(x, 0, out=y)

    def differentiate(self, x: Array, y: Array, derivative: Array) -> None:
        np.copyto(derivative, y > 0)

    def backward(self, gradient: Array) -> Array:
        d_x = self.buffer("input gradient", gradient.shape, gradient.dtype)
        np.multiply(gradient, self._y > 0, out=d_x)  # the same in one pass less
        return d_x


class ReLU6(Elementwise):
    """min(max(x, 0), 6), after MobileNet (arXiv:1704.04861): its range is the same in every layer."""

    kind = "relu6"
    function = "relu6"
    fused: ClassVar[Activation] = "relu6"

    def apply(self, x: Array, y: Array) -> None:
        np.clip(x, 0, 6, out=y)

    def differentiate(self, x: Array, y: Array, derivative: Array) -> None:
        np.copyto(derivative, (y > 0) & (y < 6))


class LeakyReLU(Elementwise):
    """x where it is 0 or more, else alpha * x. alpha: between 0 and 1."""

    kind = "leaky_relu"
    function = "leaky_relu"

    def __init__(self, alpha: float = 0.1) -> None:
        super().__init__()
        if not 0 <= alpha < 1:
            raise DataError(f"alpha is {alpha}: the slope below 0 is between 0 and 1")
        self.alpha = alpha

    def apply(self, x: Array, y: Array) -> None:
        np.multiply(x, self.alpha, out=y)
        np.maximum(x, y, out=y)

    def differentiate(self, x: Array, y: Array, derivative: Array) -> None:
        derivative.fill(self.alpha)
        derivative[x > 0] = 1


class HardSwish(Elementwise):
    """x * relu6(x + 3) / 6, after MobileNetV3 (arXiv:1905.02244)."""

    kind = "hard_swish"
    function = "hard_swish"

    def apply(self, x: Array, y: Array) -> None:
        np.add(x, 3, out=y)
        np.clip(y, 0, 6, out=y)
        y *= x
        y /= 6

    def differentiate(self, x: Array, y: Array, derivative: Array) -> None:
        np.multiply(x, 2, out=derivative)
        derivative += 3
        derivative /= 6
        derivative[x <= -3] = 0
        derivative[x >= 3] = 1


class Sigmoid(Elementwise):
    """The logistic function, 1 / (1 + exp(-x))."""

    kind = "sigmoid"
    function = "logistic"
    fixed_scale = (1 / 256, -128)

    def apply(self, x: Array, y: Array) -> None:
        np.multiply(x, 0.5, out=y)  # by the hyperbolic tangent, which cannot overflow
        np.tanh(y, out=y)
        y += 1
        y *= 0.5

    def differentiate(self, x: Array, y: Array, derivative: Array) -> None:
        np.subtract(1, y, out=derivative)
        derivative *= y


class Tanh(Elementwise):
    """The hyperbolic tangent."""

    kind = "tanh"
    function = "tanh"
    fixed_scale = (1 / 128, 0)

    def apply(self, x: Array, y: Array) -> None:
        np.tanh(x, out=y)

    def differentiate(self, x: Array, y: Array, derivative: Array) -> None:
        np.multiply(y, -y, out=derivative)
        derivative += 1


class Softmax(Layer):
    """Probabilities from scores: exp(x) / sum of exp(x) over the values of a clip; x (values, clips)."""

    kind = "softmax"
    fixed_scale = (1 / 256, -128)

    def build(self, shapes: Sequence[Shape], rng: np.random.Generator) -> Shape:
        shape = only(shapes, "Softmax")
        if len(shape) != 1:
            raise DataError(f"Softmax takes values in one row, not {shape}")
        return shape

    def forward(self, x: Array, training: bool = False) -> Array:
        y = self.buffer("output", x.shape, x.dtype)
        np.subtract(x, x.max(axis=0), out=y)
        np.exp(y, out=y)
        y /= y.sum(axis=0)
        self._y = y
        return y

    def backward(self, gradient: Array) -> Array:
        d_x = self.buffer("input gradient", gradient.shape, gradient.dtype)
        np.subtract(gradient, np.einsum("vn,vn->n", gradient, self._y), out=d_x)
        d_x *= self._y
        return d_x

    def operations(self, inputs: Sequence[Tensor], output: Tensor) -> list[Operation]:
        return [graph.Softmax(inputs[0], output)]


def clamp(y: Array, activation: Activation) -> Array:
    """Apply a fused activation in place."""
    if activation == "relu":
        np.maximum(y, 0, out=y)
    elif activation == "relu6":
        np.clip(y, 0, 6, out=y)
    return y
