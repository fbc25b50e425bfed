"""Turns the recordings of a recipe into training examples: int8 features with labels, augmented anew each epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from watchword.data.augment import augment, read_noise, silence, validation_silence, with_context
from watchword.data.clips import SILENCE, Clip, Recordings, divide, load, read_folder, read_manifest
from watchword.errors import DataError
from watchword.features.micro import FrontendParameters, features, to_int8
from watchword.train.recipe import Recipe, Source


@dataclass(frozen=True, eq=False)
class Examples:
    """features: the model's input, int8 (clips, frames, channels). targets: label indices, int64 (clips,)."""

    features: NDArray[np.int8]
    targets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True, eq=False)
class Material:
    """The recordings of a recipe. silence: int16 (clips, samples) cut from noise, part of the validation set."""

    training: Recordings
    validation: Recordings
    silence: NDArray[np.int16]
    noise: list[NDArray[np.int16]]


def read_material(recipe: Recipe, root: Path) -> Material:
    """Read all recordings that a recipe names. DataError: some are missing or malformed."""
    training = _clips(recipe.data.train, root)
    if recipe.data.validation:
        validation = _clips(recipe.data.validation, root)
    else:
        training, validation = divide(training, recipe.data.validation_share)
    missing = set(recipe.words) - {clip.label for clip in training}
    if missing:
        raise DataError(f"the sources in data.train have no clip of {', '.join(sorted(missing))}")
    if not validation:
        raise DataError("no clips are left for validation: raise data.validation_share or name data.validation")
    noise = read_noise(root / recipe.data.noise) if recipe.data.noise else []
    count = recipe.data.validation_silence if SILENCE in recipe.labels else 0
    return Material(
        load(training, recipe.labels, recipe.samples),
        load(validation, recipe.labels, recipe.samples),
        validation_silence(count, recipe.samples, noise),
        noise,
    )


def validation_examples(recipe: Recipe, material: Material) -> Examples:
    """Extract the validation set: its words, then its silence."""
    signals = np.concatenate([material.validation.signals, material.silence])
    return Examples(
        extract(recipe, with_context(signals)),
        np.concatenate([material.validation.targets, _silent(recipe, len(material.silence))]),
    )


def training_examples(recipe: Recipe, material: Material, epoch: int) -> Examples:
    """Augment all training clips for one epoch, add clips of silence and shuffle them."""
    rng = np.random.default_rng([recipe.training.seed, 1, epoch])
    words = augment(material.training.signals, material.noise, recipe.augmentation, rng)
    count = round(recipe.data.silence * len(words)) if SILENCE in recipe.labels else 0
    silent = silence(count, recipe.samples, material.noise, recipe.augmentation, rng)
    order = rng.permutation(len(words) + count)
    targets = np.concatenate([material.training.targets, _silent(recipe, count)])
    return Examples(extract(recipe, np.concatenate([words, silent]))[order], targets[order])


def extract(recipe: Recipe, streams: NDArray[np.int16]) -> NDArray[np.int8]:
    """Compute features, int16 (clips, context + samples) -> int8 (clips, frames, channels): the last frames of each clip."""
    return to_int8(features(streams, FrontendParameters(hop_ms=recipe.hop_ms))[:, -recipe.frames :])


def _clips(sources: tuple[Source, ...], root: Path) -> list[Clip]:
    return [clip for source in sources for clip in _read(source, root)]


def _read(source: Source, root: Path) -> Iterator[Clip]:
    if source.folder:
        yield from read_folder(root / source.folder)
    else:
        yield from read_manifest(
            root / source.manifest,
            label_column=source.label_column,
            split=source.split or None,
            split_column=source.split_column,
        )


def _silent(recipe: Recipe, count: int) -> NDArray[np.int64]:
    return np.full(count, recipe.labels.index(SILENCE) if count else 0, np.int64)
