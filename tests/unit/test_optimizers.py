"""Optimizers, schedules, penalties and clipping, against what textbooks say of them."""

from __future__ import annotations

import dataclasses
import math
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from watchword.train import gradients
from watchword.train.optimizers import Adam, AdamW, Momentum, Nesterov, Optimizer, RmsProp, Sgd, optimizer
from watchword.train.recipe import Training
from watchword.train.schedules import one_cycle, schedule, staircase

MAKERS: dict[str, Callable[[], Optimizer]] = {
    "sgd": Sgd,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "rmsprop": RmsProp,
    "adam": Adam,
    "adamw": lambda: AdamW(weight_decay=0.1),
}


def path(made: Optimizer, rates: list[float], start: float, gradient: Callable[[float], float]) -> list[float]:
    """Where a single number goes."""
    value, places = {"x": np.array([float(start)])}, []
    for rate in rates:
        made.step(value, {"x": np.array([gradient(float(value["x"][0]))])}, rate)
        places.append(float(value["x"][0]))
    return places


class TestByHand:
    """Two or three steps of θ = 1, of the gradient θ or of one that is given, computed with a pencil."""

    def test_sgd(self) -> None:
        assert path(Sgd(), [0.1, 0.1], 1, lambda x: x) == pytest.approx([0.9, 0.81])

    def test_momentum_is_an_average_of_gradients(self) -> None:
        # v: 0.1, 0.09 + 0.099 = 0.189; θ: 1 - 0.1 * 0.1, 0.99 - 0.1 * 0.189
        assert path(Momentum(0.9), [0.1, 0.1], 1, lambda x: x) == pytest.approx([0.99, 0.9711])

    def test_nesterov(self) -> None:
        # v = 0.1, φ = 1 - 0.1 * (0.09 + 0.1) = 0.981; v = 0.09 + 0.0981 = 0.1881, φ = 0.981 - 0.1 * (0.16929 + 0.0981)
        assert path(Nesterov(0.9), [0.1, 0.1], 1, lambda x: x) == pytest.approx([0.981, 0.954261])

    def test_rmsprop(self) -> None:
        # s = 0.1 * 4 = 0.4; θ = 1 - 0.01 * 2 / √0.4; s = 0.36 + 0.4; θ -= 0.02 / √0.76
        first = 1 - 0.02 / math.sqrt(0.4)
        assert path(RmsProp(0.9), [0.01, 0.01], 1, lambda x: 2) == pytest.approx([first, first - 0.02 / math.sqrt(0.76)])

    def test_adam(self) -> None:
        # g = 1, then 2: m = 0.1, 0.29; s = 0.001, 0.004999; m̂ = 1, 0.29 / 0.19; ŝ = 1, 0.004999 / 0.001999
        given = iter([1.0, 2.0])
        second = 0.99 - 0.01 * (0.29 / 0.19) / math.sqrt(0.004999 / 0.001999)
        assert path(Adam(), [0.01, 0.01], 1, lambda x: next(given)) == pytest.approx([0.99, second])

    def test_decay_of_adamw_is_apart_from_the_gradient_and_spares_biases(self) -> None:
        parameters = {"weights": np.ones((2, 2)), "bias": np.ones(2)}
        AdamW(weight_decay=0.5).step(parameters, {name: np.zeros_like(value) for name, value in parameters.items()}, 0.1)
        assert parameters["weights"] == pytest.approx(0.95)
        assert parameters["bias"] == pytest.approx(1)


