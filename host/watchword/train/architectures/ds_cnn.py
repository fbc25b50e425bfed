"""The depthwise separable CNN."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from watchword.settings import all_between, between
from watchword.train.architectures.architecture import Architecture, normalized
from watchword.train.layers import AveragePool, Conv2D, Dense, DepthwiseConv2D, Flatten
from watchword.train.network import Input, Network


@dataclass(frozen=True)
class DsCnn(Architecture):
    """A DS-CNN after "Hello Edge" (arXiv:1711.07128): the first convolution with `kernel` and `stride` (time, frequency), then
    `blocks` of a depthwise convolution and a pointwise one, the mean over all places, and a dense layer.

    Batch normalization and ReLU follow every convolution.
    """

    channels: int = 64
    kernel: tuple[int, int] = (10, 8)
    stride: tuple[int, int] = (2, 8)
    blocks: int = 4
    block_kernel: tuple[int, int] = (3, 3)

    def __post_init__(self) -> None:
        between("channels", self.channels, 1, 1024)
        between("blocks", self.blocks, 0, 32)
        for name in ("kernel", "stride", "block_kernel"):
            all_between(name, getattr(self, name), 1, 64)

    def network(self, input: Input, outputs: int, rng: np.random.Generator) -> Network:
        network = Network(input, rng)
        network.embedding = normalized(network, Conv2D(self.channels, self.kernel, self.stride), name="stem")
        for number in range(1, self.blocks + 1):
            normalized(network, DepthwiseConv2D(self.block_kernel), name=f"block_{number}/filtered")
            network.embedding = normalized(network, Conv2D(self.channels, (1, 1)), name=f"block_{number}")
        network.add(AveragePool(), name="average")
        network.add(Flatten(), name="flatten")
        network.add(Dense(outputs), name="dense")
        return network
