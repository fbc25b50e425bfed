"""How parameters follow their gradients, and how fast."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from watchword.train.layers import Array


class Adam:
    """Adam (arXiv:1412.6980) with decoupled weight decay (arXiv:1711.05101) on arrays of two axes and more.

    Biases and the scales of batch normalization have one axis and do not decay.
    """

    BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8

    def __init__(self, weight_decay: float = 0.0) -> None:
        self.weight_decay = weight_decay
        self.steps = 0
        self.mean: dict[str, Array] = {}
        self.square: dict[str, Array] = {}

    def step(self, parameters: Mapping[str, Array], gradients: Mapping[str, Array], rate: float) -> None:
        """Change the parameters in place."""
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
    """The learning rate at `step` of `steps`: from peak / 25 up to `peak` within the share `rise`, then down to nearly 0.

    Both ways along half a cosine wave (arXiv:1708.07120).
    """
    top = rise * (steps - 1)
    if step < top:
        low, way = peak / 25, step / top
    else:
        low, way = peak / 1e4, (steps - 1 - step) / max(1.0, steps - 1 - top)
    return low + (peak - low) * (1 - math.cos(math.pi * way)) / 2
