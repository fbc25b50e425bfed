"""Whole numbers that a file computes of constants and shapes are what LiteRT computes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tflite as flat
from tests.unit.files import File, assert_run_as_litert, tensors_of

from watchword import tflite
from watchword.errors import ModelError, UnsupportedError
from watchword.tflite.folding import FOLDED, fold
from watchword.tflite.node import Node
from watchword.tflite.tensors import Tensors

X = (1, 3, 2, 4)
BINARY = {"ADD": "Add", "SUB": "Sub", "MUL": "Mul", "DIV": "Div"}  # with their options
BINARY |= {"MAXIMUM": "MaximumMinimum", "MINIMUM": "MaximumMinimum", "FLOOR_DIV": "FloorDiv", "FLOOR_MOD": "FloorMod"}
NARROW = {"DIV", "FLOOR_DIV"}  # which LiteRT has for int32 only
REDUCTIONS = ("SUM", "REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN")


class Chain:
    """Operators at random, each of what is known before it."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.file = File()
        self.x = self.file.tensor(X, scale=0.1)
        self.values: dict[int, np.ndarray] = {}  # of the tensors that are known, as far as shapes and signs are concerned
        self.made: list[int] = []

    def whole(self, data: object, dtype: str = "int32") -> int:
        return self.file.constant(data, dtype)

    def add(self, name: str, inputs: list[int], results: list[np.ndarray], kind: str = "", **options: object) -> None:
        outputs = [self.file.tensor(result.shape, result.dtype.name) for result in results]
        self.file.operator(name, inputs, outputs, kind, **options)
        self.values |= dict(zip(outputs, results, strict=True))
        self.made += outputs

    def pick(self) -> tuple[int, np.ndarray]:
        """A tensor that was made, or a new constant."""
        if self.values and self.rng.random() < 0.6:
            index = int(self.rng.choice(list(self.values)))
            return index, self.values[index]
        shape = self.rng.integers(1, 4, self.rng.integers(0, 4))
        dtype = str(self.rng.choice(["int32", "int64"]))
        data = self.rng.integers(-9, 10, shape).astype(dtype)
        return self.whole(data, dtype), data

    def axis(self, rank: int) -> int:
        return int(self.rng.integers(-rank, rank))

    def grow(self) -> None:
        kinds = [getattr(self, name) for name in dir(self) if name.startswith("make_")]
        self.rng.choice(kinds)()

    def make_shape(self) -> None:
        wide = bool(self.rng.integers(2))
        result = np.array(X, np.int64 if wide else np.int32)
        kind = flat.TensorType.INT64 if wide else flat.TensorType.INT32
        self.add("SHAPE", [self.x], [result], "Shape", outType=kind)
        self.add("RANK", [self.x], [np.array(4, np.int32)], "Rank")

    def make_strided_slice(self) -> None:
        index, x = self.pick()
        if not 1 <= x.ndim <= 4:
            return
        masks = [int(self.rng.integers(1 << x.ndim)) for _ in range(3)]
        begin, end, stride, place = [], [], [], []
        for axis, size in enumerate(x.shape):
            shrunk = bool(masks[2] >> axis & 1)
            step = 1 if shrunk else int(self.rng.choice([-2, -1, 1, 2]))
            b, e = (int(v) for v in self.rng.integers(-size, size, 2)) if size else (0, 0)
            if not shrunk and self.rng.random() < 0.3:
                b, e = b * 3, e * 3  # beyond the ends
            if shrunk and masks[0] >> axis & 1:
                masks[0] ^= 1 << axis
            begin, end, stride = [*begin, b], [*end, e], [*stride, step]
            first = None if masks[0] >> axis & 1 else b
            place.append(b if shrunk else slice(first, None if masks[1] >> axis & 1 else e, step))
        result = np.asarray(x[tuple(place)]) if 0 not in x.shape else None
        if result is None or 0 in result.shape:
            return
        inputs = [index, *(self.whole(part) for part in (begin, end, stride))]
        names = dict(zip(("beginMask", "endMask", "shrinkAxisMask"), masks, strict=True))
        self.add("STRIDED_SLICE", inputs, [result], "StridedSlice", **names)

    def make_slice(self) -> None:
        index, x = self.pick()
        if x.ndim == 0:
            return
        begin = [int(self.rng.integers(size)) for size in x.shape]
        sizes = [int(self.rng.integers(1, size - b + 1)) for b, size in zip(begin, x.shape, strict=True)]
        result = x[tuple(slice(b, b + size) for b, size in zip(begin, sizes, strict=True))]
        sizes = [-1 if b + size == whole else size for b, size, whole in zip(begin, sizes, x.shape, strict=True)]
        self.add("SLICE", [index, self.whole(begin), self.whole(sizes)], [result], "Slice")

    def make_pack(self) -> None:
        index, x = self.pick()
        axis = self.axis(x.ndim + 1)
        other = self.whole(x[...] + 1, x.dtype.name)
        result = np.stack([x, x + 1, x], axis)
        self.add("PACK", [index, other, index], [result], "Pack", axis=axis, valuesCount=3)

    def make_unpack(self) -> None:
        index, x = self.pick()
        if x.ndim == 0 or x.dtype != np.int32:
            return
        axis = self.axis(x.ndim)
        parts = [np.asarray(part) for part in np.moveaxis(x, axis, 0)]
        self.add("UNPACK", [index], parts, "Unpack", axis=axis, num=len(parts))

    def make_concatenation(self) -> None:
        index, x = self.pick()
        if x.ndim == 0:
            return
        axis = self.axis(x.ndim)
        other = self.whole(x * 2, x.dtype.name)
        self.add("CONCATENATION", [index, other], [np.concatenate([x, x * 2], axis)], "Concatenation", axis=axis)

    def make_split(self) -> None:
        index, x = self.pick()
        if x.ndim == 0 or x.dtype != np.int32:
            return
        axis = self.axis(x.ndim)
        parts = np.split(x, x.shape[axis], axis)
        self.add("SPLIT", [self.whole(axis), index], parts, "Split", numSplits=len(parts))

    def make_gather(self) -> None:
        index, x = self.pick()
        if x.ndim == 0:
            return
        axis = self.axis(x.ndim)
        places = self.rng.integers(0, x.shape[axis], self.rng.integers(1, 4, self.rng.integers(0, 3)))
        self.add("GATHER", [index, self.whole(places)], [np.asarray(np.take(x, places, axis))], "Gather", axis=axis)

    def make_range(self) -> None:
        dtype = str(self.rng.choice(["int32", "int64"]))
        start, step = int(self.rng.integers(-5, 5)), int(self.rng.choice([-3, -1, 1, 2]))
        limit = start + step * int(self.rng.integers(1, 5)) + int(self.rng.integers(abs(step))) * (1 if step > 0 else -1)
        inputs = [self.whole(value, dtype) for value in (start, limit, step)]
        self.add("RANGE", inputs, [np.arange(start, limit, step).astype(dtype)], "Range")

    def make_fill(self) -> None:
        sizes = self.rng.integers(1, 4, self.rng.integers(1, 4))
        self.add("FILL", [self.whole(sizes), self.whole(7, "int64")], [np.full(sizes, 7, np.int64)], "Fill")

    def make_tile(self) -> None:
        index, x = self.pick()
        if x.ndim == 0:
            return
        times = self.rng.integers(1, 3, x.ndim)
        self.add("TILE", [index, self.whole(times)], [np.tile(x, times)], "Tile")

    def make_broadcast_to(self) -> None:
        index, x = self.pick()
        if x.ndim == 0:
            return
        shape = (2, *x.shape)
        self.add("BROADCAST_TO", [index, self.whole(shape)], [np.broadcast_to(x, shape)], "BroadcastTo")

    def make_reshape(self) -> None:
        index, x = self.pick()
        shape = [[-1], [1, -1], [x.size], [*x.shape, 1]][int(self.rng.integers(4))]
        inputs = [index, self.whole(shape)] if self.rng.random() < 0.7 else [index]
        self.add("RESHAPE", inputs, [x.reshape(shape)], "Reshape", newShape=shape)

    def make_expand_dims(self) -> None:
        index, x = self.pick()
        axis = self.axis(x.ndim + 1)
        expanded = np.expand_dims(x, axis)
        self.add("EXPAND_DIMS", [index, self.whole(axis)], [expanded], "ExpandDims")
        dims = [axis] if self.rng.random() < 0.6 else []
        result = np.squeeze(expanded, axis) if dims else np.squeeze(expanded)
        self.add("SQUEEZE", [self.made[-1]], [result], "Squeeze", squeezeDims=dims)

    def make_transpose(self) -> None:
        index, x = self.pick()
        if x.ndim:
            permutation = self.rng.permutation(x.ndim)
            self.add("TRANSPOSE", [index, self.whole(permutation)], [x.transpose(permutation)], "Transpose")

    def make_cast(self) -> None:
        index, x = self.pick()
        other = np.int64 if x.dtype == np.int32 else np.int32
        self.add("CAST", [index], [x.astype(other)], "Cast")

    def make_of_one(self) -> None:
        index, x = self.pick()
        self.add("NEG", [index], [-x], "Neg")
        if x.dtype == np.int32:
            self.add("ABS", [index], [abs(x)], "Abs")

    def make_reduction(self) -> None:
        index, x = self.pick()
        if x.ndim == 0:
            return
        name, keep = str(self.rng.choice(REDUCTIONS)), bool(self.rng.integers(2))
        axes = self.rng.permutation(x.ndim)[: self.rng.integers(1, x.ndim + 1)]
        result = np.sum(x, tuple(axes), keepdims=keep, dtype=x.dtype)
        self.add(name, [index, self.whole(axes - x.ndim)], [np.asarray(result)], "Reducer", keepDims=keep)

    def make_of_two(self) -> None:
        (index, x), name = self.pick(), str(self.rng.choice(list(BINARY)))
        if name in NARROW and x.dtype != np.int32:
            return
        shape = [size if self.rng.random() < 0.7 else 1 for size in x.shape][self.rng.integers(0, x.ndim + 1) :]
        if self.rng.random() < 0.3:  # so that sums and products wrap
            large = self.rng.integers(1 << 30, (1 << 31) - 1, shape)
            other = (large if x.dtype == np.int32 else large << 31).astype(x.dtype)
        else:
            other = (self.rng.integers(1, 8, shape) * self.rng.choice([-1, 1], shape)).astype(x.dtype)
        options = {}
        if name in ("ADD", "SUB", "MUL", "DIV"):
            options["fusedActivationFunction"] = int(self.rng.choice([0, 0, 0, 1, 2, 3]))
        inputs = [index, self.whole(other, x.dtype.name)]
        result = np.broadcast_to(x, np.broadcast_shapes(x.shape, other.shape))
        self.add(name, inputs, [result], BINARY[name], **options)


