"""The `.tflite` format: what is read, what is written, and what is refused in one line."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path

import ai_edge_litert.schema_py_generated as schema
import numpy as np
import pytest
import tflite as flat
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray
from tests.unit.litert import changed

from watchword import reference, tflite
from watchword.errors import ModelError, UnsupportedError
from watchword.graph import (
    AveragePool2D,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Graph,
    Lookup,
    MaxPool2D,
    Operation,
    Pad,
    Reshape,
    Rule,
    Softmax,
    Tensor,
    Transpose,
)

MODELS = ("mlperf_tiny/kws_ref_model", "tflite_micro/micro_speech_quantized", "mlperf_tiny/vww_96_int8")
STREAMING = ("microwakeword/alexa", "microwakeword/okay_nabu", "microwakeword/hey_jarvis")


def activation(name: str, shape: tuple[int, ...], scale: float = 0.1, zero_point: int = -3) -> Tensor:
    return Tensor(name, shape, np.dtype(np.int8), np.array([scale], np.float32), zero_point)


def constants(name: str, shape: tuple[int, ...], channels: int, axis: int | None, scale: float) -> tuple[Tensor, Tensor]:
    """Random weights and bias, with a scale per channel when there is an axis."""
    rng = np.random.default_rng(len(name))
    scales = rng.uniform(0.002, 0.01, 1 if axis is None else channels).astype(np.float32)
    data = rng.integers(-127, 128, shape).astype(np.int8)
    bias = rng.integers(-500, 500, channels).astype(np.int32)
    return (
        Tensor(f"{name}/weights", shape, np.dtype(np.int8), scales, 0, axis, data),
        Tensor(f"{name}/bias", (channels,), np.dtype(np.int32), scales * np.float32(scale), 0, axis and 0, bias),
    )


@pytest.fixture
def graph() -> Graph:
    """Every operation once, and each option somewhere away from its default."""
    x, y, z = activation("x", (1, 9, 8, 3), 0.05, 5), activation("y", (1, 5, 8, 4), 0.1), activation("z", (1, 3, 7, 8), 0.2)
    pooled, flat_, dense = (
        activation("pooled", (1, 2, 4, 8), 0.2),
        activation("flat", (1, 64), 0.2),
        activation("d", (1, 6), 0.3),
    )
    conv_weights, conv_bias = constants("conv", (4, 3, 2, 3), 4, 0, 0.05)
    depthwise_weights, _ = constants("depthwise", (1, 3, 2, 8), 8, 3, 0.1)
    dense_weights, dense_bias = constants("dense", (6, 64), 6, None, 0.2)
    output = activation("output", (1, 6), 1 / 256, -128)
    operations = [
        Conv2D(x, y, conv_weights, conv_bias, (2, 1), (1, 3), "same", "relu6"),
        DepthwiseConv2D(y, z, depthwise_weights, None, (1, 1), (1, 1), "valid", "relu"),
        AveragePool2D(z, pooled, (2, 3), (2, 2), "same", "relu"),
        Reshape(pooled, flat_),
        Dense(flat_, dense, dense_weights, dense_bias, "none"),
        Softmax(dense, output, 0.75),
    ]
    return Graph("every operation", x, output, operations)


def assert_same(a: object, b: object) -> None:
    """Equal in every field, to the last constant."""
    assert type(a) is type(b)
    if isinstance(a, list):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert_same(one, other)
    elif dataclasses.is_dataclass(a):
        for field in dataclasses.fields(a):
            assert_same(getattr(a, field.name), getattr(b, field.name))
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    else:
        assert a == b


def litert(content: bytes, x: NDArray[np.int8]) -> NDArray[np.int8]:
    interpreter = Interpreter(model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    (inputs,), (outputs,) = interpreter.get_input_details(), interpreter.get_output_details()
    results = []
    for sample in x:
        interpreter.set_tensor(inputs["index"], sample.reshape(inputs["shape"]))
        interpreter.invoke()
        results.append(interpreter.get_tensor(outputs["index"])[0])
    return np.array(results)


def samples(graph: Graph, count: int) -> NDArray[np.int8]:
    return np.random.default_rng(1).integers(-128, 128, (count, *graph.input.shape[1:])).astype(np.int8)


# Writing, and reading what was written


def test_read_gives_back_what_write_was_given(graph: Graph) -> None:
    assert_same(tflite.read(tflite.write(graph)), graph)


def test_write_gives_equal_bytes_for_equal_graphs(graph: Graph) -> None:
    content = tflite.write(graph)
    assert tflite.write(graph) == content
    assert tflite.write(tflite.read(content)) == content


def test_litert_computes_what_the_reference_computes(graph: Graph) -> None:
    x = samples(graph, 20)
    np.testing.assert_array_equal(litert(tflite.write(graph), x), reference.run(graph, x))


def test_tflite_micro_takes_what_write_makes(graph: Graph) -> None:
    micro = pytest.importorskip("tflite_micro", reason="tflite-micro has no wheel for this platform")
    # Without its Dense, which TFLite Micro rounds in another way than LiteRT, the graph has one result everywhere.
    graph.operations, graph.output = graph.operations[:4], graph.operations[3].output
    x = samples(graph, 20)
    interpreter = micro.runtime.Interpreter.from_bytes(tflite.write(graph))
    for sample, expected in zip(x, reference.run(graph, x), strict=True):
        interpreter.set_input(sample[np.newaxis], 0)
        interpreter.invoke()
        np.testing.assert_array_equal(interpreter.get_output(0)[0], expected)


def test_a_convolution_without_bias_is_written_with_zeros(graph: Graph) -> None:
    conv = graph.operations[0]
    assert isinstance(conv, Conv2D)
    conv.bias = None
    x = samples(graph, 5)
    content = tflite.write(graph)
    written = tflite.read(content).operations[0]
    assert isinstance(written, Conv2D)
    assert written.bias is not None
    assert not written.bias.data.any()
    np.testing.assert_array_equal(litert(content, x), reference.run(graph, x))


def test_operators_have_the_versions_of_int8(graph: Graph) -> None:
    dense = graph.operations[4]
    assert isinstance(dense, Dense)

    def versions() -> dict[str, int]:
        model = flat.Model.GetRootAs(tflite.write(graph), 0)
        codes = [model.OperatorCodes(i) for i in range(model.OperatorCodesLength())]
        return {flat.opcode2name(code.BuiltinCode()): code.Version() for code in codes}

    expected = {
        "CONV_2D": 3,
        "DEPTHWISE_CONV_2D": 3,
        "AVERAGE_POOL_2D": 2,
        "RESHAPE": 1,
        "FULLY_CONNECTED": 4,
        "SOFTMAX": 2,
    }
    assert versions() == expected
    dense.weights.scale, dense.weights.axis = np.full(6, 0.01, np.float32), 0
    assert versions() == {**expected, "FULLY_CONNECTED": 12}


def test_constants_are_aligned_and_the_first_buffer_is_empty(graph: Graph) -> None:
    content = tflite.write(graph)
    model = flat.Model.GetRootAs(content, 0)
    assert model.Buffers(0).DataLength() == 0
    for tensor in graph.constants():
        assert content.index(tensor.data.tobytes()) % 16 == 0


@pytest.mark.parametrize("name", MODELS + STREAMING)
def test_a_real_model_written_again_computes_the_same(name: str, shared_data: Path) -> None:
    path = shared_data / f"models/{name}.tflite"
    graph = tflite.read(path)
    assert graph.name == path.stem
    x = samples(graph, 20 if graph.states else 3)
    np.testing.assert_array_equal(litert(tflite.write(graph), x), litert(path.read_bytes(), x))


# Files that are refused


def refusal(content: bytes) -> ModelError:
    with pytest.raises(ModelError) as caught:
        tflite.read(content, "bad")
    message = str(caught.value)
    assert message.startswith("bad: ")
    assert "\n" not in message
    return caught.value


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\0" * 64, b"PK\3\4" + b"\0" * 60, b"\0\0\0\0TFL2" + b"\0" * 60])
def test_what_is_no_tflite_is_said_to_be_none(content: bytes) -> None:
    assert "not a .tflite file" in str(refusal(content))


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.tflite: cannot be read: No such file"):
        tflite.read(tmp_path / "none.tflite")
    with pytest.raises(ModelError, match="a folder"):
        tflite.read(tmp_path)


def test_a_truncated_file_is_damaged(graph: Graph) -> None:
    content = tflite.write(graph)
    for end in range(8, len(content) - 16, 23):
        refusal(content[:end])


def test_a_truncated_real_model_is_damaged(shared_data: Path) -> None:
    content = (shared_data / "models/mlperf_tiny/kws_ref_model.tflite").read_bytes()
    for end in range(8, len(content) - 4000, 997):
        refusal(content[:end])


def test_garbage_is_refused_or_a_graph_that_runs(graph: Graph) -> None:
    """Any bytes: a damaged file never shows as anything but a ModelError, and what is read is sound."""
    content = tflite.write(graph)
    rng = np.random.default_rng(7)
    refused = 0
    for _ in range(1000):
        damaged = bytearray(content)
        for _ in range(rng.integers(1, 4)):
            damaged[rng.integers(8, len(damaged))] = rng.choice((0, 1, 127, 128, 255, rng.integers(256)))
        try:
            found = tflite.read(bytes(damaged), "bad")
            reference.run(found, samples(found, 1))
        except ModelError:
            refused += 1
    assert 200 < refused < 900


def test_random_bytes_behind_the_identifier_are_damaged() -> None:
    rng = np.random.default_rng(3)
    for size in (8, 12, 40, 400, 4000):
        for _ in range(20):
            content = rng.bytes(4) + b"TFL3" + rng.bytes(size)
            refusal(content)
            refusal(b"\x10\0\0\0TFL3" + rng.bytes(size))


def test_all_unsupported_operations_of_a_real_model_are_listed(shared_data: Path) -> None:
    path = shared_data / "models/tflite_micro/audio_preprocessor_int8.tflite"
    model = flat.Model.GetRootAs(path.read_bytes(), 0)
    operators = model.Subgraphs(0).OperatorsLength()
    with pytest.raises(UnsupportedError) as caught:
        tflite.read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "it has 4 CAST, CUSTOM 'SignalWindow'" in message
    first, output, *entries = caught.value.stops
    assert str(first) == "input: tensor 'serving_default_audio_frame:0' is INT16, not int8"
    assert str(output) == "output: tensor 'PartitionedCall:0' is not quantized"
    assert [entry.number for entry in entries] == list(range(operators))  # all of it is int16, int32 or custom
    assert str(entries[0]) == "0 CUSTOM 'SignalWindow' 'signal_window': not supported"
    assert str(entries[1]).startswith("1 RESHAPE 'Reshape': tensor 'signal_window' is INT16")


Model = schema.ModelT
CONV, DEPTHWISE, POOL, RESHAPE, DENSE, SOFTMAX = range(6)


def tensor_of(model: Model, operation: int, place: int) -> schema.TensorT:
    subgraph = model.subgraphs[0]
    return subgraph.tensors[subgraph.operators[operation].inputs[place]]


def set_option(operation: int, **values: int) -> Callable[[Model], None]:
    def change(model: Model) -> None:
        for name, value in values.items():
            setattr(model.subgraphs[0].operators[operation].builtinOptions, name, value)

    return change


def set_tensor(operation: int, place: int, **values: object) -> Callable[[Model], None]:
    def change(model: Model) -> None:
        for name, value in values.items():
            setattr(tensor_of(model, operation, place), name, value)

    return change


def set_quantization(operation: int, place: int, **values: object) -> Callable[[Model], None]:
    def change(model: Model) -> None:
        for name, value in values.items():
            setattr(tensor_of(model, operation, place).quantization, name, value)

    return change


def no_output(model: Model) -> None:
    model.subgraphs[0].outputs = []


def custom(model: Model) -> None:
    code = model.operatorCodes[model.subgraphs[0].operators[RESHAPE].opcodeIndex]
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode = "Spectrum\n"


def grouped(model: Model) -> None:
    tensor = tensor_of(model, CONV, 1)
    tensor.shape = [4, 3, 2, 1]
    model.buffers[tensor.buffer].data = model.buffers[tensor.buffer].data[:24]


UNSUPPORTED = {
    "float input": (
        set_tensor(CONV, 0, type=schema.TensorType.FLOAT32),
        "input: tensor 'x' is FLOAT32, not int8; 0 CONV_2D 'y'",
    ),
    "not quantized": (
        set_tensor(POOL, 0, quantization=None),
        "1 DEPTHWISE_CONV_2D 'z': tensor 'z' is not quantized; 2 AVERAGE",
    ),
    "batch of 2": (set_tensor(RESHAPE, 0, shape=[2, 1, 4, 8]), "only batches of 1"),
    "grouped convolution": (grouped, "0 CONV_2D 'y': its 3 input channels are in groups of 1"),
    "fused tanh": (set_option(DENSE, fusedActivationFunction=4), "4 FULLY_CONNECTED 'd': its fused activation is TANH"),
    "shuffled weights": (set_option(DENSE, weightsFormat=1), "shuffled"),
    "weights with a zero point": (
        set_quantization(DENSE, 1, zeroPoint=[3]),
        "its weights 'dense/weights' have a zero point: 3",
    ),
    "bias of int8": (set_tensor(DENSE, 2, type=schema.TensorType.INT8, shape=[24]), "its bias 'dense/bias' is not an int32"),
    "weights that are computed": (set_tensor(DENSE, 1, buffer=0), "its weights 'dense/weights' are not int8 constants"),
    "scales along another axis": (
        set_quantization(CONV, 1, quantizedDimension=1, scale=[0.1] * 3, zeroPoint=[0] * 3),
        "a scale per axis 1",
    ),
    "no output": (no_output, "no output"),
    "custom operation": (custom, r"3 CUSTOM 'Spectrum\n' 'flat': not supported"),
}


@pytest.mark.parametrize("what", UNSUPPORTED)
def test_unsupported_forms_are_named(what: str, graph: Graph) -> None:
    change, message = UNSUPPORTED[what]
    error = refusal(changed(graph, change))
    assert isinstance(error, UnsupportedError)
    assert message in str(error)


def test_names_go_into_messages_as_one_line(graph: Graph) -> None:
    read = tflite.read(changed(graph, set_tensor(DENSE, 1, name="two\nlines\x1b[31m")), "named")
    assert r"two\nlines\x1b[31m" in {tensor.name for tensor in read.constants()}
    assert "a name of 2001 characters" in str(refusal(changed(graph, set_tensor(DENSE, 1, name="x" * 2001))))
    long = str(refusal(changed(graph, set_tensor(DENSE, 1, name="y" * 2000, buffer=0))))
    assert len(long) < 1000
    assert long.endswith("are not int8 constants")


def test_what_is_wrong_at_the_ends_of_the_graph_names_the_file(graph: Graph) -> None:
    for change in (set_tensor(CONV, 0, buffer=99), set_quantization(CONV, 0, scale=[0.0]), set_tensor(SOFTMAX, 0, shape=[0])):
        assert refusal(changed(graph, change))


def lookup(x: Tensor, y: Tensor) -> Lookup:
    return Lookup(x, y, "relu", reference.lookup_table("relu", x, y))


def pooled(size: tuple[int, int], stride: tuple[int, int], x: tuple[int, ...], y: tuple[int, ...], padding: Rule) -> MaxPool2D:
    return MaxPool2D(activation("x", x), activation("y", y), size, stride, padding)


def huge() -> dict[str, tuple[list[Operation], str]]:
    """Files of a few hundred bytes that ask for more memory or time than any machine has."""
    x = activation("x", (1, 4, 4, 1))
    names = [activation(f"t{i}", (1, 4)) for i in range(1002)]
    square, deep = (1, 1 << 15, 1 << 15, 1), (1, *(2,) * 8)
    weights = Tensor("w", (1, 2, 2, 1), np.dtype(np.int8), np.ones(1, np.float32), data=np.ones((1, 2, 2, 1), np.int8))
    wide = Tensor("w", (1, 200, 200, 1), np.dtype(np.int8), np.ones(1, np.float32), data=np.ones((1, 200, 200, 1), np.int8))
    picture = activation("x", (1, 1000, 1000, 1))
    return {
        "tensor": ([lookup(activation("x", square), activation("y", square))], "2097152 values"),
        "padding": ([Pad(x, activation("y", (1, 4 + 2**30, 4, 1)), (0, 2**30, 0, 0), (0,) * 4, 0)], "2097152 values"),
        "axes": ([Transpose(activation("x", deep), activation("y", deep), (0, 8, 7, 6, 5, 4, 3, 2, 1))], "8 axes"),
        "stride": ([pooled((1, 1), (1, 1 << 15), (1, 4, 4, 1), (1, 4, 1, 1), "valid")], "dilations of 32768"),
        "dilation": (
            [Conv2D(x, activation("y", x.shape), weights, None, dilation=(2**14, 2**14))],
            "places with the padding",
        ),
        "window": ([pooled((400, 400), (400, 400), (1, 4, 4, 1), (1, 1, 1, 1), "same")], "a window of (400, 400)"),
        "windows": ([pooled((200, 200), (1, 1), (1, 400, 400, 1), (1, 400, 400, 1), "same")], "6400000000 places"),
        "work": ([Conv2D(picture, activation("y", picture.shape), wide, None)], "40000000000 multiply-accumulates"),
        "outputs": ([lookup(activation("x", (1, 1, 65537)), activation("y", (1, 1, 65537)))], "65537 values in an output"),
        "operations": ([lookup(*pair) for pair in itertools.pairwise(names)], "1001 operations"),
    }


@pytest.mark.parametrize("what", huge())
def test_what_asks_for_more_than_there_is_is_refused_unread(what: str) -> None:
    operations, limit = huge()[what]
    error = refusal(tflite.write(Graph("huge", operations[0].input, operations[-1].output, operations)))
    assert isinstance(error, UnsupportedError)
    assert limit in str(error)


CONTRADICTORY = {
    "scales too far apart": (
        set_quantization(CONV, 1, scale=[1e15]),
        "Conv2D 'y': its output scale is more than 2^30 times too small",
    ),
    "wrong output shape": (set_tensor(DEPTHWISE, 0, shape=[1, 5, 7, 4]), "0 CONV_2D 'y': an output of (1, 5, 7, 4)"),
    "wrong weights": (set_tensor(DENSE, 1, shape=[4, 96]), "weights (4, 96) do not fit the input (1, 64)"),
    "too few bytes": (set_tensor(DENSE, 1, shape=[6, 65]), "has 384 bytes of data"),
    "stride of 0": (set_option(CONV, strideH=0), "stride (0, 1)"),
    "dilation of 0": (set_option(CONV, dilationWFactor=0), "dilation (1, 0)"),
    "window of 0": (set_option(POOL, filterHeight=0), "a window of (0, 3)"),
    "unknown padding": (set_option(POOL, padding=9), "padding 9"),
    "scale of 0": (set_quantization(DENSE, 0, scale=[0.0]), "'flat' has a scale that is not above 0"),
    "zero point beyond int8": (set_quantization(DENSE, 0, zeroPoint=[300]), "the zero point 300"),
    "pool that rescales": (set_quantization(POOL, 0, scale=[0.25]), "differ in scale or zero point"),
    "softmax of another scale": (lambda model: setattr(model.subgraphs[0].tensors[-1].quantization, "scale", [0.1]), "1/256"),
    "softmax out of range": (set_option(SOFTMAX, beta=1e-9), "beta"),
    "reshape to another size": (set_tensor(DENSE, 0, shape=[1, 63]), "cannot become (1, 63)"),
    "no buffer": (set_tensor(DENSE, 1, buffer=99), "buffer 99"),
    "no tensor": (lambda model: setattr(model.subgraphs[0].operators[DENSE], "inputs", [999, 1, 2]), "there is no tensor 999"),
    "wrong order": (lambda model: model.subgraphs[0].operators.reverse(), "is not computed before it"),
    "made twice": (lambda model: model.subgraphs[0].operators.insert(0, model.subgraphs[0].operators[0]), "already"),
    "no operations": (lambda model: model.subgraphs[0].operators.clear(), "no operations"),
    "no subgraph": (lambda model: model.subgraphs.clear(), "holds no model"),
}


@pytest.mark.parametrize("what", CONTRADICTORY)
def test_files_that_contradict_themselves_are_refused(what: str, graph: Graph) -> None:
    change, message = CONTRADICTORY[what]
    assert message in str(refusal(changed(graph, change)))


def test_the_axis_of_a_bias_may_be_that_of_its_weights(graph: Graph) -> None:
    """Some converters write it so, person_detect's for one."""
    found = tflite.read(changed(graph, set_quantization(CONV, 2, quantizedDimension=3)))
    conv = found.operations[0]
    assert isinstance(conv, Conv2D)
    assert conv.bias is not None
    assert conv.bias.axis == 0
