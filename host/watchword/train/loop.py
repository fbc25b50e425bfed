"""The training loop: a recipe and its recordings in, the network that validated best out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from watchword.train.checkpoint import Checkpoint
from watchword.train.examples import Examples, Material, read_material, training_examples, validation_examples
from watchword.train.losses import smooth, softmax_cross_entropy
from watchword.train.network import Network, ds_cnn, real
from watchword.train.optimizers import Adam, one_cycle
from watchword.train.recipe import Recipe

_CALIBRATION_CLIPS = 512


@dataclass(frozen=True)
class Epoch:
    """One line of the history. Losses are means in nats, accuracy is the share of the validation clips that are right."""

    number: int
    loss: float
    validation_loss: float
    accuracy: float
    rate: float


@dataclass(frozen=True, eq=False)
class Result:
    """What training yields.

    network: as it was after the epoch `best`. checkpoint: the same with all that is needed to go on. validation: features
    of the clips of `material.validation`, then of `material.silence`.
    """

    recipe: Recipe
    network: Network
    best: Epoch
    history: list[Epoch]
    checkpoint: Checkpoint
    material: Material
    validation: Examples


def train(
    recipe: Recipe, root: Path, progress: Callable[[Epoch], None] | None = None, start: Checkpoint | None = None
) -> Result:
    """Train the network of a recipe on the data sets below `root`, from new weights or from those of a checkpoint.

    `progress` is called after every epoch. The same recipe, data and machine give the same network. DataError: recordings
    are missing or not as expected, or the checkpoint is of another network.
    """
    settings = recipe.training
    material = read_material(recipe, root)
    validation = validation_examples(recipe, material)
    network = ds_cnn(recipe.architecture, recipe.frames, len(recipe.labels), np.random.default_rng([settings.seed, 0]))
    optimizer = Adam(settings.weight_decay)
    if start is not None:
        start.apply(network, optimizer)
    one_hot = np.eye(len(recipe.labels), dtype=np.float32)
    averaged = Average(network, settings.averaging)
    history: list[Epoch] = []
    best: tuple[Epoch, Checkpoint] | None = None
    step = 0
    with _one_blas_thread():
        for number, examples in enumerate(_epochs(recipe, material), start=1):
            if number == 1:
                calibration = examples.features[:_CALIBRATION_CLIPS]
            batches = np.array_split(np.arange(len(examples)), max(1, len(examples) // settings.batch))
            losses = []
            for rows in batches:
                rate = one_cycle(step, settings.epochs * len(batches), settings.rate)
                targets = smooth(one_hot[:, examples.targets[rows]], settings.label_smoothing)
                loss, gradient = softmax_cross_entropy(network.forward(real(examples.features[rows]), training=True), targets)
                network.backward(gradient)
                optimizer.step(network.parameters(), network.gradients(), rate)
                averaged.follow(network)
                losses.append(loss)
                step += 1
            epoch = Epoch(number, float(np.mean(losses)), *evaluate(averaged.network, validation), rate)
            history.append(epoch)
            if best is None or (epoch.accuracy, -epoch.validation_loss) > (best[0].accuracy, -best[0].validation_loss):
                best = epoch, Checkpoint(averaged.network.arrays(), copy.deepcopy(optimizer), calibration)
            if progress is not None:
                progress(epoch)
    assert best is not None
    network.restore(best[1].arrays)
    return Result(recipe, network, best[0], history, best[1], material, validation)


def evaluate(network: Network, examples: Examples) -> tuple[float, float]:
    """(mean loss in nats, accuracy)."""
    probabilities = network.predict(examples.features)
    likelihoods = probabilities[np.arange(len(examples)), examples.targets]
    right = probabilities.argmax(axis=1) == examples.targets
    return float(-np.log(np.maximum(likelihoods, 1e-12)).mean()), float(right.mean())


class Average:
    """A second network that follows a first one: each step an exponential mean of its parameters and state.

    With a decay of 0 it is a copy.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self.network = copy.deepcopy(network)
        self._decay, self._steps = decay, 0

    def follow(self, network: Network) -> None:
        self._steps += 1
        # The first steps count for more, so that the mean forgets where it started.
        decay = min(self._decay, self._steps / (self._steps + 10))
        for mine, theirs in zip(self.network.layers, network.layers, strict=True):
            for mean, values in ((mine.parameters, theirs.parameters), (mine.state, theirs.state)):
                for name, value in values.items():
                    mean[name] = decay * mean[name] + (1 - decay) * value


def _epochs(recipe: Recipe, material: Material) -> Iterator[Examples]:
    """The examples of each epoch, the next ones being made meanwhile.

    NumPy lets go of Python's lock in its inner loops, so a thread is enough to use a second core.
    """
    with ThreadPoolExecutor(1) as ahead:
        upcoming = ahead.submit(training_examples, recipe, material, 1)
        for number in range(2, recipe.training.epochs + 1):
            examples = upcoming.result()
            upcoming = ahead.submit(training_examples, recipe, material, number)
            yield examples
        yield upcoming.result()


def _one_blas_thread() -> AbstractContextManager[object]:
    """Matrix products on one thread: they are small, the other core makes features, and threads that wait for each other
    make an epoch several times longer. It also frees the result from the number of cores.

    Without threadpoolctl, of the extra "train", all stays as NumPy has it.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits
