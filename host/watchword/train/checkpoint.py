"""A checkpoint holds the float weights and the optimizer state of a training run in one .npz file."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from watchword.errors import DataError
from watchword.train.layers import Array
from watchword.train.network import Network
from watchword.train.optimizers import Adam

_FORMER = {"scale": "gamma", "offset": "beta"}  # as checkpoints once called them


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """arrays: the network's parameters and state. calibration: int8 features (clips, frames, channels) for `quantize`."""

    arrays: dict[str, Array]
    optimizer: Adam
    calibration: NDArray[np.int8]

    def apply(self, network: Network, optimizer: Adam) -> None:
        """Load this state into a network and an optimizer. DataError: the network has other layers."""
        if "0.weights" in self.arrays:
            return self._renamed(network).apply(network, optimizer)
        shapes = {name: value.shape for name, value in network.arrays().items()}
        if shapes != {name: value.shape for name, value in self.arrays.items()}:
            raise DataError(
                "the checkpoint is of a network with other layers than the recipe's: use the recipe that it came from"
            )
        network.restore(self.arrays)
        optimizer.steps = self.optimizer.steps
        optimizer.mean = {name: value.copy() for name, value in self.optimizer.mean.items()}
        optimizer.square = {name: value.copy() for name, value in self.optimizer.square.items()}

    def _renamed(self, network: Network) -> Checkpoint:
        """The same with layers by the names of a network's nodes: a checkpoint of former times numbers them."""
        names = {str(number): node.name for number, node in enumerate(network.nodes)}

        def renamed(values: dict[str, Array]) -> dict[str, Array]:
            parts = {name: name.partition(".") for name in values}
            return {f"{names.get(parts[name][0], '-')}.{parts[name][2]}": value for name, value in values.items()}

        optimizer = Adam(self.optimizer.weight_decay)
        optimizer.steps = self.optimizer.steps
        optimizer.mean, optimizer.square = renamed(self.optimizer.mean), renamed(self.optimizer.square)
        return Checkpoint(renamed(self.arrays), optimizer, self.calibration)


def write_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint as the .npz file that `read_checkpoint` reads."""
    optimizer = checkpoint.optimizer
    parts = {"network": checkpoint.arrays, "mean": optimizer.mean, "square": optimizer.square}
    content: dict[str, Any] = {f"{part}/{name}": value for part, values in parts.items() for name, value in values.items()}
    np.savez_compressed(path, steps=optimizer.steps, calibration=checkpoint.calibration, **content)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint. DataError: no such file, or not a checkpoint."""
    try:
        with np.load(path, allow_pickle=False) as file:
            content = dict(file)
            optimizer = Adam()
            optimizer.steps = int(content["steps"])
            optimizer.mean, optimizer.square = _part(content, "mean"), _part(content, "square")
            return Checkpoint(_part(content, "network"), optimizer, content["calibration"])
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile):
        raise DataError(f"{path}: not a checkpoint of watchword") from None


def _part(content: dict[str, Array], part: str) -> dict[str, Array]:
    return {_current(name.partition("/")[2]): value for name, value in content.items() if name.startswith(f"{part}/")}


def _current(name: str) -> str:
    """Today's name of an array."""
    layer, _, parameter = name.partition(".")
    return f"{layer}.{_FORMER.get(parameter, parameter)}"
