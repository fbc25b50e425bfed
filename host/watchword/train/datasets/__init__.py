"""Datasets: examples for training, from sound, from pictures or from plain arrays, behind one interface (`dataset.Dataset`).

`open_dataset` makes the one of a recipe; `beside` has its examples made by a process of its own.
"""

from __future__ import annotations

from pathlib import Path

from watchword.data.batch import Batch, Report
from watchword.train.datasets.arrays import ArrayDataset
from watchword.train.datasets.beside import Beside, beside
from watchword.train.datasets.dataset import Dataset, Examples
from watchword.train.datasets.pictures import PictureDataset
from watchword.train.datasets.sound import SoundDataset
from watchword.train.recipe import Recipe

__all__ = [
    "ArrayDataset",
    "Beside",
    "Dataset",
    "Examples",
    "PictureDataset",
    "SoundDataset",
    "beside",
    "open_dataset",
]


def open_dataset(recipe: Recipe, root: Path, report: Report = lambda line: None, batch: Batch | None = None) -> Dataset:
    """Open the data sets that a recipe names, below `root`.

    report: receives what is trained on and what is amiss with it, in lines. batch: counts the files that cannot be read, which
    are passed by. DataError: a source is missing or malformed, a label has no example, or there is not enough memory.
    """
    kinds: dict[str, type[SoundDataset | PictureDataset | ArrayDataset]] = {
        "sound": SoundDataset,
        "picture": PictureDataset,
        "tensor": ArrayDataset,
    }
    return kinds[recipe.kind].of_recipe(recipe, root, report, batch)
