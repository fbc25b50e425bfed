"""Tensors, and how a window slides over one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Rule = Literal["same", "valid"]


@dataclass(eq=False)
class Tensor:
    """An array that flows between operations, or a constant when `data` is set.

    shape: with the batch axis for activations. dtype: int8 for activations and weights, int32 for biases; an Svdf also has
    int16.
    scale: float32 of shape (1,), or (channels,) when quantized per channel along `axis`.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    scale: NDArray[np.float32]
    zero_point: int = 0
    axis: int | None = None
    data: NDArray[np.generic] | None = None

    @property
    def size(self) -> int:
        """Number of elements; of an int8 tensor also its bytes."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Margins:
    """Places of padding around a picture that no rule gives; a `.tflite` file has a PAD for them."""

    top: int
    bottom: int
    left: int
    right: int


Padding = Rule | Margins


@dataclass(frozen=True)
class Extent:
    """One axis of a sliding window: `before` and `after` zero points of padding, `output` positions."""

    before: int
    after: int
    output: int


def extent(size: int, kernel: int, stride: int, dilation: int, padding: Rule | tuple[int, int]) -> Extent:
    """Padding and output size along one axis, by TFLite's rule for "same" (the odd one goes after) and "valid".

    padding may also be given: (before, after).
    """
    reach = (kernel - 1) * dilation + 1
    if padding == "same":
        output = -(-size // stride)
        total = max(0, (output - 1) * stride + reach - size)
        return Extent(total // 2, total - total // 2, output)
    before, after = (0, 0) if padding == "valid" else padding
    return Extent(before, after, (before + size + after - reach) // stride + 1)
