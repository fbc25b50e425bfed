"""Linear and logistic regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from watchword.train.architectures.architecture import Architecture
from watchword.train.layers import Dense, Flatten
from watchword.train.network import Input, Network


@dataclass(frozen=True)
class Linear(Architecture):
    """One dense layer, which begins at 0: linear regression with the loss mean_squared_error, logistic regression with
    cross_entropy or binary_cross_entropy.

    The head is the softmax of a classifier; regression sets `Network.head` to "none".
    """

    def network(self, input: Input, outputs: int, rng: np.random.Generator) -> Network:
        network = Network(input, rng)
        if len(input.shape) > 1:
            network.add(Flatten(), name="flatten")
        network.add(Dense(outputs), name="dense")
        # The loss is convex: where it starts does not matter, and from 0 all features start alike.
        network.output.layer.parameters["weights"].fill(0)
        return network
