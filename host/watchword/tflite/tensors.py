"""The tensors of a `.tflite` file as tensors of the graph. All trouble with what the file says is a ModelError."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray

from watchword.errors import ModelError, UnsupportedError
from watchword.graph import Tensor

_TYPES: dict[int, np.dtype[Any]] = {
    tflite.TensorType.INT8: np.dtype(np.int8),
    tflite.TensorType.INT16: np.dtype(np.int16),
    tflite.TensorType.INT32: np.dtype(np.int32),
}
_INTEGERS: dict[int, np.dtype[Any]] = {
    tflite.TensorType.INT32: np.dtype(np.int32),
    tflite.TensorType.INT64: np.dtype(np.int64),
}

# Converters join the names of what they fuse, which makes some hundreds of characters.
_LONGEST_NAME = 2000


class Tensors:
    """The tensors of one subgraph, by the file's index; each is read once. An index may be set to another's tensor.

    computed: integers that operators of the file make of constants.
    """

    def __init__(self, model: Any, subgraph: Any) -> None:
        self.model = model
        self.subgraph = subgraph
        self.known: dict[int, Tensor] = {}
        self.computed: dict[int, NDArray[Any]] = {}

    def entry(self, index: int) -> Any:
        """The file's own record of a tensor."""
        if not 0 <= index < self.subgraph.TensorsLength():
            raise ModelError(f"there is no tensor {index}")
        return self.subgraph.Tensors(index)

    def name(self, index: int) -> str:
        return text(self.entry(index).Name())

    def type(self, index: int) -> int:
        """A value of tflite.TensorType."""
        return int(self.entry(index).Type())

    def tensor(self, index: int) -> Tensor:
        """A uint8 one is the int8 one that is less by 128, in values and zero point: the same numbers.

        UnsupportedError: not int8, uint8, int16 or int32, or not quantized in a way that the graph can hold.
        """
        if index not in self.known:
            entry = self.entry(index)
            if self.is_uint8(index):
                tensor = self._convert(entry, np.dtype(np.uint8), 128)
                data = None if tensor.data is None else (tensor.data.astype(np.uint8) ^ np.uint8(128)).view(np.int8)
                tensor = dataclasses.replace(tensor, dtype=np.dtype(np.int8), data=data)
            elif entry.Type() in _TYPES:
                tensor = self._convert(entry, _TYPES[entry.Type()])
            else:
                raise self._not_int8(index)
            self.known[index] = tensor
        return self.known[index]

    def is_uint8(self, index: int) -> bool:
        """Whether a tensor is as old converters have it."""
        return bool(self.type(index) == tflite.TensorType.UINT8)

    def activation(self, index: int, places: bool = False) -> Tensor:
        """A tensor that flows: int8 or uint8, one scale, a batch axis of 1.

        places: its first axis may be another, of places; then the batch axis comes in front of it.
        """
        if self.type(index) not in (tflite.TensorType.INT8, tflite.TensorType.UINT8):
            raise self._not_int8(index)
        tensor = self.known[index] = _flowing(self.tensor(index))
        if not places and self.shape(index)[:1] != (1,):
            raise UnsupportedError(f"tensor {tensor.name!r} has the shape {self.shape(index)}: only batches of 1 are possible")
        return tensor

    def _not_int8(self, index: int) -> UnsupportedError:
        return UnsupportedError(
            f"tensor {self.name(index)!r} is {constant_name(tflite.TensorType, self.type(index))}, not int8"
        )

    def integers(self, index: int) -> NDArray[np.int64]:
        """Integers that are known, which an operation takes as a parameter: axes, a shape, places."""
        if not self.is_whole(index):
            kind = constant_name(tflite.TensorType, self.type(index))
            raise UnsupportedError(f"tensor {self.name(index)!r} is {kind}, not int32")
        known = self.whole(index)
        if known is None:
            raise UnsupportedError(f"tensor {self.name(index)!r} is computed where a constant is possible")
        return known.astype(np.int64)

    def is_whole(self, index: int) -> bool:
        """Whether a tensor has integers that are no quantized numbers."""
        return self.type(index) in _INTEGERS

    def whole_type(self, index: int) -> np.dtype[Any]:
        """The dtype of such a tensor."""
        return _INTEGERS[self.type(index)]

    def whole(self, index: int) -> NDArray[Any] | None:
        """The integers of a constant, or what was computed of constants; None: not known, or no such tensor."""
        if index in self.computed or not self.is_whole(index):
            return self.computed.get(index)
        entry, shape = self.entry(index), self.shape(index)
        if math.prod(shape) == 0:
            return np.empty(shape, self.whole_type(index))
        return self._data(entry, self.name(index), shape, self.whole_type(index))

    def shape(self, index: int) -> tuple[int, ...]:
        """The shape of a tensor of any type: as computed, or as the file has it: 1 for a batch of any size."""
        return self.computed[index].shape if index in self.computed else _shape(self.entry(index))

    def _convert(self, entry: Any, dtype: np.dtype[Any], offset: int = 0) -> Tensor:
        name, shape = text(entry.Name()), _shape(entry)
        if entry.Sparsity() is not None:
            raise UnsupportedError(f"tensor {name!r} is stored sparse")
        data = self._data(entry, name, shape, dtype)
        if min(shape, default=1) < 1 or (data is None and not shape):
            raise ModelError(f"tensor {name!r} has the shape {shape}")

        quantization = entry.Quantization()
        if quantization is None or quantization.ScaleLength() == 0:
            raise UnsupportedError(f"tensor {name!r} is not quantized")
        scale = np.array([quantization.Scale(i) for i in range(quantization.ScaleLength())], np.float32)
        axis = quantization.QuantizedDimension() if scale.size > 1 else None
        if axis is not None and len(shape) == 1:
            axis = 0  # some converters give the bias the axis of its weights
        if axis is not None and not (0 <= axis < len(shape) and shape[axis] == scale.size):
            raise ModelError(f"tensor {name!r} has {scale.size} scales along axis {axis} of the shape {shape}")
        if not (np.isfinite(scale).all() and (scale > 0).all()):
            raise ModelError(f"tensor {name!r} has a scale that is not above 0")
        zero_points = {quantization.ZeroPoint(i) for i in range(quantization.ZeroPointLength())} or {0}
        if len(zero_points) > 1:
            raise UnsupportedError(f"tensor {name!r} has a zero point per channel")
        zero_point = int(zero_points.pop())
        if not -128 <= zero_point - offset <= 127:
            raise ModelError(f"tensor {name!r} has the zero point {zero_point}, which no {'u' if offset else ''}int8 can be")
        return Tensor(printable(name), shape, dtype, scale, zero_point - offset, axis, data)

    def _data(self, entry: Any, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray | None:
        """The values of a constant, None for what flows."""
        if not 0 <= entry.Buffer() < self.model.BuffersLength():
            raise ModelError(f"tensor {name!r} names buffer {entry.Buffer()}, which does not exist")
        buffer = self.model.Buffers(entry.Buffer())
        if buffer.DataLength() == 0:
            return None
        if buffer.DataLength() != math.prod(shape) * dtype.itemsize:
            raise ModelError(f"tensor {name!r} of the shape {shape} has {buffer.DataLength()} bytes of data")
        raw = buffer.DataAsNumpy().tobytes()
        return np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype).reshape(shape)


