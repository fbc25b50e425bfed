"""A graph as a `.tflite` file: standard int8 operations, as LiteRT and TFLite Micro take them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import flatbuffers
import numpy as np
import tflite

from watchword.errors import UnsupportedError
from watchword.graph import AveragePool2D, Conv2D, Dense, DepthwiseConv2D, Graph, Operation, Reshape, Softmax, Tensor

SCHEMA_VERSION = 3
IDENTIFIER = b"TFL3"

# The schema asks for buffers aligned to 16 bytes: a microcontroller reads the int32 biases where they lie.
_ALIGNMENT = 16

_PADDING = {"same": tflite.Padding.SAME, "valid": tflite.Padding.VALID}
_ACTIVATION = {
    "none": tflite.ActivationFunctionType.NONE,
    "relu": tflite.ActivationFunctionType.RELU,
    "relu6": tflite.ActivationFunctionType.RELU6,
}
_TYPES = {"int8": tflite.TensorType.INT8, "int32": tflite.TensorType.INT32}


def write(graph: Graph) -> bytes:
    """The bytes of a `.tflite` file; equal graphs give equal bytes.

    A Conv2D without a bias gets one of zeros, since LiteRT takes no int8 CONV_2D without.
    UnsupportedError: an operation that has no form there.
    """
    return _Writer(graph).finish()


class _Writer:
    """FlatBuffers are built from the leaves to the root: each method writes a part and returns its offset."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.builder = flatbuffers.Builder(1024)
        self.tensors: dict[Tensor, int] = {}  # -> index in the file
        self.tensor_offsets: list[int] = []
        self.buffer_offsets: list[int] = []
        self.codes: dict[tuple[int, int], int] = {}  # (builtin operator, version) -> index in the file

    def finish(self) -> bytes:
        builder = self.builder
        self.buffer_offsets.append(self.buffer(None))  # the first buffer is the empty one that activations name
        inputs = self.indices(tflite.SubGraphStartInputsVector, [self.graph.input])
        operators = [self.operation(op) for op in self.graph.operations]
        outputs = self.indices(tflite.SubGraphStartOutputsVector, [self.graph.output])

        operators_vector = self.offsets(tflite.SubGraphStartOperatorsVector, operators)
        tensors_vector = self.offsets(tflite.SubGraphStartTensorsVector, self.tensor_offsets)
        name = builder.CreateString(self.graph.name)
        tflite.SubGraphStart(builder)
        tflite.SubGraphAddTensors(builder, tensors_vector)
        tflite.SubGraphAddInputs(builder, inputs)
        tflite.SubGraphAddOutputs(builder, outputs)
        tflite.SubGraphAddOperators(builder, operators_vector)
        tflite.SubGraphAddName(builder, name)
        subgraph = tflite.SubGraphEnd(builder)

        codes = [self.code(code, version) for code, version in self.codes]
        codes_vector = self.offsets(tflite.ModelStartOperatorCodesVector, codes)
        subgraphs_vector = self.offsets(tflite.ModelStartSubgraphsVector, [subgraph])
        buffers_vector = self.offsets(tflite.ModelStartBuffersVector, self.buffer_offsets)
        description = builder.CreateString("watchword")
        tflite.ModelStart(builder)
        tflite.ModelAddVersion(builder, SCHEMA_VERSION)
        tflite.ModelAddOperatorCodes(builder, codes_vector)
        tflite.ModelAddSubgraphs(builder, subgraphs_vector)
        tflite.ModelAddDescription(builder, description)
        tflite.ModelAddBuffers(builder, buffers_vector)
        builder.Finish(tflite.ModelEnd(builder), file_identifier=IDENTIFIER)
        return bytes(builder.Output())

    def offsets(self, start: Callable[[flatbuffers.Builder, int], object], items: Sequence[int]) -> int:
        """A vector of tables that are written already."""
        start(self.builder, len(items))
        for item in reversed(items):
            self.builder.PrependUOffsetTRelative(item)
        return int(self.builder.EndVector())

    def indices(self, start: Callable[[flatbuffers.Builder, int], object], tensors: Sequence[Tensor]) -> int:
        """A vector of tensor indices."""
        numbers = [self.tensor(tensor) for tensor in tensors]
        start(self.builder, len(numbers))
        for number in reversed(numbers):
            self.builder.PrependInt32(number)
        return int(self.builder.EndVector())

    def buffer(self, data: np.ndarray | None) -> int:
        builder = self.builder
        if data is None:
            tflite.BufferStart(builder)
            return int(tflite.BufferEnd(builder))
        little_endian = np.ascontiguousarray(data, data.dtype.newbyteorder("<"))
        builder.Prep(_ALIGNMENT, little_endian.nbytes)
        vector = builder.CreateNumpyVector(little_endian.reshape(-1).view(np.uint8))
        tflite.BufferStart(builder)
        tflite.BufferAddData(builder, vector)
        return int(tflite.BufferEnd(builder))

    def tensor(self, tensor: Tensor) -> int:
        """The index of a tensor, which is written when it is met for the first time."""
        if tensor in self.tensors:
            return self.tensors[tensor]
        builder = self.builder
        buffer = 0
        if tensor.data is not None:
            buffer = len(self.buffer_offsets)
            self.buffer_offsets.append(self.buffer(tensor.data))
        scale = builder.CreateNumpyVector(tensor.scale.astype(np.float32))
        zero_point = builder.CreateNumpyVector(np.full(tensor.scale.shape, tensor.zero_point, np.int64))
        tflite.QuantizationParametersStart(builder)
        tflite.QuantizationParametersAddScale(builder, scale)
        tflite.QuantizationParametersAddZeroPoint(builder, zero_point)
        tflite.QuantizationParametersAddQuantizedDimension(builder, tensor.axis or 0)
        quantization = tflite.QuantizationParametersEnd(builder)
        shape = builder.CreateNumpyVector(np.array(tensor.shape, np.int32))
        name = builder.CreateString(tensor.name)
        tflite.TensorStart(builder)
        tflite.TensorAddShape(builder, shape)
        tflite.TensorAddType(builder, _TYPES[np.dtype(tensor.dtype).name])
        tflite.TensorAddBuffer(builder, buffer)
        tflite.TensorAddName(builder, name)
        tflite.TensorAddQuantization(builder, quantization)
        self.tensor_offsets.append(tflite.TensorEnd(builder))
        self.tensors[tensor] = len(self.tensors)
        return self.tensors[tensor]

    def code(self, code: int, version: int) -> int:
        builder = self.builder
        tflite.OperatorCodeStart(builder)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, code)
        tflite.OperatorCodeAddVersion(builder, version)
        tflite.OperatorCodeAddBuiltinCode(builder, code)
        return int(tflite.OperatorCodeEnd(builder))

    def operation(self, op: Operation) -> int:
        builder = self.builder
        inputs = [op.input]
        if isinstance(op, Conv2D | DepthwiseConv2D | Dense):
            bias = _zero_bias(op) if op.bias is None and isinstance(op, Conv2D) else op.bias
            inputs += [op.weights] if bias is None else [op.weights, bias]
        match op:
            case Conv2D():
                code, version, options_type = tflite.BuiltinOperator.CONV_2D, 3, tflite.BuiltinOptions.Conv2DOptions
                tflite.Conv2DOptionsStart(builder)
                tflite.Conv2DOptionsAddPadding(builder, _PADDING[op.padding])
                tflite.Conv2DOptionsAddStrideH(builder, op.stride[0])
                tflite.Conv2DOptionsAddStrideW(builder, op.stride[1])
                tflite.Conv2DOptionsAddDilationHFactor(builder, op.dilation[0])
                tflite.Conv2DOptionsAddDilationWFactor(builder, op.dilation[1])
                tflite.Conv2DOptionsAddFusedActivationFunction(builder, _ACTIVATION[op.activation])
                options = tflite.Conv2DOptionsEnd(builder)
            case DepthwiseConv2D():
                code, version = tflite.BuiltinOperator.DEPTHWISE_CONV_2D, 3
                options_type = tflite.BuiltinOptions.DepthwiseConv2DOptions
                tflite.DepthwiseConv2DOptionsStart(builder)
                tflite.DepthwiseConv2DOptionsAddPadding(builder, _PADDING[op.padding])
                tflite.DepthwiseConv2DOptionsAddStrideH(builder, op.stride[0])
                tflite.DepthwiseConv2DOptionsAddStrideW(builder, op.stride[1])
                tflite.DepthwiseConv2DOptionsAddDepthMultiplier(builder, op.multiplier)
                tflite.DepthwiseConv2DOptionsAddDilationHFactor(builder, op.dilation[0])
                tflite.DepthwiseConv2DOptionsAddDilationWFactor(builder, op.dilation[1])
                tflite.DepthwiseConv2DOptionsAddFusedActivationFunction(builder, _ACTIVATION[op.activation])
                options = tflite.DepthwiseConv2DOptionsEnd(builder)
            case Dense():
                # Version 4 is int8 with one scale for all weights, 12 the one with a scale per channel.
                code, version = tflite.BuiltinOperator.FULLY_CONNECTED, 4 if op.weights.scale.size == 1 else 12
                options_type = tflite.BuiltinOptions.FullyConnectedOptions
                tflite.FullyConnectedOptionsStart(builder)
                tflite.FullyConnectedOptionsAddFusedActivationFunction(builder, _ACTIVATION[op.activation])
                options = tflite.FullyConnectedOptionsEnd(builder)
            case AveragePool2D():
                code, version = tflite.BuiltinOperator.AVERAGE_POOL_2D, 2
                options_type = tflite.BuiltinOptions.Pool2DOptions
                tflite.Pool2DOptionsStart(builder)
                tflite.Pool2DOptionsAddPadding(builder, _PADDING[op.padding])
                tflite.Pool2DOptionsAddStrideH(builder, op.stride[0])
                tflite.Pool2DOptionsAddStrideW(builder, op.stride[1])
                tflite.Pool2DOptionsAddFilterHeight(builder, op.size[0])
                tflite.Pool2DOptionsAddFilterWidth(builder, op.size[1])
                tflite.Pool2DOptionsAddFusedActivationFunction(builder, _ACTIVATION[op.activation])
                options = tflite.Pool2DOptionsEnd(builder)
            case Reshape():
                code, version, options_type = tflite.BuiltinOperator.RESHAPE, 1, tflite.BuiltinOptions.ReshapeOptions
                shape = builder.CreateNumpyVector(np.array(op.output.shape, np.int32))
                tflite.ReshapeOptionsStart(builder)
                tflite.ReshapeOptionsAddNewShape(builder, shape)
                options = tflite.ReshapeOptionsEnd(builder)
            case Softmax():
                code, version, options_type = tflite.BuiltinOperator.SOFTMAX, 2, tflite.BuiltinOptions.SoftmaxOptions
                tflite.SoftmaxOptionsStart(builder)
                tflite.SoftmaxOptionsAddBeta(builder, op.beta)
                options = tflite.SoftmaxOptionsEnd(builder)
            case _:
                raise UnsupportedError(f"{self.graph.name}: {op.kind} {op.output.name!r} has no .tflite form here")
        inputs_vector = self.indices(tflite.OperatorStartInputsVector, inputs)
        outputs_vector = self.indices(tflite.OperatorStartOutputsVector, [op.output])
        tflite.OperatorStart(builder)
        tflite.OperatorAddOpcodeIndex(builder, self.codes.setdefault((code, version), len(self.codes)))
        tflite.OperatorAddInputs(builder, inputs_vector)
        tflite.OperatorAddOutputs(builder, outputs_vector)
        tflite.OperatorAddBuiltinOptionsType(builder, options_type)
        tflite.OperatorAddBuiltinOptions(builder, options)
        return int(tflite.OperatorEnd(builder))


def _zero_bias(op: Conv2D) -> Tensor:
    channels = op.weights.shape[0]
    scale = (op.input.scale * op.weights.scale).astype(np.float32)
    axis = None if scale.size == 1 else 0
    return Tensor(f"{op.output.name}/bias", (channels,), np.dtype(np.int32), scale, 0, axis, np.zeros(channels, np.int32))
