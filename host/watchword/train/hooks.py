"""Hooks: what goes on beside the steps of training. A trainer tells each of its hooks what it has done, in their order."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from watchword.train.datasets import Examples
from watchword.train.layers import Array
from watchword.train.trainer import Epoch, Hook, Trainer


class Averaging(Hook):
    """Validates and keeps an exponential moving average (EMA) of weights and state (Polyak and Juditsky, 1992), not themselves.

    a ← da + (1 − d)θ after step n, where d is the least of `decay` and n / (n + 10): so that the initial weights are forgotten.
    """

    name = "averaging"

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self._scratch: dict[str, Array] = {}

    def joined(self, trainer: Trainer) -> None:
        self.network = trainer.candidate = copy.deepcopy(trainer.network)

    def began(self, trainer: Trainer) -> None:
        if not trainer.position.steps:  # the weights may not be those that it was made with
            self.network.restore(trainer.network.arrays())

    def stepped(self, trainer: Trainer, examples: Examples) -> None:
        steps = trainer.position.steps
        decay = min(self._decay, steps / (steps + 10))
        averages = self.network.parameters() | self.network.state()
        for name, value in (trainer.network.parameters() | trainer.network.state()).items():
            if not np.issubdtype(value.dtype, np.floating):  # a count, as of the masks that dropout has drawn
                averages[name][...] = value
                continue
            if name not in self._scratch:
                self._scratch[name] = np.empty_like(value)
            averages[name] *= decay
            averages[name] += np.multiply(value, 1 - decay, out=self._scratch[name])

    def arrays(self) -> dict[str, Array]:
        return self.network.arrays()

    def restore(self, arrays: Mapping[str, Array]) -> None:
        self.network.restore(dict(arrays))


class Best(Hook):
    """Keeps the weights of the candidate after the best epoch."""

    name = "best"

    def __init__(self) -> None:
        self._arrays: dict[str, Array] = {}

    def epoch_ended(self, trainer: Trainer, epoch: Epoch) -> None:
        if all(epoch.merit > other.merit for other in trainer.history[:-1]):
            self._arrays = trainer.candidate.arrays()

    def arrays(self) -> dict[str, Array]:
        return self._arrays

    def restore(self, arrays: Mapping[str, Array]) -> None:
        self._arrays = {name: value.copy() for name, value in arrays.items()}


class EarlyStopping(Hook):
    """Finishes training once so many epochs have gone by without one that is better."""

    def __init__(self, patience: int) -> None:
        self._patience = patience

    def began(self, trainer: Trainer) -> None:
        self._look(trainer)

    def epoch_ended(self, trainer: Trainer, epoch: Epoch) -> None:
        self._look(trainer)

    def _look(self, trainer: Trainer) -> None:
        merits = [epoch.merit for epoch in trainer.history]
        if merits and len(merits) - 1 - merits.index(max(merits)) >= self._patience:
            trainer.finish()


class Saving(Hook):
    """Saves a checkpoint after every epoch. save: writes one; see checkpoint.write_checkpoint."""

    def __init__(self, save: Callable[[], None]) -> None:
        self._save = save

    def epoch_ended(self, trainer: Trainer, epoch: Epoch) -> None:
        self._save()


@dataclass(frozen=True)
class Pace:
    """How training gets on: `done` of `total` steps. rate: examples per second in this epoch. left: seconds, about."""

    epoch: int
    done: int
    total: int
    rate: float
    left: float


class Progress(Hook):
    """Tells how training gets on. step, epoch: called after each. clock: seconds."""

    def __init__(
        self,
        step: Callable[[Pace], None] = lambda pace: None,
        epoch: Callable[[Epoch, Pace], None] = lambda epoch, pace: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._told_step, self._told_epoch, self._clock = step, epoch, clock

    def began(self, trainer: Trainer) -> None:
        self._before = trainer.position.steps
        self._start = self._epoch_start = self._clock()
        self._examples = 0

    def stepped(self, trainer: Trainer, examples: Examples) -> None:
        self._examples += len(examples)
        self._told_step(self._pace(trainer, trainer.position.epoch))

    def epoch_ended(self, trainer: Trainer, epoch: Epoch) -> None:
        self._told_epoch(epoch, self._pace(trainer, epoch.number))
        self._epoch_start, self._examples = self._clock(), 0

    def _pace(self, trainer: Trainer, epoch: int) -> Pace:
        now, done = self._clock(), trainer.position.steps
        total = trainer.settings.epochs * trainer.dataset.batches
        seconds = max(now - self._epoch_start, 1e-9)
        left = 0.0 if trainer.finished else (now - self._start) / max(1, done - self._before) * (total - done)
        return Pace(epoch, done, total, self._examples / seconds, left)
