"""The network: layers in a row, and the depthwise separable CNN that a recipe describes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from watchword.features.tables import CHANNELS
from watchword.train.layers import (
    Array,
    AveragePool,
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    Layer,
    ReLU,
)
from watchword.train.losses import softmax
from watchword.train.recipe import Architecture

INPUT_SCALE = 666 / 256 / 25.6
"""Real value of one int8 step of the input: a feature unit is 1 / 25.6 (as in TFLite Micro), an int8 step 666 / 256 units."""

INPUT_ZERO_POINT = -128

_CLIPS_AT_ONCE = 256  # bounds the memory of a prediction


class Network:
    """Layers that lead from one input (1, clips, frames, channels of the front end) to logits (classes, clips)."""

    def __init__(self, layers: Sequence[Layer], frames: int) -> None:
        self.layers = list(layers)
        self.frames = frames

    def forward(self, x: Array, training: bool = False) -> Array:
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def backward(self, gradient: Array) -> None:
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)

    def predict(self, features: NDArray[np.int8]) -> Array:
        """Probabilities (clips, classes) for int8 features (clips, frames, channels)."""
        blocks = [features[start : start + _CLIPS_AT_ONCE] for start in range(0, len(features), _CLIPS_AT_ONCE)]
        return np.concatenate([softmax(self.forward(real(block))).T for block in blocks])

    def parameters(self) -> dict[str, Array]:
        """All parameters by layer number and name: the arrays themselves, not copies."""
        return {
            f"{number}.{name}": value for number, layer in enumerate(self.layers) for name, value in layer.parameters.items()
        }

    def gradients(self) -> dict[str, Array]:
        """The gradients of the last `backward`, by the names of `parameters`."""
        return {
            f"{number}.{name}": value for number, layer in enumerate(self.layers) for name, value in layer.gradients.items()
        }

    def arrays(self) -> dict[str, Array]:
        """Copies of all that makes the network what it is: parameters and state, for `restore`."""
        return {
            f"{number}.{name}": value.copy()
            for number, layer in enumerate(self.layers)
            for name, value in (layer.parameters | layer.state).items()
        }

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over what `arrays` of a network of the same layers gave. KeyError: an array is missing."""
        for number, layer in enumerate(self.layers):
            for values in (layer.parameters, layer.state):
                for name in values:
                    values[name] = arrays[f"{number}.{name}"].copy()


def real(features: NDArray[np.int8]) -> NDArray[np.float32]:
    """What int8 features (clips, frames, channels) stand for, laid out as the layers take it."""
    return (features.astype(np.float32) - INPUT_ZERO_POINT)[None] * np.float32(INPUT_SCALE)


def ds_cnn(architecture: Architecture, frames: int, classes: int, rng: np.random.Generator) -> Network:
    """A convolution, then blocks of a depthwise and a pointwise convolution, the mean over time and frequency, a dense layer.

    After "Hello Edge" (arXiv:1711.07128). Every convolution has batch normalization and ReLU.
    """
    channels = architecture.channels
    layers: list[Layer] = [Conv2D(1, channels, architecture.kernel, architecture.stride, rng), BatchNorm(channels), ReLU()]
    for _ in range(architecture.blocks):
        layers += [DepthwiseConv2D(channels, architecture.block_kernel, (1, 1), rng), BatchNorm(channels), ReLU()]
        layers += [Conv2D(channels, channels, (1, 1), (1, 1), rng), BatchNorm(channels), ReLU()]
    layers += [AveragePool(), Flatten(), Dense(channels, classes, rng)]
    return Network(layers, frames)


def input_shape(frames: int) -> tuple[int, int, int, int]:
    """Of the graph: (1, frames, channels of the front end, 1)."""
    return (1, frames, CHANNELS, 1)
