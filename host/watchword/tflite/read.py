"""A graph out of a `.tflite` file: int8 models whose operations watchword has."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tflite

from watchword.errors import ModelError, UnsupportedError
from watchword.graph import (
    Activation,
    AveragePool2D,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Graph,
    Operation,
    Padding,
    Reshape,
    Softmax,
    Tensor,
    extent,
)


def read(path: Path | bytes, name: str | None = None) -> Graph:
    """The graph of a `.tflite` file, given by its path or its bytes.

    name: what messages and the graph call it; the file's stem or the name of the subgraph when not given.
    ModelError: the file cannot be read, is no `.tflite` or contradicts itself. UnsupportedError: its one line lists all
    operations that watchword cannot run, each with its number, the tensor that it makes and the reason.
    """
    if isinstance(path, bytes):
        data, shown = path, name or "the model"
    else:
        shown = name or str(path)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ModelError(f"{shown}: cannot be read: {error.strerror or error}") from error
    if data[4:8] != b"TFL3":
        raise ModelError(f"{shown}: not a .tflite file (the identifier TFL3 is missing)")
    try:
        reader = _Reader(data, shown)
        return reader.graph(name or (reader.name() if isinstance(path, bytes) else path.stem))
    except (struct.error, ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError) as error:
        # FlatBuffers are read without a check beforehand: an offset that points nowhere shows as any of these.
        raise ModelError(f"{shown}: damaged .tflite file; fetch or export it again") from error


class _Reader:
    """A file and the tensors that were read from it. All trouble with what the file says is a ModelError."""

    def __init__(self, data: bytes, shown: str) -> None:
        self.shown = shown
        self.model = tflite.Model.GetRootAs(data, 0)
        if self.model.SubgraphsLength() == 0:
            raise ModelError(f"{shown}: the file holds no model")
        self.subgraph = self.model.Subgraphs(0)
        self.tensors: dict[int, Tensor] = {}

    def name(self) -> str:
        return _text(self.subgraph.Name()) or "model"

    def graph(self, name: str) -> Graph:
        refusals: list[str] = []
        inputs = [int(self.subgraph.Inputs(i)) for i in range(self.subgraph.InputsLength())]
        outputs = [int(self.subgraph.Outputs(i)) for i in range(self.subgraph.OutputsLength())]
        for what, indices in (("input", inputs), ("output", outputs)):
            if len(indices) != 1:
                refusals.append(f"{len(indices)} {what}s where one is possible")
            for index in indices:
                try:
                    self.activation(index)
                except UnsupportedError as error:
                    refusals.append(f"{what}: {error}")

        total = self.subgraph.OperatorsLength()
        if total == 0:
            raise ModelError(f"{self.shown}: the model has no operations")
        operations: list[Operation] = []
        made = set(inputs)
        for number in range(total):
            node = _Node(self, self.subgraph.Operators(number))
            try:
                operations.append(node.operation(made))
            except UnsupportedError as error:
                refusals.append(f"{number} {node.name} {node.makes}: {error}")
            except ModelError as error:
                raise ModelError(f"{self.shown}: operation {number} {node.name} {node.makes}: {error}") from error
            made.update(node.outputs)
        if refusals:
            raise UnsupportedError(f"{self.shown}: watchword cannot run this model: {'; '.join(refusals)}")
        if outputs[0] not in made:
            raise ModelError(f"{self.shown}: no operation makes the output {self.tensor(outputs[0]).name!r}")
        return Graph(name, self.tensor(inputs[0]), self.tensor(outputs[0]), operations)

    def entry(self, index: int) -> Any:
        """The file's own record of a tensor."""
        if not 0 <= index < self.subgraph.TensorsLength():
            raise ModelError(f"there is no tensor {index}")
        return self.subgraph.Tensors(index)

    def tensor(self, index: int) -> Tensor:
        """UnsupportedError: not int8 or int32, or not quantized in a way that the graph can hold."""
        if index not in self.tensors:
            self.tensors[index] = self.convert(self.entry(index))
        return self.tensors[index]

    def convert(self, entry: Any) -> Tensor:
        name = _text(entry.Name())
        shape = tuple(int(entry.Shape(i)) for i in range(entry.ShapeLength()))
        if entry.Type() not in _TYPES:
            raise UnsupportedError(f"tensor {name!r} is {_constant_name(tflite.TensorType, entry.Type())}, not int8")
        if entry.Sparsity() is not None:
            raise UnsupportedError(f"tensor {name!r} is stored sparse")
        if not shape or min(shape) < 1:
            raise ModelError(f"tensor {name!r} has the shape {shape}")
        dtype = _TYPES[entry.Type()]

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
        if not -128 <= zero_point <= 127:
            raise ModelError(f"tensor {name!r} has the zero point {zero_point}, which no int8 can be")
        return Tensor(name, shape, dtype, scale, zero_point, axis, self.data(entry, name, shape, dtype))

    def data(self, entry: Any, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray | None:
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

    def activation(self, index: int) -> Tensor:
        """A tensor that flows: int8, one scale, a batch axis of 1."""
        tensor = self.tensor(index)
        if tensor.dtype != np.int8:
            raise UnsupportedError(f"tensor {tensor.name!r} is {tensor.dtype}, not int8")
        if tensor.data is not None:
            raise UnsupportedError(f"tensor {tensor.name!r} is a constant where a computed one belongs")
        if tensor.scale.size != 1:
            raise UnsupportedError(f"tensor {tensor.name!r} has a scale per channel")
        if tensor.shape[0] != 1:
            raise UnsupportedError(f"tensor {tensor.name!r} has the shape {tensor.shape}: only batches of 1 are possible")
        return tensor


class _Node:
    """One operator of the file."""

    def __init__(self, reader: _Reader, operator: Any) -> None:
        self.reader = reader
        self.operator = operator
        self.inputs = [int(operator.Inputs(i)) for i in range(operator.InputsLength())]
        self.outputs = [int(operator.Outputs(i)) for i in range(operator.OutputsLength())]
        code = reader.model.OperatorCodes(operator.OpcodeIndex())
        # Files of old converters know only the first field, which ends at 127.
        self.builtin = int(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()))
        self.name = _constant_name(tflite.BuiltinOperator, self.builtin)
        if self.builtin == tflite.BuiltinOperator.CUSTOM:
            self.name = f"CUSTOM {_text(code.CustomCode())!r}"

    @property
    def makes(self) -> str:
        """The names of the outputs, quoted, for messages; empty when there are none."""
        return ", ".join(repr(_text(self.reader.entry(index).Name())) for index in self.outputs) or "(no output)"

    def operation(self, made: set[int]) -> Operation:
        """made: the indices of the tensors that are computed before this operation."""
        if self.builtin not in _OPERATIONS:
            raise UnsupportedError("not supported")
        if not self.inputs or len(self.outputs) != 1:
            raise ModelError(f"{len(self.inputs)} inputs and {len(self.outputs)} outputs")
        input, output = self.reader.activation(self.inputs[0]), self.reader.activation(self.outputs[0])
        if self.inputs[0] not in made:
            raise ModelError(f"its input {input.name!r} is not computed before it")
        if self.outputs[0] in made:
            raise ModelError("its output is computed before it already")
        return _OPERATIONS[self.builtin](self, input, output)

    def options(self, kind: Any) -> Any:
        """The operation's options as the class `kind` of the schema."""
        if self.operator.BuiltinOptionsType() != getattr(tflite.BuiltinOptions, kind.__name__):
            raise ModelError(f"its options are no {kind.__name__}")
        table = self.operator.BuiltinOptions()
        options = kind()
        options.Init(table.Bytes, table.Pos)
        return options

    def weights(self, rank: int, axis: int) -> Tensor:
        """The second input: int8 constant, symmetric, one scale or one for each channel of `axis`."""
        if len(self.inputs) < 2:
            raise ModelError("it has no weights")
        weights = self.reader.tensor(self.inputs[1])
        if weights.dtype != np.int8 or weights.data is None:
            raise UnsupportedError(f"its weights {weights.name!r} are not int8 constants")
        if weights.zero_point != 0:
            raise UnsupportedError(f"its weights {weights.name!r} have a zero point: {weights.zero_point}")
        if weights.axis not in (None, axis):
            raise UnsupportedError(f"its weights {weights.name!r} have a scale per axis {weights.axis}, not per output")
        _require(len(weights.shape) == rank, f"its weights {weights.name!r} have the shape {weights.shape}")
        return weights

    def bias(self, channels: int) -> Tensor | None:
        """The optional third input: int32 constant (channels,)."""
        if len(self.inputs) < 3 or self.inputs[2] == -1:
            return None
        bias = self.reader.tensor(self.inputs[2])
        if bias.dtype != np.int32 or bias.data is None or bias.zero_point != 0:
            raise UnsupportedError(f"its bias {bias.name!r} is not an int32 constant around 0")
        _require(bias.shape == (channels,), f"its bias {bias.name!r} has the shape {bias.shape} for {channels} channels")
        return bias


