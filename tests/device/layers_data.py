"""Cases for layers.py: small graphs of all operations, random ones of several, and where the shared data is, whole models.

A graph that keeps state is run for several steps; so are the others, where the steps are just samples.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tests import random_layers
from tests.random_layers import ENDS, FUNCTIONS, constant, tensor
from tests.unit.random_graphs import RandomGraph, random_inputs

from watchword import reference, tflite
from watchword.chips import named
from watchword.compile import Layer, compile
from watchword.description import Description
from watchword.errors import UnsupportedError
from watchword.graph import (
    Add,
    AveragePool2D,
    Concatenation,
    Graph,
    MaxPool2D,
    Mean,
    Multiply,
    Operation,
    Pad,
    Reshape,
    Slice,
    State,
    Subtract,
    Svdf,
    Tensor,
    Transpose,
)

RNG = np.random.default_rng(11)


def weighted(kind: str, i: int) -> Graph:
    return chain(kind, random_layers.weighted(RNG, kind, i))


def chain(name: str, *operations: Operation) -> Graph:
    return Graph(name, operations[0].input, operations[-1].output, list(operations))


def mean(i: int) -> Graph:
    """Over any axes, which the compiler brings together."""
    shape = (1, *(int(v) for v in RNG.integers(1, 6, 3)))
    axes = ((2,), (1, 2), (1,), (3,), (1, 3))[i % 5]
    out = tuple(size for axis, size in enumerate(shape) if axis not in axes)
    x, y = tensor("x", shape, 0.1, ENDS[i % 5]), tensor("y", out, 0.05, ENDS[(i + 1) % 5])
    return chain("mean", Mean(x, y, axes))


def binary(kind: type[Add] | type[Subtract] | type[Multiply], i: int) -> Graph:
    """Both operands are made of the input, by a slice where it is to be broadcast; or the other one is a constant."""
    op = random_layers.binary(RNG, kind, i)
    x = tensor("whole", op.output.shape, float(op.input.scale[0]), op.input.zero_point)
    operations: list[Operation] = []

    def part(of: Tensor, to: Tensor) -> None:
        operations.append(Slice(of, to, (0,) * len(to.shape), to.shape, (1,) * len(to.shape)))

    if op.input.shape == x.shape:
        op.input = x
    else:
        part(x, op.input)
    if i % 4 == 1:
        data = RNG.integers(-128, 128, op.other.shape).astype(np.int8)
        op.other = constant("other", data, op.other.scale)
    else:
        rescaled = tensor("rescaled", x.shape, float(op.other.scale[0]), op.other.zero_point)
        operations.append(random_layers.lookup(x, rescaled, "quantize"))
        if op.other.shape == x.shape:
            op.other = rescaled
        else:
            part(rescaled, op.other)
    return Graph(kind.__name__, x, op.output, [*operations, op])


def lookup(i: int) -> Graph:
    shape = (1, *(int(v) for v in RNG.integers(1, 6, i % 3 + 1)))
    x, y = tensor("x", shape, 0.1, ENDS[i % 5]), tensor("y", shape, (0.05, 1 / 256)[i % 2], (3, -128)[i % 2])
    return chain("lookup", random_layers.lookup(x, y, FUNCTIONS[i % len(FUNCTIONS)]))


def prelu(i: int) -> Graph:
    op = random_layers.prelu(RNG, i)
    op.other = dataclasses.replace(op.other, data=RNG.integers(-128, 128, op.other.shape).astype(np.int8))
    return chain("prelu", op)


def unpack(i: int) -> Graph:
    """All places of an axis, and the sum of the first and the last."""
    shape = (1, *(int(v) for v in RNG.integers(1, 6, i % 2 + 2)))
    axis = 1 + i % (len(shape) - 1)
    x = tensor("x", shape, 0.1, ENDS[i % 5])
    operations: list[Operation] = []
    outputs = []
    for place in range(shape[axis]):
        sliced = tensor(f"sliced{place}", (*shape[:axis], 1, *shape[axis + 1 :]), 0.1, x.zero_point)
        outputs.append(tensor(f"part{place}", (*shape[:axis], *shape[axis + 1 :]), 0.1, x.zero_point))
        begin = tuple(place if at == axis else 0 for at in range(len(shape)))
        end = tuple(place + 1 if at == axis else size for at, size in enumerate(shape))
        operations += [Slice(x, sliced, begin, end, (1,) * len(shape)), Reshape(sliced, outputs[-1])]
    y = tensor("y", outputs[0].shape, 0.15, ENDS[(i + 1) % 5])
    return chain("unpack", *operations, Add(outputs[0], y, outputs[-1]))


def movement(i: int) -> Graph:
    """Turned, cut (some axes backwards), padded, joined with a part of itself and with a constant, and reshaped."""
    zero = ENDS[i % 5]

    def made(name: str, shape: tuple[int, ...]) -> Tensor:
        return tensor(name, shape, 0.1, zero)

    shape = (1, *(int(v) for v in RNG.integers(1, 7, 3)))
    order = (0, *(int(v) + 1 for v in RNG.permutation(3)))
    x = made("x", shape)
    turned = made("turned", tuple(shape[axis] for axis in order))
    begins, ends, strides = [0], [1], [1]
    for size in turned.shape[1:]:
        stride = int(RNG.choice((-2, -1, 1, 2)))
        begin = int(RNG.integers(0, size))
        begins.append(begin)
        ends.append(-1 if stride < 0 else size)
        strides.append(stride)
    sizes = [len(range(b, e, s)) for b, e, s in zip(begins, ends, strides, strict=True)]
    cut = made("cut", tuple(sizes))
    before, after = ((0, *(int(v) for v in RNG.integers(0, 3, 3))) for _ in range(2))
    padded = made("padded", tuple(b + size + a for b, size, a in zip(before, sizes, after, strict=True)))
    axis = i % 3 + 1
    fixed = RNG.integers(-128, 128, [2 if a == axis else size for a, size in enumerate(padded.shape)]).astype(np.int8)
    other = Tensor("fixed", fixed.shape, fixed.dtype, padded.scale, zero, data=fixed)
    joined = made("joined", tuple(2 * size + 2 if a == axis else size for a, size in enumerate(padded.shape)))
    flat = made("flat", (1, joined.size))
    return chain(
        "movement",
        Transpose(x, turned, order),
        Slice(turned, cut, tuple(begins), tuple(ends), tuple(strides)),
        Pad(cut, padded, before, after, ENDS[(i + 1) % 5]),
        Concatenation(padded, joined, (other, padded), axis),
        Reshape(joined, flat),
    )


def svdf(i: int) -> Graph:
    n, units, rank, steps = (int(v) for v in RNG.integers((1, 1, 1, 1), (20, 6, 4, 12)))
    filters = units * rank
    time = RNG.integers(-32768, 32768, (filters, steps)).astype(np.int16)  # sums wrap
    bias = RNG.integers(-(2**31), 2**31, units).astype(np.int32)
    op = Svdf(
        tensor("x", (1, n), 0.1, ENDS[i % 5]),
        tensor("y", (1, units), 0.7, ENDS[(i + 2) % 5]),
        constant("features", RNG.integers(-128, 128, (filters, n)).astype(np.int8), np.array([0.01], np.float32)),
        constant("time", time, np.array([2e-6], np.float32)),
        constant("bias", bias, np.array([1e-8], np.float32)) if i % 2 else None,
        Tensor("state", (1, filters * steps), np.dtype(np.int16), np.array([(0.1, 1e-3)[i % 2]], np.float32)),
        rank,
    )
    return chain("svdf", op)


def delay(i: int) -> Graph:
    """The last steps are kept, the newest behind them: moved within the state's own place, or read once more afterwards."""
    n, steps = int(RNG.integers(1, 9)), int(RNG.integers(1, 5))
    x, kept = tensor("x", (1, 1, n), 0.1, 5), tensor("kept", (1, steps, n), 0.1, 5)
    both, newest = tensor("both", (1, steps + 1, n), 0.1, 5), tensor("newest", (1, steps, n), 0.1, 5)
    y = tensor("y", (1, steps, n), 0.2, 9)
    initial = RNG.integers(-128, 128, (1, steps, n)).astype(np.int8) if i % 3 else np.full((1, steps, n), 7, np.int8)
    operations: list[Operation] = [
        Concatenation(kept, both, (x,), 1),
        Slice(both, newest, (0, 1, 0), (1, steps + 1, n), (1, 1, 1)),
        Add(newest, y, kept) if i % 2 else random_layers.lookup(newest, y, "quantize"),
    ]
    return Graph("delay", x, y, operations, [State("past", kept, newest, initial)])