def folded(content: bytes) -> dict[str, np.ndarray]:
    """What is known of a file whose operators all make whole numbers of constants."""
    model = flat.Model.GetRootAs(content, 0)
    subgraph = model.Subgraphs(0)
    tensors = Tensors(model, subgraph)
    for number in range(subgraph.OperatorsLength()):
        node = Node(tensors, subgraph.Operators(number), set())
        assert fold(node), node.name
    return {tensors.name(index): values for index, values in tensors.computed.items()}


@pytest.mark.parametrize("seed", range(60))
def test_whole_numbers_are_what_litert_computes(seed: int) -> None:
    chain = Chain(seed)
    while len(chain.file.operators) < 12:
        chain.grow()
    content = chain.file.content(chain.x, chain.made[-1])
    theirs = tensors_of(content, np.zeros(X, np.int8))
    for name, ours in folded(content).items():
        assert ours.dtype == theirs[name].dtype, name
        np.testing.assert_array_equal(ours, theirs[name], err_msg=name)


def test_random_files_have_every_operator_that_is_folded() -> None:
    found = set()
    for seed in range(60):
        chain = Chain(seed)
        while len(chain.file.operators) < 12:
            chain.grow()
        found |= set(chain.file.codes)
    assert found == set(FOLDED)


def flatten(file: File, x: int, width: int) -> int:
    """As Keras writes it for a batch of any size: the shape that x is brought to."""
    shape, batch, whole = file.tensor((4,), "int32"), file.tensor((), "int32"), file.tensor((2,), "int32")
    file.operator("SHAPE", [x], [shape], "Shape", outType=flat.TensorType.INT32)
    places = [file.constant([place]) for place in (0, 1, 1)]
    file.operator("STRIDED_SLICE", [shape, *places], [batch], "StridedSlice", shrinkAxisMask=1)
    file.operator("PACK", [batch, file.constant(width)], [whole], "Pack", valuesCount=2)
    return whole