# One function for each operation: what the file says -> the operation of the graph.


def _conv2d(node: _Node, input: Tensor, output: Tensor) -> Operation:
    options = node.options(tflite.Conv2DOptions)
    weights = node.weights(rank=4, axis=0)
    channels, height, width, depth = weights.shape
    if len(input.shape) == 4 and depth < input.shape[3] and input.shape[3] % depth == 0:
        raise UnsupportedError(f"its {input.shape[3]} input channels are in groups of {depth}")
    _require(input.shape[3:] == (depth,), f"weights {weights.shape} do not fit the input {input.shape}")
    stride, dilation = _stride(options), _dilation(options)
    _require_window(input, output, (height, width), stride, dilation, _padding(options), channels)
    bias = node.bias(channels)
    return Conv2D(input, output, weights, bias, stride, dilation, _padding(options), _activation(options))


def _depthwise_conv2d(node: _Node, input: Tensor, output: Tensor) -> Operation:
    options = node.options(tflite.DepthwiseConv2DOptions)
    weights = node.weights(rank=4, axis=3)
    batch, height, width, channels = weights.shape
    fits = batch == 1 and len(input.shape) == 4 and channels % input.shape[3] == 0
    _require(fits, f"weights {weights.shape} do not fit the input {input.shape}")
    stride, dilation = _stride(options), _dilation(options)
    _require_window(input, output, (height, width), stride, dilation, _padding(options), channels)
    bias = node.bias(channels)
    return DepthwiseConv2D(input, output, weights, bias, stride, dilation, _padding(options), _activation(options))


