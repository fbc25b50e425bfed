"""Clustering: k-means and mean shift on points whose clusters are known, and on what is no set of points."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from watchword.errors import DataError
from watchword.train.clustering import k_means, mean_shift, plus_plus

BLOBS = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])


def blobs(count: int = 50) -> np.ndarray:
    rng = np.random.default_rng(5)
    return np.concatenate([centre + rng.normal(0, 1, (count, 2)) for centre in BLOBS])


def matched(centres: np.ndarray) -> np.ndarray:
    """The distance from each blob to its nearest centre."""
    return np.sqrt(np.square(BLOBS[:, None] - centres[None]).sum(axis=2)).min(axis=1)


class TestKMeans:
    def test_blobs_are_found(self) -> None:
        found = k_means(blobs(), 3)
        assert (matched(found.centres) < 0.5).all()
        assert all(len(set(found.assigned[start : start + 50])) == 1 for start in (0, 50, 100))
        assert (found.assign(found.centres) == [0, 1, 2]).all()

    def test_a_step_by_hand(self) -> None:
        """1, 2, 9, 10 with two centres: {1, 2} and {9, 10}, whose means are 1.5 and 9.5, and whose inertia is 4 * 0.25."""
        found = k_means(np.array([[1.0], [2.0], [9.0], [10.0]]), 2)
        assert sorted(found.centres[:, 0]) == [1.5, 9.5]
        assert found.inertia == 1.0

    def test_the_best_of_all_divisions_is_found(self) -> None:
        points = np.random.default_rng(8).normal(size=(9, 2))

        def inertia(division: tuple[int, ...]) -> float:
            parts = [points[[i for i, part in enumerate(division) if part == k]] for k in set(division)]
            return sum(float(np.square(part - part.mean(axis=0)).sum()) for part in parts)

        least = min(inertia(division) for division in itertools.product(range(3), repeat=9) if len(set(division)) == 3)
        assert k_means(points, 3, starts=20).inertia == pytest.approx(least)

    def test_each_centre_is_the_mean_of_its_points_and_the_nearest_of_all(self) -> None:
        points = np.random.default_rng(2).normal(size=(300, 5)).astype(np.float32)
        found = k_means(points, 7)
        for number, centre in enumerate(found.centres):
            assert centre == pytest.approx(points[found.assigned == number].mean(axis=0), abs=1e-6)
        squares = np.square(points[:, None] - found.centres[None]).sum(axis=2)
        assert (squares.argmin(axis=1) == found.assigned).all()
        assert found.inertia == pytest.approx(squares.min(axis=1).sum(), rel=1e-6)

    def test_as_many_centres_as_points_that_differ(self) -> None:
        points = np.repeat(np.array([[0.0], [1.0], [5.0]]), 4, axis=0)
        assert sorted(k_means(points, 3).centres[:, 0]) == [0, 1, 5]

    def test_a_centre_that_loses_its_points_gets_others(self) -> None:
        from watchword.train.clustering import _lloyd  # no start of plus_plus is as bad as this one

        found = _lloyd(blobs(), np.array([[0.0, 0.0], [500.0, 500.0], [600.0, 600.0]]), 300)
        assert np.bincount(found.assigned, minlength=3).all()

    def test_the_same_seed_gives_the_same_clusters(self) -> None:
        one, again = k_means(blobs(), 3, seed=4), k_means(blobs(), 3, seed=4)
        assert one.centres.tobytes() == again.centres.tobytes()
        assert one.assigned.tobytes() == again.assigned.tobytes()

    def test_plus_plus_draws_by_the_square_of_the_distance(self) -> None:
        """From 0, the points 1 and 3 have the shares 1 and 9 of 10."""
        points = np.array([[0.0], [1.0], [3.0]])
        rng = np.random.default_rng(1)
        pairs = [plus_plus(points, 2, rng)[:, 0] for _ in range(6_000)]
        after_0 = [second for first, second in pairs if first == 0]
        assert np.mean(np.array(after_0) == 3) == pytest.approx(0.9, abs=0.03)
        assert all(first != second for first, second in pairs)

    @pytest.mark.parametrize(
        ("points", "k", "message"),
        [
            (np.zeros((5, 2)), 2, "k is 2: it is between 1 and 1, the number of points that differ"),
            (np.zeros((5, 2)), 0, "k is 0"),
            (np.zeros(5), 1, r"points are float64 of \(5,\): numbers, \(n, dimensions\)"),
            (np.zeros((0, 2)), 1, "points are"),
            (np.array([["a"]]), 1, "points are"),
            (np.array([[0.0, 1.0], [np.nan, 2.0]]), 1, "point 1 is nan in dimension 0"),
            (np.array([[0.0, np.inf]]), 1, "point 0 is inf in dimension 1"),
        ],
    )
    def test_what_cannot_be_divided_is_refused(self, points: np.ndarray, k: int, message: str) -> None:
        with pytest.raises(DataError, match=message):
            k_means(points, k)


class TestMeanShift:
    @pytest.mark.parametrize(("kernel", "bandwidth"), [("flat", 3.0), ("gaussian", 1.5)])
    def test_the_number_of_blobs_is_found(self, kernel: str, bandwidth: float) -> None:
        found = mean_shift(blobs(), bandwidth, kernel=kernel)  # type: ignore[arg-type]
        assert len(found.centres) == 3
        assert (matched(found.centres) < 0.7).all()
        assert all(len(set(found.assigned[start : start + 50])) == 1 for start in (0, 50, 100))

    def test_a_step_by_hand(self) -> None:
        """Within 2 of 0 lie 0 and 1, within 2 of 1 too: both end at 0.5; 8 is alone."""
        found = mean_shift(np.array([[0.0], [1.0], [8.0]]), 2.0)
        assert found.centres[:, 0].tolist() == [0.5, 8.0]
        assert found.assigned.tolist() == [0, 0, 1]
        assert found.inertia == 0.5

    def test_a_gaussian_end_is_a_mode_of_the_density(self) -> None:
        points, bandwidth = blobs(), 1.5
        for centre in mean_shift(points, bandwidth, kernel="gaussian").centres:
            offsets = points - centre
            weights = np.exp(-np.square(offsets).sum(axis=1) / (2 * bandwidth**2))
            assert weights @ offsets / weights.sum() == pytest.approx([0, 0], abs=0.01 * bandwidth)

    def test_one_wide_look_sees_one_cluster(self) -> None:
        assert len(mean_shift(blobs(), 100.0).centres) == 1

    @pytest.mark.parametrize("bandwidth", [0.0, -1.0, float("nan"), float("inf")])
    def test_a_bandwidth_is_above_0(self, bandwidth: float) -> None:
        with pytest.raises(DataError, match="bandwidth is .*: it is above 0"):
            mean_shift(blobs(), bandwidth)
