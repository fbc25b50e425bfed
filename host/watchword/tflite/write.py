"""A graph as a `.tflite` file: standard int8 operations, as LiteRT and TFLite Micro take them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import flatbuffers
import numpy as np
import tflite

from watchword.errors import UnsupportedError
from watchword.graph import Graph, State, Tensor
from watchword.tflite.forms import Form, Option, form, spelled

SCHEMA_VERSION = 3
IDENTIFIER = b"TFL3"

# The schema asks for buffers aligned to 16 bytes: a microcontroller reads the int32 biases where they lie.
_ALIGNMENT = 16

_TYPES = {
    "int8": tflite.TensorType.INT8,
    "uint8": tflite.TensorType.UINT8,
    "int16": tflite.TensorType.INT16,
    "int32": tflite.TensorType.INT32,
    "float32": tflite.TensorType.FLOAT32,
    "object": tflite.TensorType.RESOURCE,
}
_HANDLE = np.dtype(object)  # stands for a resource
_UNQUANTIZED = np.empty(0, np.float32)


def write(graph: Graph) -> bytes:
    """The bytes of a `.tflite` file; equal graphs give equal bytes.

    A Conv2D without a bias gets one of zeros, since LiteRT takes no int8 CONV_2D without; Margins are a PAD before it.
    Where an end of the graph is uint8 or float32, a QUANTIZE or DEQUANTIZE stands there. States become resource variables
    that a second subgraph sets.
    UnsupportedError: an operation that has no form there.
    """
    return _Writer(graph).finish()


class _Writer:
    """FlatBuffers are built from the leaves to the root: each method writes a part and returns its offset."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.builder = flatbuffers.Builder(1024)
        self.buffer_offsets: list[int] = []
        self.codes: dict[tuple[int, int], int] = {}  # (builtin operator, version) -> index in the file

    def finish(self) -> bytes:
        builder = self.builder
        self.buffer_offsets.append(self.buffer(None))  # the first buffer is the empty one that activations name
        subgraphs = [_Subgraph(self).main()]
        if self.graph.states:
            subgraphs.append(_Subgraph(self).initial())

        codes = [self.code(code, version) for code, version in self.codes]
        codes_vector = self.offsets(tflite.ModelStartOperatorCodesVector, codes)
        subgraphs_vector = self.offsets(tflite.ModelStartSubgraphsVector, subgraphs)
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

    def code(self, code: int, version: int) -> int:
        builder = self.builder
        tflite.OperatorCodeStart(builder)
        # Builtins beyond 127 have this in the first field, which is a byte.
        tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, min(code, tflite.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES))
        tflite.OperatorCodeAddVersion(builder, version)
        tflite.OperatorCodeAddBuiltinCode(builder, code)
        return int(tflite.OperatorCodeEnd(builder))

    def options(self, kind: str, fields: Mapping[str, Option]) -> int:
        """A table of the schema; its vectors and strings come before it."""
        builder = self.builder
        values: dict[str, object] = {}
        for name, value in fields.items():
            if isinstance(value, np.ndarray):
                values[name] = builder.CreateNumpyVector(value)
            else:
                values[name] = builder.CreateString(value) if isinstance(value, str) else value
        getattr(tflite, f"{kind}Start")(builder)
        for name, written in values.items():
            getattr(tflite, f"{kind}Add{name}")(builder, written)
        return int(getattr(tflite, f"{kind}End")(builder))


