"""What layers with weights have in common: how those are made, and what is folded into them for use."""

from __future__ import annotations

import math
from typing import ClassVar, Self

import numpy as np

from watchword.graph import Tensor
from watchword.train.layers.activations import clamp
from watchword.train.layers.int8 import weights_and_bias
from watchword.train.layers.layer import Array, Layer, Part, Shape, he_normal
from watchword.train.layers.normalization import BatchNorm


class Weighted(Layer):
    """Base of what sums products with weights; a batch normalization and a ReLU after it are computed with it in use.

    parameters: weights, of the shape that `watchword.graph` gives them, and bias (output channels,) where there is one.
    """

    channel_axis: ClassVar[int] = 0
    """The axis of the weights that counts output channels."""

    def __init__(self, bias: bool) -> None:
        super().__init__()
        self.bias = bias

    def make(self, shape: Shape, rng: np.random.Generator) -> None:
        """Make parameters for weights of this shape."""
        channels = shape[self.channel_axis]
        self.parameters["weights"] = he_normal(shape, math.prod(shape) // channels, rng)
        if self.bias:
            self.parameters["bias"] = np.zeros(channels, np.float32)

    def finish(self, y: Array) -> Array:
        """Add the bias to sums (channels, ...) and apply a folded activation, in place."""
        if "bias" in self.parameters:
            y += self.parameters["bias"].reshape(-1, *[1] * (y.ndim - 1))
        return clamp(y, self.activation)

    def finish_backward(self, gradient: Array) -> None:
        """Set the bias's gradient from that of the outputs (channels, ...)."""
        if "bias" in self.parameters:
            np.sum(gradient.reshape(len(gradient), -1), axis=1, out=self.gradient("bias"))

    def absorb(self, following: Layer) -> Part | None:
        if isinstance(following, BatchNorm) and self.activation == following.activation == "none":
            return self.scaled(*following.affine())
        return self.clamped(following)

    def scaled(self, scale: Array, shift: Array) -> Self:
        """A layer whose outputs are those of this one * scale + shift, each (channels,)."""
        both = self.copied()
        weights, bias = both.parameters["weights"], both.parameters.get("bias", np.zeros_like(shift))
        along = [1] * weights.ndim
        along[self.channel_axis] = -1
        both.parameters = {"weights": weights * scale.reshape(along), "bias": bias * scale + shift}
        both.bias = True
        return both

    def constants(self, input: Tensor, output: Tensor) -> tuple[Tensor, Tensor]:
        """The int8 weights and the int32 bias."""
        weights = self.parameters["weights"]
        bias = self.parameters.get("bias", np.zeros(weights.shape[self.channel_axis], weights.dtype))
        return weights_and_bias(output.name, weights, bias, self.channel_axis, float(input.scale[0]))
