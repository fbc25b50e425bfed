"""Which part of a data set a clip is for, whatever its owner calls that."""

from __future__ import annotations

from collections.abc import Sequence

from watchword.data.batch import Report
from watchword.data.clips import Clip
from watchword.errors import DataError
from watchword.settings import listed, shown

TRAIN, VALIDATION, TEST = "train", "validation", "test"
KINDS = {TRAIN, VALIDATION, TEST}

_NAMES = {"training": TRAIN, "valid": VALIDATION, "val": VALIDATION, "dev": VALIDATION, "testing": TEST}


def kind(split: str) -> str:
    """What a split is for: `train`, `validation` or `test`, by any of their usual names; another name stays as it is."""
    folded = split.casefold()
    return _NAMES.get(folded, folded)


def select(clips: Sequence[Clip], split: str | None, place: str, report: Report) -> list[Clip]:
    """Select the clips of a split; None: all. Where no clip has one, all are taken, which is reported.

    place: where they are listed, to say. DataError: there are splits, and none is called so.
    """
    if split is None:
        return list(clips)
    if not any(clip.split for clip in clips):
        report(f"{place}: names no splits and is taken whole, not only {shown(split)}")
        return list(clips)
    chosen = [clip for clip in clips if clip.split == split] or [clip for clip in clips if kind(clip.split) == kind(split)]
    if not chosen:
        known = listed([shown(name) for name in sorted({clip.split for clip in clips})])
        raise DataError(f"{place}: no clip has split {shown(split)}; there are {known}")
    return chosen
