"""The trainer: takes a network step by step to where its objective is smallest, and tells its hooks.

    for every epoch:
        for every batch: forward, loss, backward, penalties, clipping, optimizer
        validation

It stops after a step when it is told to, and what `state` gives then is all that another trainer needs to go on as this one
would have, byte for byte.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from typing import ClassVar, Protocol

import numpy as np

from watchword.errors import DataError
from watchword.train import finite, gradients
from watchword.train.datasets import Examples
from watchword.train.layers import Array
from watchword.train.network import Network
from watchword.train.objective import Objective
from watchword.train.optimizers import optimizer
from watchword.train.recipe import Training
from watchword.train.schedules import schedule


class Dataset(Protocol):
    """What a trainer needs of its examples. batches: in an epoch. An epoch gives the same batches whenever it is asked for."""

    @property
    def batches(self) -> int: ...

    def epoch(self, number: int) -> Iterator[Examples]: ...

    def validation(self) -> Examples: ...


@dataclass(frozen=True)
class Epoch:
    """A row of the training history.

    Losses are means, in nats where they are cross-entropies; accuracy is that on the validation set, 0..1, and None where there
    are no classes. rate: the learning rate of the last step. gradient: the mean length of the gradients, before clipping.
    """

    number: int
    loss: float
    validation_loss: float
    accuracy: float | None
    rate: float
    gradient: float

    @property
    def merit(self) -> tuple[float, float]:
        """The better an epoch is, the greater."""
        return self.accuracy or 0.0, -self.validation_loss


def best_of(history: Sequence[Epoch]) -> Epoch:
    """The first of the best epochs."""
    return max(history, key=lambda epoch: epoch.merit)


@dataclass(frozen=True)
class Position:
    """Where training is: `batch` batches of `epoch` are done, `steps` in all. losses, lengths: their sums in this epoch."""

    epoch: int = 1
    batch: int = 0
    steps: int = 0
    losses: float = 0.0
    lengths: float = 0.0


@dataclass(frozen=True, eq=False)
class State:
    """All of a trainer that changes. arrays: those of the network, the optimizer and the hooks, by whose they are and name."""

    position: Position
    history: tuple[Epoch, ...]
    arrays: dict[str, dict[str, Array]] = field(repr=False)


class Hook:
    """Base of all hooks, which a trainer tells what it has done: does nothing. Module `hooks` has those that come along.

    name: where it keeps arrays, what those are called in a checkpoint.
    """

    name: ClassVar[str] = ""

    def joined(self, trainer: Trainer) -> None:
        """The trainer has been made."""

    def began(self, trainer: Trainer) -> None:
        """Training begins, or goes on."""

    def stepped(self, trainer: Trainer, examples: Examples) -> None:
        """The step on these examples is done."""

    def epoch_ended(self, trainer: Trainer, epoch: Epoch) -> None:
        """The epoch is done and validated; the trainer stands at the beginning of the next."""

    def arrays(self) -> dict[str, Array]:
        """What a resumed run needs of this hook."""
        return {}

    def restore(self, arrays: Mapping[str, Array]) -> None:
        """Go on from what `arrays` returned."""


class Trainer:
    """Trains a network on a dataset.

    candidate: the network that is validated and kept, which a hook may replace. history: the epochs that are done. finished:
    whether there is nothing left to do.
    """

    def __init__(
        self, network: Network, dataset: Dataset, objective: Objective, settings: Training, hooks: Sequence[Hook] = ()
    ) -> None:
        """hooks: told in this order; those that keep arrays have names of their own."""
        self.network, self.dataset, self.objective, self.settings, self.hooks = network, dataset, objective, settings, hooks
        self.candidate = network
        self.optimizer = optimizer(settings)
        self.position = Position()
        self.history: list[Epoch] = []
        self.finished = False
        self._rate = schedule(settings, dataset.batches)
        self._penalty = gradients.Penalty(settings.l1, settings.l2)
        self._validation = dataset.validation()
        self._stopped = False
        finite.require_inputs(self._validation.inputs, "the validation set")
        for hook in hooks:
            hook.joined(self)

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        return self._rate(self.position.steps)

    def stop(self) -> None:
        """End `run` after this step; another `run` goes on. May be called from a hook or a signal's handler."""
        self._stopped = True

    def finish(self) -> None:
        """There will be no more epochs than this one."""
        self.finished = True

    def run(self) -> bool:
        """Train until it is finished, or stopped: returns whether it is finished.

        DataError: an input, a loss or a gradient is infinite or NaN; it names the batch, and the layer where that began.
        """
        self._stopped = False
        self.finished = self.finished or self.position.epoch > self.settings.epochs
        # What is infinite is looked for in every step, and told in one line.
        with _one_blas_thread(), np.errstate(all="ignore"):
            for hook in self.hooks:
                hook.began(self)
            while not self.finished and not self._stopped:
                self._epoch()
        return self.finished

    def step(self, examples: Examples) -> float:
        """Take one step and return the loss of its batch. DataError: as `run`."""
        at = self.position
        where = f"epoch {at.epoch}, batch {at.batch + 1}"
        finite.require_inputs(examples.inputs, where)
        outputs = self.network.forward(examples.inputs, training=True)
        loss, gradient = self.objective.loss(self.network, outputs, examples)
        if not math.isfinite(loss):
            raise DataError(finite.told(self.network, examples.inputs, loss, where))
        self.network.backward(gradient)
        parameters, found = self.network.parameters(), self.network.gradients()
        self._penalty.add(parameters, found)
        length = gradients.norm(found)
        if not math.isfinite(length):
            raise DataError(finite.told_of_gradients(found, where))
        if self.settings.clip:
            gradients.clip(found, length, self.settings.clip)
        self.optimizer.step(parameters, found, self.rate)
        self.position = Position(at.epoch, at.batch + 1, at.steps + 1, at.losses + loss, at.lengths + length)
        for hook in self.hooks:
            hook.stepped(self, examples)
        return loss

    def state(self) -> State:
        """The state between two steps; its arrays are those of the trainer, and change with it."""
        arrays = {"network": self.network.arrays(), "optimizer": self.optimizer.arrays()}
        return State(
            self.position, tuple(self.history), arrays | {hook.name: hook.arrays() for hook in self.hooks if hook.name}
        )

    def restore(self, state: State) -> None:
        """Go on from a state, which is copied. DataError: it is of a network with other layers, or other hooks."""
        self.restore_network(state.arrays["network"])
        kept = {hook.name: hook for hook in self.hooks if hook.name}
        if missing := {"optimizer", *kept} - state.arrays.keys():
            raise DataError(f"the checkpoint has nothing of {', '.join(sorted(missing))}: it is of a run with other settings")
        self.optimizer.restore(state.position.steps, state.arrays["optimizer"])
        for name, hook in kept.items():
            hook.restore(state.arrays[name])
        self.position, self.history = state.position, list(state.history)

    def restore_network(self, arrays: dict[str, Array]) -> None:
        """Load weights. DataError: they are of a network with other layers."""
        shapes = {name: value.shape for name, value in self.network.arrays().items()}
        if shapes != {name: value.shape for name, value in arrays.items()}:
            raise DataError(
                "the checkpoint is of a network with other layers than the recipe's: use the recipe that it came from"
            )
        self.network.restore(arrays)

    def _epoch(self) -> None:
        """Go on with the epoch, to its end and validation unless it is stopped."""
        for examples in islice(self.dataset.epoch(self.position.epoch), self.position.batch, None):
            self.step(examples)
            if self._stopped:
                return
        at = self.position
        validation_loss, accuracy = self.objective.evaluate(self.candidate, self._validation)
        if not math.isfinite(validation_loss):
            raise DataError(finite.told_of_validation(self.network, validation_loss, at.epoch))
        rate = self._rate(at.steps - 1)
        epoch = Epoch(at.epoch, at.losses / at.batch, validation_loss, accuracy, rate, at.lengths / at.batch)
        self.history.append(epoch)
        self.position = Position(at.epoch + 1, steps=at.steps)
        self.finished = at.epoch == self.settings.epochs
        for hook in self.hooks:
            hook.epoch_ended(self, epoch)


def _one_blas_thread() -> AbstractContextManager[object]:
    """Limit BLAS to one thread: its matrix products are small, the other core makes examples, and threads that wait for each
    other make an epoch several times longer. The result does not depend on the number of cores then, either.

    Without threadpoolctl, of the extra "train", NumPy's default stays.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits
