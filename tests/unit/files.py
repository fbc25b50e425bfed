"""`.tflite` files made operator by operator, as converters write what `tflite.write` never does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ai_edge_litert.schema_py_generated as schema
import flatbuffers
import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from watchword import reference, tflite
from watchword.graph import Graph

_TYPES = {
    "int8": schema.TensorType.INT8,
    "uint8": schema.TensorType.UINT8,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
    "float32": schema.TensorType.FLOAT32,
}
_VERSIONS = {schema.BuiltinOperator.BROADCAST_TO: 2}  # of operators whose first one LiteRT does not have


class File:
    """Tensors are told by their index, and named by it."""

    def __init__(self) -> None:
        self.tensors: list[schema.TensorT] = []
        self.buffers = [schema.BufferT()]
        self.codes: list[int] = []
        self.operators: list[schema.OperatorT] = []

    def tensor(
        self, shape: Sequence[int], dtype: str = "int8", scale: Any = None, zero_point: int = 0, axis: int = 0, data: Any = None
    ) -> int:
        made = schema.TensorT()
        made.name, made.shape, made.type, made.buffer = f"t{len(self.tensors)}", list(shape), _TYPES[dtype], 0
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data, dtype).tobytes(), np.uint8)
            self.buffers.append(buffer)
            made.buffer = len(self.buffers) - 1
        if scale is not None:
            quantization = schema.QuantizationParametersT()
            quantization.scale = np.atleast_1d(np.float32(scale))
            quantization.zeroPoint = np.full(len(quantization.scale), zero_point, np.int64)
            quantization.quantizedDimension = axis
            made.quantization = quantization
        self.tensors.append(made)
        return len(self.tensors) - 1

    def constant(self, data: Any, dtype: str = "int32") -> int:
        """Whole numbers."""
        array = np.array(data, dtype)
        return self.tensor(array.shape, dtype, data=array)

    def operator(self, name: str, inputs: Sequence[int], outputs: Sequence[int], kind: str = "", **options: Any) -> None:
        """kind: of the options, where the operator has some, as in the schema but for "Options"."""
        code = getattr(schema.BuiltinOperator, name)
        if code not in self.codes:
            self.codes.append(code)
        made = schema.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = self.codes.index(code), list(inputs), list(outputs)
        if kind:
            made.builtinOptionsType = getattr(schema.BuiltinOptions, f"{kind}Options")
            made.builtinOptions = getattr(schema, f"{kind}OptionsT")()
            for option, value in options.items():
                assert hasattr(made.builtinOptions, option), option
                setattr(made.builtinOptions, option, value)
        self.operators.append(made)

    def content(self, input: int, output: int) -> bytes:
        graph = schema.SubGraphT()
        graph.tensors, graph.operators, graph.inputs, graph.outputs = self.tensors, self.operators, [input], [output]
        graph.name = b"main"
        model = schema.ModelT()
        model.version, model.subgraphs, model.buffers, model.description = 3, [graph], self.buffers, b"made by hand"
        model.operatorCodes = []
        for code in self.codes:
            made = schema.OperatorCodeT()
            made.builtinCode, made.deprecatedBuiltinCode, made.version = code, min(code, 127), _VERSIONS.get(code, 1)
            model.operatorCodes.append(made)
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def tensors_of(content: bytes, x: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """All tensors that LiteRT's reference kernels have after a run, by their names. x: of the input's shape."""
    interpreter = Interpreter(
        model_content=content,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    found = {}
    for detail in interpreter.get_tensor_details():
        try:
            found[detail["name"]] = interpreter.get_tensor(detail["index"])
        except ValueError:  # work space without data
            continue
    return found


def assert_run_as_litert(content: bytes, count: int = 5) -> Graph:
    """Every layer of it; returns what it was read as."""
    graph = tflite.read(content)
    x = np.random.default_rng(1).integers(-128, 128, (count, *graph.input.shape[1:])).astype(np.int8)
    layers = reference.run_layers(graph, x)
    given = shown(x, graph.input_type)
    for sample in range(count):
        theirs = tensors_of(content, given[sample : sample + 1])
        for op, ours in zip(graph.operations, layers, strict=True):
            if op.output.name in theirs:  # what one operator became has tensors between
                expected = theirs[op.output.name].reshape(ours[sample].shape)
                np.testing.assert_array_equal(shown(ours[sample], expected.dtype.name), expected, err_msg=op.output.name)
    return graph


def shown(values: NDArray[np.int8], dtype: str) -> NDArray[Any]:
    """What a graph has as int8, as a file has it."""
    return values.view(np.uint8) ^ np.uint8(128) if dtype == "uint8" else values
