"""The operations that a graph may have, as TFLite names and defines them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from watchword.graph.operation import Activation, Clamped, Operation, Sliding, Weighted
from watchword.graph.tensors import Padding, Rule, Tensor

Function = Literal["relu", "relu6", "leaky_relu", "hard_swish", "logistic", "tanh", "quantize"]


@dataclass(eq=False)
class _Convolution(Weighted, Sliding):
    """weights: a window of them for each output channel."""

    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: Padding = "same"
    activation: Activation = "none"

    @property
    def kernel(self) -> tuple[int, int]:
        return self.weights.shape[1], self.weights.shape[2]

    @property
    def macs(self) -> int:
        return self.output.size * self.weights.size // self.weights.shape[self.channel_axis]


@dataclass(eq=False)
class Conv2D(_Convolution):
    """weights (out, kernel_h, kernel_w, in), bias (out,) int32 or None, input (1, h, w, in), output (1, h', w', out)."""


@dataclass(eq=False)
class DepthwiseConv2D(_Convolution):
    """weights (1, kernel_h, kernel_w, in * multiplier); output channel c sees input channel c // multiplier only."""

    channel_axis = 3

    @property
    def multiplier(self) -> int:
        return self.weights.shape[3] // self.input.shape[3]

    @property
    def parts(self) -> int:
        return self.input.shape[3]


@dataclass(eq=False)
class Dense(Weighted):
    """weights (out, in), bias (out,) int32 or None.

    Over one place, the input is flattened, of whatever shape it is; over more, its last axis has `in` values of each. The
    output has as many places, of `out` values each: (1, out), or (1, ..., out).
    """

    activation: Activation = "none"

    @property
    def places(self) -> int:
        """How often the layer is computed."""
        return self.output.size // self.output.shape[-1]

    @property
    def macs(self) -> int:
        return self.places * self.weights.size


@dataclass(eq=False)
class _Pool(Sliding, Clamped):
    """Of the places in a window; padded ones do not count. Input and output share scale and zero point."""

    size: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: Rule = "valid"
    activation: Activation = "none"

    rising = True

    @property
    def kernel(self) -> tuple[int, int]:
        return self.size


@dataclass(eq=False)
class AveragePool2D(_Pool):
    """The mean over a window."""


@dataclass(eq=False)
class MaxPool2D(_Pool):
    """The greatest of a window."""


@dataclass(eq=False)
class Mean(Operation):
    """The mean along `axes` (without the batch axis), rescaled to the output; the output keeps them as 1 or drops them."""

    axes: tuple[int, ...]

    rising = True


@dataclass(eq=False)
class Pair(Operation):
    """Two inputs whose shapes broadcast as NumPy's do; one of them may be a constant."""

    other: Tensor

    takes_constants = True

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return self.input, self.other

    @property
    def overwritable(self) -> tuple[Tensor, ...]:
        return tuple(tensor for tensor in self.inputs if tensor.data is None and tensor.size == self.output.size)


@dataclass(eq=False)
class _Binary(Pair, Clamped):
    """A pair with a fused activation."""

    activation: Activation = "none"


@dataclass(eq=False)
class Add(_Binary):
    """input + other."""

    rising = True


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

    rising = True


@dataclass(eq=False)
class Transpose(Operation):
    """Axis i of the output is axis permutation[i] of the input; the batch axis is one of them."""

    permutation: tuple[int, ...]

    rising = True


@dataclass(eq=False)
class Concatenation(Operation):
    """The inputs one after another along `axis` (counted with the batch axis, never it); all share scale and zero point."""

    others: tuple[Tensor, ...]
    axis: int

    rising = True

    takes_constants = True

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return self.input, *self.others


@dataclass(eq=False)
class Slice(Operation):
    """Along every axis, the batch axis included, the places range(begin, end, stride); an end of -1 is before the first."""

    begin: tuple[int, ...]
    end: tuple[int, ...]
    strides: tuple[int, ...]

    rising = True


@dataclass(eq=False)
class Pad(Operation):
    """`value` (int8) before and after the input along every axis, the batch axis included, which has none."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    value: int

    rising = True


@dataclass(eq=False)
class ResizeNearestNeighbor(Operation):
    """A picture of another height and width: each place shows the nearest one of the input, by TFLite's rules."""

    align_corners: bool = False
    half_pixel_centers: bool = False

    rising = True


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
