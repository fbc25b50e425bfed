"""From real numbers to those of the int8 graph: real = scale * (q - zero point)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from watchword.graph import Tensor


class Range(NamedTuple):
    """The least and the greatest of some values."""

    low: float
    high: float


def activation_scale(values: Range) -> tuple[NDArray[np.float32], int]:
    """(scale (1,), zero point) of the smallest int8 range that holds `values` and 0.

    Narrower ranges, by percentile or by least square error, did not bring keyword models closer to their float networks.
    """
    low, high = min(0.0, values.low), max(1e-6, values.high)
    scale = (high - low) / 255
    return np.array([scale], np.float32), int(np.clip(round(-128 - low / scale), -128, 127))


def activation(name: str, shape: tuple[int, ...], scale: NDArray[np.float32], zero_point: int) -> Tensor:
    """A tensor that flows between operations, with the batch axis of 1 before the shape of an example."""
    return Tensor(name, (1, *shape), np.dtype(np.int8), scale, zero_point)


def weights_and_bias(
    name: str, weights: NDArray[np.floating], bias: NDArray[np.floating], axis: int, input_scale: float
) -> tuple[Tensor, Tensor]:
    """The constants of a layer whose output is called `name`: int8 weights with a scale by each place on `axis`, int32 bias."""
    others = tuple(other for other in range(weights.ndim) if other != axis)
    # The bias may not need more than 24 bits, also in a channel whose weights are all nearly 0.
    scale = np.maximum(np.abs(weights).max(axis=others) / 127, np.abs(bias) / (input_scale * 2**23))
    scale = np.maximum(scale, 1e-10).astype(np.float32)
    per_channel = scale.reshape([-1 if other == axis else 1 for other in range(weights.ndim)])
    quantized = np.clip(np.rint(weights / per_channel), -127, 127).astype(np.int8)
    bias_scale = (np.float64(input_scale) * scale).astype(np.float32)
    quantized_bias = np.rint(bias / bias_scale).astype(np.int32)
    return (
        Tensor(f"{name}/weights", quantized.shape, quantized.dtype, scale, axis=axis, data=quantized),
        Tensor(f"{name}/bias", quantized_bias.shape, quantized_bias.dtype, bias_scale, axis=0, data=quantized_bias),
    )
