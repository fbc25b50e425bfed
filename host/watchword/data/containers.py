"""Sound in other files than WAV: FLAC, Ogg, MP3 and what else soundfile reads; of all others, what converts them."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from watchword.data.codings import FULL_SCALE
from watchword.data.wav import TRUNCATED, Sound
from watchword.errors import DataError

SUFFIXES = frozenset({".flac", ".ogg", ".oga", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64"})
"""Extensions of what soundfile reads, in lower case."""

CONVERTED = frozenset({".m4a", ".aac", ".webm", ".opus", ".amr", ".3gp", ".wma"})
"""Extensions of what ffmpeg has to convert first; some versions of soundfile read Opus."""

_BLOCK = 1 << 16  # samples read at once, so that no header decides how much memory is taken
_MOST_CHANNELS = 256
_LONG = 50  # characters of a path, above which it is not named three times
_NO_SOUND = {
    b"version https://git-lfs": "is a pointer of Git LFS: `git lfs pull` fetches the file",
    b"<": "is a page of the web: download the file itself",
    b"PK\x03\x04": "is a ZIP archive: unpack it",
    b"\x1f\x8b": "is a gzip archive: unpack it",
    b"%PDF": "is a PDF, no sound",
    b"\x89PNG": "is a picture, no sound",
    b"\xff\xd8\xff": "is a picture, no sound",
}
_READ = {
    b"fLaC": "FLAC",
    b"OggS": "Ogg",
    b"ID3": "MP3",
    b"\xff\xfb": "MP3",
    b"\xff\xfa": "MP3",
    b"\xff\xf3": "MP3",
    b"\xff\xf2": "MP3",
    b"FORM": "AIFF",
    b"caff": "CAF",
    b".snd": "AU",
    b"riff": "W64",
    b"RIFF": "WAV of this coding",
    b"RIFX": "WAV of this coding",
    b"RF64": "WAV of this coding",
    b"BW64": "WAV of this coding",
    b"NIST": "NIST Sphere",
}
_FOREIGN = {
    b"#!AMR": "AMR",
    b"\x1aE\xdf\xa3": "WebM",
    b"\x30\x26\xb2\x75": "WMA",
    b"\xff\xf1": "AAC",
    b"\xff\xf9": "AAC",
}


def read(path: Path, start: bytes) -> Sound:
    """Read a file that is no WAV file, or one of another coding. start: its first 64 bytes.

    DataError: soundfile cannot read it, or is not installed; where ffmpeg may help, the line has the command.
    """
    for known, said in _NO_SOUND.items():
        if start.startswith(known):
            raise DataError(f"{path}: {said}")
    ending = path.suffix.lower()
    mp4 = ending[1:].upper() if ending in CONVERTED else "MP4"
    foreign = _kind(start, _FOREIGN) or (mp4 if start[4:8] == b"ftyp" else None)
    if foreign:
        raise DataError(f"{path}: {foreign} is not read: {conversion(path)}")
    kind = _kind(start, _READ) or (ending[1:].upper() if ending in SUFFIXES else None)
    if kind is None:
        if ending in CONVERTED:
            raise DataError(f"{path}: is not read: {conversion(path)}")
        text = all(byte in b"\t\n\r\f" or 32 <= byte < 127 for byte in start)
        raise DataError(f"{path}: {'is text, no sound' if text else 'is no sound file that is known'}")
    try:
        import soundfile
    except (ImportError, OSError):
        raise DataError(f"{path}: {kind} needs soundfile (pip install soundfile), or {conversion(path)}") from None
    try:
        with soundfile.SoundFile(path) as file:
            return _blocks(path, file, soundfile.SoundFileError)
    except (soundfile.SoundFileError, RuntimeError, OSError, TypeError, ValueError) as error:
        reason = " ".join(str(error).replace(str(path), "").split()).rpartition(": ")[2][:80]
        why = f" ({reason})" if len(str(path)) <= _LONG else ""
        raise DataError(f"{path}: cannot be read as {kind}{why}: {conversion(path)}") from None


def conversion(path: Path) -> str:
    """The command that makes a WAV file of a file; of one with a long path, as it is typed in its folder: a line has an end."""
    made = path.with_suffix(".wav")
    if made == path:
        made = path.with_name(f"{path.stem}-pcm.wav")
    if len(str(path)) > _LONG:
        made = Path(made.name)
    if len(str(path)) > 2 * _LONG:
        path = Path(path.name)
    command = ["ffmpeg", "-i", str(path), str(made)]
    quoted = subprocess.list2cmdline(command) if os.name == "nt" else shlex.join(command)
    return f"`{quoted}` makes a WAV of it"


def _kind(start: bytes, kinds: dict[bytes, str]) -> str | None:
    return next((kind for known, kind in kinds.items() if start.startswith(known)), None)


def _blocks(path: Path, file: Any, error: type[Exception]) -> Sound:
    """Read an open file to its end, or to where it is damaged."""
    if file.channels > _MOST_CHANNELS:
        raise DataError(f"{path}: has {file.channels} channels, at most {_MOST_CHANNELS} are read")
    blocks: list[Any] = []
    notes: tuple[str, ...] = ()
    try:
        while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
            blocks.append(block)
    except (error, RuntimeError):
        if not blocks:
            raise
        notes = (TRUNCATED,)
    samples = np.concatenate(blocks) if blocks else np.zeros((0, file.channels), np.float32)
    if not np.isfinite(samples).all():
        raise DataError(f"{path}: some of its samples are infinite or no numbers (NaN)")
    return Sound(np.clip(samples, -1e6, 1e6) * np.float32(FULL_SCALE), int(file.samplerate), notes)