def same_quantization(a: Tensor, b: Tensor) -> bool:
    """One scale (within 1e-6, as LiteRT compares them) and one zero point."""
    return bool(abs(a.scale[0] - b.scale[0]) <= 1e-6 and a.zero_point == b.zero_point)


def text(raw: bytes | None) -> str:
    """A name in the file. ModelError: a longer one than anybody gives."""
    decoded = (raw or b"").decode("utf-8", "backslashreplace")
    if len(decoded) > _LONGEST_NAME:
        raise ModelError(f"a name of {len(decoded)} characters: {_LONGEST_NAME} are possible")
    return decoded


def printable(name: str) -> str:
    """A name as it can be shown: what is not printable is escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def constant_name(kind: type, value: int) -> str:
    """The name of a value of one of the schema's enumerations."""
    names = (name for name, number in vars(kind).items() if number == value and not name.startswith("_"))
    return next(names, f"number {value}")


def _shape(entry: Any) -> tuple[int, ...]:
    return tuple(int(entry.Shape(i)) for i in range(entry.ShapeLength()))


def _flowing(tensor: Tensor) -> Tensor:
    if tensor.data is not None:
        raise UnsupportedError(f"tensor {tensor.name!r} is a constant where a computed one belongs")
    if tensor.scale.size != 1:
        raise UnsupportedError(f"tensor {tensor.name!r} has a scale per channel")
    return tensor if tensor.shape[0] == 1 else dataclasses.replace(tensor, shape=(1, *tensor.shape))
