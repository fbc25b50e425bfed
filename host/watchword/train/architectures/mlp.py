"""The multilayer perceptron."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from watchword.settings import all_between, between
from watchword.train.architectures.architecture import Architecture, Nonlinearity, nonlinearity
from watchword.train.layers import BatchNorm, Dense, Dropout, Flatten
from watchword.train.network import Input, Network


@dataclass(frozen=True)
class Mlp(Architecture):
    """Dense layers with an activation. units: of each hidden one. dropout: the share of hidden values left out in training.

    normalize: whether batch normalization stands between a layer and its activation.
    """

    units: tuple[int, ...] = (128, 64)
    activation: Nonlinearity = "relu"
    dropout: float = 0.0
    normalize: bool = False

    def __post_init__(self) -> None:
        all_between("units", self.units, 1, 4096)
        between("dropout", self.dropout, 0, 0.95)

    def network(self, input: Input, outputs: int, rng: np.random.Generator) -> Network:
        network = Network(input, rng)
        if len(input.shape) > 1:
            network.add(Flatten(), name="flatten")
        for number, units in enumerate(self.units, start=1):
            network.add(Dense(units, bias=not self.normalize), name=f"hidden_{number}/dense")
            if self.normalize:
                network.add(BatchNorm(), name=f"hidden_{number}/norm")
            network.embedding = network.add(nonlinearity(self.activation), name=f"hidden_{number}")
            if self.dropout:
                network.add(Dropout(self.dropout), name=f"hidden_{number}/dropout")
        network.add(Dense(outputs), name="dense")
        return network
