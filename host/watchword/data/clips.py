"""Labelled recordings and pictures: what is known of each."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from watchword.settings import listed


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
