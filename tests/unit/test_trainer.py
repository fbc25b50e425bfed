"""The trainer and its hooks: steps, exact resume at any of them, and what stops it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from watchword.errors import DataError
from watchword.train.artifacts import plot_curves, save_history
from watchword.train.datasets import Examples
from watchword.train.hooks import Averaging, Best, EarlyStopping, Pace, Progress
from watchword.train.layers import BatchNorm, Dense, Dropout, Layer
from watchword.train.network import Input, Network
from watchword.train.recipe import Training
from watchword.train.trainer import Epoch, Hook, Trainer

SETTINGS = Training(epochs=4, batch=8, rate=0.05)
INPUTS, OUTPUTS, BATCHES = 6, 3, 5


class Rows:
    """A dataset: rows of numbers, and what a matrix makes of them. spoilt: (epoch, batch, what to put into row 2)."""

    batches = BATCHES

    def __init__(self, spoilt: tuple[int, int, float] | None = None) -> None:
        self.spoilt = spoilt

    def examples(self, *seed: int) -> Examples:
        rng = np.random.default_rng([9, *seed])
        inputs = rng.normal(size=(8, 1, 1, INPUTS)).astype(np.float32)
        matrix = np.random.default_rng(4).normal(size=(INPUTS, OUTPUTS))
        return Examples(inputs, (inputs.reshape(8, INPUTS) @ matrix).astype(np.float32))  # type: ignore[arg-type]

    def epoch(self, number: int) -> Iterator[Examples]:
        for batch in range(BATCHES):
            examples = self.examples(number, batch)
            if self.spoilt is not None and self.spoilt[:2] == (number, batch):
                examples.inputs[2, 0, 0, 4] = self.spoilt[2]  # type: ignore[assignment]
            yield examples

    def validation(self) -> Examples:
        return self.examples(0)


class Squares:
    """An objective: half of the mean square of what outputs are off. infinite: its gradient is."""

    def __init__(self, infinite: bool = False) -> None:
        self.infinite = infinite

    def loss(self, network: Network, outputs: NDArray[Any], examples: Examples) -> tuple[float, NDArray[Any]]:
        off = outputs - examples.targets
        gradient = off / off.size
        return float(np.square(off).mean() / 2), gradient + np.float32(np.inf) if self.infinite else gradient

    def evaluate(self, network: Network, examples: Examples) -> tuple[float, float | None]:
        return self.loss(network, network.forward(examples.inputs), examples)[0], None


class Listed(Squares):
    """Validation losses that were listed before."""

    def __init__(self, *losses: float) -> None:
        super().__init__()
        self.losses = iter(losses)

    def evaluate(self, network: Network, examples: Examples) -> tuple[float, float | None]:
        return next(self.losses), None


class Noting(Hook):
    """Notes what it is told. stop: the step after which it stops the trainer."""

    def __init__(self, stop: int = -1) -> None:
        self.told: list[str] = []
        self.stop = stop

    def began(self, trainer: Trainer) -> None:
        self.told.append("began")

    def stepped(self, trainer: Trainer, examples: Examples) -> None:
        self.told.append(f"{trainer.position.epoch}.{trainer.position.batch}")
        if trainer.position.steps == self.stop:
            trainer.stop()

    def epoch_ended(self, trainer: Trainer, epoch: Epoch) -> None:
        self.told.append(f"epoch {epoch.number}")


def small_network() -> Network:
    return network_of(Dense(5), BatchNorm(), Dropout(0.2), Dense(OUTPUTS))


def network_of(*layers: Layer) -> Network:
    network = Network(Input((INPUTS,)), np.random.default_rng(7), head="none")
    for layer in layers:
        network.add(layer)
    return network


def trainer(settings: Training = SETTINGS, *hooks: Hook, **parts: Any) -> Trainer:
    return Trainer(small_network(), parts.get("dataset", Rows()), parts.get("objective", Squares()), settings, hooks)


def content(found: Trainer) -> list[tuple[str, str, bytes]]:
    """All arrays of a trainer's state, to be compared byte for byte."""
    arrays = found.state().arrays
    return [(part, name, value.tobytes()) for part, values in arrays.items() for name, value in values.items()]


