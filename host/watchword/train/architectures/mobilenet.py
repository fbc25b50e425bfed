"""MobileNetV1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from watchword.settings import between
from watchword.train.architectures.architecture import Architecture, normalized
from watchword.train.layers import AveragePool, Conv2D, Dense, DepthwiseConv2D, Flatten
from watchword.train.network import Input, Network

_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))
"""Channels at the width 1, and stride, of each block."""


@dataclass(frozen=True)
class MobileNet(Architecture):
    """MobileNetV1 (arXiv:1704.04861). width: by which all channels are multiplied; the resolution is that of the pictures.

    The default of a quarter at 96 x 96 pixels is MLPerf Tiny's visual wake word model. Channels are multiples of 8.
    """

    width: float = 0.25

    def __post_init__(self) -> None:
        between("width", self.width, 0.05, 2)

    def network(self, input: Input, outputs: int, rng: np.random.Generator) -> Network:
        network = Network(input, rng)
        network.embedding = normalized(network, Conv2D(self._channels(32), (3, 3), (2, 2)), name="stem")
        for number, (channels, stride) in enumerate(_BLOCKS, start=1):
            normalized(network, DepthwiseConv2D((3, 3), (stride, stride)), name=f"block_{number}/filtered")
            network.embedding = normalized(network, Conv2D(self._channels(channels), (1, 1)), name=f"block_{number}")
        network.add(AveragePool(), name="average")
        network.add(Flatten(), name="flatten")
        network.add(Dense(outputs), name="dense")
        return network

    def _channels(self, count: int) -> int:
        return max(8, round(count * self.width / 8) * 8)
