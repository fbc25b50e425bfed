"""What converters write for common layers: run as LiteRT runs it, every layer, or refused in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.mobilenet import mobilenet_v2
from tests.unit.files import File, assert_run_as_litert, tensors_of

from watchword import compile, reference, tflite
from watchword.description import Description
from watchword.errors import UnsupportedError
from watchword.graph import Dense, Pad
from watchword.model import load

RNG = np.random.default_rng(5)


def dense(file: File, x: int, taps: int, units: int, shape: tuple[int, ...], channels: bool = True, **options: object) -> int:
    """A FULLY_CONNECTED behind x, of scale 0.05."""
    scale = RNG.uniform(0.005, 0.02, units) if channels else 0.01
    w = file.tensor((units, taps), scale=scale, data=RNG.integers(-127, 128, (units, taps)))
    b = file.tensor((units,), "int32", np.float32(0.05) * np.float32(scale), data=RNG.integers(-500, 500, units))
    y = file.tensor(shape, scale=0.1, zero_point=-7)
    file.operator("FULLY_CONNECTED", [x, w, b], [y], "FullyConnected", **options)
    return y


# Dense layers over several places


@pytest.mark.parametrize("channels", [True, False])
@pytest.mark.parametrize(
    ("input", "taps", "output", "keep"),
    [
        ((1, 3, 8), 8, (1, 3, 5), True),
        ((1, 3, 8), 8, (3, 5), False),
        ((1, 3, 4, 8), 8, (1, 3, 4, 5), True),
        ((1, 3, 4, 8), 8, (12, 5), False),
        ((1, 4, 6), 8, (3, 5), False),  # each a part of the last axes
        ((1, 4, 6), 3, (8, 5), False),
        ((1, 2, 2, 8), 32, (1, 5), False),  # once, over all
        ((1, 1, 1, 8), 8, (1, 1, 1, 5), True),
        ((1, 8), 8, (1, 5), True),
    ],
)
def test_dense_layers_over_places(input, taps, output, keep, channels) -> None:
    file = File()
    x = file.tensor(input, scale=0.05, zero_point=3)
    y = dense(file, x, taps, 5, output, channels, keepNumDims=keep)
    size = int(np.prod(output))
    if output[0] != 1:  # the batch of the file's output is 1
        flat = file.tensor((1, size), scale=0.1, zero_point=-7)
        file.operator("RESHAPE", [y, file.constant((1, size))], [flat], "Reshape")
        y = flat
    graph = assert_run_as_litert(file.content(x, y))
    (op,) = (op for op in graph.operations if isinstance(op, Dense))
    assert op.places == size // 5


def test_a_dense_layer_at_each_place_between_reshapes() -> None:
    """As Keras' Tensordot is converted: the places become the batch, and functions run over them."""
    file = File()
    x, rows = file.tensor((1, 3, 3, 8), scale=0.05), file.tensor((9, 8), scale=0.05)
    file.operator("RESHAPE", [x, file.constant((9, 8))], [rows], "Reshape")
    y = dense(file, rows, 8, 4, (9, 4))
    bent = file.tensor((9, 4), scale=0.1, zero_point=-128)
    file.operator("RELU", [y], [bent])
    scores = file.tensor((9, 4), scale=1 / 256, zero_point=-128)
    file.operator("SOFTMAX", [bent], [scores], "Softmax", beta=1.0)
    added = file.tensor((9, 4), scale=0.15)
    file.operator("ADD", [y, scores], [added], "Add")
    flat = file.tensor((1, 36), scale=0.15)
    file.operator("RESHAPE", [added, file.constant((1, -1))], [flat], "Reshape")
    assert_run_as_litert(file.content(x, flat))


# uint8, as old converters have it