def test_a_flatten_of_a_batch_of_any_size() -> None:
    file = File()
    x = file.tensor((1, 4, 4, 2), scale=0.05)
    file.tensors[x].shapeSignature = [-1, 4, 4, 2]
    y = file.tensor((1, 32), scale=0.05)
    file.tensors[y].shapeSignature = [-1, 32]
    file.operator("RESHAPE", [x, flatten(file, x, 32)], [y], "Reshape")
    scores = file.tensor((1, 32), scale=1 / 256, zero_point=-128)
    file.operator("SOFTMAX", [y], [scores], "Softmax", beta=1.0)
    content = file.content(x, scores)
    assert [op.kind for op in tflite.read(content).operations] == ["Reshape", "Softmax"]
    assert_run_as_litert(content)


def test_a_size_may_be_computed_of_a_shape() -> None:
    """As Keras' UpSampling2D is written: twice the height and width."""
    file = File()
    x, y = file.tensor((1, 3, 5, 2), scale=0.05), file.tensor((1, 6, 10, 2), scale=0.05)
    shape, sides, size = file.tensor((4,), "int32"), file.tensor((2,), "int32"), file.tensor((2,), "int32")
    file.operator("SHAPE", [x], [shape], "Shape", outType=flat.TensorType.INT32)
    file.operator("STRIDED_SLICE", [shape, *(file.constant([v]) for v in (1, 3, 1))], [sides], "StridedSlice")
    file.operator("MUL", [sides, file.constant([2, 2])], [size], "Mul")
    file.operator("RESIZE_NEAREST_NEIGHBOR", [x, size], [y], "ResizeNearestNeighbor")
    assert_run_as_litert(file.content(x, y))


