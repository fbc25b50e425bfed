"""A run: the training of a recipe, with the hooks that it asks for. It can be stopped, saved, and gone on with."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from watchword.data.batch import Batch, Report
from watchword.errors import DataError
from watchword.train.checkpoint import Checkpoint, dependence, read_checkpoint, write_checkpoint
from watchword.train.datasets import Dataset, Examples, beside, open_dataset
from watchword.train.hooks import Averaging, Best, EarlyStopping, Saving
from watchword.train.losses import CrossEntropy
from watchword.train.network import Network
from watchword.train.objective import Classification
from watchword.train.recipe import Recipe
from watchword.train.trainer import Epoch, Hook, Trainer, best_of

CHECKPOINT = "checkpoint.npz"
"""The name of the checkpoint in the folder of a run."""

_CALIBRATION = 512  # examples whose activations give the ranges of int8


@dataclass(frozen=True, eq=False)
class Result:
    """The outcome of training.

    network: the weights after the epoch `best`. checkpoint: the same, and all that is needed to go on. validation: that of the
    dataset.
    """

    recipe: Recipe
    network: Network
    best: Epoch
    history: list[Epoch]
    checkpoint: Checkpoint
    dataset: Dataset
    validation: Examples


class Run:
    """A recipe's trainer, its dataset, and the folder where its checkpoint is kept.

    `Run(...)` begins; `resume` goes on from the checkpoint in the folder; then `train()` trains until it is finished or
    `trainer.stop()` is called, and `result` is what came of it. A process of its own makes the examples meanwhile.
    """

    def __init__(
        self,
        recipe: Recipe,
        root: Path,
        out: Path | None = None,
        hooks: Sequence[Hook] = (),
        report: Report = lambda line: None,
        batch: Batch | None = None,
    ) -> None:
        """Read the data sets below `root` and make the network. out: where a checkpoint is saved after each epoch, if anywhere.

        report: receives what is trained on and what is amiss with it, in lines. batch: counts the recordings that cannot be
        read, which are passed by. DataError: as `open_dataset`.
        """
        if recipe.kind == "tensor":
            raise DataError("kind is tensor: `train` has no loss for it; a Trainer takes its examples from train.datasets")
        settings = recipe.training
        self.recipe = recipe
        self.dataset = open_dataset(recipe, root, report, batch)
        self._examples = beside(self.dataset)
        self.validation = self._examples.validation()
        self.path = None
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            self.path = out / CHECKPOINT
        network = recipe.architecture.network(recipe.input, len(recipe.labels), np.random.default_rng([settings.seed, 0]))
        mine: list[Hook] = [Averaging(settings.ema_decay)] if settings.ema_decay else []
        mine.append(Best())
        if settings.patience:
            mine.append(EarlyStopping(settings.patience))
        if self.path is not None:
            mine.append(Saving(self.save))
        objective = Classification(CrossEntropy(settings.label_smoothing))
        self.trainer = Trainer(network, self._examples, objective, settings, [*mine, *hooks])
        self._data = _digest(self.validation)
        self._calibration = self.dataset.calibration(_CALIBRATION)

    def resume(self, checkpoint: Checkpoint | None = None) -> None:
        """Go on from the checkpoint in the folder, or from another one, as the unbroken run would.

        DataError: there is none, or it is of another recipe, of other recordings or of a network with other layers.
        """
        path = self.path or Path("the checkpoint")
        found = checkpoint or read_checkpoint(path)
        found.require_recipe(self.recipe, path)
        found.require_data(self._data, path)
        self.trainer.restore(found.state)

    def train(self) -> bool:
        """Train until it is finished, or stopped: returns whether it is finished. DataError: as `Trainer.run`."""
        with self._examples:
            return self.trainer.run()

    def checkpoint(self) -> Checkpoint:
        """The state of the run, between two steps."""
        trainer = self.trainer
        return Checkpoint(trainer.state(), dependence(self.recipe), self._data, self._calibration, trainer.finished)

    def save(self) -> None:
        """Write the checkpoint into the folder. DataError: as `write_checkpoint`."""
        assert self.path is not None, "a run that is saved has a folder"
        write_checkpoint(self.checkpoint(), self.path)

    def result(self) -> Result:
        """What came of it: the best epoch so far. DataError: none is done."""
        checkpoint = self.checkpoint()
        network = copy.deepcopy(self.trainer.network)
        network.restore(checkpoint.best)
        history = self.trainer.history
        return Result(self.recipe, network, best_of(history), list(history), checkpoint, self.dataset, self.validation)


def train(
    recipe: Recipe,
    root: Path,
    hooks: Sequence[Hook] = (),
    start: Checkpoint | None = None,
    report: Report = lambda line: None,
    batch: Batch | None = None,
) -> Result:
    """Train the network of a recipe on the data sets below `root`, from new weights or from the best of a checkpoint.

    The same recipe, data and machine give the same network. report, batch: as those of `Run`. DataError: as `Run` and
    `Trainer.run`, or the checkpoint is of a network with other layers.
    """
    run = Run(recipe, root, None, hooks, report, batch)
    if start is not None:
        run.trainer.restore_network(start.weights([node.name for node in run.trainer.network.nodes]))
    run.train()
    return run.result()


def _digest(examples: Examples) -> str:
    """A digest of inputs and targets."""
    found = hashlib.sha256(examples.inputs.tobytes())
    found.update(examples.targets.tobytes())
    return found.hexdigest()