class Uint8:
    """A file whose only operator, or first one, takes x; numbers at random."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.file = File()

    def made(self, shape: tuple[int, ...], scale: float = 0.0, zero_point: int | None = None, data: object = None) -> int:
        scale = scale or float(self.rng.uniform(0.01, 0.1))
        zero_point = int(self.rng.integers(0, 256)) if zero_point is None else zero_point
        return self.file.tensor(shape, "uint8", scale, zero_point, data=data)

    def weights(self, shape: tuple[int, ...], channels: int, x: int) -> tuple[list[int], float]:
        """With a zero point anywhere, and the bias; and a scale for the output."""
        zero_point, scale = int(self.rng.integers(1, 255)), float(np.float32(self.rng.uniform(0.001, 0.02)))
        data = self.rng.integers(max(0, zero_point - 127), min(255, zero_point + 127) + 1, shape)
        w = self.file.tensor(shape, "uint8", scale, zero_point, data=data)
        x_scale = self.file.tensors[x].quantization.scale[0]
        bias = self.rng.integers(-3000, 3000, channels)
        b = self.file.tensor((channels,), "int32", x_scale * np.float32(scale), data=bias)
        taps = int(np.prod(shape)) // channels
        return [x, w, b], float(x_scale * scale * np.sqrt(taps) * 60 * self.rng.uniform(0.5, 2))

    def conv(self) -> tuple[int, int]:
        x = self.made((1, 6, 5, 3))
        inputs, scale = self.weights((7, 3, 3, 3), 7, x)
        y = self.made((1, 6, 5, 7), scale)
        sides = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
        act = int(self.rng.choice([0, 1, 3]))
        self.file.operator("CONV_2D", inputs, [y], "Conv2D", fusedActivationFunction=act, **sides)
        return x, y

    def depthwise(self) -> tuple[int, int]:
        x = self.made((1, 6, 5, 3))
        inputs, scale = self.weights((1, 3, 3, 6), 6, x)
        y = self.made((1, 6, 5, 6), scale)
        sides = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1, "depthMultiplier": 2}
        self.file.operator("DEPTHWISE_CONV_2D", inputs, [y], "DepthwiseConv2D", **sides)
        return x, y

    def dense(self) -> tuple[int, int]:
        x = self.made((1, 30))
        inputs, scale = self.weights((200, 30), 200, x)
        y = self.made((1, 200), scale)
        self.file.operator("FULLY_CONNECTED", inputs, [y], "FullyConnected")
        return x, y

    def pool(self, name: str, size: tuple[int, int], padding: int) -> tuple[int, int]:
        x = self.made((1, 9, 9, 3))
        at = self.file.tensors[x].quantization
        sides = (9, 9) if padding == 0 else (9 - size[0] + 1, 9 - size[1] + 1)
        y = self.made((1, *sides, 3), float(at.scale[0]), int(at.zeroPoint[0]))
        options = {"filterHeight": size[0], "filterWidth": size[1], "strideH": 1, "strideW": 1, "padding": padding}
        act = int(self.rng.choice([0, 1, 3]))
        self.file.operator(name, [x], [y], "Pool2D", fusedActivationFunction=act, **options)
        return x, y

    def odd(self) -> tuple[int, int]:
        return self.pool("AVERAGE_POOL_2D", (3, 5), 1)

    def even(self) -> tuple[int, int]:
        sizes = [(2, 2), (4, 4), (2, 3), (7, 6), (8, 8), (1, 2)]
        return self.pool("AVERAGE_POOL_2D", sizes[int(self.rng.integers(len(sizes)))], 1)

    def greatest(self) -> tuple[int, int]:
        return self.pool("MAX_POOL_2D", (2, 3), 0)

    def mean(self) -> tuple[int, int]:
        x, keep = self.made((1, 5, 4, 6)), bool(self.rng.integers(2))
        axes, shape = [([1, 2], (1, 6)), ([1], (1, 4, 6)), ([2, 3], (1, 5))][int(self.rng.integers(3))]
        kept = tuple(1 if axis in axes else size for axis, size in enumerate((1, 5, 4, 6)))
        y = self.made(kept if keep else shape)
        self.file.operator("MEAN", [x, self.file.constant(axes)], [y], "Reducer", keepDims=keep)
        return x, y

    def binary(self, name: str, kind: str, least: float, most: float) -> tuple[int, int]:
        x, y = self.made((1, 200)), self.made((1, 200), float(self.rng.uniform(least, most)))
        other = self.made((1, 200), data=self.rng.integers(0, 256, (1, 200)))
        self.file.operator(name, [x, other], [y], kind, fusedActivationFunction=int(self.rng.choice([0, 1, 3])))
        return x, y

    def add(self) -> tuple[int, int]:
        return self.binary("ADD", "Add", 0.02, 0.2)

    def subtract(self) -> tuple[int, int]:
        return self.binary("SUB", "Sub", 0.02, 0.2)

    def multiply(self) -> tuple[int, int]:
        return self.binary("MUL", "Mul", 0.01, 0.2)

    def function(self, name: str, scale: float = 0.0, zero_point: int | None = None, **options: object) -> tuple[int, int]:
        x, y = self.made((1, 256)), self.made((1, 256), scale, zero_point)
        self.file.operator(name, [x], [y], "LeakyRelu" if options else "", **options)
        return x, y

    def logistic(self) -> tuple[int, int]:
        return self.function("LOGISTIC", 1 / 256, 0)

    def tanh(self) -> tuple[int, int]:
        return self.function("TANH", 1 / 128, 128)

    def relu(self) -> tuple[int, int]:
        return self.function(str(self.rng.choice(["RELU", "RELU6", "HARD_SWISH", "QUANTIZE"])))

    def leaky_relu(self) -> tuple[int, int]:
        return self.function("LEAKY_RELU", alpha=0.3)

    def prelu(self) -> tuple[int, int]:
        x, y = self.made((1, 40, 6)), self.made((1, 40, 6))
        slopes = self.made((1, 1, 6), data=self.rng.integers(0, 256, (1, 1, 6)))
        self.file.operator("PRELU", [x, slopes], [y])
        return x, y

    def softmax(self) -> tuple[int, int]:
        x, y = self.made((1, 10)), self.made((1, 10), 1 / 256, 0)
        self.file.operator("SOFTMAX", [x], [y], "Softmax", beta=1.0)
        return x, y

    def moved(self) -> tuple[int, int]:
        """Padded, turned, joined with itself, cut, resized and reshaped."""
        x = self.made((1, 4, 3, 2))
        at = self.file.tensors[x].quantization
        scale, zero_point = float(at.scale[0]), int(at.zeroPoint[0])
        shapes = ((1, 6, 4, 2), (1, 2, 6, 4), (1, 2, 6, 8), (1, 1, 6, 8), (1, 2, 6, 8), (1, 96))
        steps = [self.made(shape, scale, zero_point) for shape in shapes]
        whole = self.file.constant
        self.file.operator("PAD", [x, whole([[0, 0], [1, 1], [0, 1], [0, 0]])], [steps[0]], "Pad")
        self.file.operator("TRANSPOSE", [steps[0], whole([0, 3, 1, 2])], [steps[1]], "Transpose")
        self.file.operator("CONCATENATION", [steps[1], steps[1]], [steps[2]], "Concatenation", axis=3)
        places = [whole(v) for v in ([0, 1, 0, 0], [1, 2, 6, 8], [1, 1, 1, 1])]
        self.file.operator("STRIDED_SLICE", [steps[2], *places], [steps[3]], "StridedSlice")
        self.file.operator("RESIZE_NEAREST_NEIGHBOR", [steps[3], whole([2, 6])], [steps[4]], "ResizeNearestNeighbor")
        self.file.operator("RESHAPE", [steps[4], whole([1, 96])], [steps[5]], "Reshape")
        return x, steps[5]


KINDS = [name for name, kind in vars(Uint8).items() if not name.startswith("_") and kind.__code__.co_argcount == 1]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", KINDS)
def test_uint8_is_int8_of_the_same_numbers(kind: str, seed: int) -> None:
    made = Uint8(seed)
    x, y = getattr(made, kind)()
    graph = assert_run_as_litert(made.file.content(x, y), 8)
    assert (graph.input_type, graph.output_type) == ("uint8", "uint8")


def test_a_uint8_model_says_so_and_takes_uint8(tmp_path: Path) -> None:
    made = Uint8(1)
    x, y = made.conv()
    path = tmp_path / "old.tflite"
    path.write_bytes(made.file.content(x, y))
    model = load(path)
    given = np.random.default_rng(2).integers(0, 256, (1, 6, 5, 3)).astype(np.uint8)
    found = model.dequantize(reference.run(model.graph, model.quantize(given)))
    np.testing.assert_array_equal(found, tensors_of(model.content, given)[f"t{y}"])
    # What it is compiled and exported to computes the same.
    exported = tflite.write(model.simplified.graph)
    np.testing.assert_array_equal(tensors_of(exported, given)[model.graph.output.name + "/uint8"], found)


def refusal(file: File, x: int, y: int) -> str:
    with pytest.raises(UnsupportedError) as caught:
        tflite.read(file.content(x, y), "bad")
    assert len(str(caught.value)) <= 300
    return str(caught.value)


def test_uint8_weights_that_int8_cannot_hold_are_refused() -> None:
    made = Uint8(0)
    x, y = made.dense()
    weights = made.file.tensors[made.file.operators[0].inputs[1]]
    buffer = made.file.buffers[weights.buffer]
    weights.quantization.zeroPoint = np.array([100])
    data = buffer.data = buffer.data.clip(0, 227)
    data[:2] = 0, 227  # -100 to 127: as far as it goes
    assert_run_as_litert(made.file.content(x, y))
    data[5] = 228
    assert "its uint8 weights 't1' reach from -100 to 128 around their zero point" in refusal(made.file, x, y)


@pytest.mark.parametrize(
    ("size", "padding", "possible"),
    [((3, 3), 0, False), ((2, 2), 0, False), ((1, 1), 0, True), ((65, 64), 1, False), ((64, 64), 1, True)],
)
def test_uint8_means_of_windows_that_no_weights_make_are_refused(size, padding, possible) -> None:
    """At the edges of a picture windows of nine places have six, or four."""
    made, side = Uint8(0), 65
    x = made.made((1, side, side, 1), 0.1, 7)
    sides = (side, side) if padding == 0 else (side - size[0] + 1, side - size[1] + 1)
    y = made.made((1, *sides, 1), 0.1, 7)
    options = {"filterHeight": size[0], "filterWidth": size[1], "strideH": 1, "strideW": 1, "padding": padding}
    made.file.operator("AVERAGE_POOL_2D", [x], [y], "Pool2D", **options)
    if possible:
        assert_run_as_litert(made.file.content(x, y), 2)
    else:
        assert "its uint8 windows have an even number of places" in refusal(made.file, x, y)


def test_uint8_that_is_rescaled_as_it_is_joined_is_refused() -> None:
    made = Uint8(0)
    x, y = made.made((1, 4), 0.1, 7), made.made((1, 8), 0.2, 7)
    made.file.operator("CONCATENATION", [x, x], [y], "Concatenation", axis=1)
    assert "differ in scale or zero point, which only uint8 may" in refusal(made.file, x, y)


# Other layers, of operations that the graph has


LAST = {"beginMask": 5, "endMask": 5, "shrinkAxisMask": 2}  # the last step of all


@pytest.mark.parametrize(
    ("name", "shape", "output", "kind", "constants", "options"),
    [
        ("MEAN", (1, 4, 4, 8), (1, 8), "Reducer", [[1, 2]], {}),
        ("REDUCE_MAX", (1, 4, 3, 8), (1, 8), "Reducer", [[1, 2]], {}),
        ("REDUCE_MAX", (1, 4, 3, 8), (1, 1, 1, 8), "Reducer", [[-2, -3]], {"keepDims": True}),
        ("REDUCE_MAX", (1, 4, 3, 8), (1, 4, 8), "Reducer", [2], {}),
        ("RESHAPE", (1, 4, 4, 2), (1, 32), "Reshape", [[1, -1]], {}),
        ("SQUEEZE", (1, 1, 4, 2), (1, 4, 2), "Squeeze", [], {"squeezeDims": [1]}),
        ("EXPAND_DIMS", (1, 4, 2), (1, 4, 2, 1), "ExpandDims", [-1], {}),
        ("TRANSPOSE", (1, 4, 4, 2), (1, 4, 4, 2), "Transpose", [[0, 1, 2, 3]], {}),
        ("STRIDED_SLICE", (1, 4, 6), (1, 6), "StridedSlice", [[0, -1, 0], [0] * 3, [1] * 3], LAST),
        ("REVERSE_V2", (1, 4, 6), (1, 4, 6), "ReverseV2", [[1]], {}),
        ("REVERSE_V2", (1, 4, 6), (1, 4, 6), "ReverseV2", [[2, 1]], {}),
        ("DEPTH_TO_SPACE", (1, 3, 2, 12), (1, 6, 4, 3), "DepthToSpace", [], {"blockSize": 2}),
        ("DEPTH_TO_SPACE", (1, 2, 3, 9), (1, 6, 9, 1), "DepthToSpace", [], {"blockSize": 3}),
        ("SPACE_TO_DEPTH", (1, 6, 4, 3), (1, 3, 2, 12), "SpaceToDepth", [], {"blockSize": 2}),
    ],
)
def test_layers_made_of_operations_that_are_there(name, shape, output, kind, constants, options) -> None:
    file = File()
    x, y = file.tensor(shape, scale=0.05, zero_point=3), file.tensor(output, scale=0.05, zero_point=3)
    file.operator(name, [x, *map(file.constant, constants)], [y], kind, **options)
    assert_run_as_litert(file.content(x, y))


@pytest.mark.parametrize("axis", [1, 2, -1])
def test_activations_may_be_packed(axis: int) -> None:
    file = File()
    x, other = file.tensor((1, 3, 4), scale=0.05), file.tensor((1, 3, 4), scale=0.05)
    file.operator("RELU", [x], [other])
    shape = [1, 3, 4]
    shape.insert(axis % 4, 2)
    y = file.tensor(shape, scale=0.05)
    file.operator("PACK", [x, other], [y], "Pack", axis=axis, valuesCount=2)
    assert_run_as_litert(file.content(x, y))


@pytest.mark.parametrize(
    ("message", "name", "shape", "output", "kind", "constants", "options"),
    [
        ("it joins along the batch axis", "PACK", (1, 4), (1, 1, 4), "Pack", [], {"valuesCount": 1}),
        ("along the axes (3,) of (1, 4, 3, 8)", "REDUCE_MAX", (1, 4, 3, 8), (1, 4, 3), "Reducer", [3], {}),
        ("a new axis", "STRIDED_SLICE", (1, 4), (1, 1, 4), "StridedSlice", [[0] * 3, [1, 1, 4], [1] * 3], {"newAxisMask": 2}),
        ("only batches of 1 are possible", "SQUEEZE", (1, 1, 4, 2), (4, 2), "Squeeze", [], {}),
        ("SPACE_TO_BATCH_ND 't1': not supported", "SPACE_TO_BATCH_ND", (1, 4, 4, 2), (4, 2, 2, 2), "SpaceToBatchND", [], {}),
        ("MIRROR_PAD 't1': not supported", "MIRROR_PAD", (1, 4), (1, 6), "MirrorPad", [], {}),
        ("RELU_N1_TO_1 't1': not supported", "RELU_N1_TO_1", (1, 4), (1, 4), "", [], {}),
        ("TRANSPOSE_CONV 't1': not supported", "TRANSPOSE_CONV", (1, 4), (1, 4), "TransposeConv", [], {}),
    ],
)
def test_layers_that_are_refused(message, name, shape, output, kind, constants, options) -> None:
    file = File()
    x, y = file.tensor(shape, scale=0.05), file.tensor(output, scale=0.05)
    file.operator(name, [x, *map(file.constant, constants)], [y], kind, **options)
    assert message in refusal(file, x, y)


def test_mobilenet_v2() -> None:
    """Of the usual widths, on a small picture: pads, depthwise convolutions, narrow layers, and sums past them."""
    graph = assert_run_as_litert(tflite.write(mobilenet_v2(side=48, classes=10)), 2)
    assert len(graph.operations) == 69
    left = compile.simplified(graph, Description(name="m", labels=tuple(map(str, range(10))))).graph
    x = np.random.default_rng(3).integers(-128, 128, (2, 48, 48, 3)).astype(np.int8)
    np.testing.assert_array_equal(reference.run(left, x), reference.run(graph, x))
    assert not any(isinstance(op, Pad) for op in left.operations)
