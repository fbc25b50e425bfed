"""Reads WAV files as they come: from recorders that were not closed, from pipes, with any chunks, in either order of bytes.

RIFF, RIFX (big-endian), RF64 and BW64 (Microsoft and IBM 1991; EBU Tech 3306). Nothing that a header says is believed before
the file is seen to hold it: the size of the whole is not looked at, that of the sound only where the file agrees.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from watchword.data import codings
from watchword.data.codings import Coding, Format
from watchword.errors import DataError

TRUNCATED = "truncated: read as far as it goes"
UNFILLED = "without its size, as by a recorder that was not closed: read to the end"
TOO_SMALL = "more sound than its header says: read to the end"

_KINDS = (b"RIFF", b"RIFX", b"RF64", b"BW64")
_CHUNKS = frozenset(
    b"fmt |data|fact|LIST|INFO|bext|JUNK|junk|PAD |FLLR|id3 |ID3 |cue |smpl|inst|plst|labl|note|ltxt|iXML|axml|chna|cart|wavl|"
    b"slnt|PEAK|levl|umid|minf|elm1|regn|afsp|acid|strc|DISP|_PMX|qlty|mext|link|cset|SAUR|ds64|r64m|adtl".split(b"|")
)
_MOST_CHUNKS, _MOST_LOST = 1000, 8  # after which a file is nothing but chunks, or wrong sizes
_UNFILLED = 0x7F000000  # sizes from here on are what writes to a pipe: 0x7FFFF000 of sox, 0x80000000 of arecord, -1 of ffmpeg


@dataclass(frozen=True, eq=False)
class Sound:
    """What a file holds. samples: float32 (n, channels), in the units of int16. rate: Hz. notes: what is to be said of it."""

    samples: NDArray[np.float32]
    rate: int
    notes: tuple[str, ...] = ()


def is_wav(start: bytes) -> bool:
    """Whether a file that begins so is a WAV file, or would be one."""
    return start.startswith(_KINDS)


def read(path: Path) -> Sound | None:
    """Read a WAV file; None where its coding is none of those of `codings`.

    What is missing at its end is noted. DataError: it cannot be read, it is none, has no format, no sound, or no numbers.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    if not is_wav(content) or content[8:12] != b"WAVE":
        raise DataError(f"{path}: is no readable WAV file: it does not begin as one")
    order = ">" if content[:4] == b"RIFX" else "<"
    form, start, size, samples, large, note = None, 0, 0, 0, None, None
    for name, at, length in _chunks(content, order):
        if name == b"ds64" and length >= 16:
            (large,) = struct.unpack_from("<Q", content, at + 8)
        elif name == b"fmt ":
            form = form or _format(content[at : at + length], order)
        elif name == b"fact" and length >= 4:
            (samples,) = struct.unpack_from(f"{order}I", content, at)
        elif name == b"data" and not size:
            start = at
            size, note = _extent(content, at, large if large and length == 0xFFFFFFFF else length)
        if form and size:
            break
    if form is None:
        raise DataError(f"{path}: is no readable WAV file: it has no format (a `fmt ` chunk)")
    if not form.channels:
        raise DataError(f"{path}: is no readable WAV file: it has no channels")
    if not size:
        raise DataError(f"{path}: holds no sound")
    if not form.known:
        return None
    found = codings.decoded(memoryview(content)[start : start + size], form)
    if form.coding == Coding.IMA_ADPCM and samples and len(found) - 2 * (form.block // form.channels) < samples < len(found):
        found = found[:samples]  # the last block is filled up
    if form.coding == Coding.FLOAT and np.isnan(found).any():
        raise DataError(f"{path}: some of its samples are infinite or no numbers (NaN): record or convert it anew")
    return Sound(found, form.rate, () if note is None else (note,))


def _chunks(content: bytes, order: str) -> Iterator[tuple[bytes, int, int]]:
    """(name, where its content begins, its length by the header) of each chunk; but for `data`, all of it is there.

    Where a size leads nowhere, the next `fmt ` or `data` is looked for.
    """
    at, lost = 12, 0
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(content) or lost > _MOST_LOST:
            return
        name, (length,) = content[at : at + 4], struct.unpack_from(f"{order}I", content, at + 4)
        begin = at + 8
        if name == b"data":
            yield name, begin, length
            at = _following(content, begin + _extent(content, begin, length)[0])
            continue
        if _named(content, at) and begin + length <= len(content):
            yield name, begin, length
            at = _following(content, begin + length)
            if at + 8 > len(content) or _named(content, at):
                continue
        lost += 1
        places = [place for place in (content.find(name, begin) for name in (b"fmt ", b"data")) if place >= 0]
        if not places:
            return
        at = min(places)


def _following(content: bytes, end: int) -> int:
    """Where the next chunk begins: an odd one should have a byte of padding, and not all have it."""
    if end % 2 and (content[end : end + 4] not in _CHUNKS or content[end + 1 : end + 5] in _CHUNKS):
        return end + 1
    return end


def _named(content: bytes, at: int) -> bool:
    """Whether four bytes may be the name of a chunk."""
    name = content[at : at + 4]
    return len(name) == 4 and all(32 <= byte < 127 for byte in name)


def _extent(content: bytes, begin: int, declared: int) -> tuple[int, str | None]:
    """How many bytes of sound there are from `begin` on, and a note where that is not what was declared."""
    there = len(content) - begin
    if declared > there and (_UNFILLED <= declared < 1 << 32 or declared == (1 << 64) - 1):
        return there, UNFILLED
    if declared > there + 1:  # one may be a byte of padding
        return there, TRUNCATED
    if _sound_follows(content, begin + declared):
        return there, TOO_SMALL if declared else UNFILLED
    return min(declared, there), None


def _sound_follows(content: bytes, end: int) -> bool:
    """Whether what stands after the end of the sound can only be more of it: no chunk, no text or tag, not zeros alone."""
    at = _following(content, end)
    rest = content[at : at + 65536]
    if len(rest) < 8 or content[at : at + 4] in _CHUNKS or rest.startswith((b"TAG", b"APETAGEX", b"ID3", b"RIFF")):
        return False
    if not rest.strip(b"\0"):
        return len(content) > at + len(rest) and bool(content[at:].strip(b"\0"))
    if not _named(content, at):
        return True
    # Sound that looks like a name is followed by what is no size.
    (length,) = struct.unpack_from("<I", rest, 4)
    return at + 8 + length > len(content) and not _named(content, at + 4)


def _format(chunk: bytes, order: str) -> Format | None:
    """What a `fmt ` chunk says, of 14 bytes or more; None where it is shorter."""
    if len(chunk) < 14:
        return None
    coding, channels, rate, _, block = struct.unpack_from(f"{order}HHIIH", chunk)
    bits = struct.unpack_from(f"{order}H", chunk, 14)[0] if len(chunk) >= 16 else 0
    if not bits and channels:
        bits = 8 * (block // channels)
    if coding == Coding.EXTENSIBLE:
        coding = struct.unpack_from(f"{order}H", chunk, 24)[0] if len(chunk) >= 26 else Coding.PCM
    return Format(coding, channels, rate, block, bits, order)
