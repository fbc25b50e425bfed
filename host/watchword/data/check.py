"""Looks through labelled recordings or pictures for what spoils training or flatters its figures.

What is in two splits at once makes figures better than they are; what is silent, cut off, or listed under two labels cannot be
learnt; and a fault that one label has and the others have not is learnt instead of the word.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from watchword.data import audio, pictures
from watchword.data.batch import Batch, Report
from watchword.data.clips import Clip
from watchword.data.splits import kind
from watchword.settings import listed

Progress = Callable[[int, int], None]

_SHOWN = 5  # files that a finding names
_SILENT = 20.0  # RMS of 16 bits below which a recording holds no sound, as in `words`
_SHORT, _LONG = 0.2, 3.0  # seconds, between which a clip of a word lasts
_FLAT = 4.0  # deviation of each of a picture's colours below which nothing can be seen in it
_UNEVEN = 10  # times as many clips as the rarest label
_FEW = 20  # clips of a label
_ONE_LABEL = 0.8  # of the clips with a fault, and of half as many clips in all


@dataclass(frozen=True)
class Finding:
    """Something that is amiss. kind: a name for programs. clips: how many it is about; files: the first of them."""

    kind: str
    text: str
    clips: int
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checkup:
    """What a data set is, and what is amiss with it. labels, splits: clips of each. seconds: of sound; 0 of pictures.

    skipped: files that cannot be read.
    """

    clips: int
    labels: dict[str, int]
    splits: dict[str, int]
    speakers: int
    seconds: float
    skipped: int
    findings: tuple[Finding, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields of the command line's JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _Look:
    """What one file is like. digest: of what it holds, whatever its format. faults: by their names, what is amiss."""

    digest: bytes
    seconds: float
    faults: tuple[tuple[str, str], ...]


def check(clips: Sequence[Clip], *, picture: bool, batch: Batch | None = None, progress: Progress | None = None) -> Checkup:
    """Look through clips, all of which are read. batch: counts the files that cannot be. DataError: none can be read."""
    batch = batch or Batch("pictures" if picture else "recordings")
    looks: dict[int, _Look] = {}
    for number, look, _ in batch.each([clip.path for clip in clips], _seen if picture else _heard):
        looks[number] = look
        if progress is not None:
            progress(number + 1, len(clips))
    read = [(clips[number], look) for number, look in looks.items()]
    labels = Counter(clip.label for clip, _ in read)
    findings = [*_speakers(read), *_twins(read), *_faults(read, labels), *_balance(labels)]
    return Checkup(
        clips=len(read),
        labels=dict(labels.most_common()),
        splits=dict(sorted(Counter(clip.split for clip, _ in read if clip.split).items())),
        speakers=len({clip.speaker for clip, _ in read} - {""}),
        seconds=sum(look.seconds for _, look in read),
        skipped=len(clips) - len(read),
        findings=tuple(findings),
    )


def _heard(path: Path, report: Report) -> _Look:
    notes: list[str] = []
    samples = audio.read(path, notes.append)
    faults = [(note.partition(":")[0], note) for note in notes]
    seconds = len(samples) / audio.RATE
    if np.sqrt(np.mean(samples.astype(np.float64) ** 2)) < _SILENT:
        faults.append(("silent", "silent: nothing can be heard in them"))
    if seconds < _SHORT:
        faults.append(("short", f"shorter than {_SHORT} s, which no word is"))
    elif seconds > _LONG:
        faults.append(("long", f"longer than {_LONG:g} s: only the loudest stretch is learnt"))
    sounding = np.flatnonzero(samples)
    core = samples[sounding[0] : sounding[-1] + 1] if len(sounding) else samples[:0]
    return _Look(_digest(core), seconds, tuple(faults))


def _seen(path: Path, report: Report) -> _Look:
    picture = pictures.read(path)
    faults = []
    width, height = picture.size
    if width < pictures.QQVGA[0] or height < pictures.QQVGA[1]:
        faults.append(("small", "smaller than the 160x120 of a small camera's frame"))
    frame = pictures.fitted(picture)
    if frame.std(axis=(0, 1)).max() < _FLAT:
        faults.append(("flat", "of one colour: nothing can be seen in them"))
    return _Look(_digest(frame), 0.0, tuple(faults))


def _digest(values: NDArray[Any]) -> bytes:
    return hashlib.sha256(values.tobytes()).digest() if values.size else b""


def _speakers(read: Sequence[tuple[Clip, _Look]]) -> list[Finding]:
    """Speakers who are in several splits: a network knows their voices before it is asked."""
    parts: dict[str, set[str]] = defaultdict(set)
    for clip, _ in read:
        if clip.speaker and clip.split:
            parts[clip.speaker].add(kind(clip.split))
    leaked = sorted(speaker for speaker, splits in parts.items() if len(splits) > 1)
    if not leaked:
        return []
    known = set(leaked)
    among = [clip for clip, _ in read if clip.speaker in known]
    text = f"{len(leaked)} speakers are in more than one split: {listed(leaked)}; keep each in one, or figures flatter"
    return [_finding("speaker_leak", text, among)]


def _twins(read: Sequence[tuple[Clip, _Look]]) -> list[Finding]:
    """The same sound or picture more than once."""
    same: dict[bytes, list[Clip]] = defaultdict(list)
    for clip, look in read:
        if look.digest:
            same[look.digest].append(clip)
    groups = [group for group in same.values() if len(group) > 1]
    between = [clip for group in groups if len({kind(clip.split) for clip in group}) > 1 for clip in group]
    twofold = [clip for group in groups if len({clip.label for clip in group}) > 1 for clip in group]
    others = [clip for group in groups for clip in group[1:]]
    findings = []
    if between:
        findings.append(
            _finding("twin_leak", f"{len(between)} clips are the same as one of another split: remove them", between)
        )
    if twofold:
        findings.append(
            _finding("two_labels", f"{len(twofold)} clips are the same and have other labels: one is wrong", twofold)
        )
    if others:
        findings.append(_finding("twins", f"{len(others)} clips are copies of others: they count twice", others))
    return findings


def _faults(read: Sequence[tuple[Clip, _Look]], labels: Counter[str]) -> list[Finding]:
    """What is amiss with single files; and whether it is one label that has it, which is learnt instead of the word."""
    having: dict[str, list[Clip]] = defaultdict(list)
    texts: dict[str, str] = {}
    for clip, look in read:
        for name, text in look.faults:
            having[name].append(clip)
            texts[name] = text
    findings = []
    for name, clips in sorted(having.items(), key=lambda entry: -len(entry[1])):
        findings.append(_finding(name, f"{len(clips)} of {len(read)} clips: {texts[name]}", clips))
        label, count = Counter(clip.label for clip in clips).most_common(1)[0]
        if len(labels) > 1 and count >= _FEW and count >= _ONE_LABEL * len(clips) and labels[label] <= len(read) / 2:
            text = f"{count} of the {len(clips)} are of {label!r}: a network may learn this instead of the word"
            findings.append(_finding("one_label", f"{name}: {text}", [clip for clip in clips if clip.label == label]))
    return findings


def _balance(labels: Counter[str]) -> list[Finding]:
    if not labels:
        return []
    (most, many), (least, few) = labels.most_common()[0], labels.most_common()[-1]
    findings = []
    if many > _UNEVEN * few:
        text = f'{most!r} has {many} clips and {least!r} {few}: balance = ["class"] in [data] evens them out'
        findings.append(Finding("imbalance", text, few))
    rare = [label for label, count in labels.items() if count < _FEW]
    if rare:
        findings.append(Finding("few", f"fewer than {_FEW} clips: {listed(rare)}", sum(labels[label] for label in rare)))
    return findings


def _finding(name: str, text: str, clips: Sequence[Clip]) -> Finding:
    return Finding(name.replace(" ", "_"), text, len(clips), tuple(str(clip.path) for clip in clips[:_SHOWN]))