class TestSteps:
    def test_the_loss_falls_and_hooks_are_told_in_order(self) -> None:
        noting = Noting()
        found = trainer(SETTINGS, noting)
        assert found.run()
        assert noting.told[:7] == ["began", *(f"1.{batch}" for batch in range(1, 6)), "epoch 1"]
        assert noting.told.count("began") == 1
        assert [epoch.number for epoch in found.history] == [1, 2, 3, 4]
        assert found.history[-1].validation_loss < 0.5 * found.history[0].validation_loss
        assert found.history[0].loss > found.history[-1].loss
        assert found.position.steps == 20

    def test_a_step_is_gradient_penalty_clipping_and_optimizer(self) -> None:
        settings = dataclasses.replace(SETTINGS, optimizer="sgd", schedule="constant", l2=0.1, clip=0.01)
        found, network = trainer(settings), small_network()
        examples = Rows().examples(1, 0)
        loss, gradient = Squares().loss(network, network.forward(examples.inputs, training=True), examples)
        network.backward(gradient)
        parameters, gradients = network.parameters(), network.gradients()
        whole = {name: g + (0.1 * parameters[name] if g.ndim > 1 else 0) for name, g in gradients.items()}
        length = np.sqrt(sum(float(np.square(g).sum()) for g in whole.values()))
        assert length > 0.01
        assert found.step(examples) == loss
        for name, value in found.network.parameters().items():
            assert value == pytest.approx(parameters[name] - settings.rate * 0.01 / length * whole[name], abs=1e-6)
        assert found.position.lengths == pytest.approx(length)

    def test_rates_and_gradients_are_in_the_history(self) -> None:
        found = trainer(dataclasses.replace(SETTINGS, schedule="step", drop=0.5, drop_every=2))
        found.run()
        assert [epoch.rate for epoch in found.history] == [0.05, 0.05, 0.025, 0.025]
        assert all(epoch.gradient > 0 for epoch in found.history)

    def test_a_trainer_that_is_finished_does_no_more(self) -> None:
        found = trainer()
        assert found.run()
        before = content(found)
        assert found.run()
        assert content(found) == before
        assert len(found.history) == 4


class TestResume:
    @pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"])
    @pytest.mark.parametrize("stop", [1, 4, 5, 12, 20])
    def test_a_resumed_run_equals_the_unbroken_one(self, optimizer: Any, stop: int) -> None:
        settings = dataclasses.replace(SETTINGS, optimizer=optimizer, clip=1.0, l1=0.01)
        whole = trainer(settings, Averaging(0.9), Best())
        assert whole.run()
        broken = trainer(settings, Averaging(0.9), Best(), Noting(stop))
        assert not broken.run()
        assert broken.position.steps == stop
        again = trainer(settings, Averaging(0.9), Best())
        again.restore(broken.state())
        assert again.run()
        assert again.history == whole.history
        assert content(again) == content(whole)

    def test_the_same_trainer_goes_on_too(self) -> None:
        whole, broken = trainer(), trainer(SETTINGS, Noting(7))
        whole.run()
        assert not broken.run()
        assert broken.run()
        assert content(broken) == content(whole)
        assert broken.history == whole.history

    def test_a_state_does_not_change_with_the_trainer_that_took_it_over(self) -> None:
        first = trainer(SETTINGS, Noting(3))
        first.run()
        state, before = first.state(), content(first)
        second = trainer()
        second.restore(state)
        second.run()
        assert content(first) == before

    def test_a_state_of_another_network_or_of_other_hooks_is_refused(self) -> None:
        state = trainer(SETTINGS, Averaging(0.9)).state()
        with pytest.raises(DataError, match="nothing of best: it is of a run with other settings"):
            trainer(SETTINGS, Averaging(0.9), Best()).restore(state)
        wider = trainer()
        wider.network = network_of(Dense(OUTPUTS))
        with pytest.raises(DataError, match="network with other layers than the recipe's"):
            wider.restore(state)


class TestHooks:
    def test_the_average_follows_its_formula(self) -> None:
        found = trainer(SETTINGS, Averaging(0.9))
        expected = {name: value.astype(np.float64) for name, value in found.network.arrays().items()}
        for step in range(1, 31):
            found.step(Rows().examples(1, step))
            decay = min(0.9, step / (step + 10))
            for name, value in found.network.arrays().items():
                average = decay * expected[name] + (1 - decay) * value
                expected[name] = average if value.dtype.kind == "f" else value  # the masks that were drawn are counted
        assert found.candidate is not found.network
        for name, value in found.candidate.arrays().items():
            assert value == pytest.approx(expected[name], abs=1e-5)

    def test_the_best_epoch_is_kept(self) -> None:
        kept: list[bytes] = []

        class Keeping(Hook):
            def epoch_ended(self, trainer: Trainer, epoch: Epoch) -> None:
                kept.append(b"".join(value.tobytes() for value in trainer.candidate.arrays().values()))

        best = Best()
        trainer(SETTINGS, best, Keeping(), objective=Listed(3.0, 1.0, 1.0, 2.0)).run()
        assert b"".join(value.tobytes() for value in best.arrays().values()) == kept[1]
        assert len(set(kept)) == 4

    def test_training_ends_early_without_a_better_epoch(self) -> None:
        settings = dataclasses.replace(SETTINGS, epochs=20)
        found = trainer(settings, EarlyStopping(3), objective=Listed(5, 4, 4.5, 4.2, 3, 3, 3.1, 3.2, 1))
        assert found.run()
        assert [epoch.number for epoch in found.history] == list(range(1, 9))  # the fifth is the best, three after it are not
        again = trainer(settings, EarlyStopping(3))
        again.restore(found.state())
        assert again.run()
        assert len(again.history) == 8

    def test_progress_has_examples_per_second_and_the_time_left(self) -> None:
        seconds = iter(range(0, 10_000, 2))
        paces: list[Pace] = []
        ended: list[tuple[int, Pace]] = []
        progress = Progress(paces.append, lambda epoch, pace: ended.append((epoch.number, pace)), lambda: float(next(seconds)))
        trainer(SETTINGS, progress).run()
        assert paces[0] == Pace(epoch=1, done=1, total=20, rate=4.0, left=38.0)  # 8 examples, and a step, in 2 s
        assert [pace.done for pace in paces] == list(range(1, 21))
        assert [number for number, _ in ended] == [1, 2, 3, 4]
        assert ended[-1][1].left == 0


