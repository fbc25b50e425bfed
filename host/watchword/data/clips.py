"""Reads labelled recordings: from manifests or folders of words, into the arrays that training takes.

A manifest is a CSV file beside its sound files with the columns `file` (relative to the manifest), a label, and if known
`speaker` and `split`. The other form is a folder with one sub-folder of recordings for each word.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from watchword.data import audio
from watchword.errors import DataError

UNKNOWN = "_unknown_"
SILENCE = "_silence_"


@dataclass(frozen=True)
class Clip:
    """A recording of one word. speaker: empty where it is not known."""

    path: Path
    label: str
    speaker: str = ""


@dataclass(frozen=True, eq=False)
class Recordings:
    """Clips in memory. signals: int16 (clips, samples). targets: label indices, int64 (clips,)."""

    clips: tuple[Clip, ...]
    signals: NDArray[np.int16]
    targets: NDArray[np.int64]


def read_manifest(
    path: Path, *, label_column: str = "label", split: str | None = None, split_column: str = "split"
) -> list[Clip]:
    """Read the clips of a manifest; with `split`, only those whose `split_column` says so.

    A manifest without that column is taken whole. DataError: no such file, not a CSV file, a column is missing, no clip
    has that split.
    """
    rows = _rows(path)
    columns = list(rows[0]) if rows else []
    for column in ("file", label_column):
        if column not in columns:
            raise DataError(f"{path}: has no column {column!r}, only {', '.join(columns) or 'an empty table'}")
    if split is not None and split_column in columns:
        known = sorted({row[split_column] for row in rows})
        rows = [row for row in rows if row[split_column] == split]
        if not rows:
            raise DataError(f"{path}: no clip has {split_column} {split!r}; there are {', '.join(map(repr, known))}")
    return [Clip(path.parent / row["file"], row[label_column], row.get("speaker") or "") for row in rows]


def read_files(path: Path) -> list[Clip]:
    """Read the clips of a manifest or of a folder of folders, whatever their labels. DataError: as `read_manifest`."""
    return read_folder(path) if path.is_dir() else read_manifest(path, label_column="file")


def read_folder(folder: Path, find: Callable[[Path], list[Path]] = audio.find) -> list[Clip]:
    """List the recordings in the sub-folders of a folder, each labelled with the name of its sub-folder.

    find: lists the files of a folder; `pictures.find` for pictures. Sub-folders whose name begins with a dot do not count.
    DataError: no such folder, or nothing in sub-folders.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    words = sorted(word for word in folder.iterdir() if word.is_dir() and not word.name.startswith("."))
    clips = [Clip(path, word.name) for word in words for path in find(word)]
    if not clips:
        raise DataError(f"{folder}: nothing to use there; one sub-folder of files for each label is expected")
    return clips


def write_manifest(path: Path, clips: Sequence[Clip]) -> None:
    """Write a manifest that `read_manifest` reads, with the files named relative to it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("file", "label", "speaker"))
        for clip in clips:
            relative = Path(os.path.relpath(clip.path.resolve(), path.parent.resolve()))
            table.writerow((relative.as_posix(), clip.label, clip.speaker))


def divide(clips: Sequence[Clip], share: float) -> tuple[list[Clip], list[Clip]]:
    """Split clips into (training, validation): about `share` of the speakers, or of clips without one, validate.

    A hash of the name decides, so that recordings that are added later do not move earlier ones.
    """
    training: list[Clip] = []
    validation: list[Clip] = []
    for clip in clips:
        digest = hashlib.sha256((clip.speaker or f"{clip.label}/{clip.path.name}").encode()).digest()
        held_out = int.from_bytes(digest[:4], "big") < share * 2**32
        (validation if held_out else training).append(clip)
    return training, validation


def load(clips: Sequence[Clip], labels: Sequence[str], samples: int) -> Recordings:
    """Read the sound of clips, each brought to `samples` samples by `fit`.

    A label that is not among `labels` counts as `_unknown_`. DataError: there is no `_unknown_` among `labels`, or a file
    cannot be read.
    """
    number = {label: index for index, label in enumerate(labels)}
    signals = np.zeros((len(clips), samples), np.int16)
    targets = np.zeros(len(clips), np.int64)
    for row, clip in enumerate(clips):
        target = number.get(clip.label, number.get(UNKNOWN))
        if target is None:
            raise DataError(f"{clip.path}: label {clip.label!r} is not among {', '.join(labels)}, and there is no {UNKNOWN}")
        targets[row] = target
        signals[row] = fit(audio.read(clip.path), samples)
    return Recordings(tuple(clips), signals, targets)


def fit(signal: NDArray[np.int16], samples: int) -> NDArray[np.int16]:
    """Return (samples,): pad a shorter signal with zeros, cut from a longer one the segment with the most energy."""
    if len(signal) <= samples:
        return np.pad(signal, (0, samples - len(signal)))
    energy = np.concatenate([[0.0], np.cumsum(signal.astype(np.float64) ** 2)])
    start = int(np.argmax(energy[samples:] - energy[:-samples]))
    return signal[start : start + samples]


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            # Short rows get empty cells, so that a missing one is found like an empty one.
            return [dict(row) for row in csv.DictReader(file, restval="")]
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise DataError(f"{path}: not a readable CSV file: {error}") from None
