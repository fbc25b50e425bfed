"""The graph: int8 tensors and the operations between them.

Everything that makes a model (`tflite.read`, `train.quantize`) ends here, and everything that uses one (`reference`,
`compile`, `tflite.write`) starts here. The number system is TFLite's: real = scale * (q - zero_point), int8 activations
with one scale each, int8 weights symmetric around 0 with one scale per output channel (or one for all), int32 biases of
scale input_scale * weight_scale.

Shapes are TFLite's too: activations carry a batch axis of 1 in front, images are NHWC.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from watchword.graph.operation import Activation, Clamped, Operation, Sliding, Weighted, extents
from watchword.graph.operations import (
    Add,
    AveragePool2D,
    Concatenation,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Function,
    Lookup,
    MaxPool2D,
    Mean,
    Multiply,
    Pad,
    Pair,
    Prelu,
    Reshape,
    ResizeNearestNeighbor,
    Slice,
    Softmax,
    Subtract,
    Svdf,
    Transpose,
)
from watchword.graph.tensors import Extent, Margins, Padding, Rule, Tensor, extent

__all__ = [
    "Activation",
    "Add",
    "AveragePool2D",
    "Clamped",
    "Concatenation",
    "Conv2D",
    "Dense",
    "DepthwiseConv2D",
    "End",
    "Extent",
    "Function",
    "Graph",
    "Lookup",
    "Margins",
    "MaxPool2D",
    "Mean",
    "Multiply",
    "Operation",
    "Output",
    "Pad",
    "Padding",
    "Pair",
    "Prelu",
    "Reshape",
    "ResizeNearestNeighbor",
    "Rule",
    "Slice",
    "Sliding",
    "Softmax",
    "State",
    "Subtract",
    "Svdf",
    "Tensor",
    "Transpose",
    "Weighted",
    "extent",
    "extents",
]

End = Literal["int8", "uint8", "float32"]


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


@dataclass(frozen=True, eq=False)
class Output:
    """What a graph gives. name: what the `.tflite` file calls it. type: as of Graph."""

    name: str
    tensor: Tensor
    type: End = "int8"


@dataclass(eq=False)
class Graph:
    """Operations in an order in which they can run, from `input` to `output`.

    input_type, output_type: what a `.tflite` file takes and gives. The graph itself is int8 throughout: uint8 is int8 + 128,
    and real numbers are quantized by the caller, by the input's and output's scale and zero point. output_name: what the file
    calls the output, where that is not its tensor's name. others: outputs after the first, which models have that are no
    classifiers; they are computed and can be read, and nothing that hears or sees looks at them.
    """

    name: str
    input: Tensor
    output: Tensor
    operations: list[Operation] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    input_type: End = "int8"
    output_type: End = "int8"
    output_name: str = ""
    others: list[Output] = field(default_factory=list)

    @property
    def outputs(self) -> list[Output]:
        """All of them, in the file's order."""
        return [Output(self.output_name or self.output.name, self.output, self.output_type), *self.others]

    @property
    def kept(self) -> set[Tensor]:
        """What has to stand when a run has ended: the outputs, and what states become."""
        return {*(output.tensor for output in self.outputs), *(state.assigned for state in self.states)}

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
