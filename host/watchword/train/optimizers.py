"""The optimizer and its learning-rate schedule."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from watchword.train.layers import Array


class Adam:
    """AdamW: Adam (arXiv:1412.6980) with decoupled weight decay (arXiv:1711.05101).

    Biases and batch normalization's gamma and beta, which have one axis, do not decay. mean, square: the two moments.
    """

    BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8

    def __init__(self, weight_decay: float = 0.0) -> None:
        self.weight_decay = weight_decay
        self.steps = 0
        self.mean: dict[str, Array] = {}
        self.square: dict[str, Array] = {}

    def step(self, parameters: Mapping[str, Array], gradients: Mapping[str, Array], rate: float) -> None:
        """Update the parameters in place; rate: the learning rate."""
        self.steps += 1
        unbias1, unbias2 = 1 - self.BETA1**self.steps, 1 - self.BETA2**self.steps
        for name, value in parameters.items():
            gradient = gradients[name]
            mean = self.mean.setdefault(name, np.zeros_like(value))
            square = self.square.setdefault(name, np.zeros_like(value))
            mean += (1 - self.BETA1) * (gradient - mean)
            square += (1 - self.BETA2) * (gradient * gradient - square)
            if value.ndim > 1:
                value *= 1 - rate * self.weight_decay
            value -= rate / unbias1 * mean / (np.sqrt(square / unbias2) + self.EPSILON)


def one_cycle(step: int, steps: int, peak: float, rise: float = 0.3) -> float:
    """The one-cycle schedule (arXiv:1708.07120): the learning rate at `step` of `steps`.

    It rises from peak / 25 to `peak` within the share `rise` of the steps, then falls to nearly 0, both along half a cosine.
    """
    top = rise * (steps - 1)
    if step < top:
        low, progress = peak / 25, step / top
    else:
        low, progress = peak / 1e4, (steps - 1 - step) / max(1.0, steps - 1 - top)
    return low + (peak - low) * (1 - math.cos(math.pi * progress)) / 2
