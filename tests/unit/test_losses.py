"""The losses: each gradient against finite differences, and values against those worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.unit.test_layers import differences

from watchword.errors import DataError
from watchword.train.layers import Array
from watchword.train.losses import (
    LOSSES,
    BinaryCrossEntropy,
    CosineSoftmax,
    CrossEntropy,
    Hinge,
    Loss,
    MeanSquaredError,
    Prototypical,
    Targets,
    Triplet,
    Weighted,
    log_softmax,
)

RNG = np.random.default_rng(5)
CLASSES = np.array([0, 1, 2, 0, 1, 2, 0, 3, 1, 0])
PROBABILITIES = np.exp(log_softmax(RNG.normal(size=(10, 4))))
YES_OR_NO = (RNG.random((10, 4)) < 0.5).astype(np.float64)

CASES: dict[str, tuple[Loss, Targets, int]] = {
    "mean squared error": (MeanSquaredError(), RNG.normal(size=(10, 4)), 4),
    "mean squared error of one": (MeanSquaredError(), RNG.normal(size=10), 1),
    "cross-entropy": (CrossEntropy(), CLASSES, 4),
    "cross-entropy of probabilities": (CrossEntropy(), PROBABILITIES, 4),
    "cross-entropy, smoothed": (CrossEntropy(smoothing=0.1), CLASSES, 4),
    "cross-entropy, weighted": (CrossEntropy(0.1, (1, 2, 0.5, 3)), CLASSES, 4),
    "cross-entropy of probabilities, weighted": (CrossEntropy(0.1, (1, 2, 0.5, 3)), PROBABILITIES, 4),
    "binary": (BinaryCrossEntropy(), YES_OR_NO, 4),
    "binary, smoothed, weighted": (BinaryCrossEntropy(0.2, (1, 2, 0.5, 3)), YES_OR_NO, 4),
    "binary of one": (BinaryCrossEntropy(), CLASSES % 2, 1),
    "cosine softmax": (CosineSoftmax(), CLASSES, 4),
    "hinge": (Hinge(), CLASSES, 4),
    "hinge of one": (Hinge(0.5), CLASSES % 2, 1),
    "triplet": (Triplet(5.0), CLASSES, 3),
    "prototypical": (Prototypical(shots=1), CLASSES, 3),
    "prototypical, two shots": (Prototypical(shots=2), CLASSES, 3),
    "weighted": (Weighted(((0.3, CrossEntropy()), (2.0, Hinge()))), CLASSES, 4),
}


@pytest.mark.parametrize("name", CASES)
def test_gradients_equal_finite_differences(name: str) -> None:
    loss, targets, values = CASES[name]
    outputs = np.random.default_rng(6).normal(size=(10, values))
    value, gradient = loss(outputs, targets)
    assert value > 0
    assert np.abs(gradient).max() > 0.001
    numeric = differences(lambda: loss(outputs, targets)[0], outputs, 1e-5)
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_single_precision_stays_and_is_near_enough(name: str) -> None:
    loss, targets, values = CASES[name]
    outputs = np.random.default_rng(6).normal(size=(10, values))
    value, gradient = loss(outputs, targets)
    near, single = loss(outputs.astype(np.float32), targets)
    assert single.dtype == np.float32
    assert near == pytest.approx(value, rel=1e-4)
    np.testing.assert_allclose(single, gradient, atol=1e-4)


def test_every_loss_has_a_name_for_recipes() -> None:
    assert set(LOSSES.values()) == {type(loss) for loss, _, _ in CASES.values()} - {Weighted}


def test_values_by_hand() -> None:
    even = np.zeros((2, 4))
    right = np.array([0, 3])
    assert CrossEntropy()(even, right)[0] == pytest.approx(math.log(4))
    assert BinaryCrossEntropy()(even, np.ones((2, 4)))[0] == pytest.approx(math.log(2))
    assert MeanSquaredError()(even, np.full((2, 4), 3.0))[0] == 9
    assert Hinge()(np.array([[2.0, 1.5, 0.0]]), np.array([0]))[0] == pytest.approx(0.5)
    assert Hinge()(np.array([[0.25], [0.25]]), np.array([1, 0]))[0] == pytest.approx((0.75 + 1.25) / 2)
    assert CosineSoftmax(margin=0.5, scale=2)(np.array([[0.5, 0.0]]), np.array([0]))[0] == pytest.approx(math.log(2))
    # Distances: 1 within the first class, 4 and 9 to the other's only example, which has no other of its class.
    embeddings = np.array([[0.0], [1.0], [3.0]])
    assert Triplet(margin=4.0)(embeddings, np.array([0, 0, 1]))[0] == pytest.approx((0 + 1) / 2)
    # A query at 1 between the prototypes 0 and 3: distances 1 and 4.
    shown = np.array([[0.0], [3.0], [1.0]])
    assert Prototypical(shots=1)(shown, np.array([0, 1, 0]))[0] == pytest.approx(math.log(1 + math.exp(-3)))


def test_a_weight_of_two_is_an_example_twice() -> None:
    outputs = RNG.normal(size=(3, 2))
    twice = CrossEntropy()(outputs[[0, 0, 1, 2]], np.array([0, 0, 1, 1]))[0]
    assert CrossEntropy(weights=(2, 1))(outputs, np.array([0, 1, 1]))[0] == pytest.approx(twice)


def test_smoothing_is_a_mixture_with_even_probabilities() -> None:
    mixed = 0.8 * np.eye(4)[CLASSES] + 0.2 / 4
    outputs = RNG.normal(size=(10, 4))
    assert CrossEntropy(smoothing=0.2)(outputs, CLASSES)[0] == pytest.approx(CrossEntropy()(outputs, mixed)[0])


@pytest.mark.parametrize(("loss", "expected"), [(CrossEntropy(), 1000), (BinaryCrossEntropy(), 500)])
def test_extreme_outputs_stay_finite(loss: Loss, expected: float) -> None:
    outputs: Array = np.array([[1000.0, -1000.0], [-1000.0, 1000.0]], np.float32)
    value, gradient = loss(outputs, np.array([[0.0, 1.0], [0.0, 1.0]]))
    assert value == pytest.approx(expected)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("loss", [Triplet(), Prototypical(shots=2)])
def test_a_batch_that_has_no_pairs_costs_nothing(loss: Loss) -> None:
    for targets in ([0, 1, 2], [0, 0, 0]):
        value, gradient = loss(np.ones((3, 2)), np.array(targets))
        assert value == 0
        assert (gradient == 0).all()


@pytest.mark.parametrize(
    ("loss", "targets", "message"),
    [
        (CrossEntropy(), np.array([0, 4]), "a target is of class 4, and there are 3 outputs"),
        (CrossEntropy(), np.array([0, -1]), "a target is of class -1"),
        (CrossEntropy(), np.zeros(2), r"numbers of the outputs' shape \(2, 3\), not float64 of shape \(2,\)"),
        (CrossEntropy(weights=(1.0, 2.0)), np.array([0, 1]), "weights has 2 entries, and there are 3 outputs"),
        (MeanSquaredError(), np.zeros((2, 4)), r"numbers of the outputs' shape \(2, 3\)"),
        (Hinge(), np.zeros((2, 3)), "one class number for each of 2 examples"),
        (Triplet(), np.zeros(2), "one class number for each of 2 examples"),
    ],
)
def test_targets_that_do_not_go_with_the_outputs_are_refused(loss: Loss, targets: Targets, message: str) -> None:
    with pytest.raises(DataError, match=message):
        loss(np.zeros((2, 3)), targets)