MAKERS: dict[str, tuple[Callable[[int], Graph], int]] = {
    "conv": (lambda i: weighted("conv", i), 14),
    "depthwise": (lambda i: weighted("depthwise", i), 14),
    "dense": (lambda i: weighted("dense", i), 30),  # the rounding of dense layers shows in few outputs
    "average_pool": (lambda i: chain("pool", random_layers.pool(RNG, AveragePool2D, i)), 10),
    "max_pool": (lambda i: chain("pool", random_layers.pool(RNG, MaxPool2D, i)), 10),
    "mean": (mean, 10),
    "add": (lambda i: binary(Add, i), 12),
    "subtract": (lambda i: binary(Subtract, i), 6),
    "multiply": (lambda i: binary(Multiply, i), 12),
    "lookup": (lookup, len(FUNCTIONS)),
    "movement": (movement, 20),
    "softmax": (lambda i: chain("softmax", random_layers.softmax(i)), 12),
    "svdf": (svdf, 8),
    "delay": (delay, 6),
    "prelu": (prelu, 12),
    "resize": (lambda i: chain("resize", random_layers.resize(RNG, i)), 8),
    "unpack": (unpack, 6),
}


def signals(graph: Graph, count: int) -> NDArray[np.int8]:
    shape = graph.input.shape[1:]
    x = RNG.integers(-128, 128, (count, *shape)).astype(np.int8)
    x[1], x[2] = -128, 127
    x[3] = RNG.choice(np.array([-128, 127], np.int8), shape)
    return x


