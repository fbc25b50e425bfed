"""Post-training quantization: turns float layers into the int8 graph, with per-channel weights.

Batch normalization is folded into the convolution before it, ReLU its fused activation. The ranges of activations come
from calibration features, those of weights from the weights.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from watchword import graph
from watchword.errors import ModelError
from watchword.train.layers import (
    Array,
    AveragePool,
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    Layer,
    ReLU,
)
from watchword.train.network import INPUT_SCALE, INPUT_ZERO_POINT, Network, dequantize, input_shape

_NAMES: dict[type[Layer], str] = {
    Conv2D: "conv",
    DepthwiseConv2D: "depthwise",
    Dense: "dense",
    AveragePool: "average_pool",
    Flatten: "flatten",
}


@dataclass(eq=False)
class Stage:
    """A layer and what was folded into it: one operation of the graph. weights, bias: None where the layer has none."""

    layer: Layer
    weights: Array | None = None
    bias: Array | None = None
    relu: bool = False

    def forward(self, x: Array) -> Array:
        """Compute what the folded layers do in inference."""
        if self.weights is None or self.bias is None:
            return self.layer.forward(x)
        layer = copy.copy(self.layer)
        layer.parameters = {"weights": self.weights, "bias": np.zeros_like(self.bias)}
        y = layer.forward(x)
        y = y + self.bias.reshape(-1, *[1] * (y.ndim - 1))
        return np.asarray(np.maximum(y, 0)) if self.relu else y


def fold(network: Network) -> list[Stage]:
    """Fold a network's layers into stages that compute the same. ModelError: the int8 graph has no such layer."""
    stages: list[Stage] = []
    for layer in network.layers:
        if isinstance(layer, BatchNorm) and stages and stages[-1].weights is not None and not stages[-1].relu:
            stage = stages[-1]
            scale, shift = layer.affine()
            assert stage.weights is not None
            assert stage.bias is not None
            last = isinstance(stage.layer, DepthwiseConv2D)
            stage.weights = stage.weights * (scale if last else scale.reshape(-1, *[1] * (stage.weights.ndim - 1)))
            stage.bias = stage.bias * scale + shift
        elif isinstance(layer, ReLU) and stages and stages[-1].weights is not None:
            stages[-1].relu = True
        elif isinstance(layer, Conv2D | DepthwiseConv2D | Dense):
            weights = layer.parameters["weights"]
            channels = weights.shape[-1 if isinstance(layer, DepthwiseConv2D) else 0]
            stages.append(Stage(layer, weights, layer.parameters.get("bias", np.zeros(channels, weights.dtype))))
        elif isinstance(layer, AveragePool | Flatten):
            stages.append(Stage(layer))
        else:
            raise ModelError(
                f"{type(layer).__name__} after {type(stages[-1].layer).__name__ if stages else 'the input'} cannot be quantized"
            )
    return stages


def quantize(network: Network, calibration: NDArray[np.int8], name: str = "model") -> graph.Graph:
    """Quantize a network to an int8 graph and append a softmax.

    calibration: features (clips, frames, channels) as in use; a few hundred clips are enough.
    """
    shape = input_shape(network.frames)
    tensor = graph.Tensor("input", shape, np.dtype(np.int8), np.array([INPUT_SCALE], np.float32), INPUT_ZERO_POINT)
    result = graph.Graph(name, tensor, tensor)
    x: Array = dequantize(calibration)
    for number, stage in enumerate(fold(network)):
        x = stage.forward(x)
        result.operations.append(_operation(stage, f"{_NAMES[type(stage.layer)]}_{number}", tensor, x))
        tensor = result.operations[-1].output
    output = graph.Tensor("scores", tensor.shape, np.dtype(np.int8), np.array([1 / 256], np.float32), -128)
    result.operations.append(graph.Softmax(tensor, output))
    result.output = output
    return result


def _operation(stage: Stage, name: str, source: graph.Tensor, y: Array) -> graph.Operation:
    """Make the operation of a stage. y: its float outputs on the calibration clips, (channels, clips, ...)."""
    shape = (1, *y.shape[2:], y.shape[0])
    layer = stage.layer
    if stage.weights is None or stage.bias is None:
        output = graph.Tensor(name, shape, source.dtype, source.scale, source.zero_point)
        if isinstance(layer, Flatten):
            return graph.Reshape(source, output)
        return graph.AveragePool2D(source, output, size=(source.shape[1], source.shape[2]))
    output = graph.Tensor(name, shape, np.dtype(np.int8), *activation_scale(y))
    axis = 3 if isinstance(layer, DepthwiseConv2D) else 0
    weights, bias = _weights(name, stage.weights, stage.bias, axis, float(source.scale[0]))
    activation: graph.Activation = "relu" if stage.relu else "none"
    if isinstance(layer, Conv2D):
        return graph.Conv2D(source, output, weights, bias, stride=layer.stride, activation=activation)
    if isinstance(layer, DepthwiseConv2D):
        return graph.DepthwiseConv2D(source, output, weights, bias, stride=layer.stride, activation=activation)
    return graph.Dense(source, output, weights, bias, activation=activation)


def _weights(name: str, weights: Array, bias: Array, axis: int, input_scale: float) -> tuple[graph.Tensor, graph.Tensor]:
    others = tuple(other for other in range(weights.ndim) if other != axis)
    # The bias may not need more than 24 bits, also in a channel whose weights are all nearly 0.
    scale = np.maximum(np.abs(weights).max(axis=others) / 127, np.abs(bias) / (input_scale * 2**23))
    scale = np.maximum(scale, 1e-10).astype(np.float32)
    per_channel = scale.reshape([-1 if other == axis else 1 for other in range(weights.ndim)])
    quantized = np.clip(np.rint(weights / per_channel), -127, 127).astype(np.int8)
    bias_scale = (np.float64(input_scale) * scale).astype(np.float32)
    quantized_bias = np.rint(bias / bias_scale).astype(np.int32)
    return (
        graph.Tensor(f"{name}/weights", quantized.shape, quantized.dtype, scale, axis=axis, data=quantized),
        graph.Tensor(f"{name}/bias", quantized_bias.shape, quantized_bias.dtype, bias_scale, axis=0, data=quantized_bias),
    )


def activation_scale(values: Array) -> tuple[NDArray[np.float32], int]:
    """Return (scale (1,), zero point) of the smallest int8 range that holds `values` and 0.

    Narrower ranges, by percentile or by least square error, did not bring keyword models closer to their float networks.
    """
    low, high = min(0.0, float(values.min())), max(1e-6, float(values.max()))
    scale = (high - low) / 255
    return np.array([scale], np.float32), int(np.clip(round(-128 - low / scale), -128, 127))