def _fully_connected(node: _Node, input: Tensor, output: Tensor) -> Operation:
    options = node.options(tflite.FullyConnectedOptions)
    if options.WeightsFormat() != tflite.FullyConnectedOptionsWeightsFormat.DEFAULT:
        raise UnsupportedError("its weights are in a shuffled format")
    weights = node.weights(rank=2, axis=0)
    channels, taps = weights.shape
    if input.size != taps and input.size % taps == 0:
        raise UnsupportedError(f"it runs {input.size // taps} times over the input {input.shape}; once is possible")
    _require(input.size == taps, f"weights {weights.shape} do not fit the input {input.shape}")
    if output.shape != (1, channels) and output.size == channels:
        raise UnsupportedError(f"its output has the shape {output.shape}, not {(1, channels)}")
    _require(output.shape == (1, channels), f"weights {weights.shape} do not fit the output {output.shape}")
    return Dense(input, output, weights, node.bias(channels), _activation(options))


def _average_pool2d(node: _Node, input: Tensor, output: Tensor) -> Operation:
    options = node.options(tflite.Pool2DOptions)
    size, stride = (options.FilterHeight(), options.FilterWidth()), _stride(options)
    _require(len(input.shape) == 4 and min(size) >= 1, f"a window of {size} over the input {input.shape}")
    _require_window(input, output, size, stride, (1, 1), _padding(options), input.shape[3])
    same = abs(input.scale[0] - output.scale[0]) <= 1e-6 and input.zero_point == output.zero_point
    _require(same, "its input and output differ in scale or zero point")
    return AveragePool2D(input, output, size, stride, _padding(options), _activation(options))


