"""A sequential network, and the depthwise separable CNN that a recipe describes."""

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
"""Scale of the int8 input: a feature unit is 1 / 25.6 (as in TFLite Micro), one int8 count is 666 / 256 units."""

INPUT_ZERO_POINT = -128

_BATCH = 256  # clips; bounds the memory of a prediction


class Network:
    """Layers in sequence, from an input (1, clips, frames, channels of the front end) to logits (classes, clips)."""

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
        """Predict probabilities (clips, classes) from int8 features (clips, frames, channels)."""
        batches = [features[start : start + _BATCH] for start in range(0, len(features), _BATCH)]
        return np.concatenate([softmax(self.forward(dequantize(batch))).T for batch in batches])

    def parameters(self) -> dict[str, Array]:
        """Return all parameters by layer number and name: the arrays themselves, not copies."""
        return {
            f"{number}.{name}": value for number, layer in enumerate(self.layers) for name, value in layer.parameters.items()
        }

    def gradients(self) -> dict[str, Array]:
        """Return the gradients of the last `backward`, by the names of `parameters`."""
        return {
            f"{number}.{name}": value for number, layer in enumerate(self.layers) for name, value in layer.gradients.items()
        }

    def arrays(self) -> dict[str, Array]:
        """Return copies of all parameters and state, for `restore`."""
        return {
            f"{number}.{name}": value.copy()
            for number, layer in enumerate(self.layers)
            for name, value in (layer.parameters | layer.state).items()
        }

    def restore(self, arrays: dict[str, Array]) -> None:
        """Load what `arrays` of a network of the same layers returned. KeyError: an array is missing."""
        for number, layer in enumerate(self.layers):
            for values in (layer.parameters, layer.state):
                for name in values:
                    values[name] = arrays[f"{number}.{name}"].copy()


def dequantize(features: NDArray[np.int8]) -> NDArray[np.float32]:
    """Turn int8 features (clips, frames, channels) into the network's input, (1, clips, frames, channels)."""
    return (features.astype(np.float32) - INPUT_ZERO_POINT)[None] * np.float32(INPUT_SCALE)


def ds_cnn(architecture: Architecture, frames: int, classes: int, rng: np.random.Generator) -> Network:
    """Build a DS-CNN after "Hello Edge" (arXiv:1711.07128).

    A convolution, then blocks of a depthwise and a pointwise convolution, global average pooling, and a dense layer; batch
    normalization and ReLU follow every convolution.
    """
    channels = architecture.channels
    layers: list[Layer] = [Conv2D(1, channels, architecture.kernel, architecture.stride, rng), BatchNorm(channels), ReLU()]
    for _ in range(architecture.blocks):
        layers += [DepthwiseConv2D(channels, architecture.block_kernel, (1, 1), rng), BatchNorm(channels), ReLU()]
        layers += [Conv2D(channels, channels, (1, 1), (1, 1), rng), BatchNorm(channels), ReLU()]
    layers += [AveragePool(), Flatten(), Dense(channels, classes, rng)]
    return Network(layers, frames)


def input_shape(frames: int) -> tuple[int, int, int, int]:
    """The input shape of the graph: (1, frames, channels of the front end, 1)."""
    return (1, frames, CHANNELS, 1)
