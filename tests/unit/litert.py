"""What LiteRT's reference kernels compute, and graphs made at random to compare with them."""

from __future__ import annotations

import os
from collections.abc import Callable

import ai_edge_litert.schema_py_generated as schema
import flatbuffers
import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from watchword import reference, tflite
from watchword.graph import Graph, Operation, Tensor, extent

# More examples for a long run: WATCHWORD_EXAMPLES=5000.
compared = settings(max_examples=int(os.environ.get("WATCHWORD_EXAMPLES", "60")), deadline=None, derandomize=True)

ACTIVATIONS = ("none", "relu", "relu6", "relu_n1_to_1")


def tensor(name: str, shape: tuple[int, ...], scale: float | NDArray[np.floating], zero_point: int = 0) -> Tensor:
    """An int8 activation."""
    return Tensor(name, shape, np.dtype(np.int8), np.atleast_1d(np.asarray(scale, np.float32)), zero_point)


def litert(content: bytes, graph: Graph, x: NDArray[np.int8]) -> list[NDArray[np.int8]]:
    """What LiteRT's reference kernels give for every operation: a list as `reference.run_layers` makes it."""
    interpreter = Interpreter(
        model_content=content,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    indices = {detail["name"]: detail["index"] for detail in interpreter.get_tensor_details()}
    layers: list[list[NDArray[np.int8]]] = [[] for _ in graph.operations]
    for sample in x:
        interpreter.set_tensor(indices[graph.input.name], sample.reshape(graph.input.shape))
        interpreter.invoke()
        for layer, op in zip(layers, graph.operations, strict=True):
            layer.append(interpreter.get_tensor(indices[op.output.name])[0])
    return [np.array(layer) for layer in layers]


def samples(shape: tuple[int, ...], seed: int) -> NDArray[np.int8]:
    """Some random ones and the extremes, int8 (6, *shape without batch)."""
    random = np.random.default_rng(seed).integers(-128, 128, (4, *shape[1:]))
    return np.concatenate([random, np.full((1, *shape[1:]), -128), np.full((1, *shape[1:]), 127)]).astype(np.int8)


def assert_equal_to_litert(operations: Operation | list[Operation], seed: int) -> None:
    """Operations alone, from the first one's input to the last one's output."""
    chain = operations if isinstance(operations, list) else [operations]
    assert_graph_equal_to_litert(Graph("alone", chain[0].input, chain[-1].output, chain), seed)


def assert_graph_equal_to_litert(graph: Graph, seed: int) -> None:
    """A graph as it is, as it is written and as it is read back."""
    x = samples(graph.input.shape, seed)
    content = tflite.write(graph)
    for op, ours, theirs in zip(graph.operations, reference.run_layers(graph, x), litert(content, graph, x), strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=op.kind)
    again = tflite.read(content)
    np.testing.assert_array_equal(reference.run(again, x), reference.run(graph, x))
    assert tflite.write(again) == content


zero_points = st.integers(-128, 127) | st.sampled_from((-128, 0, 127))
scales = st.floats(-10, 2).map(lambda exponent: float(np.float32(2.0**exponent)))
seeds = st.integers(0, 2**32)
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


@st.composite
def windows(draw: st.DrawFn) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int], str]:
    """Sizes of the picture and the kernel, stride, dilation, padding; at least one position fits."""
    kernel = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    dilation = draw(st.just((1, 1)) | pairs)
    padding = draw(st.sampled_from(("same", "valid")))
    reach = [(k - 1) * d + 1 if padding == "valid" else 1 for k, d in zip(kernel, dilation, strict=True)]
    size = (reach[0] + draw(st.integers(0, 7)), reach[1] + draw(st.integers(0, 7)))
    return size, kernel, draw(pairs), dilation, padding


def output_shape(size, kernel, stride, dilation, padding, channels) -> tuple[int, int, int, int]:
    rows, columns = (extent(*axis, padding).output for axis in zip(size, kernel, stride, dilation, strict=True))
    return 1, rows, columns, channels


def changed(model: Graph | bytes, change: Callable[[schema.ModelT], None]) -> bytes:
    """A file, or that of a graph, with something that `write` never writes."""
    content = model if isinstance(model, bytes) else tflite.write(model)
    parts = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    change(parts)
    builder = flatbuffers.Builder()
    builder.Finish(parts.Pack(builder), b"TFL3")
    return bytes(builder.Output())