class _Subgraph:
    """The tensors and operators of one subgraph."""

    def __init__(self, writer: _Writer) -> None:
        self.writer = writer
        self.graph = writer.graph
        self.builder = writer.builder
        self.tensors: dict[Tensor, int] = {}  # -> index in the subgraph
        self.tensor_offsets: list[int] = []
        self.operators: list[int] = []
        self.variables = {tensor for op in self.graph.operations for tensor in op.memory}

    def main(self) -> int:
        """What runs in every step."""
        graph, builtin = self.graph, tflite.BuiltinOperator
        input = _end(graph.input, graph.input_type)
        inputs = self.indices(tflite.SubGraphStartInputsVector, [input])
        if graph.states:
            self.operator(Form(builtin.CALL_ONCE, 1, [], "CallOnceOptions", {"InitSubgraphIndex": 1}), [])
        handles = [self.handle(state) for state in graph.states]
        if input is not graph.input:
            self.operator(Form(builtin.QUANTIZE, 2 if graph.input_type == "uint8" else 1, [input]), [graph.input])
        for state, handle in zip(graph.states, handles, strict=True):
            self.operator(Form(builtin.READ_VARIABLE, 1, [handle], "ReadVariableOptions"), [state.read])
        for op in graph.operations:
            try:
                for part in spelled(op):
                    self.operator(form(part), [part.output])
            except UnsupportedError as error:
                raise UnsupportedError(f"{graph.name}: {error}") from None
        for state, handle in zip(graph.states, handles, strict=True):
            if state.assigned is not state.read:
                self.assign(handle, state.assigned)
        ends = []
        for output in graph.outputs:
            end = _end(output.tensor, output.type, output.name)
            if end is not output.tensor:
                code = builtin.QUANTIZE if output.type == "uint8" else builtin.DEQUANTIZE
                self.operator(Form(code, 2, [output.tensor]), [end])
            ends.append(end)
        outputs = self.indices(tflite.SubGraphStartOutputsVector, ends)
        return self.finish(graph.name, inputs, outputs)

    def initial(self) -> int:
        """What runs once: it gives the variables their first values."""
        for state in self.graph.states:
            read = state.read
            handle = self.handle(state)
            value = Tensor(f"{state.name}/initial", read.shape, read.dtype, read.scale, read.zero_point, data=state.initial)
            self.assign(handle, value)
        inputs = self.indices(tflite.SubGraphStartInputsVector, [])
        outputs = self.indices(tflite.SubGraphStartOutputsVector, [])
        return self.finish("initial", inputs, outputs)

    def finish(self, name: str, inputs: int, outputs: int) -> int:
        builder, writer = self.builder, self.writer
        operators_vector = writer.offsets(tflite.SubGraphStartOperatorsVector, self.operators)
        tensors_vector = writer.offsets(tflite.SubGraphStartTensorsVector, self.tensor_offsets)
        text = builder.CreateString(name)
        tflite.SubGraphStart(builder)
        tflite.SubGraphAddTensors(builder, tensors_vector)
        tflite.SubGraphAddInputs(builder, inputs)
        tflite.SubGraphAddOutputs(builder, outputs)
        tflite.SubGraphAddOperators(builder, operators_vector)
        tflite.SubGraphAddName(builder, text)
        return int(tflite.SubGraphEnd(builder))

    def handle(self, state: State) -> Tensor:
        """A variable's handle, made by a VAR_HANDLE."""
        handle = Tensor(f"{state.name}/handle", (), _HANDLE, _UNQUANTIZED)
        self.operator(Form(tflite.BuiltinOperator.VAR_HANDLE, 1, [], "VarHandleOptions", {"SharedName": state.name}), [handle])
        return handle

    def assign(self, handle: Tensor, value: Tensor) -> None:
        self.operator(Form(tflite.BuiltinOperator.ASSIGN_VARIABLE, 1, [handle, value], "AssignVariableOptions"), [])

    def indices(self, start: Callable[[flatbuffers.Builder, int], object], tensors: Sequence[Tensor | None]) -> int:
        """A vector of tensor indices."""
        numbers = [-1 if tensor is None else self.tensor(tensor) for tensor in tensors]
        start(self.builder, len(numbers))
        for number in reversed(numbers):
            self.builder.PrependInt32(number)
        return int(self.builder.EndVector())

    def tensor(self, tensor: Tensor) -> int:
        """The index of a tensor, which is written when it is met for the first time."""
        if tensor in self.tensors:
            return self.tensors[tensor]
        builder, writer = self.builder, self.writer
        buffer = 0
        if tensor.data is not None:
            buffer = len(writer.buffer_offsets)
            writer.buffer_offsets.append(writer.buffer(tensor.data))
        quantization = self.quantization(tensor) if tensor.scale.size else None
        shape = builder.CreateNumpyVector(np.array(tensor.shape, np.int32))
        name = builder.CreateString(tensor.name)
        tflite.TensorStart(builder)
        tflite.TensorAddShape(builder, shape)
        tflite.TensorAddType(builder, _TYPES[np.dtype(tensor.dtype).name])
        tflite.TensorAddBuffer(builder, buffer)
        tflite.TensorAddName(builder, name)
        if quantization is not None:
            tflite.TensorAddQuantization(builder, quantization)
        if tensor in self.variables:
            tflite.TensorAddIsVariable(builder, True)
        self.tensor_offsets.append(tflite.TensorEnd(builder))
        self.tensors[tensor] = len(self.tensors)
        return self.tensors[tensor]

    def quantization(self, tensor: Tensor) -> int:
        builder = self.builder
        scale = builder.CreateNumpyVector(tensor.scale.astype(np.float32))
        zero_point = builder.CreateNumpyVector(np.full(tensor.scale.shape, tensor.zero_point, np.int64))
        tflite.QuantizationParametersStart(builder)
        tflite.QuantizationParametersAddScale(builder, scale)
        tflite.QuantizationParametersAddZeroPoint(builder, zero_point)
        tflite.QuantizationParametersAddQuantizedDimension(builder, tensor.axis or 0)
        return int(tflite.QuantizationParametersEnd(builder))

    def operator(self, written: Form, outputs: Sequence[Tensor]) -> None:
        builder, codes = self.builder, self.writer.codes
        options = None if written.kind is None else self.writer.options(written.kind, written.options)
        inputs_vector = self.indices(tflite.OperatorStartInputsVector, written.inputs)
        outputs_vector = self.indices(tflite.OperatorStartOutputsVector, outputs)
        tflite.OperatorStart(builder)
        tflite.OperatorAddOpcodeIndex(builder, codes.setdefault((written.code, written.version), len(codes)))
        tflite.OperatorAddInputs(builder, inputs_vector)
        tflite.OperatorAddOutputs(builder, outputs_vector)
        if options is not None:
            tflite.OperatorAddBuiltinOptionsType(builder, getattr(tflite.BuiltinOptions, str(written.kind)))
            tflite.OperatorAddBuiltinOptions(builder, options)
        self.operators.append(int(tflite.OperatorEnd(builder)))


def _end(tensor: Tensor, kind: str, called: str = "") -> Tensor:
    """What a file takes or gives in place of a tensor of the graph. called: its name, if that is another than the tensor's."""
    if kind == "int8":
        return tensor
    name, dtype = called if called != tensor.name and called else f"{tensor.name}/{kind}", np.dtype(kind)
    if kind == "uint8":
        return Tensor(name, tensor.shape, dtype, tensor.scale, tensor.zero_point + 128)
    return Tensor(name, tensor.shape, dtype, _UNQUANTIZED)
