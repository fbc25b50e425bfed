"""Single calls of the firmware's layer kernels, with the bytes that the arena must hold afterwards.

The parameters are made here by hand, so that kernels are tested with more than the compiler has use for: odd places, tiles
that do not divide, blocks of channels, steps between pixels. Only the proofs and the packing of the packed kernels are the
compiler's. The expected outputs are the reference's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tests import random_layers
from tests.random_layers import ACTIVATIONS, ENDS, Weighted, constant, signal, tensor, weighted
from watchword import reference
from watchword.compile.lower.call import Record
from watchword.compile.thumb import packed, packed_bytes
from watchword.compile.thumb.order import tap_order
from watchword.compile.thumb.packed_depthwise import lower_depthwise
from watchword.graph import (
    Add,
    AveragePool2D,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    MaxPool2D,
    Multiply,
    Prelu,
    Subtract,
    extent,
)
from watchword.kernels import KERNELS
from watchword.reference.fixedpoint import multiply_by_quantized_multiplier
from watchword.reference.svdf import svdf


@dataclass
class Case:
    """kernel: its name. p: parameters as a step has them. expected: the arena afterwards, but for `scratch` (place, size)."""

    name: str
    kernel: str
    rows: int
    p: list[int]
    arena: bytes
    constants: bytes
    expected: bytes
    scratch: list[tuple[int, int]]

    def at(self, name: str) -> int:
        """The place of a parameter."""
        return KERNELS[self.kernel].at(name)


class Memory:
    """An arena and constants that grow, random bytes around all that is put there."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.arena = bytearray()
        self.constants = bytearray()
        self.scratch: list[tuple[int, int]] = []

    def place(self, size: int, alignment: int = 1) -> int:
        """Room in the arena; its offset."""
        return self._grow(self.arena, self.rng.bytes(size), alignment)

    def value(self, x: NDArray[np.generic], alignment: int = 1) -> int:
        return self._grow(self.arena, x.tobytes(), alignment)

    def constant(self, x: NDArray[np.generic], alignment: int = 4) -> int:
        return self._grow(self.constants, x.tobytes(), alignment)

    def work(self, size: int) -> int:
        at = self.place(size, 4)
        self.scratch.append((at, size))
        return at

    def rescale(self, bias: NDArray[np.int64], multiplier: NDArray[np.int64], shift: NDArray[np.int64]) -> int:
        """Four int32 for each channel."""
        columns = np.broadcast_arrays(bias, multiplier, np.maximum(shift, 0), np.maximum(-np.asarray(shift), 0))
        return self.constant(np.stack(columns, axis=-1).astype("<i4"))

    def case(
        self,
        name: str,
        kernel: str,
        rows: int,
        p: dict[str, int],
        outputs: list[tuple[int, NDArray[np.generic]]],
        more: Sequence[Record] = (),
    ) -> Case:
        """p: those that are not here are 0. outputs: what is expected where."""
        self._grow(self.arena, b"", 8)
        self._grow(self.constants, b"", 4)
        expected = bytearray(self.arena)
        for at, y in outputs:
            expected[at : at + y.nbytes] = y.tobytes()
        fields = KERNELS[kernel].fields
        words = [int(v) for v in KERNELS[kernel].packed(dict.fromkeys(fields, 0) | p, more)]
        return Case(name, kernel, rows, words, bytes(self.arena), bytes(self.constants), bytes(expected), self.scratch)

    def _grow(self, buffer: bytearray, content: bytes, alignment: int) -> int:
        gap = int(self.rng.integers(1, 9))
        buffer += self.rng.bytes(gap + -(len(buffer) + gap) % alignment)
        at = len(buffer)
        buffer += content
        return at


def convolution(kind: str) -> Callable[[np.random.Generator, int], Case]:
    def make(rng: np.random.Generator, i: int) -> Case:
        """Some channels of a layer, on an input with more channels than the layer sees, into an output with more."""
        op = weighted(rng, kind, i)
        memory = Memory(rng)
        depthwise = isinstance(op, DepthwiseConv2D)
        if isinstance(op, Dense):
            shape, (out_h, out_w, out) = (1, 1, op.weights.shape[1]), (1, 1, op.weights.shape[0])
            kernel = stride = dilation = (1, 1)
            before = (0, 0)
        else:
            shape, (out_h, out_w, out) = op.input.shape[1:], op.output.shape[1:]
            kernel, stride, dilation = (op.weights.shape[1], op.weights.shape[2]), op.stride, op.dilation
            before = tuple(extent(shape[a], kernel[a], stride[a], dilation[a], "same").before for a in range(2))
        height, width, channels = shape
        step = channels + int(rng.integers(0, 4))
        x = signal(rng, (height, width, step), i)
        y = reference.run_operation(op, x[np.newaxis, :, :, :channels].reshape(1, *op.input.shape[1:])).reshape(
            out_h, out_w, out
        )
        assert op.weights.data is not None
        weights = op.weights.data.astype(np.int64)
        weights = weights.reshape(-1, out).T if depthwise else weights.reshape(out, -1)
        # a block of output channels; of a depthwise layer it sees a block of the input's
        per = out // channels if depthwise else 1
        start, end = sorted(int(v) for v in rng.choice(out // per + 1, 2, replace=False))
        seen, first_seen = (end - start, start) if depthwise else (channels, 0)
        start, end = start * per, end * per
        block = slice(start, end)
        taps = weights.shape[1]
        patch = -(-(taps * (seen if depthwise else 1)) // 8) * 8
        packed = np.zeros((end - start, taps if depthwise else patch), np.uint8)
        packed[:, :taps] = weights[block] + 128
        multiplier, shift = reference.rescale(op)
        bias = np.zeros(out, np.int64) if op.bias is None or op.bias.data is None else op.bias.data.astype(np.int64)
        folded = bias - (op.input.zero_point + 128) * weights.sum(1)
        low, high = reference.activation_range(op)
        to = memory.place(out_h * out_w * (out + 3))
        p = {
            **bounds(low, high, op.output.zero_point),
            "input": memory.value(x) + first_seen,
            "output": to + 1 + start,
            "rescale": memory.rescale(folded[block], multiplier[block], shift[block]),
            "rescale_step": 16,
            "sums": memory.work(4 * (end - start)),
            "round_once": int(isinstance(op, Dense)),
            **window((height, width, seen), (out_h, out_w, end - start), kernel, stride, before),
            "dilation_y": dilation[0],
            "dilation_x": dilation[1],
            "input_zero_point": op.input.zero_point + 128,
            "weights": memory.constant(packed, 1),
            "patch": memory.work(patch),
            "patch_size": patch,
            "input_step": step,
            "output_step": out + 3,
        }
        output = np.frombuffer(bytes(memory.arena[to:]), np.int8)[: out_h * out_w * (out + 3)]
        output = output.reshape(out_h, out_w, out + 3).copy()
        output[:, :, 1 + start : 1 + end] = y[:, :, block]
        return memory.case(f"{kind}{i}", "depthwise" if depthwise else "convolution", out_h, p, [(to, output)])

    return make


def bounds(low: int, high: int, zero_point: int) -> dict[str, int]:
    """Of the output."""
    return {"minimum": low + 128, "maximum": high + 128, "zero_point": zero_point + 128}


def window(
    input: Sequence[int], output: Sequence[int], kernel: Sequence[int], stride: Sequence[int], before: Sequence[int]
) -> dict[str, int]:
    names = ("height", "width", "channels")
    return {
        **{f"input_{name}": size for name, size in zip(names, input, strict=True)},
        **{f"output_{name}": size for name, size in zip(names, output, strict=True)},
        **dict(zip(("kernel_height", "kernel_width"), kernel, strict=True)),
        **dict(zip(("stride_y", "stride_x"), stride, strict=True)),
        **dict(zip(("padding_top", "padding_left"), before, strict=True)),
    }


def pool(cls: type[AveragePool2D] | type[MaxPool2D]) -> Callable[[np.random.Generator, int], Case]:
    def make(rng: np.random.Generator, i: int) -> Case:
        op = random_layers.pool(rng, cls, i)
        x = signal(rng, op.input.shape, i)
        before = [extent(op.input.shape[1 + a], op.size[a], op.stride[a], 1, op.padding).before for a in range(2)]
        memory = Memory(rng)
        low, high = reference.activation_range(op)
        p = {
            "input": memory.value(x),
            "output": memory.place(op.output.size),
            "minimum": low + 128,
            "maximum": high + 128,
            **window(op.input.shape[1:], op.output.shape[1:], op.size, op.stride, before),
        }
        name = "average_pool" if cls is AveragePool2D else "max_pool"
        return memory.case(f"{name}{i}", name, op.output.shape[1], p, [(p["output"], reference.run_operation(op, x))])

    return make


def mean(rng: np.random.Generator, i: int) -> Case:
    op = random_layers.mean(rng, i)
    _, rows, places, n = op.input.shape
    x = signal(rng, op.input.shape, i)
    memory = Memory(rng)
    multiplier, shift = reference.mean_multiplier(op)
    bias = -(op.input.zero_point + 128) * places
    tile = int(rng.integers(1, n + 2))
    p = {
        **bounds(-128, 127, op.output.zero_point),
        "input": memory.value(x),
        "output": memory.place(rows * n),
        "rescale": memory.rescale(np.array(bias), np.array(multiplier), np.array(shift)),
        "sums": memory.work(4 * tile),
        "places": places,
        "depth": n,
        "tile": tile,
    }
    return memory.case(f"mean{i}", "mean", rows, p, [(p["output"], reference.run_operation(op, x))])


def binary(cls: type[Add] | type[Subtract] | type[Multiply] | type[Prelu]) -> Callable[[np.random.Generator, int], Case]:
    def make(rng: np.random.Generator, i: int) -> Case:
        """Two inputs that broadcast, the other one a constant in some cases; in others the output takes the input's place."""
        op = random_layers.prelu(rng, i) if cls is Prelu else random_layers.binary(rng, cls, i)
        ours, others, out = (tensor.shape[1:] for tensor in (op.input, op.other, op.output))
        x, other = signal(rng, (1, *ours), i), signal(rng, (1, *others), i // 2)
        y = reference.run_operation(op, x, other)
        memory = Memory(rng)
        q = np.arange(-128, 128, dtype=np.int64)
        if isinstance(op, Multiply | Prelu):
            own = {"input_zero_point": op.input.zero_point + 128, "other_zero_point": op.other.zero_point + 128}
            multiplier, shift = reference.product_multiplier(op)
            if isinstance(op, Prelu):
                positives = reference.lookup_table("relu", op.input, op.output)[op.input.zero_point + 128 :]
                own["positive_table"] = memory.constant(positives, 1)
        else:
            first, second, (multiplier, shift) = reference.sum_multipliers(op)
            a = multiply_by_quantized_multiplier((q - op.input.zero_point) << 20, *first)
            b = multiply_by_quantized_multiplier((q - op.other.zero_point) << 20, *second)
            own = {
                "input_table": memory.constant(a.astype("<i4")),
                "other_table": memory.constant((-b if cls is Subtract else b).astype("<i4")),
            }
        low, high = (-128, 127) if isinstance(op, Prelu) else reference.activation_range(op)
        tile = int(rng.integers(1, 40))
        at = memory.value(x)
        is_constant = i % 4 == 1
        p = {
            **bounds(low, high, op.output.zero_point),
            "input": at,
            "output": at if ours == out and i % 2 else memory.place(op.output.size),
            "rescale": memory.rescale(np.array(0), np.array(multiplier), np.array(shift)),
            "sums": memory.work(4 * tile),
            "other": memory.constant(other, 1) if is_constant else memory.value(other),
            "other_is_constant": int(is_constant),
            **shape(out[1:]),
            **steps_of("input", strides(ours)),
            **steps_of("other", strides(others)),
            **own,
            "tile": tile,
        }
        name = {Multiply: "multiply", Prelu: "prelu"}.get(cls, "add")
        return memory.case(f"{cls.__name__}{i}", name, out[0], p, [(p["output"], y)])

    return make


def strides(shape: tuple[int, ...]) -> list[int]:
    """Bytes from place to place of a dense array; 0 along an axis that is broadcast."""
    dense = [int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))]
    return [0 if size == 1 else step for size, step in zip(shape, dense, strict=True)]


def shape(sizes: Sequence[int]) -> dict[str, int]:
    """Of the three axes behind the rows."""
    return {name: int(size) for name, size in zip(("planes", "lines", "values"), sizes, strict=True)}


def steps_of(array: str, steps: Sequence[int]) -> dict[str, int]:
    """Bytes from place to place of an array along its four axes."""
    return {f"{array}_{axis}_step": int(step) for axis, step in zip(("row", "plane", "line", "value"), steps, strict=True)}


def lookup(rng: np.random.Generator, i: int) -> Case:
    rows, n = int(rng.integers(1, 5)), int(rng.integers(1, 40))
    x, table = signal(rng, (rows, n), i), rng.integers(-128, 128, 256).astype(np.int8)
    memory = Memory(rng)
    at = memory.value(x)
    to = at if i % 2 else memory.place(rows * n)
    p = {"input": at, "output": to, "depth": n, "table": memory.constant(table, 1)}
    return memory.case(f"lookup{i}", "lookup", rows, p, [(to, table[x.astype(np.int64) + 128])])


def copy(rng: np.random.Generator, i: int) -> Case:
    """Some places of an array, along axes in any order, some of them backwards, to some places of another."""

    def window(sizes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
        """Steps of its axes and offsets of all places of an array in a dense one; the size of that one."""
        order = rng.permutation(4) if i % 3 else np.arange(4)
        gaps = rng.integers(1, 3, 4) if i % 4 else np.ones(4, np.int64)
        steps = np.zeros(4, np.int64)
        size = 1
        for axis in reversed(order):
            steps[axis] = size * gaps[axis]
            size *= int(sizes[axis] * gaps[axis])
        if i % 5 > 2:
            steps *= rng.choice((-1, 1), 4)
        grid = np.indices(sizes).reshape(4, -1)
        offsets = steps @ grid
        return steps, offsets - offsets.min(), size

    sizes = rng.integers(1, 6, 4)
    if i % 6 == 5:
        sizes[3] = 32  # long enough to go by words, where all is on words
    memory = Memory(rng)
    steps, places, size = window(sizes)
    to_steps, to_places, to_size = window(sizes)
    x = rng.integers(-128, 128, size).astype(np.int8)
    is_constant = i % 4 == 1
    source = memory.constant(x) if is_constant else memory.value(x, 4)
    to = memory.place(to_size, 4)
    y = np.frombuffer(bytes(memory.arena[to:]), np.int8).copy()
    y[to_places] = x[places]
    if not is_constant and i % 6 == 4:
        to, y = source, x.copy()  # onto itself: nothing changes
        to_steps, to_places = steps, places
    p = {
        "input": source + int(places[0]),
        "output": to + int(to_places[0]),
        "input_is_constant": int(is_constant),
        **shape(sizes[1:]),
        **steps_of("input", steps),
        **steps_of("output", to_steps),
    }
    return memory.case(f"copy{i}", "copy", int(sizes[0]), p, [(to, y)])


def copy_forwards(rng: np.random.Generator, i: int) -> Case:
    """What a streaming model does with its past: each row moves to the place of the one before."""
    rows, n = int(rng.integers(2, 6)), int(rng.integers(1, 9)) * (4 if i % 2 else 1)
    memory = Memory(rng)
    x = rng.integers(-128, 128, (rows, n)).astype(np.int8)
    at = memory.value(x, 4)
    steps = (n, 0, 0, 1)
    p = {"input": at + n, "output": at, **shape((1, 1, n)), **steps_of("input", steps), **steps_of("output", steps)}
    return memory.case(f"forwards{i}", "copy", rows - 1, p, [(at, x[1:])])


def fill(rng: np.random.Generator, i: int) -> Case:
    rows, n, value = int(rng.integers(1, 5)), int(rng.integers(1, 30)), ENDS[i % 5]
    memory = Memory(rng)
    p = {"output": memory.place(rows * n), "value": value + 128, "row_size": n}
    return memory.case(f"fill{i}", "fill", rows, p, [(p["output"], np.full((rows, n), value, np.int8))])


def softmax(rng: np.random.Generator, i: int) -> Case:
    op = random_layers.softmax(i)
    _, rows, n = op.input.shape
    x = signal(rng, op.input.shape, i // 6 + i)
    memory = Memory(rng)
    table = memory.constant(reference.softmax_exponentials(op).astype("<i4"))
    p = {
        "input": memory.value(x),
        "output": memory.place(rows * n),
        "depth": n,
        "table": table,
        "scratch": memory.work(4 * (4 + n)),
    }
    return memory.case(f"softmax{i}", "softmax", rows, p, [(p["output"], reference.run_operation(op, x))])


def svdf_step(rng: np.random.Generator, i: int) -> Case:
    """One step on a state from before; sums and scales go to the ends of their ranges."""
    op, state = random_layers.svdf(rng, i)
    assert op.features.data is not None
    assert op.time.data is not None
    units, rank = op.output.size, op.rank
    filters, n = op.features.shape
    steps = op.time.shape[1]
    features = op.features.data.astype(np.int64)
    x = signal(rng, (1, n), i)
    y, after = svdf(op, x, state)
    first, second = reference.svdf_multipliers(op)
    memory = Memory(rng)
    patch = -(-n // 8) * 8
    packed = np.zeros((filters, patch), np.uint8)
    packed[:, :n] = features + 128
    folded = -(op.input.zero_point + 128) * features.sum(1)
    biases = np.zeros(units, np.int64) if op.bias is None or op.bias.data is None else op.bias.data.astype(np.int64)
    p = {
        **bounds(-128, 127, op.output.zero_point),
        "input": memory.value(x),
        "output": memory.place(units),
        "rescale": memory.rescale(biases, np.array(second[0]), np.array(second[1])),
        "rescale_step": 16,
        "sums": memory.work(4 * units),
        "inputs": n,
        "units": units,
        "rank": rank,
        "memory": steps,
        "features": memory.constant(packed, 1),
        "time": memory.constant(op.time.data, 2),
        "state": memory.value(state, 2),
        "features_rescale": memory.rescale(folded, np.array(first[0]), np.array(first[1])),
        "patch": memory.work(patch),
        "patch_size": patch,
    }
    return memory.case(f"svdf{i}", "svdf", 1, p, [(p["output"], y), (p["state"], np.ascontiguousarray(after))])


def smaller(rng: np.random.Generator, op: Weighted, by: float, i: int) -> Weighted:
    """The same layer with smaller weights, so that chunks of other lengths are safe."""
    assert op.weights.data is not None
    scale = op.weights.scale * np.float32(min(by, 30))
    weights = dataclasses.replace(op.weights, data=(op.weights.data / by).astype(np.int8), scale=scale)
    if i % 3 == 1 and op.weights.scale.size > 1:  # a channel for which no factors are found: its outputs hardly change
        scale[rng.integers(scale.size)] *= 1e-4
    bias = op.bias and dataclasses.replace(op.bias, scale=(op.input.scale * scale).astype(np.float32))
    return dataclasses.replace(op, weights=weights, bias=bias)


@dataclass
class Seen:
    """A layer without padding, some of whose channels are computed, in a picture that may be wider than what the layer sees."""

    op: Conv2D | Dense
    wide: int
    first: int
    last: int
    x: NDArray[np.int8]
    y: NDArray[np.int8]

    def case(self, memory: Memory, kernel: str, i: int, p: dict[str, int], more: list[Record]) -> Case:
        """p: what is the kernel's own."""
        rng = memory.rng
        op, first, last = self.op, self.first, self.last
        depth = self.x.shape[3]
        out_h, out_w, out = (1, 1, self.y.size) if isinstance(op, Dense) else self.y.shape[1:]
        output = rng.integers(-128, 128, (out_h, out_w, out + 3)).astype(np.int8)
        at, to = memory.value(self.x, 4), memory.value(output)
        low, high = reference.activation_range(op)
        down, right = (1, 1) if isinstance(op, Dense) else op.stride
        p |= {
            **bounds(low, high, op.output.zero_point),
            "input": at,
            "output": to + first,
            "columns": out_w,
            "input_column_step": right * depth,
            "input_row_step": down * self.wide * depth,
            "output_gap": out + 3 - (last - first),
            "output_row_step": out_w * (out + 3),
            "round_once": int(isinstance(op, Dense)),
        }
        output[:, :, first:last] = self.y.reshape(out_h, out_w, out)[:, :, first:last]
        return memory.case(f"{kernel}{i}", kernel, out_h, p, [(to, output)], more)


def seen(rng: np.random.Generator, i: int) -> Seen:
    layer = weighted(rng, ("conv", "conv", "dense")[i % 3], i, "valid", more=9)
    op = smaller(rng, layer, (1, 1.5, 2, 2.5, 3, 30, 200)[i % 7], i)
    assert isinstance(op, Conv2D | Dense)
    _, height, width, depth = (1, 1, 1, op.input.size) if isinstance(op, Dense) else op.input.shape
    wide = width + int(rng.integers(0, 3)) * (not isinstance(op, Dense))
    x = signal(rng, (1, height, wide, depth), i)
    y = reference.run_operation(op, x[:, :, :width].reshape(op.input.shape))
    first, last = sorted(int(v) for v in rng.choice(y.shape[-1] + 1, 2, replace=False))
    return Seen(op, wide, first, last, x, y)


def paired(rng: np.random.Generator, i: int) -> Case:
    """Two weights in a word."""
    while True:
        of = seen(rng, i)
        taps = packed.patch(of.op, of.wide, 0, partial(tap_order, of.op))
        made = packed.stream(of.op, of.first, of.last, taps) if taps else None
        if taps is not None and made is not None:
            break
    memory = Memory(rng)
    p = {
        "shift": made.shift,
        "stream": memory.constant(np.frombuffer(made.content, np.uint8)),
        "taps": taps.taps,
        "segments": taps.segments,
        "has_table": int(taps.places is not None),
        "sums": memory.work(24 * sum(run.groups for run in made.runs)) if taps.segments > 1 else 0,
        "runs": len(made.runs),
    }
    return of.case(memory, "packed", i, p, packed.records(made, taps))


def four(rng: np.random.Generator, i: int) -> Case:
    """Four weights in a word."""
    of = seen(rng, i)
    taps = packed_bytes.patch(of.op, of.wide, 0)
    assert taps is not None
    made = packed_bytes.stream(of.op, of.first, of.last, taps)
    memory = Memory(rng)
    p = {
        "shift": made.shift,
        "stream": memory.constant(np.frombuffer(made.content, np.uint8)),
        "taps": taps.taps,
        "has_table": int(taps.places is not None),
        "window": memory.work(4 * taps.taps),
        "runs": len(made.runs),
    }
    return of.case(memory, "packed_bytes", i, p, packed_bytes.records(made, taps))


def planes(rng: np.random.Generator, i: int) -> Case:
    """Some channels of a depthwise layer of 3 x 3, written to places in another order."""
    call = None
    while call is None:
        channels, height, width = (int(v) for v in rng.integers(1, 12, 3))
        stride = 1 + i // 2 % 2
        rows, columns = (extent(size, 3, stride, 1, "same") for size in (height, width))
        weights = rng.integers(-128, 128, (1, 3, 3, channels)).astype(np.int8)
        if i % 5 == 0:
            weights[...] = rng.choice([-128, 127])
        scales = rng.uniform(0.001, 0.02, channels).astype(np.float32)
        x = tensor("x", (1, height, width, channels), 0.05, ENDS[i % 5])
        y = tensor("y", (1, rows.output, columns.output, channels), 1.0, ENDS[(i + 2) % 5])
        bias = constant("b", rng.integers(-9999, 9999, channels).astype(np.int32), (0.05 * scales).astype(np.float32), 0)
        w = constant("w", weights, scales, 3)
        layer = DepthwiseConv2D(x, y, w, bias, (stride, stride), (1, 1), "same", ACTIVATIONS[i % 3])
        op = smaller(rng, layer, (1, 1.2, 1.4, 2, 3, 1, 200)[i % 7], i)
        assert isinstance(op, DepthwiseConv2D)
        first, last = sorted(int(v) for v in rng.choice(channels + 1, 2, replace=False))
        places = rng.permutation(channels) if i % 2 else np.arange(channels)
        call = lower_depthwise(op, first, last, places)
    memory = Memory(rng)
    seen = signal(rng, op.input.shape, i)
    p = dict(call.parameters)
    more = [(record, dict(fields)) for record, fields in call.more]
    output = rng.integers(-128, 128, op.output.shape).astype(np.int8)
    at = {op.input: memory.value(seen, 8), op.output: memory.value(output, 8)}
    for parameter, operand in call.tensors.items():
        if operand not in at:
            at[operand] = memory.work(operand.size)
        if isinstance(parameter, str):
            p[parameter] = p.get(parameter, 0) + at[operand]
        else:
            more[parameter[0]][1][parameter[1]] += at[operand]
    for parameter, content in call.constants.items():
        assert isinstance(parameter, str)
        p[parameter] = memory.constant(np.frombuffer(content, np.uint8))
    output[..., places[first:last]] = reference.run_operation(op, seen)[..., first:last]
    return memory.case(f"planes{i}", "packed_depthwise", call.rows, p, [(at[op.output], output)], more)


Makers = dict[str, tuple[Callable[[np.random.Generator, int], Case], int]]  # how many there are of each kind

MAKERS: Makers = {
    "conv": (convolution("conv"), 24),
    "depthwise": (convolution("depthwise"), 24),
    "dense": (convolution("dense"), 12),
    "average_pool": (pool(AveragePool2D), 12),
    "max_pool": (pool(MaxPool2D), 12),
    "mean": (mean, 20),
    "add": (binary(Add), 24),
    "subtract": (binary(Subtract), 12),
    "multiply": (binary(Multiply), 24),
    "prelu": (binary(Prelu), 24),
    "lookup": (lookup, 6),
    "copy": (copy, 60),
    "copy_forwards": (copy_forwards, 8),
    "fill": (fill, 5),
    "softmax": (softmax, 36),
    "svdf": (svdf_step, 60),
}
THUMB_MAKERS: Makers = {  # of kernels that exist in Thumb code only
    "packed": (paired, 105),
    "packed_bytes": (four, 42),
    "planes": (planes, 84),
}


def cases(kind: str, seed: int = 11) -> Iterator[Case]:
    """The same ones every time."""
    make, count = (MAKERS | THUMB_MAKERS)[kind]
    rng = np.random.default_rng(seed)
    for i in range(count):
        yield make(rng, i)
