"""Reads folders with a sub-folder of files for each label, among them Speech Commands' own layout."""

from __future__ import annotations

import posixpath
from collections.abc import Collection
from pathlib import Path

from watchword.data import audio, files
from watchword.data.batch import Report
from watchword.data.clips import Clip, speaker_of
from watchword.data.lines import read_lines
from watchword.data.splits import TEST, TRAIN, VALIDATION, select
from watchword.errors import DataError
from watchword.settings import listed, shown

NOISE = "_background_noise_"
"""The sub-folder with noise, which is no label."""

_LISTS = {"validation_list.txt": VALIDATION, "testing_list.txt": TEST}


def read_folder(
    folder: Path,
    suffixes: Collection[str] = audio.SUFFIXES,
    *,
    split: str | None = None,
    report: Report = lambda line: None,
) -> list[Clip]:
    """List the files in the sub-folders of a folder, each labelled with the name of its sub-folder.

    suffixes: of the files that count; `pictures.SUFFIXES` for pictures. split: only the clips of this one, as
    validation_list.txt and testing_list.txt name them; those in neither are for training. Files called NAME_nohash_N are of the
    speaker NAME. `_background_noise_` is passed over. DataError: no such folder, nothing in sub-folders, no such split.
    """
    splits = _splits(folder, report)
    clips: list[Clip] = []
    empty = []
    for word in files.sub_folders(folder):
        if word.name == NOISE:
            continue
        found = files.find(word, suffixes)
        if not found:
            empty.append(word.name)
        for path in found:
            part = splits.get(_key(path.relative_to(folder).as_posix()), TRAIN) if splits else ""
            clips.append(Clip(path, word.name, speaker_of(path), part, str(word)))
    beside = files.find(folder, suffixes, deep=False)
    if not clips:
        where = f"{len(beside)} files lie beside one another" if beside else f"nothing to use ({', '.join(sorted(suffixes))})"
        raise DataError(f"{folder}: {where} there; one sub-folder of files for each label is expected")
    if empty:
        report(f"{folder}: {len(empty)} sub-folders hold nothing to use: {listed(empty)}")
    if beside:
        report(
            f"{folder}: {len(beside)} files in no sub-folder have no label and are left out, the first: {shown(beside[0].name)}"
        )
    if (folder / NOISE).is_dir():
        report(f"{folder}: {NOISE} is noise, and no label")
    absent = splits.keys() - {_key(clip.path.relative_to(folder).as_posix()) for clip in clips}
    if absent:
        report(
            f"{folder}: {len(absent)} of {len(splits)} files in {' and '.join(_LISTS)} are not there: {shown(min(absent))}, …"
        )
    return select(clips, split, str(folder), report)


def noise_files(folder: Path) -> list[Path]:
    """List the noise that a folder has in `_background_noise_`, if any."""
    return files.find(folder / NOISE, audio.SUFFIXES) if (folder / NOISE).is_dir() else []


def _splits(folder: Path, report: Report) -> dict[str, str]:
    """Read the split of each file that is listed, by its `_key`; empty where there are no lists."""
    splits: dict[str, str] = {}
    for name, split in _LISTS.items():
        if (folder / name).is_file():
            splits |= {_key(line): split for line in read_lines(folder / name, report) if line.strip()}
    return splits


def _key(name: str) -> str:
    """The name of a file in a list, without its suffix: recordings are often converted, and the lists stay."""
    return posixpath.splitext(posixpath.normpath(name.strip().replace("\\", "/")))[0]
