"""What training makes small."""

from __future__ import annotations

import numpy as np

from watchword.train.layers import Array


def smooth(targets: Array, smoothing: float) -> Array:
    """Probabilities (classes, clips) with the share `smoothing` of them spread evenly (arXiv:1512.00567)."""
    return np.asarray(targets * (1 - smoothing) + smoothing / len(targets))


def softmax(logits: Array) -> Array:
    """Over the classes: (classes, clips) -> (classes, clips)."""
    exponentials = np.exp(logits - logits.max(axis=0))
    return np.asarray(exponentials / exponentials.sum(axis=0))


def softmax_cross_entropy(logits: Array, targets: Array) -> tuple[float, Array]:
    """(mean loss in nats, gradient by the logits) for logits and target probabilities, both (classes, clips)."""
    shifted = logits - logits.max(axis=0)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=0))
    clips = logits.shape[1]
    loss = -float((targets * log_probabilities).sum()) / clips
    return loss, (np.exp(log_probabilities) * targets.sum(axis=0) - targets) / clips
