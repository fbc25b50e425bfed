"""Layers: each is a small class with its forward and backward pass side by side.

Arrays are laid out (channels, clips, height, width): a pointwise convolution is then one matrix product, a depthwise one
a product per channel, and the statistics of a channel are contiguous. Weights have the shapes of `watchword.graph`. All
arrays have the dtype of the parameters: float32 in training, float64 for checks of gradients.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from watchword.graph import Extent, extent

Array = NDArray[np.floating]


class Layer(ABC):
    """Base class of all layers.

    parameters: arrays that an optimizer updates. gradients: of the loss with respect to the parameters, by the same names; set
    by `backward`. state: arrays that training keeps beside the parameters.
    """

    def __init__(self) -> None:
        self.parameters: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}
        self.state: dict[str, Array] = {}

    @abstractmethod
    def forward(self, x: Array, training: bool = False) -> Array:
        """Compute the output; with `training`, also keep what `backward` needs."""

    @abstractmethod
    def backward(self, gradient: Array) -> Array:
        """Backpropagate through the last training `forward`: output gradient -> input gradient; sets `gradients`."""


class Conv2D(Layer):
    """A convolution with "same" padding and no bias, as batch normalization follows.

    weights (out, kernel_h, kernel_w, in); x (in, clips, h, w) -> (out, clips, h', w'), as a matrix product (im2col).
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: tuple[int, int], stride: tuple[int, int], rng: np.random.Generator
    ) -> None:
        super().__init__()
        self.stride = stride
        self.parameters["weights"] = he_normal((outputs, *kernel, inputs), inputs * math.prod(kernel), rng)

    def forward(self, x: Array, training: bool = False) -> Array:
        weights = self.parameters["weights"]
        outputs, *kernel, _ = weights.shape
        rows, columns = _extents(x.shape, kernel, self.stride)
        margins = ((0, 0), (0, 0), (rows.before, rows.after), (columns.before, columns.after))
        padded = np.pad(x, margins) if any(map(any, margins)) else x
        windows = np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=(2, 3))
        windows = windows[:, :, :: self.stride[0], :: self.stride[1]]
        # For a pointwise convolution these are the very values of x, without a copy.
        patches = windows.transpose(4, 5, 0, 1, 2, 3).reshape(weights[0].size, -1)
        if training:
            self._patches, self._shape, self._padded_shape = patches, x.shape, padded.shape
        return (weights.reshape(outputs, -1) @ patches).reshape(outputs, x.shape[1], rows.output, columns.output)

    def backward(self, gradient: Array) -> Array:
        weights = self.parameters["weights"]
        outputs, *kernel, inputs = weights.shape
        flat = gradient.reshape(outputs, -1)
        self.gradients["weights"] = (flat @ self._patches.T).reshape(weights.shape)
        by_tap = (weights.reshape(outputs, -1).T @ flat).reshape(*kernel, inputs, *gradient.shape[1:])
        padded = np.zeros(self._padded_shape, gradient.dtype)
        for row, column in np.ndindex(*kernel):
            bottom = row + (gradient.shape[2] - 1) * self.stride[0] + 1
            right = column + (gradient.shape[3] - 1) * self.stride[1] + 1
            padded[:, :, row : bottom : self.stride[0], column : right : self.stride[1]] += by_tap[row, column]
        rows, columns = _extents(self._shape, kernel, self.stride)
        return padded[:, :, rows.before : rows.before + self._shape[2], columns.before : columns.before + self._shape[3]]


