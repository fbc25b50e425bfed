"""Residual networks for small pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from watchword.settings import all_between
from watchword.train.architectures.architecture import Architecture, normalized
from watchword.train.layers import Add, AveragePool, Conv2D, Dense, Flatten, ReLU
from watchword.train.network import Input, Network


@dataclass(frozen=True)
class ResNet(Architecture):
    """A residual network (arXiv:1512.03385); with its default channels ResNet-8, as MLPerf Tiny has it for pictures of 32 x 32.

    A convolution, then a block of two for each entry of `channels`, all of 3 x 3. The input of a block is added to what the two
    make; from the second block on both halve height and width, and the input goes through a pointwise convolution.
    """

    channels: tuple[int, ...] = (16, 32, 64)

    def __post_init__(self) -> None:
        all_between("channels", self.channels, 1, 1024)

    def network(self, input: Input, outputs: int, rng: np.random.Generator) -> Network:
        network = Network(input, rng)
        before = self.channels[0] if self.channels else 16
        last = normalized(network, Conv2D(before, (3, 3)), name="stem")
        for number, channels in enumerate(self.channels, start=1):
            stride = (1, 1) if number == 1 else (2, 2)
            name = f"block_{number}"
            normalized(network, Conv2D(channels, (3, 3), stride), last, name=f"{name}/first")
            second = normalized(network, Conv2D(channels, (3, 3)), name=f"{name}/second", activation="none")
            if stride != (1, 1) or channels != before:
                last = network.add(Conv2D(channels, (1, 1), stride, bias=True), last, name=f"{name}/around")
            network.add(Add(), last, second, name=f"{name}/sum")
            last, before = network.add(ReLU(), name=name), channels
        network.embedding = last
        network.add(AveragePool(), name="average")
        network.add(Flatten(), name="flatten")
        network.add(Dense(outputs), name="dense")
        return network
