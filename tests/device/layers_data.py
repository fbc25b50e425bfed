"""Cases for layers.py: single layers of random shapes and extreme values, and where the shared data is, whole models."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from watchword import reference, tflite
from watchword.compile import compile
from watchword.description import Description
from watchword.graph import AveragePool2D, Conv2D, Dense, DepthwiseConv2D, Graph, Operation, Softmax, Tensor, extent

RNG = np.random.default_rng(11)
ENDS = (-128, 127, 0, -5, 83)


def tensor(name: str, shape: tuple[int, ...], scale: float, zero_point: int) -> Tensor:
    return Tensor(name, shape, np.dtype(np.int8), np.array([scale], np.float32), zero_point)


def constant(name: str, data: NDArray[np.generic], scale: NDArray[np.float32], axis: int | None) -> Tensor:
    return Tensor(name, data.shape, data.dtype, scale, 0, axis, data)


def weighted(kind: str, i: int) -> Operation:
    """A convolution, depthwise convolution or dense layer whose outputs spread over int8."""
    pick = RNG.integers
    height, width, channels, out = (int(v) for v in pick(1, 9, 4))
    kernel = (int(pick(1, 5)), int(pick(1, 4)))
    stride, dilation = (int(pick(1, 4)), int(pick(1, 3))), (1, 1)
    if i % 3 == 0:
        stride, dilation = (1, 1), (int(pick(1, 3)), int(pick(1, 3)))
    padding = "same" if i % 2 or height < 9 else "valid"
    multiplier = int(pick(1, 4))
    if kind == "dense":
        out += 30  # many outputs: the rounding of dense layers shows in few
        shape, weights_shape, out = (1, height * width * channels), (out, height * width * channels), out
        out_shape: tuple[int, ...] = (1, out)
    else:
        shape = (1, height, width, channels)
        out = channels * multiplier if kind == "depthwise" else out
        out_h = extent(height, kernel[0], stride[0], dilation[0], padding).output
        out_w = extent(width, kernel[1], stride[1], dilation[1], padding).output
        out_shape = (1, out_h, out_w, out)
        weights_shape = (1, *kernel, out) if kind == "depthwise" else (out, *kernel, channels)
    weights = pick(-127, 128, weights_shape).astype(np.int8)
    if i % 5 == 0:
        weights[...] = RNG.choice([-127, 127])
    x = tensor("x", shape, 0.05, ENDS[i % 5])
    scales = (RNG.uniform(0.001, 0.02, out)).astype(np.float32)
    spread = float(0.05 * scales.max() * 127 * 128 * np.sqrt(weights.size / out) / 100)
    y = tensor("y", out_shape, spread, ENDS[(i + 2) % 5])
    axis = {"conv": 0, "depthwise": 3, "dense": 0}[kind]
    w = constant("w", weights, scales, axis)
    bias = constant("b", pick(-9999, 9999, out).astype(np.int32), (0.05 * scales).astype(np.float32), 0) if i % 4 else None
    activation = ("none", "relu", "relu6")[i % 3]
    if kind == "dense":
        return Dense(x, y, w, bias, activation)
    cls = DepthwiseConv2D if kind == "depthwise" else Conv2D
    return cls(x, y, w, bias, stride, dilation, padding, activation)


def pool(i: int) -> Operation:
    height, width, channels = (int(v) for v in RNG.integers(2, 12, 3))
    size = (int(RNG.integers(1, height + 1)), int(RNG.integers(1, width + 1)))
    stride = (int(RNG.integers(1, 4)), int(RNG.integers(1, 4)))
    padding = "same" if i % 2 else "valid"
    shape = (extent(height, size[0], stride[0], 1, padding).output, extent(width, size[1], stride[1], 1, padding).output)
    zero = ENDS[i % 5]
    x, y = tensor("x", (1, height, width, channels), 0.1, zero), tensor("y", (1, *shape, channels), 0.1, zero)
    return AveragePool2D(x, y, size, stride, padding, ("none", "relu", "relu6")[i % 3])


def softmax(i: int) -> Operation:
    n = (1, 2, 12, 128, 4, 3)[i % 6]
    scale = (0.0917, 0.01, 0.5, 0.002, 2.0, 0.15)[i % 6]
    return Softmax(tensor("x", (1, n), scale, 14), tensor("y", (1, n), 1 / 256, -128))


def signals(graph: Graph, count: int) -> NDArray[np.int8]:
    shape = graph.input.shape[1:]
    x = RNG.integers(-128, 128, (count, *shape)).astype(np.int8)
    x[1], x[2] = -128, 127
    x[3] = RNG.choice(np.array([-128, 127], np.int8), shape)
    return x


def make(folder: Path, shared: Path | None, target: str) -> None:
    makers = [("conv", 14), ("depthwise", 14), ("dense", 30), ("pool", 12), ("softmax", 12)]
    graphs: list[tuple[str, Graph, NDArray[np.int8]]] = []
    for kind, count in makers:
        for i in range(count):
            op = pool(i) if kind == "pool" else softmax(i) if kind == "softmax" else weighted(kind, i)
            graph = Graph(kind, op.input, op.output, [op])
            graphs.append((f"{kind}{i}", graph, signals(graph, 6)))
    if shared is not None:
        golden = np.load(shared / "models/golden_outputs.npz")
        for name in ("tflite_micro/micro_speech_quantized", "mlperf_tiny/kws_ref_model"):
            graph = tflite.read(shared / f"models/{name}.tflite")
            x = golden[f"{name}:x"].reshape(-1, *graph.input.shape[1:])
            expected = golden[f"{name}:y_litert"]
            assert np.array_equal(reference.run(graph, x).reshape(expected.shape), expected)
            graphs.append((Path(name).name, graph, x if target == "unix" else x[:1]))  # flash is small
    cases = []
    for name, graph, x in graphs:
        labels = tuple(f"l{i}" for i in range(graph.output.shape[-1]))
        compiled = compile(graph, Description(name=name, labels=labels), target)
        outputs = reference.run_layers(graph, x)
        content = b""
        for k in range(len(x)):
            content += x[k].tobytes()
            for output in outputs:
                content += output[k].tobytes()
        (folder / f"{name}.ww").write_bytes(compiled.content)
        (folder / f"{name}.bin").write_bytes(content)
        layers = [[layer.steps, layer.offset, layer.operation.output.size] for layer in compiled.layers]
        cases.append({"name": name, "samples": len(x), "layers": layers})
    (folder / "cases.json").write_text(json.dumps(cases))
