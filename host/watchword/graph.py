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

Rule = Literal["same", "valid"]
Activation = Literal["none", "relu", "relu6"]
Function = Literal["relu", "relu6", "leaky_relu", "hard_swish", "logistic", "tanh", "quantize"]
End = Literal["int8", "uint8", "float32"]


@dataclass(eq=False)
class Tensor:
    """An array that flows between operations, or a constant when `data` is set.

    shape: with the batch axis for activations. dtype: int8 for activations and weights, int32 for biases; an Svdf also has
    int16.
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
class Margins:
    """Places of padding around a picture that no rule gives; a `.tflite` file has a PAD for them."""

    top: int
    bottom: int
    left: int
    right: int


Padding = Rule | Margins


@dataclass(frozen=True)
class Extent:
    """One axis of a sliding window: `before` and `after` zero points of padding, `output` positions."""

    before: int
    after: int
    output: int


def extent(size: int, kernel: int, stride: int, dilation: int, padding: Rule | tuple[int, int]) -> Extent:
    """Padding and output size along one axis, by TFLite's rule for "same" (the odd one goes after) and "valid".

    padding may also be given: (before, after).
    """
    reach = (kernel - 1) * dilation + 1
    if padding == "same":
        output = -(-size // stride)
        total = max(0, (output - 1) * stride + reach - size)
        return Extent(total // 2, total - total // 2, output)
    before, after = (0, 0) if padding == "valid" else padding
    return Extent(before, after, (before + size + after - reach) // stride + 1)


@dataclass(eq=False)
class Operation:
    """Base of all operations: an input, an output; further inputs and constants are fields of the kind that has them."""

    input: Tensor
    output: Tensor

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
    def constants(self) -> tuple[Tensor, ...]:
        return (self.weights,) if self.bias is None else (self.weights, self.bias)

    @property
    def macs(self) -> int:
        return self.output.size * self.weights.size // self.weights.shape[0]

    @property
    def parts(self) -> int:
        return self.weights.shape[0]


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
    def constants(self) -> tuple[Tensor, ...]:
        return (self.weights,) if self.bias is None else (self.weights, self.bias)

    @property
    def multiplier(self) -> int:
        return self.weights.shape[3] // self.input.shape[3]

    @property
    def macs(self) -> int:
        return self.output.size * self.weights.shape[1] * self.weights.shape[2]

    @property
    def parts(self) -> int:
        return self.input.shape[3]


@dataclass(eq=False)
class Dense(Operation):
    """weights (out, in), bias (out,) int32 or None; the input is flattened, the output is (1, out)."""

    weights: Tensor
    bias: Tensor | None
    activation: Activation = "none"

    @property
    def constants(self) -> tuple[Tensor, ...]:
        return (self.weights,) if self.bias is None else (self.weights, self.bias)

    @property
    def macs(self) -> int:
        return self.weights.size

    @property
    def parts(self) -> int:
        return self.weights.shape[0]


@dataclass(eq=False)
class AveragePool2D(Operation):
    """The mean over a window; padded places do not count. Input and output share scale and zero point."""

    size: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: Rule = "valid"
    activation: Activation = "none"


@dataclass(eq=False)
class MaxPool2D(Operation):
    """The greatest of a window; padded places do not count. Input and output share scale and zero point."""

    size: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: Rule = "valid"
    activation: Activation = "none"


def extents(op: Conv2D | DepthwiseConv2D | AveragePool2D | MaxPool2D) -> tuple[Extent, Extent]:
    """How a window slides over the rows and over the columns of a picture."""
    _, height, width, _ = op.input.shape
    if isinstance(op, AveragePool2D | MaxPool2D):
        kernel, dilation = op.size, (1, 1)
    else:
        kernel, dilation = (op.weights.shape[1], op.weights.shape[2]), op.dilation
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


@dataclass(eq=False)
class Mean(Operation):
    """The mean along `axes` (without the batch axis), rescaled to the output; the output keeps them as 1 or drops them."""

    axes: tuple[int, ...]


@dataclass(eq=False)
class Pair(Operation):
    """Two inputs whose shapes broadcast as NumPy's do; one of them may be a constant."""

    other: Tensor

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return self.input, self.other

    @property
    def overwritable(self) -> tuple[Tensor, ...]:
        return tuple(tensor for tensor in self.inputs if tensor.data is None and tensor.size == self.output.size)


@dataclass(eq=False)
class _Binary(Pair):
    """A pair with a fused activation."""

    activation: Activation = "none"


@dataclass(eq=False)
class Add(_Binary):
    """input + other."""


