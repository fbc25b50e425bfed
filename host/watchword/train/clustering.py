"""Clustering, which needs no labels: k-means, and mean shift, which finds the number of clusters itself.

Points are rows: (n, dimensions), of any float dtype, computed in float64. The same points and seed give the same clusters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from watchword.errors import DataError

Points = NDArray[np.float64]

_ROWS = 4096  # points whose distances to all others are looked at together, at the most,
_CELLS = 1 << 22  # and numbers in memory for it


@dataclass(frozen=True, eq=False)
class Clusters:
    """centres: float64 (k, dimensions). assigned: of each point the number of its centre, int64 (n,).

    inertia: the sum of squared distances from points to their centres. steps: how often all centres were moved.
    """

    centres: Points
    assigned: NDArray[np.int64]
    inertia: float
    steps: int

    def assign(self, points: NDArray[Any]) -> NDArray[np.int64]:
        """The number of the nearest centre of other points, int64 (n,). DataError: as `k_means`."""
        return _nearest(_checked(points), self.centres)[0]


def k_means(points: NDArray[Any], k: int, *, seed: int = 0, starts: int = 8, limit: int = 300) -> Clusters:
    """Lloyd's algorithm (IEEE Trans. Inf. Theory 28, 1982): assign each point to its nearest centre, move each centre to the
    mean of its points, until no assignment changes.

    It finds a local minimum of the inertia, so that of several starts by `plus_plus` the best is kept. A centre that loses all
    its points moves to the point that is farthest from its own. limit: steps of a start at the most. DataError: points are not
    (n, dimensions), or infinite or NaN, or k of them do not differ.
    """
    checked = _checked(points)
    distinct = len(np.unique(checked, axis=0))
    if not 1 <= k <= distinct:
        raise DataError(f"k is {k}: it is between 1 and {distinct}, the number of points that differ")
    if starts < 1 or limit < 1:
        raise DataError(f"starts is {starts} and limit {limit}: both are 1 or more")
    rng = np.random.default_rng(seed)
    found = [_lloyd(checked, plus_plus(checked, k, rng), limit) for _ in range(starts)]
    return min(found, key=lambda clusters: clusters.inertia)


def plus_plus(points: Points, k: int, rng: np.random.Generator) -> Points:
    """k-means++ (Arthur and Vassilvitskii, SODA 2007): draw k of the points as centres, (k, dimensions).

    The first is drawn evenly, each other one with a probability that grows with the square of its distance to the nearest of
    those that are drawn already.
    """
    centres = [points[rng.integers(len(points))]]
    nearest = _squares(points, centres[0][None])[:, 0]
    while len(centres) < k:
        # One that lies on a centre is not drawn again, though its probability may be rounded up from 0.
        reach = np.cumsum(nearest)
        drawn = int(np.searchsorted(reach, rng.random() * reach[-1], side="right"))
        centres.append(points[min(drawn, int(np.flatnonzero(nearest)[-1]))])
        nearest = np.minimum(nearest, _squares(points, centres[-1][None])[:, 0])
    return np.array(centres)


def mean_shift(
    points: NDArray[Any], bandwidth: float, *, kernel: Literal["flat", "gaussian"] = "flat", limit: int = 300
) -> Clusters:
    """Mean shift (Fukunaga and Hostetler 1975; Comaniciu and Meer, IEEE PAMI 24, 2002): points climb to where they are densest.

    A step moves each to the mean of the points around it: of those within `bandwidth` (flat), or of all, weighted by
    exp(-d² / (2 bandwidth²)) of their distances d (gaussian). It ends where a step is shorter than a thousandth of `bandwidth`.
    Ends within a bandwidth of one another are one cluster, whose centre is that with the most points around it; the first such
    cluster is the densest. The time grows with the square of the number of points. DataError: as `k_means`, or the bandwidth is
    not above 0.
    """
    checked = _checked(points)
    if not 0 < bandwidth < np.inf:
        raise DataError(f"bandwidth is {bandwidth}: it is above 0")
    ends, density, steps = checked.copy(), np.zeros(len(checked)), 0
    moving = np.arange(len(checked))
    while len(moving) and steps < limit:
        moved, density[moving] = _shifted(ends[moving], checked, bandwidth, kernel)
        lengths = np.sqrt(np.square(moved - ends[moving]).sum(axis=1))
        ends[moving] = moved
        moving = moving[lengths > bandwidth / 1000]
        steps += 1
    centres: list[Points] = []
    for number in np.argsort(-density, kind="stable"):
        if not centres or _squares(ends[number][None], np.array(centres)).min() > bandwidth**2:
            centres.append(ends[number])
    assigned = _nearest(ends, np.array(centres))[0]
    inertia = float(np.square(checked - np.array(centres)[assigned]).sum())
    return Clusters(np.array(centres), assigned, inertia, steps)


def _lloyd(points: Points, centres: Points, limit: int) -> Clusters:
    assigned, squares = _nearest(points, centres)
    former, steps = np.empty(0, np.int64), 0
    while not np.array_equal(assigned, former) and steps < limit:
        centres = _means(points, assigned, squares, len(centres))
        former = assigned
        assigned, squares = _nearest(points, centres)
        steps += 1
    return Clusters(centres, assigned, float(squares.sum()), steps)


def _means(points: Points, assigned: NDArray[np.int64], squares: Points, k: int) -> Points:
    """The mean of the points of each centre; of one without points the point that is farthest from its own."""
    counts = np.bincount(assigned, minlength=k)
    sums = np.stack([np.bincount(assigned, column, k) for column in points.T], axis=1)
    means: Points = sums / np.maximum(counts, 1)[:, None]
    lonely = np.flatnonzero(counts == 0)
    means[lonely] = points[np.argsort(-squares, kind="stable")[: len(lonely)]]
    return means


def _shifted(places: Points, points: Points, bandwidth: float, kernel: str) -> tuple[Points, Points]:
    """(means of the points around places, their weight), (m, dimensions) and (m,)."""
    means, weight = np.empty_like(places), np.empty(len(places))
    for some in _blocks(len(places), len(points)):
        squares = _squares(places[some], points)
        near = squares <= bandwidth**2 if kernel == "flat" else np.exp(-squares / (2 * bandwidth**2))
        weights = near.astype(np.float64)
        weight[some] = weights.sum(axis=1)
        # Where nothing is near, as between points that lie around, a place stays.
        means[some] = np.where(
            weight[some, None] > 0, weights @ points / np.maximum(weight[some], 1e-300)[:, None], places[some]
        )
    return means, weight


def _nearest(points: Points, centres: Points) -> tuple[NDArray[np.int64], Points]:
    """(number of the nearest centre, the square of the distance to it) of each point; of two as near, the first."""
    assigned, nearest = np.empty(len(points), np.int64), np.empty(len(points))
    for some in _blocks(len(points), len(centres)):
        squares = _squares(points[some], centres)
        assigned[some] = squares.argmin(axis=1)
        nearest[some] = squares.min(axis=1)
    return assigned, nearest


def _squares(points: Points, others: Points) -> Points:
    """The squares of all distances, (points, others): by differences, not |a|² - 2ab + |b|², which cancels for near ones."""
    squares = np.zeros((len(points), len(others)))
    for a, b in zip(points.T, others.T, strict=True):
        squares += np.square(a[:, None] - b[None, :])
    return squares


def _blocks(rows: int, columns: int) -> Iterator[slice]:
    size = max(1, min(_ROWS, _CELLS // max(1, columns)))
    return (slice(start, start + size) for start in range(0, rows, size))


def _checked(points: NDArray[Any]) -> Points:
    found = np.asarray(points)
    if found.ndim != 2 or not found.size or found.dtype.kind not in "fiub":
        raise DataError(f"points are {found.dtype} of {found.shape}: numbers, (n, dimensions), are expected")
    checked = found.astype(np.float64)
    if not np.isfinite(checked).all():
        row, column = (int(index) for index in np.argwhere(~np.isfinite(checked))[0])
        raise DataError(f"point {row} is {checked[row, column]} in dimension {column}: all numbers must be finite")
    return checked
