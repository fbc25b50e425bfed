"""Labelled recordings in the rows that training takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from watchword.data import audio
from watchword.data.batch import Batch, Report, silent
from watchword.data.clips import Clip
from watchword.data.decoded import Decoded, Form, decode
from watchword.data.labels import numbers


@dataclass(frozen=True, eq=False)
class Recordings:
    """Clips, those that could be read. signals: rows of int16 (samples,). targets: label indices, int64 (clips,)."""

    clips: tuple[Clip, ...]
    signals: Decoded
    targets: NDArray[np.int64]


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
