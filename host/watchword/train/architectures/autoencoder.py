"""The dense autoencoder, which tells how unlike its training examples something is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from watchword.errors import DataError
from watchword.settings import all_between, between
from watchword.train.architectures.architecture import Architecture, normalized
from watchword.train.layers import Array, Dense, Flatten
from watchword.train.network import Input, Network


@dataclass(frozen=True)
class Autoencoder(Architecture):
    """Dense layers to a narrow code and back, with batch normalization and ReLU, trained to return what they are given.

    units: of the layers before the code, which stand after it in reverse; code: of the narrowest. The defaults are those of
    MLPerf Tiny's anomaly detection (arXiv:2106.07597): 640-128-128-128-128-8-128-128-128-128-640.
    """

    units: tuple[int, ...] = (128, 128, 128, 128)
    code: int = 8

    def __post_init__(self) -> None:
        all_between("units", self.units, 1, 4096)
        between("code", self.code, 1, 1024)

    def network(self, input: Input, outputs: int, rng: np.random.Generator) -> Network:
        """outputs: as many as the input has values. DataError: another number."""
        values = int(np.prod(input.shape))
        if outputs != values:
            raise DataError(f"an autoencoder returns the {values} values that it is given: it cannot have {outputs} outputs")
        network = Network(input, rng, head="none")
        if len(input.shape) > 1:
            network.add(Flatten(), name="flatten")
        for number, units in enumerate(self.units, start=1):
            normalized(network, Dense(units, bias=False), name=f"encoder_{number}")
        network.embedding = normalized(network, Dense(self.code, bias=False), name="code")
        for number, units in enumerate(reversed(self.units), start=1):
            normalized(network, Dense(units, bias=False), name=f"decoder_{number}")
        network.add(Dense(outputs), name="dense")
        return network


def anomaly_score(inputs: NDArray[Any], outputs: NDArray[Any]) -> Array:
    """How unlike the training examples each is, (examples,): the mean squared error of what an autoencoder returned.

    inputs, outputs: real numbers (examples, ...) of the same size, as MLPerf Tiny takes them for its anomaly detection.
    """
    if len(inputs) != len(outputs) or inputs.size != outputs.size:
        raise DataError(f"inputs {inputs.shape} and outputs {outputs.shape} of an autoencoder are of the same size")
    difference = inputs.reshape(len(inputs), -1).astype(np.float64) - outputs.reshape(len(outputs), -1)
    return np.asarray((difference**2).mean(axis=1))
