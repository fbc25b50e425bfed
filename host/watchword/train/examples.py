"""Turns the recordings of a recipe into training examples: int8 features with labels, augmented anew each epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
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
from watchword.data.manifests import read_manifest, write_manifest
from watchword.data.splits import TEST, TRAIN, VALIDATION, kind
from watchword.errors import DataError
from watchword.features.micro import FrontendParameters, features, to_int8
from watchword.train.recipe import Recipe, Source


@dataclass(frozen=True, eq=False)
class Examples:
    """inputs: the model's, int8 (n, frames, channels, 1). targets: label numbers, int64 (n,)."""

    inputs: NDArray[np.int8]
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


class SoundDataset:
    """The examples of a recipe in epochs, which count from 1. batches: in an epoch, of `batch` examples or some more.

    clips, validation_clips: the recordings. A thread makes the next epoch meanwhile: NumPy releases the GIL in its inner loops,
    so a thread is enough to use a second core.
    """

    def __init__(self, recipe: Recipe, material: Material) -> None:
        self._recipe, self.material = recipe, material
        self.clips, self.validation_clips = material.training.clips, material.validation.clips
        silence = round(recipe.data.silence * len(self.clips)) if SILENCE in recipe.labels else 0
        self.batches = max(1, (len(self.clips) + silence) // recipe.training.batch)
        self._ahead = ThreadPoolExecutor(1)
        self._coming: tuple[int, Future[Examples]] | None = None
        self._validation = validation_examples(recipe, material)

    def epoch(self, number: int) -> Iterator[Examples]:
        """Yield the batches of an epoch."""
        if self._coming is not None and self._coming[0] == number:
            examples = self._coming[1].result()
        else:
            examples = training_examples(self._recipe, self.material, number)
        if number < self._recipe.training.epochs:
            self._coming = number + 1, self._ahead.submit(training_examples, self._recipe, self.material, number + 1)
        for rows in np.array_split(np.arange(len(examples)), self.batches):
            yield Examples(examples.inputs[rows], examples.targets[rows])

    def validation(self) -> Examples:
        """The examples for validation, as they are."""
        return self._validation

    def calibration(self, count: int) -> NDArray[np.int8]:
        """The first inputs of the first epoch: (count, frames, channels, 1), fewer where there are not so many."""
        return np.concatenate([examples.inputs for examples in self.epoch(1)])[:count]

    def save_validation(self, folder: Path) -> None:
        """Write validation.csv, which lists the clips for validation, and its silence in silence/."""
        clips = list(self.validation_clips)
        if len(self.material.silence):
            (folder / "silence").mkdir(exist_ok=True)
        for number, samples in enumerate(self.material.silence):
            path = folder / "silence" / f"{number:02}.wav"
            audio.write(path, samples)
            clips.append(Clip(path, SILENCE))
        write_manifest(folder / "validation.csv", clips)


def open_dataset(recipe: Recipe, root: Path, report: Report = lambda line: None, batch: Batch | None = None) -> SoundDataset:
    """Open the data sets that a recipe names, below `root`. DataError: as `read_material`."""
    return SoundDataset(recipe, read_material(recipe, root, report, batch))


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
    """Compute features, int16 (clips, context + samples) -> int8 (clips, frames, channels, 1): the last frames of each clip."""
    return to_int8(features(streams, FrontendParameters(hop_ms=recipe.hop_ms))[:, -recipe.frames :])[..., None]


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
