"""MobileNetV2 as Keras builds and quantizes it, with random weights: `python -m tests.mobilenet OUT.tflite [CLASSES]`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from watchword import tflite
from watchword.graph import (
    Activation,
    Add,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Graph,
    Mean,
    Operation,
    Pad,
    Rule,
    Softmax,
    Tensor,
    extent,
)

_BLOCKS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, channels, how often, stride of the first."""


def mobilenet_v2(alpha: float = 0.35, side: int = 96, classes: int = 1000, blocks: int = 17, seed: int = 0) -> Graph:
    """blocks: how many of the 17 inverted residuals there are, from the input on."""
    return _MobileNet(seed).graph(alpha, side, classes, blocks)


class _MobileNet:
    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.operations: list[Operation] = []

    def graph(self, alpha: float, side: int, classes: int, blocks: int) -> Graph:
        input = x = self.made((1, side, side, 3), 2 / 255, -1)
        x = self.convolution(x, _divisible(32 * alpha), 3, 2, "relu6")
        sizes = [(t, c, s if first == 0 else 1) for t, c, n, s in _BLOCKS for first in range(n)]
        for expansion, channels, stride in sizes[:blocks]:
            x = self.block(x, expansion, _divisible(channels * alpha), stride)
        x = self.convolution(x, 1280, 1, 1, "relu6")
        x = self.add(Mean(x, self.made((1, 1280), 0.01, -128), (1, 2)))
        weights, bias = self.weights((classes, 1280), 0, x)
        x = self.add(Dense(x, self.made((1, classes), 0.05, 3), weights, bias))
        x = self.add(Softmax(x, self.made((1, classes), 1 / 256, -128)))
        return Graph("mobilenet_v2", input, x, self.operations)

    def block(self, x: Tensor, expansion: int, channels: int, stride: int) -> Tensor:
        """Wider, each channel by itself, and narrow again; beside it the input, where that has the same shape."""
        y = x if expansion == 1 else self.convolution(x, expansion * x.shape[3], 1, 1, "relu6")
        if stride == 2:
            before, after = (0, *(1 - size % 2 for size in y.shape[1:3]), 0), (0, 1, 1, 0)
            shape = tuple(b + size + a for b, size, a in zip(before, y.shape, after, strict=True))
            y = self.add(Pad(y, self.made(shape, float(y.scale[0]), y.zero_point), before, after, y.zero_point))
        rule: Rule = "same" if stride == 1 else "valid"
        weights, bias = self.weights((1, 3, 3, y.shape[3]), 3, y)
        rows, columns = (extent(size, 3, stride, 1, rule).output for size in y.shape[1:3])
        output = self.made((1, rows, columns, y.shape[3]), 6 / 255, -128)
        y = self.add(DepthwiseConv2D(y, output, weights, bias, (stride, stride), (1, 1), rule, "relu6"))
        y = self.convolution(y, channels, 1, 1, "none")
        if x.shape == y.shape:
            y = self.add(Add(x, self.made(x.shape, 0.06, 2), y))
        return y

    def convolution(self, x: Tensor, channels: int, size: int, stride: int, activation: Activation) -> Tensor:
        weights, bias = self.weights((channels, size, size, x.shape[3]), 0, x)
        rows, columns = (extent(along, size, stride, 1, "same").output for along in x.shape[1:3])
        scale, zero_point = (6 / 255, -128) if activation == "relu6" else (0.05, int(self.rng.integers(-10, 10)))
        output = self.made((1, rows, columns, channels), scale, zero_point)
        return self.add(Conv2D(x, output, weights, bias, (stride, stride), (1, 1), "same", activation))

    def weights(self, shape: tuple[int, ...], axis: int, x: Tensor) -> tuple[Tensor, Tensor]:
        """Bell-shaped, with a scale for each channel by which its outputs are some units large."""
        channels = shape[axis]
        taps = int(np.prod(shape)) // channels
        data: NDArray[np.int8] = self.rng.normal(0, 40, shape).round().clip(-127, 127).astype(np.int8)
        scale = (self.rng.uniform(1, 2, channels) / (40 * np.sqrt(taps))).astype(np.float32)
        bias_scale = (x.scale * scale).astype(np.float32)
        bias = (self.rng.normal(0, 1, channels) / bias_scale).round().astype(np.int32)
        name = f"{len(self.operations)}"
        return (
            Tensor(f"{name}/weights", shape, np.dtype(np.int8), scale, 0, axis, data),
            Tensor(f"{name}/bias", (channels,), np.dtype(np.int32), bias_scale, 0, 0, bias),
        )

    def made(self, shape: tuple[int, ...], scale: float, zero_point: int) -> Tensor:
        name = f"{len(self.operations)}/made" if self.operations else f"input{len(shape)}"
        return Tensor(name, shape, np.dtype(np.int8), np.array([scale], np.float32), zero_point)

    def add(self, op: Operation) -> Tensor:
        op.output.name = f"{len(self.operations)}/{op.kind}"
        self.operations.append(op)
        return op.output


def _divisible(channels: float) -> int:
    """A multiple of 8, not less than nine tenths of what is asked for."""
    found = max(8, int(channels + 4) // 8 * 8)
    return found if found >= 0.9 * channels else found + 8


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(tflite.write(mobilenet_v2(classes=int(sys.argv[2]) if len(sys.argv) > 2 else 1000)))