@dataclass(eq=False)
class Subtract(_Binary):
    """input - other."""


@dataclass(eq=False)
class Multiply(_Binary):
    """input * other, element by element."""

    @property
    def macs(self) -> int:
        return self.output.size


@dataclass(eq=False)
class Prelu(Pair):
    """input where that is 0 or more, else input * other, which is a constant: slopes, mostly one for each channel."""

    @property
    def macs(self) -> int:
        return self.output.size


@dataclass(eq=False)
class Lookup(Operation):
    """A function of one value: RELU, RELU6, LEAKY_RELU, HARD_SWISH, LOGISTIC, TANH, and QUANTIZE from int8 to int8.

    table: int8 (256,), the output for input q at q + 128 (`reference.lookup_table`). alpha: the slope below 0 of a
    leaky_relu.
    """

    function: Function
    table: NDArray[np.int8]
    alpha: float = 0.0

    @property
    def kind(self) -> str:
        return "".join(word.capitalize() for word in self.function.split("_"))

    @property
    def is_identity(self) -> bool:
        """Whether every value stays what it is."""
        return bool((self.table == np.arange(-128, 128)).all())

    @property
    def overwritable(self) -> tuple[Tensor, ...]:
        return (self.input,)


@dataclass(eq=False)
class Reshape(Operation):
    """The same bytes under another shape."""


@dataclass(eq=False)
class Transpose(Operation):
    """Axis i of the output is axis permutation[i] of the input; the batch axis is one of them."""

    permutation: tuple[int, ...]


@dataclass(eq=False)
class Concatenation(Operation):
    """The inputs one after another along `axis` (counted with the batch axis, never it); all share scale and zero point."""

    others: tuple[Tensor, ...]
    axis: int

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return self.input, *self.others


@dataclass(eq=False)
class Slice(Operation):
    """Along every axis, the batch axis included, the places range(begin, end, stride); an end of -1 is before the first."""

    begin: tuple[int, ...]
    end: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(eq=False)
class Pad(Operation):
    """`value` (int8) before and after the input along every axis, the batch axis included, which has none."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    value: int


@dataclass(eq=False)
class ResizeNearestNeighbor(Operation):
    """A picture of another height and width: each place shows the nearest one of the input, by TFLite's rules."""

    align_corners: bool = False
    half_pixel_centers: bool = False


@dataclass(eq=False)
class Svdf(Operation):
    """A dense layer of low rank over the last steps: a filter over the input, then a filter over its last results.

    input (1, in), output (1, units); features (filters, in) int8, time (filters, steps) int16, bias (units,) int32 or None.
    filters = units * rank; the filters of a unit are neighbours. The operation keeps state (1, filters * steps) int16,
    the last results of each filter, oldest first; zeros after a reset.
    """

    features: Tensor
    time: Tensor
    bias: Tensor | None
    state: Tensor
    rank: int = 1

    @property
    def constants(self) -> tuple[Tensor, ...]:
        return (self.features, self.time) if self.bias is None else (self.features, self.time, self.bias)

    @property
    def macs(self) -> int:
        return self.features.size + self.time.size

    @property
    def memory(self) -> tuple[Tensor, ...]:
        return (self.state,)


@dataclass(eq=False)
class Softmax(Operation):
    """Over the last axis; the output's scale is 1 / 256 and its zero point -128."""

    beta: float = 1.0


@dataclass(eq=False)
class State:
    """A tensor that a graph remembers from step to step (TFLite's resource variable).

    read: no operation makes it; its value is `initial` after a reset, else what `assigned` was at the end of the step
    before. initial: int8 of read's shape.
    """

    name: str
    read: Tensor
    assigned: Tensor
    initial: NDArray[np.int8]


@dataclass(eq=False)
class Graph:
    """Operations in an order in which they can run, from `input` to `output`.

    input_type, output_type: what a `.tflite` file takes and gives. The graph itself is int8 throughout: uint8 is int8 + 128,
    and real numbers are quantized by the caller, by the input's and output's scale and zero point.
    """

    name: str
    input: Tensor
    output: Tensor
    operations: list[Operation] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    input_type: End = "int8"
    output_type: End = "int8"

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one run."""
        return sum(op.macs for op in self.operations)

    @property
    def stateful(self) -> bool:
        """Whether a run depends on the runs before it."""
        return bool(self.states) or any(op.memory for op in self.operations)

    def constants(self) -> Iterator[Tensor]:
        """Weights, biases and constant inputs, in the order of the operations."""
        for op in self.operations:
            yield from op.constants