class DepthwiseConv2D(Layer):
    """A depthwise convolution with "same" padding and no bias.

    weights (1, kernel_h, kernel_w, channels); x (channels, clips, h, w) -> (channels, clips, h', w'). Feature maps of sound
    models are small, 25 x 5 perhaps. So each channel's kernel is expanded to a dense matrix from input to output positions, and
    BLAS does the rest: that takes positions / taps times as many multiplications and is still several times faster than a sum
    over shifted arrays in NumPy.
    """

    def __init__(self, channels: int, kernel: tuple[int, int], stride: tuple[int, int], rng: np.random.Generator) -> None:
        super().__init__()
        self.stride = stride
        self.parameters["weights"] = he_normal((1, *kernel, channels), math.prod(kernel), rng)

    def forward(self, x: Array, training: bool = False) -> Array:
        weights = self.parameters["weights"]
        channels, clips, height, width = x.shape
        rows, columns = _extents(x.shape, weights.shape[1:3], self.stride)
        taps, sources, targets = self._connections(x.shape)
        matrices = np.zeros((channels, height * width, rows.output * columns.output), x.dtype)
        matrices[:, sources, targets] = weights.reshape(-1, channels)[taps].T
        flat = x.reshape(channels, clips, height * width)
        if training:
            self._matrices, self._flat, self._shape = matrices, flat, x.shape
        return (flat @ matrices).reshape(channels, clips, rows.output, columns.output)

    def backward(self, gradient: Array) -> Array:
        weights = self.parameters["weights"]
        flat = gradient.reshape(*gradient.shape[:2], -1)
        taps, sources, targets = self._connections(self._shape)
        by_connection = (self._flat.transpose(0, 2, 1) @ flat)[:, sources, targets]
        membership = np.eye(weights[..., 0].size, dtype=gradient.dtype)[taps]
        self.gradients["weights"] = (by_connection @ membership).T.reshape(weights.shape)
        return (flat @ self._matrices.transpose(0, 2, 1)).reshape(self._shape)

    def _connections(self, shape: Sequence[int]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
        """List all (tap, input position, output position) triples, as three arrays of the same length."""
        height, width = shape[2:]
        _, kernel_h, kernel_w, _ = self.parameters["weights"].shape
        rows, columns = _extents(shape, (kernel_h, kernel_w), self.stride)
        row, column, tap_row, tap_column = np.indices((rows.output, columns.output, kernel_h, kernel_w))
        y = row * self.stride[0] + tap_row - rows.before
        x = column * self.stride[1] + tap_column - columns.before
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        taps, sources, targets = tap_row * kernel_w + tap_column, y * width + x, row * columns.output + column
        return taps[inside], sources[inside], targets[inside]


class Dense(Layer):
    """A fully connected layer: weights (out, in), bias (out,); x (in, clips) -> (out, clips)."""

    def __init__(self, inputs: int, outputs: int, rng: np.random.Generator) -> None:
        super().__init__()
        self.parameters["weights"] = he_normal((outputs, inputs), inputs, rng)
        self.parameters["bias"] = np.zeros(outputs, np.float32)

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._x = x
        return np.asarray(self.parameters["weights"] @ x + self.parameters["bias"][:, None])

    def backward(self, gradient: Array) -> Array:
        self.gradients["weights"] = gradient @ self._x.T
        self.gradients["bias"] = gradient.sum(axis=1)
        return np.asarray(self.parameters["weights"].T @ gradient)


class BatchNorm(Layer):
    """Batch normalization (arXiv:1502.03167): brings each channel to mean 0 and variance 1, then applies gamma and beta.

    Training normalizes by the batch's statistics, inference by their running means.
    """

    EPSILON = 1e-3
    MOMENTUM = 0.95

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.parameters["gamma"] = np.ones(channels, np.float32)
        self.parameters["beta"] = np.zeros(channels, np.float32)
        self.state["mean"] = np.zeros(channels, np.float32)
        self.state["variance"] = np.ones(channels, np.float32)

    def affine(self) -> tuple[Array, Array]:
        """Return the inference form x * scale + shift of the layer: (scale, shift), each (channels,)."""
        scale = self.parameters["gamma"] / np.sqrt(self.state["variance"] + self.EPSILON)
        return scale, self.parameters["beta"] - self.state["mean"] * scale

    def forward(self, x: Array, training: bool = False) -> Array:
        if not training:
            scale, shift = self.affine()
            return np.asarray(x * _column(scale) + _column(shift))
        flat = x.reshape(len(x), -1)
        mean = flat.mean(axis=1)
        centred = flat - mean[:, None]
        variance = np.einsum("cm,cm->c", centred, centred) / flat.shape[1]
        for name, value in (("mean", mean), ("variance", variance)):
            self.state[name] = self.MOMENTUM * self.state[name] + (1 - self.MOMENTUM) * value
        self._inverse_deviation = 1 / np.sqrt(variance + self.EPSILON)
        self._normalized = centred
        self._normalized *= self._inverse_deviation[:, None]
        y = self._normalized * self.parameters["gamma"][:, None]
        y += self.parameters["beta"][:, None]
        return np.asarray(y.reshape(x.shape))

    def backward(self, gradient: Array) -> Array:
        flat = gradient.reshape(len(gradient), -1)
        d_gamma = np.einsum("cm,cm->c", flat, self._normalized)
        d_beta = flat.sum(axis=1)
        self.gradients["gamma"], self.gradients["beta"] = d_gamma, d_beta
        count = flat.shape[1]
        d_x = flat - (d_beta / count)[:, None]
        d_x -= self._normalized * (d_gamma / count)[:, None]
        d_x *= (self.parameters["gamma"] * self._inverse_deviation)[:, None]
        return np.asarray(d_x.reshape(gradient.shape))


class ReLU(Layer):
    """The rectifier, max(x, 0)."""

    def forward(self, x: Array, training: bool = False) -> Array:
        y = np.maximum(x, 0)
        if training:
            self._positive = y > 0
        return np.asarray(y)

    def backward(self, gradient: Array) -> Array:
        return np.asarray(gradient * self._positive)


class AveragePool(Layer):
    """Global average pooling: (channels, clips, h, w) -> (channels, clips, 1, 1)."""

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._shape = x.shape
        return np.asarray(x.mean(axis=(2, 3), keepdims=True))

    def backward(self, gradient: Array) -> Array:
        return np.broadcast_to(gradient / math.prod(self._shape[2:]), self._shape)


class Flatten(Layer):
    """Flattens (channels, clips, h, w) -> (h * w * channels, clips), in the order of TFLite's NHWC."""

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._shape = x.shape
        return np.asarray(x.transpose(2, 3, 0, 1).reshape(-1, x.shape[1]))

    def backward(self, gradient: Array) -> Array:
        channels, clips, height, width = self._shape
        return gradient.reshape(height, width, channels, clips).transpose(2, 3, 0, 1)


def he_normal(shape: tuple[int, ...], taps: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """He initialization (arXiv:1502.01852): normal weights of variance 2 / taps, which keep the variance through a ReLU."""
    return (rng.standard_normal(shape) * math.sqrt(2 / taps)).astype(np.float32)


def _extents(shape: Sequence[int], kernel: Sequence[int], stride: Sequence[int]) -> tuple[Extent, Extent]:
    """The extents of rows and columns of (channels, clips, h, w), with TFLite's "same" padding."""
    return extent(shape[2], kernel[0], stride[0], 1, "same"), extent(shape[3], kernel[1], stride[1], 1, "same")


def _column(values: Array) -> Array:
    """Reshape (channels,) -> (channels, 1, 1, 1), to broadcast over a feature map."""
    return values[:, None, None, None]
