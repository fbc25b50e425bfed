"""What every architecture is: hyperparameters, from a recipe or a program, and the network that they make."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np

from watchword.train.layers import BatchNorm, Elementwise, HardSwish, LeakyReLU, Part, ReLU, ReLU6, Sigmoid, Tanh
from watchword.train.network import Input, Network

Nonlinearity = Literal["relu", "relu6", "leaky_relu", "hard_swish", "sigmoid", "tanh"]

_NONLINEARITIES: dict[Nonlinearity, type[Elementwise]] = {
    "relu": ReLU,
    "relu6": ReLU6,
    "leaky_relu": LeakyReLU,
    "hard_swish": HardSwish,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
}


@dataclass(frozen=True)
class Architecture(ABC):
    """Base of the architectures: the fields of each are the keys of a recipe's table `architecture`."""

    @abstractmethod
    def network(self, input: Input, outputs: int, rng: np.random.Generator) -> Network:
        """Build the network, with weights drawn from `rng`. outputs: labels, or other values. DataError: it does not fit."""


def nonlinearity(name: Nonlinearity) -> Elementwise:
    """A layer of that name."""
    return _NONLINEARITIES[name]()


def normalized(
    network: Network, layer: Part, *inputs: str, name: str, activation: Nonlinearity | Literal["none"] = "relu"
) -> str:
    """Add a layer, batch normalization and an activation; the last of them is called `name`, as will be the graph's tensor."""
    network.add(layer, *inputs, name=f"{name}/{layer.kind}")
    if activation == "none":
        return network.add(BatchNorm(), name=name)
    network.add(BatchNorm(), name=f"{name}/norm")
    return network.add(nonlinearity(activation), name=name)