class TestWhatIsNotFinite:
    @pytest.mark.parametrize(("value", "shown"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "-infinity")])
    def test_an_input_is_named_with_its_batch_and_place(self, value: float, shown: str) -> None:
        found = trainer(dataset=Rows((2, 3, value)))
        with pytest.raises(DataError, match=rf"epoch 2, batch 4: the inputs of example 3 have {shown} at \(0, 0, 4\)"):
            found.run()
        assert found.position.steps == 8

    def test_an_input_for_validation_too(self) -> None:
        rows = Rows()
        examples = rows.examples(0)
        examples.inputs[5, 0, 0, 1] = np.nan  # type: ignore[assignment]
        rows.validation = lambda: examples  # type: ignore[method-assign]
        with pytest.raises(DataError, match="the validation set: the inputs of example 6 have NaN"):
            trainer(dataset=rows)

    def test_a_loss_is_told_with_the_layer_that_overflowed(self) -> None:
        found = trainer()
        found.network.parameters()["dense_0.weights"][:] = 3e38
        with pytest.raises(
            DataError,
            match=r"epoch 1, batch 1: the loss is NaN, first in the output of layer dense_0, which has -?infinity",
        ):
            found.run()

    def test_a_loss_is_told_with_the_parameter_that_was_lost(self) -> None:
        found = trainer()
        found.step(Rows().examples(1, 0))
        found.network.parameters()["dense_3.bias"][1] = np.nan
        with pytest.raises(DataError, match="epoch 1, batch 2: the loss is NaN, first in bias of layer dense_3, which has NaN"):
            found.step(Rows().examples(1, 1))

    def test_a_gradient_is_told_with_its_layer(self) -> None:
        found = trainer(objective=Squares(infinite=True))
        with pytest.raises(
            DataError, match="epoch 1, batch 1: the gradient of bias of layer dense_3 is infinity: a lower training.rate"
        ):
            found.run()
        for name, value in small_network().parameters().items():
            assert (found.network.parameters()[name] == value).all()

    def test_too_high_a_rate_stops_with_what_to_do(self) -> None:
        settings = dataclasses.replace(SETTINGS, epochs=400, optimizer="sgd", schedule="constant", rate=10.0)
        rows = Rows()
        huge = rows.examples(0)
        huge.targets[:] *= 1e12  # type: ignore[assignment]
        rows.examples = lambda *seed: huge  # type: ignore[method-assign]
        with pytest.raises(DataError, match="lower training.rate, a warm_up or a clip"):
            trainer(settings, dataset=rows).run()

    def test_a_validation_loss(self) -> None:
        with pytest.raises(DataError, match="epoch 2: the validation loss is infinity"):
            trainer(objective=Listed(1.0, float("inf"))).run()


class TestHistory:
    EPOCHS = (Epoch(1, 2.5, 2.0, 0.5, 0.01, 1.5), Epoch(2, 1.5, 1.0, None, 0.005, 1.25))

    def test_a_table_and_json(self, tmp_path: Path) -> None:
        save_history(self.EPOCHS, tmp_path)
        assert (tmp_path / "history.csv").read_text("utf-8").splitlines() == [
            "number,loss,validation_loss,accuracy,rate,gradient",
            "1,2.5,2.0,0.5,0.01,1.5",
            "2,1.5,1.0,,0.005,1.25",
        ]
        assert '"accuracy": null' in (tmp_path / "history.json").read_text("utf-8")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["history.csv", "history.json"]

    def test_curves(self, tmp_path: Path) -> None:
        pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install watchword[report]")
        for epochs in (self.EPOCHS, self.EPOCHS[1:]):
            assert plot_curves(epochs, tmp_path / "curves.png")
            assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
