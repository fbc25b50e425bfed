"""What decisions are worth: what was made of each clip, counts of predictions by what is true, and how sure a rate is."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from watchword.data.clips import Clip
from watchword.errors import DataError
from watchword.evaluate.origin import Origin

_Z = 1.959964  # standard deviations on either side hold 95 % of a normal distribution


@dataclass(frozen=True)
class Judged:
    """What a model made of one clip.

    true, predicted: numbers of labels of the evaluation. found: what else is known, by the names of the columns of
    `write_scores`: of a clip that one window covers the score of each label; of one that was heard as a stream `fired` (0 or
    1), `score` (the highest of the whole stream, whether it fired or not) and `time` (seconds at which it fired first, else
    None). Scores are 0..1 as those of events.
    """

    clip: Clip
    true: int
    predicted: int
    found: dict[str, float | None]


@dataclass(frozen=True)
class Evaluation:
    """labels: in the model's order. judged: each clip. origin: of what model and data; None where nobody asked."""

    labels: tuple[str, ...]
    judged: tuple[Judged, ...]
    origin: Origin | None = None

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """Counts [true][predicted]."""
        counts = np.zeros((len(self.labels), len(self.labels)), np.int64)
        for one in self.judged:
            counts[one.true, one.predicted] += 1
        return counts

    @property
    def n(self) -> int:
        return len(self.judged)

    @property
    def right(self) -> int:
        """How many predictions are right."""
        return int(np.trace(self.confusion))

    @property
    def accuracy(self) -> float:
        return self.right / max(self.n, 1)

    @property
    def classes(self) -> list[ClassRate]:
        """Each label that has clips."""
        found = []
        for number, label in enumerate(self.labels):
            row = self.confusion[number]
            if row.any():
                others = Counter({self.labels[i]: int(count) for i, count in enumerate(row) if count and i != number})
                found.append(ClassRate(label, int(row.sum()), int(row[number]), others.most_common()))
        return found

    def as_dict(self) -> dict[str, Any]:
        """The JSON of the command line. Of each rate the 95 % interval of `wilson` stands beside it as `_ci95`."""
        per_class = {
            one.label: {
                "n": one.n,
                "right": one.right,
                "accuracy": one.right / one.n,
                "accuracy_ci95": list(wilson(one.right, one.n)),
            }
            for one in self.classes
        }
        return {
            "accuracy": self.accuracy,
            "accuracy_ci95": list(wilson(self.right, self.n)),
            "n": self.n,
            "right": self.right,
            "labels": list(self.labels),
            "per_class": per_class,
            "confusion": self.confusion.tolist(),
            **(self.origin.as_dict() if self.origin else {}),
        }


@dataclass(frozen=True)
class ClassRate:
    """How many of the clips of a label are right, and what the others were taken for, the most frequent first."""

    label: str
    n: int
    right: int
    taken_for: list[tuple[str, int]]


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a rate of `right` among `n`, by Wilson's score (1927): no rate of a few clips is surely 0 or 1."""
    if n == 0:
        return 0.0, 1.0
    rate, z2 = right / n, _Z * _Z
    middle = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * (rate * (1 - rate) / n + z2 / (4 * n * n)) ** 0.5
    # At the ends they are 0 and 1, which rounding misses.
    return (0.0 if right == 0 else middle - half), (1.0 if right == n else middle + half)


def label_scores(labels: Sequence[str], outputs: NDArray[np.int8]) -> dict[str, float | None]:
    """The scores of int8 outputs (labels,), as boards tell them: (q + 128) / 256; by `score_LABEL`."""
    return {f"score_{label}": round((int(q) + 128) / 256, 4) for label, q in zip(labels, outputs.ravel(), strict=True)}


def write_scores(result: Evaluation, path: Path) -> None:
    """Write a CSV with a row for each clip: file, label (that of the data), prediction, correct (0 or 1), and `Judged.found`.

    DataError: it cannot be written.
    """
    columns = list(result.judged[0].found) if result.judged else []
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(("file", "label", "prediction", "correct", *columns))
            for one in result.judged:
                values = ("" if one.found[column] is None else one.found[column] for column in columns)
                table.writerow(
                    (one.clip.path, one.clip.label, result.labels[one.predicted], int(one.true == one.predicted), *values)
                )
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from None
