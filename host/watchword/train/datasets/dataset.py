"""What training is fed with: batches of examples, each drawn by (seed, epoch, number) and by nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from watchword.data.augmentation import mixing
from watchword.data.clips import Clip

_ORDER, _BATCH = 2, 1  # streams of random numbers of a seed; 0 is that of a network's weights


@dataclass(frozen=True, eq=False)
class Examples:
    """Inputs and what they are.

    inputs: (n, height, width, channels), int8 for features of sound, uint8 for pictures, float32 for plain arrays. targets:
    label numbers, int64 (n,); or float32 (n, outputs) where they are shares of labels (mixup) or values.
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]

    def __len__(self) -> int:
        return len(self.targets)


class Dataset(ABC):
    """Examples for training, in epochs, and others for validation.

    labels: names of the outputs. shape: of one input, (height, width, channels). size: examples in an epoch. batch_size: those
    in a batch at the least, and fewer than twice as many. clips, validation_clips: the files, where examples have such.

    Epochs count from 1, batches from 0. Each batch depends on (seed, epoch, number) alone, so training may be taken up at any
    epoch, and whoever makes them in whatever order makes the same.
    """

    clips: tuple[Clip, ...] = ()
    validation_clips: tuple[Clip, ...] = ()

    def __init__(
        self, labels: Sequence[str], shape: tuple[int, int, int], size: int, batch_size: int, seed: int, mixup: float
    ) -> None:
        self.labels, self.shape, self.size = tuple(labels), shape, size
        self.batch_size, self.seed, self._mixup = batch_size, seed, mixup
        self._drawn: tuple[int, list[NDArray[np.int64]]] = 0, []

    @abstractmethod
    def validation(self) -> Examples:
        """The examples for validation, as they are."""

    @abstractmethod
    def save_validation(self, folder: Path) -> None:
        """Write the validation set into a folder, as a list of its files or as what it is, for others to judge by."""

    @abstractmethod
    def drawn(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw the rows of an epoch, in order: int64 (size,)."""

    @abstractmethod
    def made(self, rows: NDArray[np.int64], rng: np.random.Generator) -> Examples:
        """Make augmented examples of rows."""

    @property
    def batches(self) -> int:
        """Batches in an epoch."""
        return max(1, self.size // self.batch_size)

    def epoch(self, number: int) -> Iterator[Examples]:
        """Yield the batches of an epoch."""
        for batch in range(self.batches):
            yield self.batch(number, batch)

    def batch(self, epoch: int, number: int) -> Examples:
        """Make one batch."""
        rng = np.random.default_rng([self.seed, _BATCH, epoch, number])
        found = self.made(self._order(epoch)[number], rng)
        if not self._mixup:
            return found
        targets = found.targets
        if targets.dtype.kind == "i":
            targets = np.eye(len(self.labels), dtype=np.float32)[targets]
        return Examples(*mixing.mixed(found.inputs, targets, self._mixup, rng))

    def calibration(self, count: int) -> NDArray[Any]:
        """The first inputs of the first epoch: (count, *shape), fewer where there are not so many."""
        found: list[NDArray[Any]] = []
        for examples in self.epoch(1):
            found.append(examples.inputs)
            if sum(map(len, found)) >= count:
                break
        return np.concatenate(found)[:count]

    def _order(self, epoch: int) -> list[NDArray[np.int64]]:
        """The rows of each batch of an epoch."""
        if self._drawn[0] != epoch:
            rows = self.drawn(np.random.default_rng([self.seed, _ORDER, epoch]))
            self._drawn = epoch, np.array_split(rows, self.batches)
        return self._drawn[1]
