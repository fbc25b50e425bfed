"""What all operations are, and what is asked of each: by the reference, the compiler, the writer of files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from watchword.graph.tensors import Extent, Margins, Padding, Rule, Tensor, extent

Activation = Literal["none", "relu", "relu6", "relu_n1_to_1"]


@dataclass(eq=False)
class Operation:
    """Base of all operations: an input, an output; further inputs and constants are fields of the kind that has them."""

    input: Tensor
    output: Tensor

    rising: ClassVar[bool] = False
    """Whether the output never falls where an input rises, so that bounds of the inputs give those of the output."""

    takes_constants: ClassVar[bool] = False
    """Whether some inputs may be constants."""

    @property
    def kind(self) -> str:
        """What tables and error messages call the operation: the name of the class."""
        return type(self).__name__

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """All inputs in TFLite's order; those of Add, Subtract, Multiply, Prelu and Concatenation may be constants."""
        return (self.input,)

    @property
    def constants(self) -> tuple[Tensor, ...]:
        """Weights, biases and constant inputs."""
        return tuple(tensor for tensor in self.inputs if tensor.data is not None)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one run."""
        return 0

    @property
    def parts(self) -> int:
        """Into how many parts the operation can be cut, each with its own weights: 1 where it has none."""
        return 1

    @property
    def overwritable(self) -> tuple[Tensor, ...]:
        """Inputs whose place the output may take, value by value, where nobody reads them afterwards."""
        return ()

    @property
    def memory(self) -> tuple[Tensor, ...]:
        """Tensors in which the operation itself keeps what it remembers from run to run, zeros at first."""
        return ()


class Clamped(Operation):
    """Base of what clamps its output; subclasses have the field."""

    activation: Activation


@dataclass(eq=False)
class Weighted(Clamped):
    """Base of what sums products with int8 weights, one scale for each output channel or for all, and rescales the sums.

    bias: int32 (output channels,) or None.
    """

    weights: Tensor
    bias: Tensor | None

    channel_axis: ClassVar[int] = 0
    """The axis of the weights that counts output channels."""

    @property
    def parts(self) -> int:
        return self.weights.shape[0]

    @property
    def constants(self) -> tuple[Tensor, ...]:
        return (self.weights,) if self.bias is None else (self.weights, self.bias)

    @property
    def rows(self) -> NDArray[np.int64]:
        """The weights that each output channel has, int64 (output channels, taps)."""
        assert self.weights.data is not None
        data = np.moveaxis(self.weights.data.astype(np.int64), self.channel_axis, 0)
        return data.reshape(len(data), -1)

    @property
    def biases(self) -> NDArray[np.int64]:
        """The bias, int64 (output channels,); zeros where there is none."""
        if self.bias is None or self.bias.data is None:
            return np.zeros(self.weights.shape[self.channel_axis], np.int64)
        return self.bias.data.astype(np.int64)


class Sliding(Operation, ABC):
    """Base of what slides a window over a picture; subclasses have the fields."""

    stride: tuple[int, int]
    padding: Padding
    dilation: tuple[int, int] = (1, 1)

    @property
    @abstractmethod
    def kernel(self) -> tuple[int, int]:
        """Height and width of the window, without dilation."""


def extents(op: Sliding) -> tuple[Extent, Extent]:
    """How a window slides over the rows and over the columns of a picture."""
    _, height, width, _ = op.input.shape
    kernel, dilation = op.kernel, op.dilation
    rows: Rule | tuple[int, int]
    columns: Rule | tuple[int, int]
    if isinstance(op.padding, Margins):
        rows, columns = (op.padding.top, op.padding.bottom), (op.padding.left, op.padding.right)
    else:
        rows = columns = op.padding
    return (
        extent(height, kernel[0], op.stride[0], dilation[0], rows),
        extent(width, kernel[1], op.stride[1], dilation[1], columns),
    )
