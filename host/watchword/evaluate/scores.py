"""What decisions are worth: counts of predictions by what is true."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Evaluation:
    """labels: in the model's order. confusion: counts [true][predicted]."""

    labels: tuple[str, ...]
    confusion: NDArray[np.int64]

    @property
    def n(self) -> int:
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        return float(np.trace(self.confusion) / max(self.n, 1))

    def as_dict(self) -> dict[str, Any]:
        """The JSON of the command line. per_class: for each label with clips, how many and the share that is right."""
        rows = self.confusion.sum(1)
        per_class = {
            label: {"n": int(rows[i]), "accuracy": float(self.confusion[i, i] / rows[i])}
            for i, label in enumerate(self.labels)
            if rows[i]
        }
        return {
            "accuracy": self.accuracy,
            "n": self.n,
            "labels": list(self.labels),
            "per_class": per_class,
            "confusion": self.confusion.tolist(),
        }


def score(labels: Sequence[str], targets: Iterable[int], predicted: Iterable[int]) -> Evaluation:
    """Count predictions by what is true."""
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    for true, guess in zip(targets, predicted, strict=True):
        confusion[true, guess] += 1
    return Evaluation(tuple(labels), confusion)
