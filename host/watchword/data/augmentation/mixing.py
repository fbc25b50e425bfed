"""mixup (Zhang et al., arXiv:1710.09412): a network is trained on examples between examples, and on targets between targets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def mixed(
    inputs: NDArray[Any], targets: NDArray[np.float32], alpha: float, rng: np.random.Generator
) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """Blend each example with another one of the batch: share * one + (1 - share) * other, its target likewise.

    inputs: (n, ...) of any dtype, which stays; whole numbers are rounded. targets: float32 (n, classes). The share is drawn
    from Beta(alpha, alpha) for each example (section 2).
    """
    share = rng.beta(alpha, alpha, len(inputs)).astype(np.float32)
    other = rng.permutation(len(inputs))
    wide = share.reshape(-1, *[1] * (inputs.ndim - 1))
    blended = wide * inputs.astype(np.float32) + (1 - wide) * inputs[other].astype(np.float32)
    if np.issubdtype(inputs.dtype, np.integer):
        blended = np.rint(blended)
    target = share.reshape(-1, 1)
    return blended.astype(inputs.dtype), (target * targets + (1 - target) * targets[other]).astype(np.float32)
