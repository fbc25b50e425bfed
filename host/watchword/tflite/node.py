"""One operator of a `.tflite` file: its inputs, outputs and options, checked as they are asked for."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray

from watchword.errors import ModelError, UnsupportedError
from watchword.graph import Tensor
from watchword.tflite.tensors import Tensors, constant_name, text


class Node:
    """made: the indices of the tensors that are computed before this operator."""

    def __init__(self, tensors: Tensors, operator: Any, made: set[int]) -> None:
        self.tensors = tensors
        self.operator = operator
        self.made = made
        self.inputs = [int(operator.Inputs(i)) for i in range(operator.InputsLength())]
        self.outputs = [int(operator.Outputs(i)) for i in range(operator.OutputsLength())]
        code = tensors.model.OperatorCodes(operator.OpcodeIndex())
        # Files of old converters know only the first field, which ends at 127.
        self.builtin = int(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()))
        self.name = constant_name(tflite.BuiltinOperator, self.builtin)
        if self.builtin == tflite.BuiltinOperator.CUSTOM:
            self.name = f"CUSTOM {text(code.CustomCode())!r}"

    @property
    def makes(self) -> str:
        """The names of the outputs, quoted, for messages; empty when there are none."""
        return ", ".join(repr(self.tensors.name(index)) for index in self.outputs) or "(no output)"

    def options(self, kind: Any) -> Any:
        """The operation's options as the class `kind` of the schema."""
        if self.operator.BuiltinOptionsType() != getattr(tflite.BuiltinOptions, kind.__name__):
            raise ModelError(f"its options are no {kind.__name__}")
        table = self.operator.BuiltinOptions()
        options = kind()
        options.Init(table.Bytes, table.Pos)
        return options

    def single(self, places: bool = False) -> tuple[Tensor, Tensor]:
        """The first input and the only output, both flowing. places: as in `Tensors.activation`, here and below."""
        if not self.inputs or len(self.outputs) != 1:
            raise ModelError(f"{len(self.inputs)} inputs and {len(self.outputs)} outputs")
        return self.input(0, places), self.output(0, places)

    def output(self, place: int, places: bool = False) -> Tensor:
        """An output, which nothing has made before."""
        tensor = self.tensors.activation(self.outputs[place], places)
        if self.outputs[place] in self.made:
            raise ModelError("its output is computed before it already")
        return tensor

    def input(self, place: int, places: bool = False) -> Tensor:
        """An input that flows, computed before."""
        index = self.index(place)
        tensor = self.tensors.activation(index, places)
        if index not in self.made:
            raise ModelError(f"its input {tensor.name!r} is not computed before it")
        return tensor

    def operand(self, place: int, places: bool = False) -> Tensor:
        """An input that flows, or an int8 constant of one scale."""
        tensor = self.tensors.tensor(self.index(place))
        if tensor.data is None:
            return self.input(place, places)
        if tensor.dtype != np.int8 or tensor.scale.size != 1:
            raise UnsupportedError(f"its constant {tensor.name!r} is not int8 of one scale")
        return tensor

    def integers(self, place: int) -> NDArray[np.int64]:
        """An input that is a constant of integers."""
        return self.tensors.integers(self.index(place))

    def index(self, place: int) -> int:
        """The index of an input's tensor."""
        if place >= len(self.inputs):
            raise ModelError(f"it has {len(self.inputs)} inputs")
        return self.inputs[place]

    def weights(self, rank: int, axis: int | None, place: int = 1, dtype: type[np.generic] = np.int8) -> Tensor:
        """A constant, symmetric, of one scale or one for each channel of `axis`; one of uint8 becomes that, where it can."""
        if len(self.inputs) <= place:
            raise ModelError("it has no weights")
        weights = self.tensors.tensor(self.inputs[place])
        if self.tensors.is_uint8(self.inputs[place]):
            weights = _centred(weights)
        if weights.dtype != dtype or weights.data is None:
            raise UnsupportedError(f"its weights {weights.name!r} are not {np.dtype(dtype)} constants")
        if weights.zero_point != 0:
            raise UnsupportedError(f"its weights {weights.name!r} have a zero point: {weights.zero_point}")
        if weights.axis not in (None, axis):
            raise UnsupportedError(f"its weights {weights.name!r} have a scale per axis {weights.axis}, not per output")
        require(len(weights.shape) == rank, f"its weights {weights.name!r} have the shape {weights.shape}")
        return weights

    def bias(self, channels: int, place: int = 2) -> Tensor | None:
        """An optional input: int32 constant (channels,)."""
        if len(self.inputs) <= place or self.inputs[place] == -1:
            return None
        bias = self.tensors.tensor(self.inputs[place])
        if bias.dtype != np.int32 or bias.data is None or bias.zero_point != 0:
            raise UnsupportedError(f"its bias {bias.name!r} is not an int32 constant around 0")
        require(bias.shape == (channels,), f"its bias {bias.name!r} has the shape {bias.shape} for {channels} channels")
        return bias


def _centred(weights: Tensor) -> Tensor:
    """Weights around 0: what a uint8 tensor has less its zero point."""
    if weights.data is None:
        return weights
    values = weights.data.astype(np.int16) - weights.zero_point
    low, high = (int(v) for v in (values.min(), values.max()))
    if low < -128 or high > 127:
        raise UnsupportedError(
            f"its uint8 weights {weights.name!r} reach from {low} to {high} around their zero point, int8 from -128 to 127: "
            "convert the model anew, to int8"
        )
    return dataclasses.replace(weights, zero_point=0, data=values.astype(np.int8))


def require(condition: bool, otherwise: str) -> None:
    """ModelError with the message `otherwise` where the file contradicts itself."""
    if not condition:
        raise ModelError(otherwise)


def axis_within(axis: int, rank: int) -> int:
    """The number of an axis, which may be counted from the last."""
    require(-rank <= axis < rank, f"axis {axis} of {rank}")
    return axis % rank
