"""Plain arrays as examples: rows of numbers in .npz files or tables of CSV, with a label or with values for each."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from watchword.data import memory, tensors
from watchword.data.augmentation import ArrayAugmentation
from watchword.data.batch import Batch, Report
from watchword.data.lines import read_lines
from watchword.errors import DataError
from watchword.settings import listed, shown
from watchword.train.datasets.dataset import Dataset, Examples
from watchword.train.datasets.sampling import draw, groups
from watchword.train.recipe import Recipe, Source

LABEL = ("label", "class", "target", "y")
"""Usual names of a table's column of labels."""

Place = Callable[[int], str]
"""Where a row stands, to say."""


class ArrayDataset(Dataset):
    """Arrays in memory. training, validating: their inputs and targets."""

    @classmethod
    def of_recipe(
        cls, recipe: Recipe, root: Path, report: Report = lambda line: None, batch: Batch | None = None
    ) -> ArrayDataset:
        """Read all arrays that a recipe names, as `open_dataset` says. Rows for validation are drawn where none are named."""
        parts = [read_arrays(root / source.arrays, source, recipe.labels) for source in recipe.data.train]
        training, sources = _joined(parts), np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        if recipe.data.validation:
            others = [read_arrays(root / source.arrays, source, recipe.labels) for source in recipe.data.validation]
            validating = _joined([training, *others])
            validating = Examples(validating.inputs[len(training) :], validating.targets[len(training) :])
        else:
            order = np.random.default_rng([recipe.training.seed, 4]).permutation(len(training))
            count = max(1, round(recipe.data.validation_share * len(training)))
            held = np.sort(order[:count])
            validating = Examples(training.inputs[held], training.targets[held])
            kept = np.sort(order[count:])
            training, sources = Examples(training.inputs[kept], training.targets[kept]), sources[kept]
        report(f"training: {len(training)} examples; validation: {len(validating)} examples")
        return cls(recipe, training, validating, sources)

    def __init__(self, recipe: Recipe, training: Examples, validating: Examples, sources: NDArray[np.int64]) -> None:
        """sources: of each example for training, int64 (n,)."""
        settings = recipe.augmentation
        assert isinstance(settings, ArrayAugmentation)
        height, width, channels = training.inputs.shape[1:]
        shape, training_set = (height, width, channels), recipe.training
        super().__init__(recipe.labels, shape, len(training), training_set.batch, training_set.seed, settings.mixup)
        self.training, self.validating, self._noise = training, validating, settings.noise
        numbered = training.targets.dtype.kind == "i"
        if numbered and (missing := set(range(len(recipe.labels))) - set(training.targets.tolist())):
            raise DataError(f"data.train has no example of {listed([recipe.labels[number] for number in sorted(missing)])}")
        if not numbered and "class" in recipe.data.balance:
            raise DataError('data.balance is by class, and the targets are values: "source" is left')
        classes = training.targets.tolist() if numbered else [0] * len(training)
        self._groups = groups(recipe.data.balance, classes, sources.tolist())

    def validation(self) -> Examples:
        return self.validating

    def save_validation(self, folder: Path) -> None:
        """Write validation.npz: inputs `x` and targets `y`."""
        np.savez_compressed(folder / "validation.npz", x=self.validating.inputs, y=self.validating.targets)

    def drawn(self, rng: np.random.Generator) -> NDArray[np.int64]:
        return draw(self._groups, rng)

    def made(self, rows: NDArray[np.int64], rng: np.random.Generator) -> Examples:
        inputs = self.training.inputs[rows]
        if self._noise:
            inputs = inputs + rng.normal(0, self._noise, inputs.shape).astype(np.float32)
        return Examples(inputs, self.training.targets[rows])


def read_arrays(path: Path, source: Source, labels: tuple[str, ...]) -> Examples:
    """Read a .npz file or a CSV table: inputs float32 (n, height, width, channels), targets as in `Examples`.

    Of a .npz file the arrays that `source.inputs` and `source.targets` name are taken. A row of n values is a picture of (1, 1,
    n), an array (n, h, w) has one channel. Of a table the column `label_column` has the labels and the others the inputs; rows
    of values without labels need none. Whole numbers are numbers of labels, text is a label. DataError: names the file, and
    the row and column of what is no number, or infinite.
    """
    inputs, targets, place = (_read_npz if path.suffix.lower() == ".npz" else _read_table)(path, source)
    rows = inputs.reshape(len(inputs), -1)
    if not (finite := np.isfinite(rows)).all():
        row, column = (int(part) for part in np.argwhere(~finite)[0])
        count = int((~finite).sum())
        more = f", and {count - 1} more values are infinite or NaN" if count > 1 else ""
        raise DataError(f"{path}: {place(row)}: value {column} is {rows[row, column]}{more}")
    if inputs.ndim > 4:
        raise DataError(
            f"{path}: inputs have the shape {inputs.shape}: (n, values), (n, h, w) or (n, h, w, channels) is expected"
        )
    shape = {1: (1, 1, 1), 2: (1, 1, rows.shape[1]), 3: (*inputs.shape[1:], 1)}.get(inputs.ndim, inputs.shape[1:])
    shaped = np.ascontiguousarray(inputs.reshape(len(inputs), *shape), np.float32)
    return Examples(shaped, _targets(path, targets, labels, place))


