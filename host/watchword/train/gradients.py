"""What becomes of gradients between the backward pass and the optimizer: L1 and L2 are added, and long ones are clipped."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from watchword.train.layers import Array


class Penalty:
    """L1 and L2 regularization: the loss grows by l1 Σ|w| + l2/2 Σw² of the weights (Goodfellow et al., Deep Learning, 7.1).

    Its gradient, l1 sign(w) + l2 w, is added to theirs. Biases and batch normalization's gamma and beta, which have one axis,
    are spared. The losses that are told are without it, so that those of training and validation compare.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = l1, l2
        self._scratch: dict[str, Array] = {}

    def add(self, parameters: Mapping[str, Array], gradients: Mapping[str, Array]) -> None:
        """Add the gradient of the penalty to the gradients, in place."""
        for name, value in parameters.items():
            if value.ndim == 1:
                continue
            if name not in self._scratch:
                self._scratch[name] = np.empty_like(value)
            scratch, gradient = self._scratch[name], gradients[name]
            if self.l2:
                gradient += np.multiply(value, self.l2, out=scratch)
            if self.l1:
                np.sign(value, out=scratch)
                scratch *= self.l1
                gradient += scratch


def norm(gradients: Mapping[str, Array]) -> float:
    """The length of all gradients as one vector, summed in float64."""
    squares = (np.einsum("i,i->", flat, flat, dtype=np.float64) for flat in map(np.ravel, gradients.values()))
    return math.sqrt(sum(map(float, squares)))


def clip(gradients: Mapping[str, Array], length: float, limit: float) -> None:
    """Scale gradients of this length down to the length `limit`, in place, where they are longer (arXiv:1211.5063)."""
    if length > limit:
        for gradient in gradients.values():
            gradient *= limit / length
