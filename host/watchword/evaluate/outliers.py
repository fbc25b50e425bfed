"""Clips that sound or look like another label than their own: wrongly labelled, cut off, or hard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from watchword.data.batch import Batch
from watchword.data.clips import Clip
from watchword.evaluate.fewshot import embeddings
from watchword.model import Model

_LEAST = 3  # clips of a label, whose mean says something


@dataclass(frozen=True)
class Outlier:
    """A clip whose embedding is nearer to the mean of another label. own, other: cosine similarity to the two means, -1..1."""

    clip: Clip
    label: str
    own: float
    other: float


def outliers(
    model: Model, clips: Sequence[Clip], progress: Callable[[int, int], None] | None = None, batch: Batch | None = None
) -> list[Outlier]:
    """Find the clips that are nearer to another label than to their own, the farthest first, by a model's embedding.

    A label's mean is taken without the clip itself. batch: as for `fewshot.embeddings`. ModelError: the model has no embedding.
    """
    found = list(embeddings(model, clips, None, progress, batch))
    if not found:
        return []
    taken = [clips[number] for number, _ in found]
    return rank(taken, np.stack([vector for _, vector in found]).astype(np.float64))


def rank(clips: Sequence[Clip], vectors: NDArray[np.float64]) -> list[Outlier]:
    """The same of embeddings, float64 (clips, values)."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    names = sorted({clip.label for clip in clips})
    number = {name: place for place, name in enumerate(names)}
    labels = np.array([number[clip.label] for clip in clips])
    counts = np.bincount(labels, minlength=len(names))
    sums = np.zeros((len(names), unit.shape[1]))
    np.add.at(sums, labels, unit)
    similar = unit @ (sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)).T
    similar[:, counts < _LEAST] = -np.inf
    rest = sums[labels] - unit
    own = (unit * rest).sum(axis=1) / np.maximum(np.linalg.norm(rest, axis=1), 1e-9)
    similar[np.arange(len(clips)), labels] = -np.inf
    other = similar.argmax(axis=1)
    nearest = similar.max(axis=1)
    wrong = [row for row in np.argsort(own - nearest) if nearest[row] > own[row] and counts[labels[row]] >= _LEAST]
    return [Outlier(clips[row], names[other[row]], float(own[row]), float(nearest[row])) for row in wrong]