def pieces(layer: Layer) -> tuple[int, int, int]:
    """(how many, bytes of each, from one to the next) in which an output lies in the arena."""
    output = layer.operation.output
    channels = output.shape[-1]
    return (output.size // channels, channels, layer.step) if layer.step else (1, output.size, 0)


def make(folder: Path, shared: Path | None, target: str) -> None:
    graphs: list[tuple[str, Graph, NDArray[np.int8]]] = []
    if shared is not None:  # first, since the heap has its largest pieces before anything else was loaded
        golden = np.load(shared / "models/golden_outputs.npz")
        for name in ("tflite_micro/micro_speech_quantized", "mlperf_tiny/kws_ref_model"):
            graph = tflite.read(shared / f"models/{name}.tflite")
            x = golden[f"{name}:x"].reshape(-1, *graph.input.shape[1:])
            expected = golden[f"{name}:y_litert"]
            assert np.array_equal(reference.run(graph, x).reshape(expected.shape), expected)
            graphs.append((Path(name).name, graph, x if target == "unix" else x[:1]))  # flash is small
    for kind, (maker, count) in MAKERS.items():
        for i in range(count):
            graph = maker(i)
            graphs.append((f"{kind}{i}", graph, signals(graph, 6 if target == "unix" else 4)))
    for seed in range(300 if target == "unix" else 30):
        graph = RandomGraph(seed).graph(8)
        graphs.append((f"random{seed}", graph, random_inputs(graph, seed, 3 if target == "unix" else 1)))
    # All in one file, since a board's flash gives each file a block or more.
    with (folder / "cases.jsonl").open("w") as lines, (folder / "cases.bin").open("wb") as file:
        for name, graph, x in graphs:
            labels = tuple(f"l{i}" for i in range(graph.output.shape[-1]))
            try:
                compiled = compile(graph, Description(name=name, labels=labels), named(target))
            except UnsupportedError as error:
                assert "sums may reach" in str(error)  # few random ones, whose biases are beyond what the kernels hold
                continue
            outputs = reference.run_layers(compiled.graph, x)
            file.write(compiled.content)
            size = 0
            for k in range(len(x)):
                size += file.write(x[k].tobytes())
                for layer, values in zip(compiled.layers, outputs, strict=True):
                    size += file.write(layer.stored(values[k]).tobytes())
            layers = [[layer.steps, layer.offset, *pieces(layer)] for layer in compiled.layers]
            lines.write(json.dumps([name, len(compiled.content), size, len(x), layers]) + "\n")
