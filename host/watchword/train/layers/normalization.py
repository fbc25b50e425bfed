"""Batch normalization, and L2 normalization."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from watchword import graph
from watchword.errors import DataError, ModelError
from watchword.graph import Operation, Tensor
from watchword.train.layers.activations import clamp
from watchword.train.layers.blocks import blocks, row_products
from watchword.train.layers.int8 import weights_and_bias
from watchword.train.layers.layer import Array, Layer, Part, Shape, he_normal, only


class BatchNorm(Layer):
    """Batch normalization (arXiv:1502.03167): brings each channel to mean 0 and variance 1, then applies gamma and beta.

    Training normalizes by the batch's statistics, inference by their running means. In use it is folded into the layer before
    it, or is a depthwise convolution of one place where that has no weights.
    """

    kind = "norm"

    EPSILON = 1e-3
    MOMENTUM = 0.95

    def build(self, shapes: Sequence[Shape], rng: np.random.Generator) -> Shape:
        shape = only(shapes, "BatchNorm")
        channels = shape[-1]
        self.parameters["gamma"] = np.ones(channels, np.float32)
        self.parameters["beta"] = np.zeros(channels, np.float32)
        self.state["mean"] = np.zeros(channels, np.float32)
        self.state["variance"] = np.ones(channels, np.float32)
        return shape

    def affine(self) -> tuple[Array, Array]:
        """Return the inference form x * scale + shift of the layer: (scale, shift), each (channels,)."""
        scale = self.parameters["gamma"] / np.sqrt(self.state["variance"] + self.EPSILON)
        return scale, self.parameters["beta"] - self.state["mean"] * scale

    def forward(self, x: Array, training: bool = False) -> Array:
        flat = x.reshape(len(x), -1)
        y = self.buffer("output", x.shape, x.dtype)
        flat_y = y.reshape(flat.shape)
        if not training:
            scale, shift = self.affine()
            np.multiply(flat, scale[:, None], out=flat_y)
            flat_y += shift[:, None]
            return clamp(y, self.activation)
        centred = self.buffer("centred", flat.shape, x.dtype)
        mean, variance = np.empty(len(x), x.dtype), np.empty(len(x), x.dtype)
        ones = np.full(flat.shape[1], 1 / flat.shape[1], x.dtype)
        for some in blocks(flat):
            mean[some] = flat[some] @ ones
            np.subtract(flat[some], mean[some, None], out=centred[some])
            variance[some] = row_products(centred[some], centred[some]) / flat.shape[1]
            scale = self.parameters["gamma"][some] / np.sqrt(variance[some] + self.EPSILON)
            np.multiply(centred[some], scale[:, None], out=flat_y[some])
            flat_y[some] += self.parameters["beta"][some, None]
        for name, value in (("mean", mean), ("variance", variance)):
            self.state[name] *= self.MOMENTUM
            self.state[name] += (1 - self.MOMENTUM) * value
        self._centred, self._inverse_deviation = centred, 1 / np.sqrt(variance + self.EPSILON)
        return y

    def backward(self, gradient: Array) -> Array:
        flat = gradient.reshape(len(gradient), -1)
        count = flat.shape[1]
        d_x = self.buffer("input gradient", flat.shape, flat.dtype)
        d_gamma, d_beta = self.gradient("gamma"), self.gradient("beta")
        ones = np.ones(count, flat.dtype)
        for some in blocks(flat):
            centred, inverse = self._centred[some], self._inverse_deviation[some]
            d_gamma[some] = row_products(flat[some], centred) * inverse
            d_beta[some] = flat[some] @ ones
            # gamma / deviation * (gradient - mean of it - normalized * mean of gradient * normalized)
            np.multiply(centred, (-inverse * d_gamma[some] / count)[:, None], out=d_x[some])
            d_x[some] += flat[some]
            d_x[some] -= (d_beta[some] / count)[:, None]
            d_x[some] *= (self.parameters["gamma"][some] * inverse)[:, None]
        return d_x.reshape(gradient.shape)

    def absorb(self, following: Layer) -> Part | None:
        return self.clamped(following)

    def operations(self, inputs: Sequence[Tensor], output: Tensor) -> list[Operation]:
        (source,) = inputs
        if len(source.shape) != 4:
            raise ModelError(f"BatchNorm {output.name!r} cannot be quantized: it follows no layer with weights")
        scale, shift = self.affine()
        constants = weights_and_bias(output.name, scale.reshape(1, 1, 1, -1), shift, 3, float(source.scale[0]))
        return [graph.DepthwiseConv2D(source, output, *constants, activation=self.activation)]


class L2Normalize(Layer):
    """Brings the values of each clip to the length 1: x / |x|, over all axes but the clips.

    For training embeddings: it has no operation in the int8 graph, and may only be at the end of a network, where it is left
    out; what compares embeddings divides by their lengths itself.
    """

    kind = "l2_normalize"
    training_head = True

    EPSILON = 1e-12  # below the square of the length

    def build(self, shapes: Sequence[Shape], rng: np.random.Generator) -> Shape:
        return only(shapes, "L2Normalize")

    def forward(self, x: Array, training: bool = False) -> Array:
        flat = x.reshape(-1, x.shape[-1])
        inverse = 1 / np.sqrt(np.einsum("vn,vn->n", flat, flat) + self.EPSILON)
        y = self.buffer("output", x.shape, x.dtype)
        np.multiply(x, inverse, out=y)
        if training:
            self._y, self._inverse = y, inverse
        return y

    def backward(self, gradient: Array) -> Array:
        # The part of the gradient along y changes nothing but the length, which is taken off.
        flat, y = gradient.reshape(-1, gradient.shape[-1]), self._y.reshape(-1, gradient.shape[-1])
        along = np.einsum("vn,vn->n", flat, y)
        d_x = self.buffer("input gradient", gradient.shape, gradient.dtype)
        np.multiply(self._y, -along, out=d_x)
        d_x += gradient
        d_x *= self._inverse
        return d_x


class Cosines(Layer):
    """The cosines between each clip's values and a direction for each class.

    weights (classes, in); x (in, clips) -> (classes, clips). For training embeddings with `losses.CosineSoftmax`, at the end of
    a network; left out in use, as L2Normalize.
    """

    kind = "cosines"
    training_head = True

    EPSILON = 1e-12  # below the square of a length

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def build(self, shapes: Sequence[Shape], rng: np.random.Generator) -> Shape:
        shape = only(shapes, "Cosines")
        if len(shape) != 1:
            raise DataError(f"Cosines takes values in one row, not {shape}")
        self.parameters["weights"] = he_normal((self.classes, *shape), shape[0], rng)
        return (self.classes,)

    def forward(self, x: Array, training: bool = False) -> Array:
        weights = self.parameters["weights"]
        self._of_x = 1 / np.sqrt(np.einsum("vn,vn->n", x, x) + self.EPSILON)
        self._of_weights = 1 / np.sqrt(np.einsum("cv,cv->c", weights, weights) + self.EPSILON)
        self._x, self._directions = x * self._of_x, weights * self._of_weights[:, None]
        self._cosines = np.asarray(self._directions @ self._x)
        return self._cosines

    def backward(self, gradient: Array) -> Array:
        # Of a vector only what is across it turns it: the part of its gradient along it is taken off, as in L2Normalize.
        self.backward_parameters(gradient)
        d_x = self._directions.T @ gradient - self._x * (gradient * self._cosines).sum(axis=0)
        return np.asarray(d_x * self._of_x)

    def backward_parameters(self, gradient: Array) -> None:
        along = (gradient * self._cosines).sum(axis=1)[:, None]
        d_weights = gradient @ self._x.T - self._directions * along
        np.multiply(d_weights, self._of_weights[:, None], out=self.gradient("weights"))