class TestOptimizers:
    def test_nesterov_takes_gradients_where_the_velocity_leads(self) -> None:
        """The textbook's form, which computes its gradient at θ - αγv, visits the same points ahead."""
        slope, rate, decay = (lambda x: 3 * x + math.sin(x)), 0.05, 0.9
        theta, velocity, ahead = 2.0, 0.0, []
        for _ in range(30):
            velocity = decay * velocity + (1 - decay) * slope(theta - rate * decay * velocity)
            theta -= rate * velocity
            ahead.append(theta - rate * decay * velocity)
        assert path(Nesterov(decay), [rate] * 30, 2.0, slope) == pytest.approx(ahead, rel=1e-12)

    def test_momentum_is_the_heavy_ball_at_a_tenth_of_its_rate(self) -> None:
        place, velocity, places = 2.0, 0.0, []
        for _ in range(30):
            velocity = 0.9 * velocity + 3 * place
            place -= 0.01 * velocity
            places.append(place)
        assert path(Momentum(0.9), [0.1] * 30, 2.0, lambda x: 3 * x) == pytest.approx(places, rel=1e-12)

    @pytest.mark.parametrize("name", MAKERS)
    def test_the_minimum_of_a_quadratic_is_found(self, name: str) -> None:
        centre, made = np.array([3.0, -2.0, 0.5]), MAKERS[name]()
        parameters = {"x": np.zeros(3)}
        for step in range(1500):
            gradient = 2 * np.array([1.0, 10.0, 0.3]) * (parameters["x"] - centre)
            made.step(parameters, {"x": gradient}, one_cycle(step, 1500, 0.05))
        assert parameters["x"] == pytest.approx(centre, abs=2e-3)

    def test_the_first_step_of_adam_is_the_rate_against_the_sign(self) -> None:
        parameters = {"x": np.zeros(2)}
        Adam().step(parameters, {"x": np.array([100.0, -0.001])}, 0.01)
        assert parameters["x"] == pytest.approx([-0.01, 0.01], rel=1e-3)

    @pytest.mark.parametrize("name", MAKERS)
    def test_parameters_are_updated_in_place_and_gradients_left_alone(self, name: str) -> None:
        rng = np.random.default_rng(1)
        parameters = {"a": rng.normal(size=(3, 4)).astype(np.float32), "b": rng.normal(size=5).astype(np.float32)}
        arrays, found = dict(parameters), {name: rng.normal(size=v.shape).astype(np.float32) for name, v in parameters.items()}
        before = {name: value.copy() for name, value in found.items()}
        MAKERS[name]().step(parameters, found, 0.01)
        assert all(parameters[name] is array and array.dtype == np.float32 for name, array in arrays.items())
        assert all((found[name] == value).all() for name, value in before.items())

    @pytest.mark.parametrize("name", MAKERS)
    def test_a_step_makes_no_arrays(self, name: str) -> None:
        rng, made = np.random.default_rng(1), MAKERS[name]()
        parameters = {str(number): rng.normal(size=(400, 200)).astype(np.float32) for number in range(3)}
        found = {name: np.ones_like(value) for name, value in parameters.items()}
        penalty = gradients.Penalty(0.1, 0.1)

        def step() -> None:
            penalty.add(parameters, found)
            gradients.clip(found, gradients.norm(found), 1.0)
            made.step(parameters, found, 0.01)

        step()
        tracemalloc.start()
        try:
            step()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        # An array has 320,000 bytes; einsum's own buffers, for sums in float64, have 133 KB whatever the size.
        assert peak < 160_000

    @pytest.mark.parametrize("name", MAKERS)
    def test_another_one_goes_on_exactly(self, name: str) -> None:
        def steps(made: Optimizer, parameters: dict[str, np.ndarray], numbers: range) -> None:
            for number in numbers:
                rng = np.random.default_rng(number)
                made.step(parameters, {name: rng.normal(size=v.shape) for name, v in parameters.items()}, 0.1 / (1 + number))

        start = {"0.weights": np.ones((3, 4)), "0.bias": np.zeros(3)}
        whole = {name: value.copy() for name, value in start.items()}
        steps(MAKERS[name](), whole, range(6))
        broken, first, second = {name: value.copy() for name, value in start.items()}, MAKERS[name](), MAKERS[name]()
        steps(first, broken, range(3))
        second.restore(first.steps, {name: value.copy() for name, value in first.arrays().items()})
        steps(second, broken, range(3, 6))
        assert all(whole[name].tobytes() == broken[name].tobytes() for name in start)

    def test_a_recipe_chooses(self) -> None:
        assert type(optimizer(Training())) is AdamW
        for name, made in MAKERS.items():
            found = optimizer(Training(optimizer=name, momentum=0.8))  # type: ignore[arg-type]
            assert type(found) is type(made())
            if name in ("momentum", "nesterov", "adam", "adamw"):
                assert found.decay == 0.8  # type: ignore[attr-defined]
        decaying = optimizer(Training(weight_decay=0.3))
        assert isinstance(decaying, AdamW)
        assert decaying.weight_decay == 0.3


