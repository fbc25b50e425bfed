"""The training loop: takes a recipe and its recordings, returns the network that validated best."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from watchword.data.batch import Batch, Report
from watchword.errors import DataError
from watchword.train.checkpoint import Checkpoint
from watchword.train.datasets import Dataset, Examples, beside, open_dataset
from watchword.train.losses import CrossEntropy
from watchword.train.network import Network
from watchword.train.optimizers import Adam, one_cycle
from watchword.train.recipe import Recipe

_CALIBRATION_CLIPS = 512


@dataclass(frozen=True)
class Epoch:
    """A row of the training history. Losses are means in nats; accuracy is that on the validation clips, 0..1."""

    number: int
    loss: float
    validation_loss: float
    accuracy: float
    rate: float


@dataclass(frozen=True, eq=False)
class Result:
    """The outcome of training.

    network: the weights after the epoch `best`. checkpoint: the same and all that is needed to resume. validation: that of the
    dataset.
    """

    recipe: Recipe
    network: Network
    best: Epoch
    history: list[Epoch]
    checkpoint: Checkpoint
    dataset: Dataset
    validation: Examples


def train(
    recipe: Recipe,
    root: Path,
    progress: Callable[[Epoch], None] | None = None,
    start: Checkpoint | None = None,
    report: Report = lambda line: None,
    batch: Batch | None = None,
) -> Result:
    """Train the network of a recipe on the data sets below `root`, from new weights or from those of a checkpoint.

    progress: called after every epoch. report: receives what is trained on and what is amiss with it, in lines. batch: counts
    the recordings that cannot be read, which are passed by. The same recipe, data and machine give the same network. DataError:
    as `open_dataset`, or the checkpoint is of another network.
    """
    if recipe.kind == "tensor":
        raise DataError("kind is tensor: `train` has no loss for it; watchword.train.datasets gives its examples to a network")
    settings = recipe.training
    dataset = open_dataset(recipe, root, report, batch)
    validation = dataset.validation()
    network = recipe.architecture.network(recipe.input, len(recipe.labels), np.random.default_rng([settings.seed, 0]))
    optimizer = Adam(settings.weight_decay)
    if start is not None:
        start.apply(network, optimizer)
    loss = CrossEntropy(settings.label_smoothing)
    ema = Ema(network, settings.ema_decay)
    history: list[Epoch] = []
    best: tuple[Epoch, Checkpoint] | None = None
    step = 0
    with _one_blas_thread(), beside(dataset) as examples:
        calibration = dataset.calibration(_CALIBRATION_CLIPS)
        for number in range(1, settings.epochs + 1):
            losses = []
            for some in examples.epoch(number):
                rate = one_cycle(step, settings.epochs * dataset.batches, settings.rate)
                value, gradient = loss(network.forward(some.inputs, training=True), some.targets)
                network.backward(gradient)
                optimizer.step(network.parameters(), network.gradients(), rate)
                ema.update(network)
                losses.append(value)
                step += 1
            epoch = Epoch(number, float(np.mean(losses)), *evaluate(ema.network, validation), rate)
            history.append(epoch)
            if best is None or (epoch.accuracy, -epoch.validation_loss) > (best[0].accuracy, -best[0].validation_loss):
                best = epoch, Checkpoint(ema.network.arrays(), copy.deepcopy(optimizer), calibration)
            if progress is not None:
                progress(epoch)
    assert best is not None
    network.restore(best[1].arrays)
    return Result(recipe, network, best[0], history, best[1], dataset, validation)


def evaluate(network: Network, examples: Examples) -> tuple[float, float]:
    """Return the (mean loss in nats, accuracy) of a network on examples."""
    probabilities = network.predict(examples.inputs)
    likelihoods = probabilities[np.arange(len(examples)), examples.targets]
    right = probabilities.argmax(axis=1) == examples.targets
    return float(-np.log(np.maximum(likelihoods, 1e-12)).mean()), float(right.mean())


class Ema:
    """A second network whose parameters and state are the exponential moving average (EMA) of another one's.

    decay: per optimizer step; with 0 it is a copy.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self.network = copy.deepcopy(network)
        self._decay, self._steps = decay, 0

    def update(self, network: Network) -> None:
        self._steps += 1
        # The first steps count for more, so that the average forgets the initial weights.
        decay = min(self._decay, self._steps / (self._steps + 10))
        mine, theirs = ({**one.parameters(), **one.state()} for one in (self.network, network))
        for name, value in theirs.items():
            if np.issubdtype(value.dtype, np.floating):
                mine[name] *= decay
                mine[name] += (1 - decay) * value
            else:
                mine[name][...] = value


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
