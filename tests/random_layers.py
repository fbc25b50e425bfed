"""Single layers of random shapes and extreme values, for the tests of kernels and of whole programs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from watchword import reference
from watchword.graph import (
    Add,
    AveragePool2D,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Function,
    Lookup,
    MaxPool2D,
    Mean,
    Multiply,
    Padding,
    Prelu,
    ResizeNearestNeighbor,
    Softmax,
    Subtract,
    Svdf,
    Tensor,
    extent,
)

Weighted = Conv2D | DepthwiseConv2D | Dense

ENDS = (-128, 127, 0, -5, 83)
ACTIVATIONS = ("none", "relu", "relu6")
FUNCTIONS: tuple[Function, ...] = ("relu", "relu6", "leaky_relu", "logistic", "tanh", "quantize", "hard_swish")


def tensor(name: str, shape: tuple[int, ...], scale: float, zero_point: int) -> Tensor:
    return Tensor(name, shape, np.dtype(np.int8), np.array([scale], np.float32), zero_point)


def constant(name: str, data: NDArray[np.generic], scale: NDArray[np.float32], axis: int | None = None) -> Tensor:
    return Tensor(name, data.shape, data.dtype, scale, 0, axis, data)


def signal(rng: np.random.Generator, shape: tuple[int, ...], i: int) -> NDArray[np.int8]:
    """int8 values: at the ends in some cases, else random."""
    if i % 6 < 2:
        return np.full(shape, (-128, 127)[i % 6], np.int8)
    if i % 6 == 2:
        return rng.choice(np.array([-128, 127], np.int8), shape)
    return rng.integers(-128, 128, shape).astype(np.int8)


def weighted(rng: np.random.Generator, kind: str, i: int, padding: Padding = "same", more: int = 0) -> Weighted:
    """A convolution, depthwise convolution or dense layer whose outputs spread over int8. more: output channels."""
    height, width, channels, out = (int(v) for v in rng.integers(1, 8, 4))
    out += more
    kernel = (int(rng.integers(1, 5)), int(rng.integers(1, 4)))
    stride, dilation = (int(rng.integers(1, 4)), int(rng.integers(1, 3))), (1, 1)
    if i % 3 == 0:
        stride, dilation = (1, 1), (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
    if padding == "valid":
        height += (kernel[0] - 1) * dilation[0]
        width += (kernel[1] - 1) * dilation[1]
    multiplier = (1, 1, 2, 3)[i % 4]
    if kind == "dense":
        shape: tuple[int, ...] = (1, height * width * channels)
        out += 15
        weights_shape: tuple[int, ...] = (out, height * width * channels)
        out_shape: tuple[int, ...] = (1, out)
    else:
        shape = (1, height, width, channels)
        out = channels * multiplier if kind == "depthwise" else out
        rows = extent(height, kernel[0], stride[0], dilation[0], padding)
        columns = extent(width, kernel[1], stride[1], dilation[1], padding)
        out_shape = (1, rows.output, columns.output, out)
        weights_shape = (1, *kernel, out) if kind == "depthwise" else (out, *kernel, channels)
    weights = rng.integers(-128, 128, weights_shape).astype(np.int8)
    if i % 5 == 0:
        weights[...] = rng.choice([-128, 127])
    x = tensor("x", shape, 0.05, ENDS[i % 5])
    scales = rng.uniform(0.001, 0.02, out).astype(np.float32)
    spread = float(0.05 * scales.max() * 127 * 128 * np.sqrt(weights.size / out) / 100)
    y = tensor("y", out_shape, spread * (0.001 if i % 11 == 10 else 1), ENDS[(i + 2) % 5])
    w = constant("w", weights, scales, 3 if kind == "depthwise" else 0)
    bias = constant("b", rng.integers(-9999, 9999, out).astype(np.int32), (0.05 * scales).astype(np.float32), 0)
    if kind == "dense":
        return Dense(x, y, w, bias, ACTIVATIONS[i % 3])
    cls = DepthwiseConv2D if kind == "depthwise" else Conv2D
    return cls(x, y, w, bias if i % 4 else None, stride, dilation, padding, ACTIVATIONS[i % 3])


def pool(rng: np.random.Generator, cls: type[AveragePool2D] | type[MaxPool2D], i: int) -> AveragePool2D | MaxPool2D:
    height, width, channels = (int(v) for v in rng.integers(1, 9, 3))
    size = (int(rng.integers(1, height + 1)), int(rng.integers(1, width + 1)))
    stride = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    padding = "same" if i % 2 else "valid"
    rows = extent(height, size[0], stride[0], 1, padding)
    columns = extent(width, size[1], stride[1], 1, padding)
    x = tensor("x", (1, height, width, channels), 0.1, ENDS[i % 5])
    y = tensor("y", (1, rows.output, columns.output, channels), 0.1, ENDS[i % 5])
    return cls(x, y, size, stride, padding, ACTIVATIONS[i % 3])


def mean(rng: np.random.Generator, i: int) -> Mean:
    """Of (1, rows, places, values) over the places."""
    rows, places, n = int(rng.integers(1, 4)), int(rng.integers(1, 40)), int(rng.integers(1, 12))
    return Mean(
        tensor("x", (1, rows, places, n), float(rng.uniform(0.01, 0.2)), ENDS[i % 5]),
        tensor("y", (1, rows, n), float(rng.uniform(0.005, 0.1)), ENDS[(i + 1) % 5]),
        (2,),
    )


def binary(rng: np.random.Generator, cls: type[Add] | type[Subtract] | type[Multiply], i: int) -> Add | Subtract | Multiply:
    """Of two inputs of rank 5 that broadcast."""
    shape = tuple(int(v) for v in rng.integers(1, 6, 4))
    ours = shape if i % 3 == 0 else tuple(1 if rng.random() < 0.3 else size for size in shape)
    others = tuple(1 if rng.random() < 0.4 else size for size in shape)
    out = tuple(max(a, b) for a, b in zip(ours, others, strict=True))
    return cls(
        tensor("x", (1, *ours), float(rng.uniform(0.01, 0.2)), ENDS[i % 5]),
        tensor("y", (1, *out), float(rng.uniform(0.02, 0.2)) * (0.1 if cls is Multiply else 1), ENDS[(i + 1) % 5]),
        tensor("other", (1, *others), float(rng.uniform(0.01, 0.2)), ENDS[(i + 3) % 5]),
        ACTIVATIONS[i % 3],
    )


def prelu(rng: np.random.Generator, i: int) -> Prelu:
    """Slopes for each channel or of any shape, of rank 5, without data; some are below 0."""
    shape = tuple(int(v) for v in rng.integers(1, 6, 4))
    slopes = (1, 1, 1, shape[3]) if i % 2 else tuple(1 if rng.random() < 0.4 else size for size in shape)
    scale = float(rng.uniform(0.01, 0.2))
    return Prelu(
        tensor("x", (1, *shape), scale, ENDS[i % 5]),
        tensor("y", (1, *shape), scale * float(rng.choice([0.3, 1.0, 1.7])), ENDS[(i + 1) % 5]),
        tensor("slopes", (1, *slopes), float(rng.choice([0.002, 0.01, 0.1])), ENDS[(i + 3) % 5]),
    )


def resize(rng: np.random.Generator, i: int) -> ResizeNearestNeighbor:
    """By whole numbers in half of the cases."""
    height, width, channels = (int(v) for v in rng.integers(1, 9, 3))
    size = (height * int(rng.integers(1, 4)), width * int(rng.integers(1, 4))) if i % 2 else rng.integers(1, 15, 2)
    x = tensor("x", (1, height, width, channels), 0.1, ENDS[i % 5])
    y = tensor("y", (1, int(size[0]), int(size[1]), channels), 0.1, ENDS[i % 5])
    return ResizeNearestNeighbor(x, y, i % 4 > 1, i % 8 > 3)


def lookup(x: Tensor, y: Tensor, function: Function) -> Lookup:
    return Lookup(x, y, function, reference.lookup_table(function, x, y, 0.1), 0.1)


def softmax(i: int) -> Softmax:
    n = (1, 2, 12, 128, 600, 2047)[i % 6]
    rows = 3 if n < 100 else 1
    scale = (0.0917, 0.01, 0.5, 0.002, 2.0, 0.15)[i // 6 % 6]
    return Softmax(tensor("x", (1, rows, n), scale, 14), tensor("y", (1, rows, n), 1 / 256, -128))


def svdf(rng: np.random.Generator, i: int) -> tuple[Svdf, NDArray[np.int16]]:
    """And a state; sums and scales go to the ends of their ranges."""
    n, units, rank, steps = (int(v) for v in rng.integers((1, 1, 1, 1), (20, 6, 4, 12)))
    filters = units * rank
    features = rng.integers(-128, 128, (filters, n)).astype(np.int8)
    time = rng.integers(-32768, 32768, (filters, steps)).astype(np.int16)
    state = rng.integers(-32768, 32768, (filters, steps)).astype(np.int16)
    if i % 3 == 0:
        features[...] = rng.choice([-128, 127])
        time[...] = rng.choice([-32768, 32767])
        state[...] = rng.choice([-32768, 32767])
    to_state = (1e-3, 0.3, 40.0, 1e7, 2.0**-30)[i % 5]
    to_output = (1e-8, 1e-6, 0.7, 3e8)[i % 4]
    bias = rng.integers(-(2**31), 2**31, units).astype(np.int32)
    op = Svdf(
        tensor("x", (1, n), 1.0, ENDS[i % 5]),
        tensor("y", (1, units), 1 / to_output, ENDS[(i + 2) % 5]),
        constant("features", features, np.array([to_state], np.float32)),
        constant("time", time, np.array([1.0], np.float32)),
        constant("bias", bias, np.array([1.0], np.float32)) if i % 2 else None,
        Tensor("state", (1, filters * steps), np.dtype(np.int16), np.array([1.0], np.float32)),
        rank,
    )
    return op, state
