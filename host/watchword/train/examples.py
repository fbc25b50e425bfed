"""Turns the recordings of a recipe into training examples: int8 features with labels, augmented anew each epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from watchword.data import audio
from watchword.data.augment import augment, read_noise, silence, validation_silence, with_context
from watchword.data.batch import Batch, Report
from watchword.data.clips import Clip, Recordings, Selection, divide, load
from watchword.data.folders import NOISE, noise_files, read_folder
from watchword.data.labels import SILENCE, numbers, strangers
from watchword.data.manifests import read_manifest
from watchword.data.splits import TEST, TRAIN, VALIDATION, kind
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


def read_material(recipe: Recipe, root: Path, report: Report = lambda line: None, batch: Batch | None = None) -> Material:
    """Read all recordings that a recipe names. batch: counts those that cannot be read, which are passed by.

    DataError: a source is missing or malformed, or no clip of a word can be read.

    Where clips have splits and the recipe does not choose among them, those for validation validate, and those for tests are
    left out. Clips of `_silence_` for training count as noise, from which silence is cut.
    """
    training, validation = _clips(recipe, root, report)
    numbers([*training, *validation], [*recipe.labels, SILENCE])
    _require_words(recipe, training, "")
    if not validation:
        raise DataError("no clips are left for validation: raise data.validation_share or name data.validation")
    if told := strangers([clip for clip in training if clip.label != SILENCE], recipe.labels):
        report(told)
    noise = _noise(recipe, root, [clip.path for clip in training if clip.label == SILENCE], batch)
    training = [clip for clip in training if clip.label != SILENCE]
    validation = [clip for clip in validation if clip.label != SILENCE or SILENCE in recipe.labels]
    report(f"training: {Selection.of(training)}; validation: {Selection.of(validation)}; noise: {_seconds(noise):.0f} s")
    count = recipe.data.validation_silence if SILENCE in recipe.labels else 0
    read = load(training, recipe.labels, recipe.samples, batch)
    _require_words(recipe, read.clips, " that can be read")
    return Material(
        read,
        load(validation, recipe.labels, recipe.samples, batch),
        validation_silence(count, recipe.samples, noise),
        noise,
    )


def _require_words(recipe: Recipe, clips: Sequence[Clip], such: str) -> None:
    """DataError: there are no clips of a word. such: what they have to be, to say."""
    missing = set(recipe.words) - {clip.label for clip in clips}
    if missing:
        raise DataError(f"the sources in data.train have no clip of {', '.join(sorted(missing))}{such}")


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


def _clips(recipe: Recipe, root: Path, report: Report) -> tuple[list[Clip], list[Clip]]:
    """Read the clips for training and for validation."""
    training: list[Clip] = []
    listed_for: list[Clip] = []
    left_out = 0
    for source in recipe.data.train:
        for clip in _read(source, root, report):
            part = TRAIN if source.split else kind(clip.split)
            if part == VALIDATION:
                listed_for.append(clip)
            elif part == TEST:
                left_out += 1
            else:
                training.append(clip)
    if left_out:
        report(f"{left_out} clips of data.train are for tests by their split and are left out: split names another choice")
    if recipe.data.validation:
        return training, [clip for source in recipe.data.validation for clip in _read(source, root, report)]
    return (training, listed_for) if listed_for else divide(training, recipe.data.validation_share)


def _read(source: Source, root: Path, report: Report) -> list[Clip]:
    split = source.split or None
    if source.folder:
        return read_folder(root / source.folder, split=split, report=report)
    label_column, split_column = source.label_column or None, source.split_column or None
    return read_manifest(
        root / source.manifest, label_column=label_column, split=split, split_column=split_column, report=report
    )


def _noise(recipe: Recipe, root: Path, silent: Sequence[Path], batch: Batch | None) -> list[NDArray[np.int16]]:
    """Read the noise of a recipe and of its folders, and the clips of `_silence_`. DataError: there is too little."""
    files = []
    if recipe.data.noise:
        files = audio.find(root / recipe.data.noise)
        if not files:
            raise DataError(f"{root / recipe.data.noise}: no recordings of noise there ({', '.join(sorted(audio.SUFFIXES))})")
    for source in recipe.data.train:
        files += noise_files(root / source.folder) if source.folder else []
    files += silent
    if not files and SILENCE in recipe.labels:
        raise DataError(
            f"data.noise is missing, and no folder of data.train has {NOISE}: clips of {SILENCE} are cut from noise"
        )
    place = str(root / recipe.data.noise) if recipe.data.noise else "the folders of data.train"
    return read_noise(files, place, batch) if files else []


def _seconds(noise: Sequence[NDArray[np.int16]]) -> float:
    return sum(map(len, noise)) / audio.RATE


def _silent(recipe: Recipe, count: int) -> NDArray[np.int64]:
    return np.full(count, recipe.labels.index(SILENCE) if count else 0, np.int64)
