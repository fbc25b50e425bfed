"""Reads what users name as a source of clips: a manifest, or a folder with a sub-folder for each label."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from watchword.data import audio, files
from watchword.data.batch import Report
from watchword.data.clips import Clip
from watchword.data.folders import read_folder
from watchword.data.manifests import read_manifest
from watchword.errors import DataError


def read_source(
    path: Path,
    suffixes: Collection[str] = audio.SUFFIXES,
    *,
    label_column: str | None = None,
    split: str | None = None,
    split_column: str | None = None,
    report: Report = lambda line: None,
) -> list[Clip]:
    """Read the labelled clips of a manifest or of a folder of folders, as `read_manifest` and `read_folder` do."""
    if os.path.isdir(path):
        return read_folder(path, suffixes, split=split, report=report)
    return read_manifest(path, label_column=label_column, split=split, split_column=split_column, report=report)


def read_files(path: Path, suffixes: Collection[str] = audio.SUFFIXES, report: Report = lambda line: None) -> list[Clip]:
    """Read the clips of a manifest, or all files below a folder, whose labels do not matter.

    DataError: as `read_manifest`; there is nothing below the folder.
    """
    if not os.path.isdir(path):
        return read_manifest(path, labelled=False, report=report)
    clips = [Clip(file, "") for file in files.find(path, suffixes)]
    if not clips:
        raise DataError(f"{path}: no files that are read there ({', '.join(sorted(suffixes))})")
    return clips
