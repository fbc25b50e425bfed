"""Losses: each gives its value, and the gradient with respect to the network's outputs.

`loss(outputs, targets) -> (value, gradient)`. outputs: (examples, values), as `Network.forward` returns them; what a head makes
of them in use (a softmax, a sigmoid) is part of the loss, which is exact where probabilities would round to 0. targets: int64
(examples,) of class numbers, or floats (examples, values). value: a float, the mean over the examples. gradient: of the
outputs' shape and dtype. DataError: targets that do not go with the outputs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from watchword.errors import DataError
from watchword.train.layers import Array

Targets = NDArray[np.int64] | Array


class Loss(ABC):
    """Base of the losses."""

    @abstractmethod
    def __call__(self, outputs: Array, targets: Targets) -> tuple[float, Array]:
        """Return (value, gradient with respect to the outputs)."""


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """The mean of (output - target)^2 over all values; for regression, autoencoders and, of one output, numbers (examples,)."""

    def __call__(self, outputs: Array, targets: Targets) -> tuple[float, Array]:
        wanted = _numbers(outputs, targets)
        difference = outputs - wanted
        return float(np.mean(difference * difference)), difference * (2 / difference.size)


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """The cross-entropy of the softmax of the outputs, in nats.

    smoothing: the share of each target that is spread evenly over all classes (arXiv:1512.00567). weights: of the classes, by
    which a rare one may count for more; the mean is a weighted one then. targets: class numbers, or probabilities of all
    classes.
    """

    smoothing: float = 0.0
    weights: tuple[float, ...] = ()

    def __call__(self, outputs: Array, targets: Targets) -> tuple[float, Array]:
        classes = outputs.shape[1]
        sharp = _probabilities(outputs, targets)
        wanted = sharp * (1 - self.smoothing) + self.smoothing / classes
        total = float(len(outputs))
        if self.weights:
            weights = _weights(self.weights, outputs)
            total, wanted = float((sharp * weights).sum()), wanted * weights
        log_probabilities = log_softmax(outputs)
        value = -float((wanted * log_probabilities).sum()) / total
        return value, (np.exp(log_probabilities) * wanted.sum(axis=1, keepdims=True) - wanted) / total


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """The cross-entropy of the sigmoid of each output by itself, in nats: for one word or none, or labels that may come
    together.

    smoothing: brings the targets 0 and 1 nearer to a half: t (1 - smoothing) + smoothing / 2. weights: of each output's target
    1. targets: 0 or 1 of each output (examples, values); of one output also (examples,).
    """

    smoothing: float = 0.0
    weights: tuple[float, ...] = ()

    def __call__(self, outputs: Array, targets: Targets) -> tuple[float, Array]:
        wanted = _numbers(outputs, targets) * (1 - self.smoothing) + self.smoothing / 2
        weights = _weights(self.weights, outputs) if self.weights else np.ones(1, outputs.dtype)
        # -log(sigmoid(z)) is log(1 + exp(-z)), and -log(1 - sigmoid(z)) is that of -z.
        yes, no = np.logaddexp(0, -outputs), np.logaddexp(0, outputs)
        values = weights * wanted * yes + (1 - wanted) * no
        probability = np.exp(-yes)
        gradient = (1 - wanted) * probability - weights * wanted * (1 - probability)
        return float(values.mean()), gradient / outputs.size


@dataclass(frozen=True)
class CosineSoftmax(Loss):
    """The cross-entropy of cosines with a margin: CosFace (arXiv:1801.09414).

    outputs: the cosines that the layer `Cosines` makes. From that of the right class `margin` is taken, and all are multiplied
    by `scale`: an embedding has to be nearer to its own class by the margin before it costs nothing.
    """

    margin: float = 0.2
    scale: float = 16.0

    def __call__(self, outputs: Array, targets: Targets) -> tuple[float, Array]:
        moved = self.scale * (outputs - self.margin * _probabilities(outputs, targets))
        value, gradient = CrossEntropy()(moved, targets)
        return value, gradient * self.scale


@dataclass(frozen=True)
class Hinge(Loss):
    """The hinge loss of support vector machines: what is right has to win by a margin.

    Of several outputs, after Weston and Watkins (1999): the sum of max(0, output - the right one's + margin) over the wrong
    ones. Of one output max(0, margin - t * output), where t is 1 for the target 1 and -1 for 0.
    """

    margin: float = 1.0

    def __call__(self, outputs: Array, targets: Targets) -> tuple[float, Array]:
        count = len(outputs)
        if outputs.shape[1] == 1:
            sign = 2 * _numbers(outputs, targets) - 1
            missing = np.maximum(self.margin - sign * outputs, 0)
            return float(missing.sum()) / count, np.where(missing > 0, -sign, 0).astype(outputs.dtype) / count
        right = _classes(outputs, targets)
        rows = np.arange(count)
        missing = np.maximum(outputs - outputs[rows, right][:, None] + self.margin, 0)
        missing[rows, right] = 0
        gradient = (missing > 0).astype(outputs.dtype)
        gradient[rows, right] = -gradient.sum(axis=1)
        return float(missing.sum()) / count, gradient / count


@dataclass(frozen=True)
class Triplet(Loss):
    """The triplet loss (arXiv:1503.03832) of the hardest in the batch (arXiv:1703.07737).

    outputs: embeddings. For every example that has another of its class and one of another class: max(0, squared distance to
    the farthest of its class - that to the nearest of another + margin).
    """

    margin: float = 0.2

    def __call__(self, outputs: Array, targets: Targets) -> tuple[float, Array]:
        classes = _labels(outputs, targets)
        same = classes[:, None] == classes
        distances = squared_distances(outputs, outputs)
        others = same & ~np.eye(len(outputs), dtype=bool)
        anchors = np.flatnonzero(others.any(axis=1) & ~same.all(axis=1))
        if not len(anchors):
            return 0.0, np.zeros_like(outputs)
        farthest = np.where(others, distances, -np.inf).argmax(axis=1)[anchors]
        nearest = np.where(same, np.inf, distances).argmin(axis=1)[anchors]
        missing = np.maximum(distances[anchors, farthest] - distances[anchors, nearest] + self.margin, 0)
        weight = (2 * (missing > 0) / len(anchors)).astype(outputs.dtype)[:, None]
        gradient = np.zeros_like(outputs)
        pull, push = outputs[anchors] - outputs[farthest], outputs[anchors] - outputs[nearest]
        np.add.at(gradient, anchors, weight * (pull - push))
        np.add.at(gradient, farthest, -weight * pull)
        np.add.at(gradient, nearest, weight * push)
        return float(missing.mean()), gradient


@dataclass(frozen=True)
class Prototypical(Loss):
    """The loss of prototypical networks (arXiv:1703.05175), which trains what teaching words by a few shots asks for.

    outputs: embeddings. Of each class in the batch the first `shots` examples make a prototype, their mean; the others are
    asked for: the cross-entropy of the softmax of their negative squared distances to all prototypes. Classes with too few
    examples to ask for any only have a prototype, or none.
    """

    shots: int = 3

    def __call__(self, outputs: Array, targets: Targets) -> tuple[float, Array]:
        classes, order = np.unique(_labels(outputs, targets), return_inverse=True)
        members = [np.flatnonzero(order == number) for number in range(len(classes))]
        members = [rows for rows in members if len(rows) >= self.shots]
        asked = np.concatenate([np.zeros(0, np.intp), *(rows[self.shots :] for rows in members)])
        if not len(asked) or len(members) < 2:
            return 0.0, np.zeros_like(outputs)
        right = np.concatenate([np.full(len(rows) - self.shots, number) for number, rows in enumerate(members)])
        shown = [rows[: self.shots] for rows in members]
        prototypes = np.stack([outputs[rows].mean(axis=0) for rows in shown])
        value, d_scores = CrossEntropy()(-squared_distances(outputs[asked], prototypes), right)
        # The score of a query q and a prototype p is -|q - p|^2, whose gradient is 2 (p - q) by q, and the opposite by p.
        d_asked = 2 * (d_scores @ prototypes - d_scores.sum(axis=1, keepdims=True) * outputs[asked])
        d_prototypes = 2 * (d_scores.T @ outputs[asked] - d_scores.sum(axis=0)[:, None] * prototypes)
        gradient = np.zeros_like(outputs)
        gradient[asked] = d_asked
        for rows, d_prototype in zip(shown, d_prototypes, strict=True):
            gradient[rows] += d_prototype / self.shots
        return value, gradient


@dataclass(frozen=True)
class Weighted(Loss):
    """Several losses of the same outputs, each times its weight, summed."""

    parts: tuple[tuple[float, Loss], ...]

    def __call__(self, outputs: Array, targets: Targets) -> tuple[float, Array]:
        total, gradient = 0.0, np.zeros_like(outputs)
        for weight, loss in self.parts:
            value, part = loss(outputs, targets)
            total += weight * value
            gradient += weight * part
        return total, gradient


LOSSES: dict[str, type[Loss]] = {
    "cross_entropy": CrossEntropy,
    "binary_cross_entropy": BinaryCrossEntropy,
    "mean_squared_error": MeanSquaredError,
    "cosine_softmax": CosineSoftmax,
    "hinge": Hinge,
    "triplet": Triplet,
    "prototypical": Prototypical,
}
"""By the names that recipes have for them."""


def log_softmax(outputs: Array) -> Array:
    """The logarithms of the softmax of each example's outputs, (examples, values)."""
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def squared_distances(one: Array, other: Array) -> Array:
    """The squared Euclidean distances between rows, (rows of one, rows of other)."""
    return np.asarray(((one[:, None] - other[None]) ** 2).sum(axis=2))


def _probabilities(outputs: Array, targets: Targets) -> Array:
    """Targets as probabilities (examples, classes)."""
    if not np.issubdtype(targets.dtype, np.integer):
        return _numbers(outputs, targets)
    return np.eye(outputs.shape[1], dtype=outputs.dtype)[_classes(outputs, targets)]


def _classes(outputs: Array, targets: Targets) -> NDArray[np.int64]:
    """Targets as class numbers (examples,), each of which has an output."""
    classes = _labels(outputs, targets)
    if len(classes) and not 0 <= classes.min() <= classes.max() < outputs.shape[1]:
        strange = classes.min() if classes.min() < 0 else classes.max()
        raise DataError(f"a target is of class {strange}, and there are {outputs.shape[1]} outputs, counted from 0")
    return classes


def _labels(outputs: Array, targets: Targets) -> NDArray[np.int64]:
    """Targets as class numbers (examples,)."""
    if not np.issubdtype(targets.dtype, np.integer) or targets.shape != (len(outputs),):
        raise DataError(f"targets are one class number for each of {len(outputs)} examples, not {_told(targets)}")
    return targets.astype(np.int64, copy=False)


def _numbers(outputs: Array, targets: Targets) -> Array:
    """Targets as numbers of the outputs' shape."""
    if targets.size != outputs.size or len(targets) != len(outputs):
        raise DataError(f"targets are numbers of the outputs' shape {outputs.shape}, not {_told(targets)}")
    return targets.reshape(outputs.shape).astype(outputs.dtype)


def _weights(weights: tuple[float, ...], outputs: Array) -> Array:
    if len(weights) != outputs.shape[1]:
        raise DataError(f"weights has {len(weights)} entries, and there are {outputs.shape[1]} outputs")
    return np.array(weights, outputs.dtype)


def _told(targets: Targets) -> str:
    return f"{targets.dtype} of shape {targets.shape}"
