"""The loss that training minimizes."""

from __future__ import annotations

import numpy as np

from watchword.train.layers import Array


def smooth(targets: Array, smoothing: float) -> Array:
    """Label smoothing (arXiv:1512.00567): spread the share `smoothing` of target probabilities (classes, clips) evenly."""
    return np.asarray(targets * (1 - smoothing) + smoothing / len(targets))


def softmax(logits: Array) -> Array:
    """Turn logits (classes, clips) into probabilities of the same shape."""
    exponentials = np.exp(logits - logits.max(axis=0))
    return np.asarray(exponentials / exponentials.sum(axis=0))


def softmax_cross_entropy(logits: Array, targets: Array) -> tuple[float, Array]:
    """Return (mean loss in nats, its gradient) for logits and target probabilities; all arrays are (classes, clips)."""
    shifted = logits - logits.max(axis=0)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=0))
    clips = logits.shape[1]
    loss = -float((targets * log_probabilities).sum()) / clips
    return loss, (np.exp(log_probabilities) * targets.sum(axis=0) - targets) / clips
