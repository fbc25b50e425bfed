"""Labelled recordings: what is known of each, and their sound in the rows that training takes."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from watchword.data import audio
from watchword.data.batch import Batch, Report, silent
from watchword.data.decoded import Decoded, Form, decode
from watchword.data.labels import listed, numbers


@dataclass(frozen=True)
class Clip:
    """A recording of one word. speaker, split: empty where they are not known. place: where its label stands, to say."""

    path: Path
    label: str
    speaker: str = ""
    split: str = ""
    place: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not self.place:
            object.__setattr__(self, "place", str(self.path))


@dataclass(frozen=True, eq=False)
class Recordings:
    """Clips, those that could be read. signals: rows of int16 (samples,). targets: label indices, int64 (clips,)."""

    clips: tuple[Clip, ...]
    signals: Decoded
    targets: NDArray[np.int64]


@dataclass(frozen=True)
class Selection:
    """Which clips were taken, to say. speakers: how many are known. splits: the clips of each split."""

    clips: int
    speakers: int
    splits: dict[str, int]

    @classmethod
    def of(cls, clips: Sequence[Clip]) -> Selection:
        splits = Counter(clip.split for clip in clips if clip.split)
        return cls(len(clips), len({clip.speaker for clip in clips} - {""}), dict(sorted(splits.items())))

    def __str__(self) -> str:
        splits = listed([f"{n} of {split}" for split, n in self.splits.items()])
        voices = f"{self.speakers} speakers" if self.speakers else "speakers not known"
        return f"{self.clips} clips ({f'by split: {splits}' if splits else 'no splits'}; {voices})"


def speaker_of(path: Path) -> str:
    """The speaker that a file of Speech Commands names, NAME_nohash_N.wav; empty where it names none."""
    found = re.fullmatch(r"(?:.*_)?([0-9a-f]{8})_nohash_\d+", path.stem) or re.fullmatch(r"(.+)_nohash_\d+", path.stem)
    return found[1] if found else ""


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


def load(
    clips: Sequence[Clip], labels: Sequence[str], samples: int, batch: Batch | None = None, report: Report = silent
) -> Recordings:
    """Read the sound of clips, each brought to `samples` samples by `fit`, or take it from the cache (`decoded`).

    A label that is not among `labels` counts as `_unknown_`. batch: counts the files that cannot be read, which are passed by.
    DataError: as `labels.numbers`, or none of the files can be read.
    """
    targets = np.array(numbers(clips, labels), np.int64)
    form = Form("sound", (samples,), "int16")
    paths = [clip.path for clip in clips]
    signals, rows = decode(paths, form, partial(_read_fitted, samples=samples), batch or Batch("recordings"), report)
    return Recordings(tuple(clips[row] for row in rows), signals, targets[rows])


def fit(signal: NDArray[np.int16], samples: int) -> NDArray[np.int16]:
    """Return (samples,): pad a shorter signal with zeros, cut from a longer one the segment with the most energy."""
    if len(signal) <= samples:
        return np.pad(signal, (0, samples - len(signal)))
    energy = np.concatenate([[0.0], np.cumsum(signal.astype(np.float64) ** 2)])
    start = int(np.argmax(energy[samples:] - energy[:-samples]))
    return signal[start : start + samples]


def _read_fitted(path: Path, report: Report, *, samples: int) -> NDArray[np.int16]:
    return fit(audio.read(path, report), samples)