def _joined(parts: list[Examples]) -> Examples:
    shapes = {part.inputs.shape[1:] for part in parts}
    if len(shapes) > 1:
        raise DataError(
            f"the sources in data have inputs of different shapes: {listed([str(shape) for shape in sorted(shapes)])}"
        )
    if len({(part.targets.dtype.kind, part.targets.shape[1:]) for part in parts}) > 1:
        raise DataError("the sources in data have different targets: all have labels, or all as many values")
    return Examples(np.concatenate([p.inputs for p in parts]), np.concatenate([p.targets for p in parts]))


def _read_npz(path: Path, source: Source) -> tuple[NDArray[Any], NDArray[Any], Place]:
    with tensors.opened(path, "not a readable .npz file: write it with np.savez") as file:
        members = file.zip.infolist()  # which a .npy has not
        memory.require({path.name: 3 * sum(member.file_size for member in members)}, "take a smaller file")
        missing = [name for name in (source.inputs, source.targets) if name not in file]
        if missing:
            raise DataError(
                f"{path}: has no array {shown(missing[0])}, only {listed(list(file))}: inputs and targets name them"
            )
        inputs, targets = file[source.inputs], file[source.targets]
    if inputs.dtype.kind not in "fiub" or inputs.ndim < 1:
        raise DataError(f"{path}: {source.inputs} holds {inputs.dtype}, and numbers are expected")
    if targets.ndim < 1 or len(inputs) != len(targets) or not len(inputs):
        raise DataError(
            f"{path}: {source.inputs} and {source.targets} have {inputs.shape} and {targets.shape}: as many rows in both"
        )
    if targets.dtype.kind not in "fiubUS" or (targets.dtype.kind != "f" and targets.size != len(targets)):
        raise DataError(f"{path}: {source.targets} holds {targets.dtype} of {targets.shape}: a label or values for each row")
    return inputs, targets, lambda row: f"row {row}"


def _read_table(path: Path, source: Source) -> tuple[NDArray[Any], NDArray[Any], Place]:
    reader = csv.reader(read_lines(path, lambda line: None))
    rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    if len(rows) < 2:
        raise DataError(f"{path}: a line of column names and lines of numbers below it are expected")
    header = [name.strip() for name in rows[0][1]]
    wanted = (source.label_column,) if source.label_column else LABEL
    at = next((number for number, name in enumerate(header) if name in wanted or name.casefold() in wanted), None)
    if at is None:
        raise DataError(f"{path}: has no column {wanted[0]}, only {listed(header)}: label_column names another one")
    names = header[:at] + header[at + 1 :]
    values = np.empty((len(rows) - 1, len(names)), np.float32)
    targets = []
    for filled, (number, row) in zip(values, rows[1:], strict=True):
        if len(row) != len(header):
            raise DataError(f"{path}: line {number} has {len(row)} cells and its table {len(header)}")
        targets.append(row[at].strip())
        for column, cell in enumerate(row[:at] + row[at + 1 :]):
            try:
                filled[column] = float(cell)
            except ValueError:
                raise DataError(f"{path}: line {number}, column {names[column]}: {shown(cell)} is no number") from None
    return values, np.array(targets), lambda row: f"line {rows[row + 1][0]}"


def _targets(path: Path, targets: NDArray[Any], labels: tuple[str, ...], place: Place) -> NDArray[Any]:
    """Labels or numbers of labels -> int64 (n,); values -> float32 (n, outputs)."""
    if targets.dtype.kind == "f":
        finite = np.isfinite(targets.reshape(len(targets), -1)).all(axis=1)
        if not finite.all():
            raise DataError(f"{path}: {place(int(np.argmin(finite)))}: its target is infinite or NaN")
        return np.asarray(targets.reshape(len(targets), -1), np.float32)
    known = {str(number): number for number in range(len(labels))} | {label: number for number, label in enumerate(labels)}
    names = [str(int(target)) if targets.dtype.kind in "iub" else str(target) for target in targets.reshape(len(targets))]
    for row, name in enumerate(names):
        if name not in known:
            raise DataError(f"{path}: {place(row)}: {shown(name)} is neither among {listed(labels)} nor one of their numbers")
    return np.array([known[name] for name in names], np.int64)