def refused(name: str, inputs: Callable[[File], list[int]], shape: tuple[int, ...], kind: str = "", **options: object) -> str:
    file = File()
    x, y = file.tensor((1, 2), scale=0.1), file.tensor((1, 2), scale=0.1)
    file.operator(name, inputs(file), [file.tensor(shape, "int32")], kind, **options)
    file.operator("RESHAPE", [x], [y], "Reshape")
    with pytest.raises(ModelError) as caught:
        tflite.read(file.content(x, y), "bad")
    assert len(str(caught.value)) <= 300
    return str(caught.value)


@pytest.mark.parametrize(
    ("message", "name", "constants", "kind", "options"),
    [
        ("FLOOR_DIV 't4': a division by 0", "FLOOR_DIV", [[3], [0]], "FloorDiv", {}),
        ("it makes 1000000 numbers of constants: at most 65536", "FILL", [[1000, 1000], 0], "Fill", {}),
        ("it makes 16777216 numbers", "TILE", [[[1] * 16] * 16, [256, 256]], "Tile", {}),
        ("it makes 2000000 numbers", "RANGE", [0, 2000000, 1], "Range", {}),
        ("steps of 0 from 0 to 5", "RANGE", [0, 5, 0], "Range", {}),
        ("sizes of (-3, 2)", "FILL", [[-3, 2], 0], "Fill", {}),
        ("places [4] of 3", "GATHER", [[1, 2, 3], [4]], "Gather", {}),
        ("axis 2 of 1", "GATHER", [[1, 2, 3], [0]], "Gather", {"axis": 2}),
        ("an ellipsis, a new axis or an offset", "STRIDED_SLICE", [[1], [0], [1], [1]], "StridedSlice", {"ellipsisMask": 1}),
        ("place 5 of 4", "STRIDED_SLICE", [[1, 2, 3, 4], [5], [6], [1]], "StridedSlice", {"shrinkAxisMask": 1}),
        ("(4,) cannot become (3, -1)", "RESHAPE", [[1, 2, 3, 4], [3, -1]], "Reshape", {}),
        ("(2,) and (3,) do not broadcast", "MAXIMUM", [[1, 2], [1, 2, 3]], "MaximumMinimum", {}),
        ("it has 1 inputs", "MINIMUM", [[1, 2]], "MaximumMinimum", {}),
        ("2 numbers where one belongs", "RANGE", [[0, 1], 3, 1], "Range", {}),
        ("its options are no PackOptions", "PACK", [[0, 1]], "", {}),
        ("inputs of the shapes (1,), (2,)", "PACK", [[0], [1, 2]], "Pack", {}),
        ("POW 't4': not supported", "POW", [[2], [3]], "Pow", {}),
    ],
)
def test_what_cannot_be_computed_is_said_in_one_line(message: str, name: str, constants, kind: str, options) -> None:
    assert message in refused(name, lambda file: [file.constant(data) for data in constants], (1,), kind, **options)


def test_a_shape_that_depends_on_what_flows_is_refused() -> None:
    file = File()
    x, y, place = file.tensor((1, 2), scale=0.1), file.tensor((1, 2), scale=0.1), file.tensor((1,), "int32")
    file.operator("ARG_MAX", [x, file.constant(1)], [place], "ArgMax", outputType=flat.TensorType.INT32)
    file.operator("SLICE", [x, file.constant([0, 0]), place], [y], "Slice")
    with pytest.raises(UnsupportedError) as caught:
        tflite.read(file.content(x, y), "bad")
    assert "0 ARG_MAX 't2': not supported" in str(caught.value)
    assert "1 SLICE 't1': tensor 't2' is computed where a constant is possible" in str(caught.value)
