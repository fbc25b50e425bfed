"""Which files a recipe takes for training and for validation, and that all of it is said."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from watchword.data import audio
from watchword.data.batch import Report
from watchword.data.clips import Clip, Selection, divide
from watchword.data.folders import NOISE, noise_files, read_folder
from watchword.data.labels import SILENCE, numbers, strangers
from watchword.data.manifests import read_manifest
from watchword.data.splits import TEST, TRAIN, VALIDATION, kind
from watchword.errors import DataError
from watchword.train.recipe import Recipe, Source


@dataclass(frozen=True)
class Selected:
    """The clips of a recipe. sources: by where a clip is listed, the number of its source in data.train."""

    training: list[Clip]
    validation: list[Clip]
    sources: dict[str, int]

    def __str__(self) -> str:
        return f"training: {Selection.of(self.training)}; validation: {Selection.of(self.validation)}"


def select(recipe: Recipe, root: Path, suffixes: Collection[str], report: Report) -> Selected:
    """Select the files that a recipe names. suffixes: of those in folders that count.

    Where clips have splits and the recipe does not choose among them, those for validation validate, and those for tests are
    left out. DataError: a source is missing or malformed, a label nearly one of the recipe's, or there are no clips of one.
    """
    training: list[Clip] = []
    listed_for: list[Clip] = []
    sources: dict[str, int] = {}
    left_out = 0
    for number, source in enumerate(recipe.data.train):
        for clip in _read(source, root, suffixes, report):
            part = TRAIN if source.split else kind(clip.split)
            sources[_name(clip)] = number
            if part == VALIDATION:
                listed_for.append(clip)
            elif part == TEST:
                left_out += 1
            else:
                training.append(clip)
    if left_out:
        report(f"{left_out} clips of data.train are for tests by their split and are left out: split names another choice")
    if recipe.data.validation:
        validation = [clip for source in recipe.data.validation for clip in _read(source, root, suffixes, report)]
    elif listed_for:
        validation = listed_for
    else:
        training, validation = divide(training, recipe.data.validation_share)
    known = [*recipe.labels, SILENCE] if recipe.kind == "sound" else recipe.labels
    numbers([*training, *validation], known)
    require_labels(recipe, training, "")
    if not validation:
        raise DataError("no clips are left for validation: raise data.validation_share or name data.validation")
    if told := strangers([clip for clip in training if clip.label != SILENCE], recipe.labels):
        report(told)
    return Selected(training, validation, sources)


def source_numbers(selected: Selected, clips: Sequence[Clip]) -> list[int]:
    """The number of the source of each clip."""
    return [selected.sources[_name(clip)] for clip in clips]


def require_labels(recipe: Recipe, clips: Sequence[Clip], such: str) -> None:
    """DataError: there are no clips of a word. such: what they have to be, to say."""
    missing = set(recipe.words) - {clip.label for clip in clips}
    if missing:
        raise DataError(f"the sources in data.train have no clip of {', '.join(sorted(missing))}{such}")


def noise_of(recipe: Recipe, root: Path, silent: Sequence[Path]) -> list[Path]:
    """The files of noise of a recipe and of its folders, and the clips of `_silence_`. DataError: there are none."""
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
    return files


def _read(source: Source, root: Path, suffixes: Collection[str], report: Report) -> list[Clip]:
    split = source.split or None
    if source.folder:
        return read_folder(root / source.folder, suffixes, split=split, report=report)
    label_column, split_column = source.label_column or None, source.split_column or None
    return read_manifest(
        root / source.manifest, label_column=label_column, split=split, split_column=split_column, report=report
    )


def _name(clip: Clip) -> str:
    return f"{clip.place}\0{clip.path}"
