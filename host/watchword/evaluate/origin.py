"""Of what a result is: the model, the data and the version of watchword, so that two of them can be told to be of the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from watchword.data.clips import Clip
from watchword.errors import DataError
from watchword.model import Model
from watchword.shipped import __version__


@dataclass(frozen=True)
class Origin:
    """watchword: its version. model: SHA-256 of the `.tflite`. data: see `data_sha256`."""

    watchword: str
    model: str
    data: str

    def as_dict(self) -> dict[str, Any]:
        """The JSON of the command line."""
        return {"watchword": self.watchword, "model_sha256": self.model, "data_sha256": self.data}


def origin(model: Model, clips: Iterable[Clip]) -> Origin:
    """Of what a result on these clips is. DataError: a file cannot be read."""
    return Origin(__version__, hashlib.sha256(model.content).hexdigest(), data_sha256(clips))


def data_sha256(clips: Iterable[Clip]) -> str:
    """One hash of labelled clips: the SHA-256 of lines `HASH LABEL`, sorted, with the SHA-256 of each file and its label.

    Files may move, be renamed or listed in another order; a changed byte or label, one clip more or less, is another hash.
    DataError: a file cannot be read.
    """
    known: dict[Path, str] = {}
    lines = []
    for clip in clips:
        if clip.path not in known:
            try:
                with clip.path.open("rb") as file:
                    known[clip.path] = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise DataError(f"{clip.path}: cannot be read: {error.strerror or error}") from None
        lines.append(f"{known[clip.path]} {clip.label}\n")
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