class TestSchedules:
    def rates(self, batches: int = 10, **keys: object) -> list[float]:
        settings = dataclasses.replace(Training(epochs=10, rate=1.0), **keys)  # type: ignore[arg-type]
        rate = schedule(settings, batches)
        return [rate(step) for step in range(settings.epochs * batches)]

    def test_one_cycle_rises_then_falls(self) -> None:
        rates = [one_cycle(step, 101, 1.0) for step in range(101)]
        assert rates[0] == pytest.approx(1 / 25)
        assert max(rates) == rates[30] == pytest.approx(1)
        assert rates[-1] == pytest.approx(1e-4)
        assert all(np.diff(rates[:31]) > 0)
        assert all(np.diff(rates[30:]) < 0)
        assert one_cycle(0, 1, 1.0) == pytest.approx(1e-4)
        assert self.rates() == [one_cycle(step, 100, 1.0) for step in range(100)]

    def test_a_constant_stays(self) -> None:
        assert set(self.rates(schedule="constant")) == {1.0}

    def test_a_staircase_drops_after_so_many_epochs(self) -> None:
        rates = self.rates(schedule="step", drop=0.5, drop_every=4)
        assert rates == [1.0] * 40 + [0.5] * 40 + [0.25] * 20
        assert staircase(7, 2.0, 3, 0.1) == pytest.approx(0.02)

    def test_a_cosine_falls_from_the_peak_to_nothing(self) -> None:
        rates = self.rates(schedule="cosine")
        assert rates[0] == 1
        assert rates[50] == pytest.approx(0.5)
        assert rates[25] == pytest.approx((1 + math.sqrt(0.5)) / 2)
        assert all(np.diff(rates) < 0)
        assert 0 < rates[-1] < 0.001

    @pytest.mark.parametrize("name", ["constant", "step", "cosine"])
    def test_warm_up_rises_evenly_to_the_peak(self, name: str) -> None:
        rates = self.rates(schedule=name, warm_up=1.5, drop_every=20)
        assert rates[:15] == pytest.approx(np.arange(1, 16) / 15)
        assert rates[15] == 1
        assert (rates[-1] < 0.01) == (name == "cosine")


class TestGradients:
    def test_penalties_have_their_gradients(self) -> None:
        """Against finite differences of l1 Σ|w| + l2/2 Σw²; the bias is spared."""
        rng, l1, l2 = np.random.default_rng(3), 0.3, 0.7
        weights = rng.normal(size=(3, 4))
        found = {"weights": np.zeros((3, 4)), "bias": np.zeros(3)}
        gradients.Penalty(l1, l2).add({"weights": weights, "bias": np.ones(3)}, found)

        def penalty(w: np.ndarray) -> float:
            return float(l1 * np.abs(w).sum() + l2 / 2 * np.square(w).sum())

        for place in np.ndindex(weights.shape):
            offset = np.zeros_like(weights)
            offset[place] = 1e-6
            slope = (penalty(weights + offset) - penalty(weights - offset)) / 2e-6
            assert found["weights"][place] == pytest.approx(slope, abs=1e-7)
        assert not found["bias"].any()

    def test_l1_leaves_nothing_of_weights_that_no_loss_needs(self) -> None:
        parameters, made, penalty = {"weights": np.full((2, 2), 0.05)}, Sgd(), gradients.Penalty(l1=0.1)
        for _ in range(5):
            found = {"weights": np.zeros((2, 2))}
            penalty.add(parameters, found)
            made.step(parameters, found, 0.1)
        assert parameters["weights"] == pytest.approx(0, abs=1e-12)

    def test_long_gradients_are_clipped_and_short_ones_left(self) -> None:
        found = {"a": np.array([3.0, 0.0], np.float32), "b": np.array([[4.0]], np.float32)}
        assert gradients.norm(found) == 5
        gradients.clip(found, 5.0, 6.0)
        assert found["a"].tolist() == [3, 0]
        gradients.clip(found, 5.0, 1.0)
        assert np.concatenate([value.ravel() for value in found.values()]) == pytest.approx([0.6, 0, 0.8])

    def test_a_norm_does_not_overflow(self) -> None:
        assert gradients.norm({"a": np.array([3e30, 4e30], np.float32)}) == pytest.approx(5e30)
        assert not math.isfinite(gradients.norm({"a": np.array([1.0, np.inf], np.float32)}))
        assert math.isnan(gradients.norm({"a": np.array([np.nan], np.float32)}))
