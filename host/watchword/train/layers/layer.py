"""What every layer is: parameters, a forward and a backward pass, and its place in the int8 graph.

Inside a network arrays have the clips (or pictures) last: (channels, height, width, clips), or (values, clips). A pointwise
convolution is then one matrix product; the statistics of a channel are contiguous; and a window that moves by one place or by
several still reads runs as long as the batch, which is what lets NumPy's inner loops run at full speed. All arrays have the
dtype of the parameters: float32 in training, float64 for checks of gradients.

Outputs and gradients lie in buffers that a layer keeps from step to step: they hold until its next pass. A backward pass never
writes into the gradient that it is given, which other branches may share.
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from watchword.errors import DataError, ModelError
from watchword.graph import Activation, Operation, Tensor

Array = NDArray[np.floating]
Shape = tuple[int, ...]
"""Of one example: (height, width, channels), or (values,)."""

_SHAPES_KEPT = 2  # of each buffer: whole batches, and the last of an epoch


class Part(ABC):
    """What layers of one input and of several have in common.

    parameters: arrays that an optimizer updates in place. gradients: of the loss with respect to them, by the same names; set
    by `backward`. state: arrays that training keeps beside them: floats, which may be averaged as those, and whole numbers.
    """

    kind: ClassVar[str]
    """What the nodes and tensors of such a layer are called, where nobody names them."""

    training_only: ClassVar[bool] = False
    """Whether the layer passes on its input in use (dropout)."""

    training_head: ClassVar[bool] = False
    """Whether the layer is left out of the int8 graph at the end of a network, and has no operation elsewhere."""

    keeps_scale: ClassVar[bool] = False
    """Whether inputs and output have one scale in the int8 graph, as of what only picks or moves values."""

    fixed_scale: ClassVar[tuple[float, int] | None] = None
    """(scale, zero point) of the output in the int8 graph, where TFLite fixes it."""

    activation: Activation = "none"
    """What is applied to the output of a folded network's layer: see `absorb`."""

    fused: ClassVar[Activation] = "none"
    """The activation that such a layer is when the one before it computes it, too."""

    def __init__(self) -> None:
        self.parameters: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}
        self.state: dict[str, NDArray[Any]] = {}
        self._buffers: dict[str, dict[tuple[Shape, np.dtype[np.generic]], NDArray[np.generic]]] = {}

    @abstractmethod
    def build(self, shapes: Sequence[Shape], rng: np.random.Generator) -> Shape:
        """Make the parameters for inputs of these shapes, and return the output's. DataError: they do not go together."""

    def absorb(self, following: Layer) -> Part | None:
        """A layer that computes this one and then `following`, in use; None where the graph has no such operation."""
        return None

    def clamped(self, following: Layer) -> Self | None:
        """`absorb` of what applies an activation to its output, and does no more than that."""
        if self.activation != "none" or following.fused == "none":
            return None
        both = self.copied()
        both.activation = following.fused
        return both

    def operations(self, inputs: Sequence[Tensor], output: Tensor) -> list[Operation]:
        """The operations of the int8 graph that compute this layer from `inputs` to `output`. ModelError: there are none."""
        raise ModelError(f"{type(self).__name__} {output.name!r} cannot be quantized: the int8 graph has no such operation")

    def buffer(self, name: str, shape: Shape, dtype: DTypeLike) -> NDArray[np.floating]:
        """The array that this layer keeps by a name, zeros at first; another for each of the last shapes asked for."""
        kept = self._buffers.setdefault(name, {})
        key = shape, np.dtype(dtype)
        if key not in kept:
            if len(kept) >= _SHAPES_KEPT:
                del kept[next(iter(kept))]
            kept[key] = np.zeros(shape, dtype)
        return kept[key]  # type: ignore[return-value]

    def gradient(self, name: str) -> Array:
        """The array that takes the gradient of a parameter."""
        value = self.parameters[name]
        if name not in self.gradients or self.gradients[name].dtype != value.dtype:
            self.gradients[name] = np.zeros_like(value)
        return self.gradients[name]

    def copied(self) -> Self:
        """A layer with copies of the parameters and state, and nothing else in common."""
        other = copy.copy(self)
        other.parameters = {name: value.copy() for name, value in self.parameters.items()}
        other.state = {name: value.copy() for name, value in self.state.items()}
        other.gradients, other._buffers = {}, {}
        return other

    def __deepcopy__(self, memo: object) -> Self:
        return self.copied()

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_buffers": {}, "gradients": {}}


class Layer(Part):
    """Base class of all layers with one input."""

    @abstractmethod
    def forward(self, x: Array, training: bool = False) -> Array:
        """Compute the output; with `training`, also keep what `backward` needs."""

    @abstractmethod
    def backward(self, gradient: Array) -> Array:
        """Backpropagate through the last training `forward`: output gradient -> input gradient; sets `gradients`."""

    def backward_parameters(self, gradient: Array) -> None:
        """Only set `gradients`: of a layer whose input gradient nobody needs, as it sees the data themselves."""
        if self.parameters:
            self.backward(gradient)


class Merge(Part):
    """Base class of all layers with several inputs."""

    @abstractmethod
    def forward(self, inputs: Sequence[Array], training: bool = False) -> Array:
        """Compute the output; with `training`, also keep what `backward` needs."""

    @abstractmethod
    def backward(self, gradient: Array) -> list[Array]:
        """Backpropagate through the last training `forward`: output gradient -> gradient of each input."""


def he_normal(shape: Shape, taps: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """He initialization (arXiv:1502.01852): normal weights of variance 2 / taps, which keep the variance through a ReLU."""
    return (rng.standard_normal(shape) * math.sqrt(2 / taps)).astype(np.float32)


def picture(shapes: Sequence[Shape], layer: str) -> tuple[int, int, int]:
    """The (height, width, channels) of the only input. DataError: it has other axes."""
    if len(shapes) != 1 or len(shapes[0]) != 3:
        raise DataError(f"{layer} takes (height, width, channels), not {' and '.join(map(str, shapes))}")
    height, width, channels = shapes[0]
    return height, width, channels


def only(shapes: Sequence[Shape], layer: str) -> Shape:
    """The shape of the only input. DataError: there are several."""
    if len(shapes) != 1:
        raise DataError(f"{layer} takes one input, not {len(shapes)}")
    return shapes[0]
