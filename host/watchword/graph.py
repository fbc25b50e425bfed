"""The graph: int8 tensors and the operations between them.

Everything that makes a model (`tflite.read`, `train.quantize`) ends here, and everything that uses one (`reference`,
`compile`, `tflite.write`) starts here. The number system is TFLite's: real = scale * (q - zero_point), int8 activations
with one scale each, int8 weights symmetric around 0 with one scale per output channel (or one for all), int32 biases of
scale input_scale * weight_scale.

Shapes are TFLite's too: activations carry a batch axis of 1 in front, images are NHWC.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Padding = Literal["same", "valid"]
Activation = Literal["none", "relu", "relu6"]


@dataclass(eq=False)
class Tensor:
    """An array that flows between operations, or a constant when `data` is set.

    shape: with the batch axis for activations. dtype: int8 for activations and weights, int32 for biases.
    scale: float32 of shape (1,), or (channels,) when quantized per channel along `axis`.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    scale: NDArray[np.float32]
    zero_point: int = 0
    axis: int | None = None
    data: NDArray[np.generic] | None = None

    @property
    def size(self) -> int:
        """Number of elements; of an int8 tensor also its bytes."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Extent:
    """One axis of a sliding window: `before` and `after` zero points of padding, `output` positions."""

    before: int
    after: int
    output: int


def extent(size: int, kernel: int, stride: int, dilation: int, padding: Padding) -> Extent:
    """Padding and output size along one axis, by TFLite's rule for "same" (the odd one goes after) and "valid"."""
    reach = (kernel - 1) * dilation + 1
    if padding == "valid":
        return Extent(0, 0, (size - reach) // stride + 1)
    output = -(-size // stride)
    total = max(0, (output - 1) * stride + reach - size)
    return Extent(total // 2, total - total // 2, output)


@dataclass(eq=False)
class Operation:
    """Base of all operations: one input, one output; constants are fields of the kind that has them."""

    input: Tensor
    output: Tensor

    @property
    def kind(self) -> str:
        """The name of the class: what tables and error messages call the operation."""
        return type(self).__name__

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one run."""
        return 0


@dataclass(eq=False)
class Conv2D(Operation):
    """weights (out, kernel_h, kernel_w, in), bias (out,) int32 or None, input (1, h, w, in), output (1, h', w', out)."""

    weights: Tensor
    bias: Tensor | None
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: Padding = "same"
    activation: Activation = "none"

    @property
    def macs(self) -> int:
        return self.output.size * self.weights.size // self.weights.shape[0]


@dataclass(eq=False)
class DepthwiseConv2D(Operation):
    """weights (1, kernel_h, kernel_w, in * multiplier); output channel c sees input channel c // multiplier only."""

    weights: Tensor
    bias: Tensor | None
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: Padding = "same"
    activation: Activation = "none"

    @property
    def multiplier(self) -> int:
        return self.weights.shape[3] // self.input.shape[3]

    @property
    def macs(self) -> int:
        return self.output.size * self.weights.shape[1] * self.weights.shape[2]


@dataclass(eq=False)
class Dense(Operation):
    """weights (out, in), bias (out,) int32 or None; the input is flattened, the output is (1, out)."""

    weights: Tensor
    bias: Tensor | None
    activation: Activation = "none"

    @property
    def macs(self) -> int:
        return self.weights.size


@dataclass(eq=False)
class AveragePool2D(Operation):
    """The mean over a window; padded places do not count. Input and output share scale and zero point."""

    size: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: Padding = "valid"
    activation: Activation = "none"


@dataclass(eq=False)
class Reshape(Operation):
    """The same bytes under another shape."""


@dataclass(eq=False)
class Softmax(Operation):
    """Over the last axis; the output's scale is 1 / 256 and its zero point -128."""

    beta: float = 1.0


@dataclass(eq=False)
class Graph:
    """Operations in an order in which they can run, from `input` to `output`."""

    name: str
    input: Tensor
    output: Tensor
    operations: list[Operation] = field(default_factory=list)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one run."""
        return sum(op.macs for op in self.operations)

    def constants(self) -> Iterator[Tensor]:
        """Weights and biases, in the order of the operations."""
        for op in self.operations:
            if isinstance(op, Conv2D | DepthwiseConv2D | Dense):
                yield op.weights
                if op.bias is not None:
                    yield op.bias