def _reshape(node: _Node, input: Tensor, output: Tensor) -> Operation:
    _require(input.size == output.size, f"{input.shape} cannot become {output.shape}")
    return Reshape(input, output)


def _softmax(node: _Node, input: Tensor, output: Tensor) -> Operation:
    beta = float(node.options(tflite.SoftmaxOptions).Beta())
    _require(input.shape == output.shape, f"{input.shape} cannot become {output.shape}")
    standard = abs(float(output.scale[0]) * 256 - 1) <= 0.001 and output.zero_point == -128
    _require(standard, "the scale of its output is not 1/256 or its zero point not -128")
    # Below this TFLite's fixed-point form does not exist.
    _require(beta * float(input.scale[0]) * 2**26 > 1, f"beta {beta} with the input scale {input.scale[0]}")
    return Softmax(input, output, beta)


_OPERATIONS: dict[int, Callable[[_Node, Tensor, Tensor], Operation]] = {
    tflite.BuiltinOperator.AVERAGE_POOL_2D: _average_pool2d,
    tflite.BuiltinOperator.CONV_2D: _conv2d,
    tflite.BuiltinOperator.DEPTHWISE_CONV_2D: _depthwise_conv2d,
    tflite.BuiltinOperator.FULLY_CONNECTED: _fully_connected,
    tflite.BuiltinOperator.RESHAPE: _reshape,
    tflite.BuiltinOperator.SOFTMAX: _softmax,
}

_TYPES: dict[int, np.dtype[Any]] = {
    tflite.TensorType.INT8: np.dtype(np.int8),
    tflite.TensorType.INT32: np.dtype(np.int32),
}
_PADDINGS: dict[int, Padding] = {tflite.Padding.SAME: "same", tflite.Padding.VALID: "valid"}
_ACTIVATIONS: dict[int, Activation] = {
    tflite.ActivationFunctionType.NONE: "none",
    tflite.ActivationFunctionType.RELU: "relu",
    tflite.ActivationFunctionType.RELU6: "relu6",
}


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ModelError(otherwise)


def _require_window(
    input: Tensor,
    output: Tensor,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: Padding,
    channels: int,
) -> None:
    """The output has the shape that a window over the input gives."""
    _require(min(*stride, *dilation) >= 1, f"stride {stride}, dilation {dilation}")
    rows = extent(input.shape[1], kernel[0], stride[0], dilation[0], padding).output
    columns = extent(input.shape[2], kernel[1], stride[1], dilation[1], padding).output
    expected = (1, rows, columns, channels)
    _require(min(expected) >= 1 and output.shape == expected, f"an output of {output.shape} where {expected} comes out")


def _stride(options: Any) -> tuple[int, int]:
    return options.StrideH(), options.StrideW()


def _dilation(options: Any) -> tuple[int, int]:
    return options.DilationHFactor(), options.DilationWFactor()


def _padding(options: Any) -> Padding:
    _require(options.Padding() in _PADDINGS, f"padding {options.Padding()}")
    return _PADDINGS[options.Padding()]


def _activation(options: Any) -> Activation:
    value = options.FusedActivationFunction()
    if value not in _ACTIVATIONS:
        raise UnsupportedError(f"its fused activation is {_constant_name(tflite.ActivationFunctionType, value)}")
    return _ACTIVATIONS[value]


def _constant_name(kind: type, value: int) -> str:
    """The name of a value of one of the schema's enumerations."""
    names = (name for name, number in vars(kind).items() if number == value and not name.startswith("_"))
    return next(names, f"number {value}")


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode("utf-8", "backslashreplace")
