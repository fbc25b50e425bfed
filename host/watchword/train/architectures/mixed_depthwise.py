"""Mixed depthwise convolutions along time, as microWakeWord has them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from watchword.errors import DataError
from watchword.settings import all_between, between
from watchword.train.architectures.architecture import Architecture, normalized
from watchword.train.layers import Add, BatchNorm, Concatenate, Conv2D, Dense, DepthwiseConv2D, Flatten, ReLU, Slice
from watchword.train.network import Input, Network


@dataclass(frozen=True)
class MixedDepthwise(Architecture):
    """After MixConv (arXiv:1907.09595) and microWakeWord's mixednet: nothing is padded along time, so that the model can be
    made to compute only what is new.

    A first convolution over `first_kernel` frames and all frequencies, of which every `stride`-th is computed; then for each
    entry of `kernels` a block: its channels in as many parts as it has kernels, each part convolved along time with a kernel of
    its own, then a pointwise convolution to `channels` and ReLU; and a dense layer over all that is left. residual: for each
    block, whether its input is added to its output by a pointwise convolution (0 or 1). Where parts see differently long
    stretches, all end with the newest frame. The defaults fit a second of 49 frames; microWakeWord's own are a stride of 3, the
    kernels 5; 7, 11; 9, 15; 23 and no residuals over some 200 frames of 10 ms.
    """

    first_channels: int = 32
    first_kernel: int = 5
    stride: int = 2
    kernels: tuple[tuple[int, ...], ...] = ((5,), (5, 7), (7, 9))
    channels: tuple[int, ...] = (64, 64, 64)
    residual: tuple[int, ...] = (0, 1, 1)

    def __post_init__(self) -> None:
        between("first_channels", self.first_channels, 1, 1024)
        between("first_kernel", self.first_kernel, 1, 64)
        between("stride", self.stride, 1, 16)
        if not len(self.kernels) == len(self.channels) == len(self.residual):
            raise DataError("kernels, channels and residual have one entry for each block, and so the same number of them")
        for kernels in self.kernels:
            all_between("kernels", kernels, 1, 128)
            if not kernels:
                raise DataError("kernels has a block without a kernel")
        all_between("channels", self.channels, 1, 1024)
        all_between("residual", self.residual, 0, 1)

    def network(self, input: Input, outputs: int, rng: np.random.Generator) -> Network:
        network = Network(input, rng)
        width = input.shape[1] if len(input.shape) == 3 else 1
        first = Conv2D(self.first_channels, (self.first_kernel, width), (self.stride, 1), padding="valid")
        last = normalized(network, first, name="stem")
        for number, (kernels, channels, residual) in enumerate(
            zip(self.kernels, self.channels, self.residual, strict=True), start=1
        ):
            last = _block(network, last, f"block_{number}", kernels, channels, bool(residual))
        network.embedding = last
        network.add(Flatten(), name="flatten")
        network.add(Dense(outputs), name="dense")
        return network


def _block(network: Network, source: str, name: str, kernels: tuple[int, ...], channels: int, residual: bool) -> str:
    """Add a block after a node; returns the name of its last one."""
    shape = next(node.shape for node in network.nodes if node.name == source)
    if len(kernels) > shape[2]:
        raise DataError(f"kernels: {len(kernels)} of them cannot share {shape[2]} channels")
    longest = max(kernels)
    bounds = [shape[2] * part // len(kernels) for part in range(len(kernels) + 1)]
    mixed = []
    for part, kernel in enumerate(kernels):
        taken = source
        if len(kernels) > 1:
            stretch = (bounds[part], bounds[part + 1])
            taken = network.add(Slice(rows=(longest - kernel, None), channels=stretch), source, name=f"{name}/part_{part + 1}")
        mixed.append(network.add(DepthwiseConv2D((kernel, 1), padding="valid"), taken, name=f"{name}/filtered_{part + 1}"))
    filtered = network.add(Concatenate(), *mixed, name=f"{name}/mixed") if len(mixed) > 1 else mixed[0]
    if not residual:
        return normalized(network, Conv2D(channels, (1, 1)), filtered, name=name)
    beside = normalized(network, Conv2D(channels, (1, 1)), filtered, name=f"{name}/made", activation="none")
    cut = network.add(Slice(rows=(longest - 1, None)), source, name=f"{name}/newest") if longest > 1 else source
    network.add(Conv2D(channels, (1, 1)), cut, name=f"{name}/residual/conv")
    around = network.add(BatchNorm(), name=f"{name}/residual")
    network.add(Add(), beside, around, name=f"{name}/sum")
    return network.add(ReLU(), name=name)
