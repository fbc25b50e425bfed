"""What the host does with damaged recordings and manifests, for tests/fuzz/host.py."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

import numpy as np

from tests.fuzz import damage, seeds
from watchword.data import audio, resampling
from watchword.data.manifests import read_manifest
from watchword.data.sources import read_files
from watchword.errors import WatchwordError

Refused = Callable[[WatchwordError], str]
"""Says how a case was refused, and finds fault with the line."""


def wav_case(number: int) -> bytes:
    """A WAV file or, once in ten, one of another kind."""
    rng = Random(f"wav {number}")
    files = seeds.recordings() if rng.random() < 0.9 else seeds.containers() or seeds.recordings()
    content, other = rng.choice(files), rng.choice(files)
    return damage.riff(rng, content) if rng.random() < 0.4 else damage.file(rng, content, other)


def csv_case(number: int) -> bytes:
    rng = Random(f"csv {number}")
    content, other = rng.choice(seeds.manifests_of_clips()), rng.choice(seeds.manifests_of_clips())
    return damage.file(rng, content, other) if rng.random() < 0.3 else damage.table(rng, content)


def use_recording(content: bytes, refused: Refused) -> str:
    """Read a file as a recording; all that is said of it is one line."""
    _warm_up()
    path = Path("fuzz.wav")  # in a folder of this process's own
    path.write_bytes(content)
    notes: list[str] = []
    try:
        samples = audio.read(path, notes.append)
    except WatchwordError as error:
        return refused(_naming(path, error))
    assert samples.dtype == np.int16
    assert samples.ndim == 1
    assert len(samples), "no sound, and not refused"
    assert all(note.isprintable() and len(note) < 120 for note in notes), notes
    return "read with a note" if notes else "read"


def use_manifest(content: bytes, refused: Refused) -> str:
    """Read a file as a manifest, with labels and without, and try some of the recordings that it names."""
    path = Path("fuzz.csv")
    path.write_bytes(content)
    Path("a.wav").write_bytes(seeds.recordings()[0])
    try:
        read_files(path)
        clips = read_manifest(path)
    except WatchwordError as error:
        return refused(_naming(path, error))
    for clip in clips[:3]:
        with contextlib.suppress(WatchwordError):
            audio.read(clip.path)
    return "read"


def _naming(path: Path, error: WatchwordError) -> WatchwordError:
    """The error; an AssertionError where it does not name the file."""
    if not str(error).startswith(f"{path}: "):
        raise AssertionError(f"a message that does not name the file: {error}")
    return error


@cache
def _warm_up() -> None:
    """What is imported once is imported before time and memory are short."""
    resampling.resampled(np.zeros(8), 8000)
