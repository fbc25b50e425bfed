"""Pictures in folders of classes, or of a manifest, as examples: what a camera's frame becomes for the model, uint8."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from watchword.data import memory, pictures
from watchword.data.augmentation import PictureAugmentation
from watchword.data.augmentation.pictures import augmented
from watchword.data.batch import Batch, Report
from watchword.data.clips import Clip
from watchword.data.decoded import Decoded, Form, decode
from watchword.data.labels import numbers
from watchword.data.manifests import write_manifest
from watchword.features import frames
from watchword.train.datasets.dataset import Dataset, Examples
from watchword.train.datasets.sampling import draw, groups
from watchword.train.datasets.sources import require_labels, select, source_numbers
from watchword.train.recipe import Recipe

_FRAME = (pictures.QQVGA[1], pictures.QQVGA[0], 3)  # what a small camera gives of each picture: rows, columns, colours


class PictureDataset(Dataset):
    """Pictures, each as a camera's frame that is augmented, and then cropped and resized as boards do it, bit for bit."""

    @classmethod
    def of_recipe(
        cls, recipe: Recipe, root: Path, report: Report = lambda line: None, batch: Batch | None = None
    ) -> PictureDataset:
        """Read all pictures that a recipe names, as `open_dataset` says."""
        selected = select(recipe, root, pictures.SUFFIXES, report)
        height, width, channels = recipe.shape
        row = height * width * channels
        memory.require(
            {
                "pictures for validation": len(selected.validation) * row,
                "a batch of pictures": 16 * recipe.training.batch * row,
            },
            "take fewer pictures for validation, smaller ones, or a smaller training.batch",
        )
        report(str(selected))
        form, batch = Form("picture", _FRAME, "uint8"), batch or Batch("pictures")
        parts = []
        for clips in (selected.training, selected.validation):
            decoded, rows = decode([clip.path for clip in clips], form, _read, batch, report)
            parts.append(([clips[number] for number in rows], decoded))
        (training, signals), (validating, others) = parts
        require_labels(recipe, training, " that can be read")
        return cls(recipe, training, signals, validating, others, source_numbers(selected, training))

    def __init__(
        self,
        recipe: Recipe,
        clips: Sequence[Clip],
        decoded: Decoded,
        validating: Sequence[Clip],
        others: Decoded,
        sources: Sequence[int],
    ) -> None:
        """decoded, others: rows of uint8 (120, 160, 3) of `clips` and of `validating`."""
        settings = recipe.augmentation
        assert isinstance(settings, PictureAugmentation)
        super().__init__(recipe.labels, recipe.shape, len(clips), recipe.training.batch, recipe.training.seed, settings.mixup)
        self.clips, self.validation_clips = tuple(clips), tuple(validating)
        self._settings, self._decoded, self._others = settings, decoded, others
        self._targets = np.array(numbers(clips, recipe.labels), np.int64)
        self._groups = groups(recipe.data.balance, self._targets.tolist(), sources)

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"clips": (), "validation_clips": ()}

    def validation(self) -> Examples:
        """The pictures for validation as they are."""
        found = [self._seen(frame) for _, rows in self._others.blocks() for frame in rows]
        return Examples(np.stack(found), np.array(numbers(self.validation_clips, self.labels), np.int64))

    def save_validation(self, folder: Path) -> None:
        """Write validation.csv."""
        write_manifest(folder / "validation.csv", self.validation_clips)

    def drawn(self, rng: np.random.Generator) -> NDArray[np.int64]:
        return draw(self._groups, rng)

    def made(self, rows: NDArray[np.int64], rng: np.random.Generator) -> Examples:
        """Augment the frames of rows."""
        found = [self._seen(augmented(frame, self._settings, rng)) for frame in self._decoded.rows(rows)]
        return Examples(np.stack(found), self._targets[rows])

    def _seen(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """uint8 (rows, columns, 3) of a frame -> what the model sees, uint8 `shape`."""
        return frames.pixels(frames.camera(frame, colour=self.shape[2] == 3), self.shape)


def _read(path: Path, report: Report) -> NDArray[np.uint8]:
    return pictures.fitted(pictures.read(path))
