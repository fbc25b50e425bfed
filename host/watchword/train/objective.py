"""What training makes small, and what a network is judged by: the loss of a batch, and loss and accuracy on a whole set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from watchword.train.datasets import Examples
from watchword.train.layers import Array
from watchword.train.losses import CrossEntropy, Loss, MeanSquaredError
from watchword.train.network import Network


class Objective(Protocol):
    """What a trainer asks of the task."""

    def loss(self, network: Network, outputs: Array, examples: Examples) -> tuple[float, Array]:
        """Return (loss, its gradient with respect to the outputs) of what a network made of the examples."""
        ...

    def evaluate(self, network: Network, examples: Examples) -> tuple[float, float | None]:
        """Return (loss, accuracy) of a network in use on examples; accuracy None where there are no classes."""
        ...


@dataclass(frozen=True)
class Classification:
    """One class of several, by number or by shares. training: the loss, cross-entropy unless named, perhaps with smoothing.

    A network is judged by the cross-entropy of its predictions with the right class, in nats, and by how often that is the
    greatest.
    """

    training: Loss = field(default_factory=CrossEntropy)

    def loss(self, network: Network, outputs: Array, examples: Examples) -> tuple[float, Array]:
        return self.training(outputs, examples.targets)

    def evaluate(self, network: Network, examples: Examples) -> tuple[float, float | None]:
        probabilities = network.predict(examples.inputs)
        likelihoods = probabilities[np.arange(len(examples)), examples.targets]
        right = probabilities.argmax(axis=1) == examples.targets
        return float(-np.log(np.maximum(likelihoods, 1e-12)).mean()), float(right.mean())


@dataclass(frozen=True)
class Regression:
    """Values. training: the loss, the mean squared error unless named, by which a network is judged too."""

    training: Loss = field(default_factory=MeanSquaredError)

    def loss(self, network: Network, outputs: Array, examples: Examples) -> tuple[float, Array]:
        return self.training(outputs, examples.targets)

    def evaluate(self, network: Network, examples: Examples) -> tuple[float, float | None]:
        return self.loss(network, network.predict(examples.inputs), examples)[0], None


class Reconstruction:
    """The inputs themselves, as of an autoencoder: the mean squared error of what comes out with what went in."""

    def loss(self, network: Network, outputs: Array, examples: Examples) -> tuple[float, Array]:
        return MeanSquaredError()(outputs, network.input.real(examples.inputs, outputs.dtype).reshape(outputs.shape))

    def evaluate(self, network: Network, examples: Examples) -> tuple[float, float | None]:
        return self.loss(network, network.predict(examples.inputs), examples)[0], None
