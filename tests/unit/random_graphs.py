"""Graphs made at random, of all operations, with what simplification looks for: zeros, constant channels, unused ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from tests.unit.litert import output_shape, tensor

from watchword import reference
from watchword.graph import (
    Add,
    AveragePool2D,
    Concatenation,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Graph,
    Lookup,
    Margins,
    MaxPool2D,
    Mean,
    Multiply,
    Operation,
    Pad,
    Prelu,
    Reshape,
    ResizeNearestNeighbor,
    Slice,
    Softmax,
    State,
    Subtract,
    Svdf,
    Tensor,
    Transpose,
    extents,
)

ACTIVATIONS = ("none", "relu", "relu", "relu6", "relu_n1_to_1")
FUNCTIONS = ("relu", "relu6", "leaky_relu", "hard_swish", "logistic", "tanh", "quantize", "quantize")


class RandomGraph:
    """Grows by one random operation after the other, each on a tensor that is there already."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        height, width, channels = (int(n) for n in self.rng.integers(1, 7, 3))
        self.input = tensor("x", (1, height, width, channels), self.scale(), self.zero_point())
        self.tensors = [self.input]
        self.operations: list[Operation] = []
        self.states: list[State] = []

    def graph(self, size: int) -> Graph:
        makers = (
            self.conv, self.conv, self.conv, self.depthwise, self.depthwise, self.dense, self.pool, self.mean, self.binary,
            self.lookup, self.lookup, self.reshape, self.transpose, self.concatenation, self.slice, self.pad, self.softmax,
            self.svdf, self.state, self.prelu, self.resize, self.unpack,
        )  # fmt: skip
        while len(self.operations) < size:
            makers[self.rng.integers(len(makers))](self.pick())
        output = self.operations[-1].output
        return Graph("random", self.input, output, self.operations, self.states)

    # What the operations are made of

    def scale(self) -> float:
        return float(np.float32(2.0 ** self.rng.choice([-5, -4, self.rng.uniform(-7, -2)])))

    def zero_point(self) -> int:
        return int(self.rng.choice([-128, -128, 0, 127, self.rng.integers(-128, 128)]))

    def pick(self) -> Tensor:
        """Mostly a recent one, so that there are chains, and branches now and then."""
        return self.tensors[-1 if self.rng.random() < 0.85 else self.rng.integers(len(self.tensors))]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def made(self, shape: tuple[int, ...], scale: float | None = None, zero_point: int | None = None) -> Tensor:
        scale = self.scale() if scale is None else min(max(scale, 2.0**-9), 4.0)
        return tensor(f"t{len(self.operations)}", shape, scale, self.zero_point() if zero_point is None else zero_point)

    def like(self, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        return self.made(shape, float(x.scale[0]), x.zero_point)

    def add(self, op: Operation) -> Tensor:
        self.operations.append(op)
        self.tensors.append(op.output)
        return op.output

    def constants(self, x: Tensor, shape: tuple[int, ...], axis: int, taps: int) -> tuple[Tensor, Tensor | None, float]:
        """Weights with zeros and dead outputs, a bias that some clamps do not let through, a scale for the outputs."""
        rng, channels = self.rng, shape[axis]
        data = rng.integers(-128, 128, shape) * (rng.random(shape) < rng.choice([0.1, 0.5, 1.0]))
        along = [1] * len(shape)
        along[axis] = channels
        data = data * (rng.random(channels) < rng.choice([0.3, 1.0])).reshape(along)
        if axis == 0:
            data = data * (rng.random(shape[-1]) < rng.choice([0.3, 1.0]))
        per_channel = channels > 1 and self.chance(0.5)
        scale = np.exp2(rng.uniform(-9, -5, channels if per_channel else 1)).astype(np.float32)
        name = f"t{len(self.operations)}"
        weights = Tensor(f"{name}/w", shape, np.dtype(np.int8), scale, 0, axis if per_channel else None, data.astype(np.int8))
        spread = np.sqrt(taps) * 70 * 70 * float(x.scale[0]) * float(scale.max())
        bias = None
        if self.chance(0.8):
            values = rng.integers(-9000, 9000, channels) * rng.choice([0, 1, 100], channels)
            if self.chance(0.02):
                values[0] = rng.choice([2**31 - 1, -(2**31)])
            bias_scale = (x.scale * scale).astype(np.float32)
            bias = Tensor(
                f"{name}/b", (channels,), np.dtype(np.int32), bias_scale, 0, 0 if per_channel else None, values.astype(np.int32)
            )
        return weights, bias, spread / 60 * 2.0 ** rng.uniform(-3, 4)

    def activation(self) -> str:
        return str(self.rng.choice(ACTIVATIONS))

    # One operation each, where the tensor has a shape for it

    def window(self, x: Tensor) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int], str]:
        """Kernel, stride, dilation, padding."""
        padding = str(self.rng.choice(["same", "valid"]))
        kernel, dilation = ((int(a), int(b)) for a, b in (self.rng.integers(1, 4, 2), self.rng.choice([1, 1, 2], 2)))
        if self.chance(0.4):
            kernel = (1, 1)
        if padding == "valid":
            kernel = tuple(max(1, min(k, (n - 1) // d + 1)) for k, n, d in zip(kernel, x.shape[1:3], dilation, strict=True))
        stride = (1, 1) if self.chance(0.6) else (int(self.rng.integers(1, 4)), int(self.rng.integers(1, 4)))
        return kernel, stride, dilation, padding

    def margins(self, op: Conv2D | DepthwiseConv2D) -> None:
        if self.chance(0.1):
            op.padding = Margins(*(int(n) for n in self.rng.integers(2, 4, 4)))
            op.output.shape = (1, *(along.output for along in extents(op)), op.output.shape[3])

    def conv(self, x: Tensor) -> None:
        if len(x.shape) == 4:
            kernel, stride, dilation, padding = self.window(x)
            channels = int(self.rng.integers(1, 7))
            weights, bias, scale = self.constants(x, (channels, *kernel, x.shape[3]), 0, kernel[0] * kernel[1] * x.shape[3])
            shape = output_shape(x.shape[1:3], kernel, stride, dilation, padding, channels)
            op = Conv2D(x, self.made(shape, scale), weights, bias, stride, dilation, padding, self.activation())
            self.margins(op)
            self.add(op)

    def depthwise(self, x: Tensor) -> None:
        if len(x.shape) == 4:
            kernel, stride, dilation, padding = self.window(x)
            channels = x.shape[3] * (1 if self.chance(0.7) or x.shape[3] > 6 else 2)
            weights, bias, scale = self.constants(x, (1, *kernel, channels), 3, kernel[0] * kernel[1])
            shape = output_shape(x.shape[1:3], kernel, stride, dilation, padding, channels)
            op = DepthwiseConv2D(x, self.made(shape, scale), weights, bias, stride, dilation, padding, self.activation())
            self.margins(op)
            self.add(op)

    def dense(self, x: Tensor) -> None:
        channels = int(self.rng.integers(1, 7))
        # All that there is, or each place by itself.
        taps, shape = (x.size, (1, channels)) if self.chance(0.7) else (x.shape[-1], (*x.shape[:-1], channels))
        weights, bias, scale = self.constants(x, (channels, taps), 0, taps)
        self.add(Dense(x, self.made(shape, scale), weights, bias, self.activation()))

    def pool(self, x: Tensor) -> None:
        if len(x.shape) == 4:
            size, stride, _, padding = self.window(x)
            if padding == "valid":
                size = tuple(min(k, n) for k, n in zip(size, x.shape[1:3], strict=True))
            shape = output_shape(x.shape[1:3], size, stride, (1, 1), padding, x.shape[3])
            kind = AveragePool2D if self.chance(0.5) else MaxPool2D
            self.add(kind(x, self.like(x, shape), size, stride, padding, self.activation()))

    def mean(self, x: Tensor) -> None:
        rank = len(x.shape)
        axes = tuple(axis for axis in range(1, rank) if self.chance(0.5)) or (1,)
        keep = self.chance(0.5) or len(axes) == rank - 1
        shape = tuple(1 if axis in axes else n for axis, n in enumerate(x.shape) if keep or axis not in axes)
        self.add(Mean(x, self.made(shape), axes))

    def binary(self, x: Tensor) -> None:
        kind = (Add, Subtract, Multiply)[self.rng.integers(3)]
        row = (1,) * (len(x.shape) - 1) + x.shape[-1:]
        same = [t for t in self.tensors if t.shape in (x.shape, row)]
        other = same[self.rng.integers(len(same))]
        if self.chance(0.3):
            shape = tuple(1 if self.chance(0.5) else n for n in x.shape)
            other = tensor(f"t{len(self.operations)}/c", shape, self.scale(), self.zero_point())
            other.data = self.rng.integers(-128, 128, shape).astype(np.int8)
        shape = np.broadcast_shapes(x.shape, other.shape)
        factor = float(x.scale[0] * other.scale[0]) * 60 if kind is Multiply else float(max(x.scale[0], other.scale[0]))
        first, second = (x, other) if self.chance(0.5) else (other, x)
        output = self.made(shape, factor * 2.0 ** self.rng.uniform(-2, 2))
        self.add(kind(first, output, second, self.activation()))

    def prelu(self, x: Tensor) -> None:
        shape = x.shape[-1:] if self.chance(0.7) else tuple(1 if self.chance(0.5) else n for n in x.shape)
        scale = float(np.float32(2.0 ** self.rng.uniform(-9, 0)))
        slopes = tensor(f"t{len(self.operations)}/c", shape, scale, self.zero_point())
        slopes.data = self.rng.integers(-128, 128, shape).astype(np.int8)
        self.add(Prelu(x, self.made(x.shape, float(x.scale[0]) * 2.0 ** self.rng.uniform(-2, 2)), slopes))

    def quantized(self, x: Tensor, output: Tensor, function: str = "quantize", alpha: float = 0.0) -> Tensor:
        return self.add(Lookup(x, output, function, reference.lookup_table(function, x, output, alpha), alpha))

    def lookup(self, x: Tensor) -> None:
        function = str(self.rng.choice(FUNCTIONS))
        output = self.like(x, x.shape) if self.chance(0.5) else self.made(x.shape)
        if function == "hard_swish":  # which no much finer output can have
            output = self.made(x.shape, float(x.scale[0]) * 2.0 ** self.rng.uniform(-3, 3))
        if function == "logistic":
            output = self.made(x.shape, 1 / 256, -128)
        self.quantized(x, output, function, float(np.float32(self.rng.uniform(-1, 1))) if function == "leaky_relu" else 0.0)

    def reshape(self, x: Tensor) -> None:
        shapes = [x.shape, (1, x.size), (1, 1, *x.shape[1:]), (1, *x.shape[1:], 1), (1, x.size // x.shape[-1], x.shape[-1])]
        if len(x.shape) == 2:
            shapes += [(1, n, 1, x.size // n) for n in (1, 2, 3) if x.size % n == 0]
        shapes = [shape for shape in shapes if len(shape) <= 4]  # LiteRT pads no more axes
        self.add(Reshape(x, self.like(x, shapes[self.rng.integers(len(shapes))])))

    def transpose(self, x: Tensor) -> None:
        rest = [int(axis) for axis in self.rng.permutation(np.arange(1, len(x.shape)))]
        if self.chance(0.5):
            rest = sorted(rest[:-1], key=lambda axis: x.shape[axis]) + rest[-1:]
        permutation = (0, *rest)
        self.add(Transpose(x, self.like(x, tuple(x.shape[axis] for axis in permutation)), permutation))

    def concatenation(self, x: Tensor) -> None:
        axis = len(x.shape) - 1 if self.chance(0.7) else int(self.rng.integers(1, len(x.shape)))
        rest = x.shape[:axis], x.shape[axis + 1 :]
        fits = [t for t in self.tensors if len(t.shape) > axis and (t.shape[:axis], t.shape[axis + 1 :]) == rest]
        parts = [x]
        for _ in range(self.rng.integers(0, 3)):
            if self.chance(0.2):
                constant = tensor(f"t{len(self.operations)}/c{len(parts)}", x.shape, float(x.scale[0]), x.zero_point)
                constant.data = self.rng.integers(-128, 128, x.shape).astype(np.int8)
                parts.append(constant)
                continue
            part = fits[self.rng.integers(len(fits))]
            if part.scale[0] != x.scale[0] or part.zero_point != x.zero_point:
                part = self.quantized(part, self.like(x, part.shape))
            parts.append(part)
        order = [parts[i] for i in self.rng.permutation(len(parts))]
        total = sum(part.shape[axis] for part in parts)
        output = self.add(
            Concatenation(order[0], self.like(x, (*x.shape[:axis], total, *x.shape[axis + 1 :])), tuple(order[1:]), axis)
        )
        if self.chance(0.3):
            place, at = int(self.rng.integers(len(order))), 0
            at = sum(part.shape[axis] for part in order[:place])
            begin = tuple(at if i == axis else 0 for i in range(len(x.shape)))
            end = tuple(at + order[place].shape[axis] if i == axis else n for i, n in enumerate(x.shape))
            self.add(Slice(output, self.like(x, order[place].shape), begin, end, (1,) * len(x.shape)))

    def slice(self, x: Tensor) -> None:
        places = [range(1)]
        for size in x.shape[1:]:
            if self.chance(0.4):
                places.append(range(size))
                continue
            stride = int(self.rng.choice((1, 1, 1, 2, -1, -2)))
            begin = int(self.rng.integers(0, size)) if stride > 0 or size == 1 else int(self.rng.integers(1, size))
            end = int(self.rng.integers(begin + 1, size + 1)) if stride > 0 else int(self.rng.integers(-1, begin))
            places.append(range(begin, end, stride))
        parts = (tuple(getattr(place, part) for place in places) for part in ("start", "stop", "step"))
        self.add(Slice(x, self.like(x, tuple(map(len, places))), *parts))

    def pad(self, x: Tensor) -> None:
        amounts = [(0, 0)] + [
            (0, 0) if self.chance(0.3) else tuple(int(n) for n in self.rng.integers(0, 3, 2)) for _ in x.shape[1:]
        ]
        if len(x.shape) == 4 and self.chance(0.7):
            amounts[3] = (0, 0)
        before, after = zip(*amounts, strict=True)
        shape = tuple(b + n + a for b, n, a in zip(before, x.shape, after, strict=True))
        value = x.zero_point if self.chance(0.7) else int(self.rng.integers(-128, 128))
        if np.prod(shape) < 600:
            self.add(Pad(x, self.like(x, shape), before, after, value))

    def resize(self, x: Tensor) -> None:
        if len(x.shape) == 4:
            size = [int(n) for n in self.rng.integers(1, 9, 2)]
            if self.chance(0.5):
                size = [n * int(self.rng.integers(1, 3)) for n in x.shape[1:3]]
            shape = (1, *size, x.shape[3])
            if np.prod(shape) < 600:
                self.add(ResizeNearestNeighbor(x, self.like(x, shape), self.chance(0.3), self.chance(0.3)))

    def unpack(self, x: Tensor) -> None:
        """What an UNPACK becomes: slices and reshapes."""
        rank = len(x.shape)
        axis = int(self.rng.integers(1, rank))
        if rank > 2 and x.shape[axis] < 5:
            rest = x.shape[:axis] + x.shape[axis + 1 :]
            for place in range(x.shape[axis]):
                begin = tuple(place if i == axis else 0 for i in range(rank))
                end = tuple(place + 1 if i == axis else n for i, n in enumerate(x.shape))
                part = self.add(Slice(x, self.like(x, (*x.shape[:axis], 1, *x.shape[axis + 1 :])), begin, end, (1,) * rank))
                self.add(Reshape(part, self.like(x, rest)))

    def softmax(self, x: Tensor) -> None:
        if self.chance(0.3):
            self.add(Softmax(x, self.made(x.shape, 1 / 256, -128)))

    def svdf(self, x: Tensor) -> None:
        if len(x.shape) == 2:
            units, rank, steps = (int(n) for n in self.rng.integers(1, 4, 3))
            filters = units * rank
            data = self.rng.integers(-128, 128, (filters, x.shape[1])) * (self.rng.random(x.shape[1]) < 0.6)
            time = self.rng.integers(-(2**15), 2**15, (filters, steps))
            scale = np.array([2**-6], np.float32)
            features = Tensor(f"t{len(self.operations)}/f", data.shape, np.dtype(np.int8), scale, data=data.astype(np.int8))
            kernel = Tensor(f"t{len(self.operations)}/k", time.shape, np.dtype(np.int16), scale, data=time.astype(np.int16))
            state = Tensor(f"t{len(self.operations)}/s", (1, filters * steps), np.dtype(np.int16), scale)
            self.add(Svdf(x, self.made((1, units), 2.0**5), features, kernel, None, state, rank))

    def state(self, x: Tensor) -> None:
        if len(x.shape) == 4 and len(self.states) < 2:
            rows, (_, height, width, channels) = int(self.rng.integers(1, 4)), x.shape
            read = self.like(x, (1, rows, width, channels))
            read.name = f"read{len(self.states)}"
            seen = self.add(Concatenation(read, self.like(x, (1, rows + height, width, channels)), (x,), 1))
            begin, end = (0, height, 0, 0), seen.shape
            assigned = self.add(Slice(seen, self.like(x, read.shape), begin, end, (1,) * 4))
            initial = np.full(read.shape, x.zero_point) if self.chance(0.7) else self.rng.integers(-128, 128, read.shape)
            self.tensors[-1:] = [seen]
            self.states.append(State(f"state{len(self.states)}", read, assigned, initial.astype(np.int8)))


def random_inputs(graph: Graph, seed: int, count: int = 12) -> NDArray[np.int8]:
    """Random ones, all least, all greatest, and of both; int8 (count + 3, *input shape without batch)."""
    rng, shape = np.random.default_rng(seed), graph.input.shape[1:]
    random = rng.integers(-128, 128, (count, *shape))
    return np.concatenate(
        [random, np.full((1, *shape), -128), np.full((1, *shape), 127), rng.choice([-128, 127], (1, *shape))]
    ).astype(np.int8)
