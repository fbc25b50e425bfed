"""WAV files of all kinds that recorders, editors and pipes leave behind, made of the same sound."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from watchword.data.adpcm import Adpcm

RATE = 16_000
SOUND = (np.random.default_rng(7).normal(0, 4000, 1600)).clip(-32768, 32767).astype(np.int16)
"""A tenth of a second, whose values need 16 bits."""

PCM, FLOAT, A_LAW, MU_LAW, IMA_ADPCM, EXTENSIBLE = 1, 3, 6, 7, 0x11, 0xFFFE
GUID = bytes.fromhex("000000001000800000aa00389b71")
NOTE = b"LIST", b"INFOISFT\x06\0\0\0abc123"


def chunk(name: bytes, content: bytes, size: int | None = None, order: str = "<", pad: bool = True) -> bytes:
    """A chunk. size: what its header says instead of the truth. pad: as the standard wants it."""
    length = len(content) if size is None else size
    return name + struct.pack(f"{order}I", length) + content + b"\0" * (pad and len(content) % 2)


def form(coding: int = PCM, bits: int = 16, channels: int = 1, rate: int = RATE, width: int = 0, order: str = "<") -> bytes:
    """The 16 bytes of a `fmt ` chunk. width: bytes of a sample in its container."""
    block = channels * (width or -(-bits // 8))
    return struct.pack(f"{order}HHIIHH", coding, channels, rate & 0xFFFFFFFF, rate * block & 0xFFFFFFFF, block & 0xFFFF, bits)


def extensible(coding: int, bits: int, valid: int, channels: int = 1) -> bytes:
    """The 40 bytes of WAVE_FORMAT_EXTENSIBLE."""
    more = struct.pack("<HHI", 22, valid, 0) + struct.pack("<H", coding) + GUID
    return form(EXTENSIBLE, bits, channels) + more


def riff(*chunks: bytes, name: bytes = b"RIFF", size: int | None = None) -> bytes:
    """A whole file. size: what its header says instead of the truth."""
    body = b"WAVE" + b"".join(chunks)
    return name + struct.pack(">I" if name == b"RIFX" else "<I", len(body) if size is None else size) + body


def wav(
    before: Sequence[bytes] = (),
    after: Sequence[bytes] = (),
    size: int | None = None,
    data_size: int | None = None,
    fmt: bytes | None = None,
    data: bytes | None = None,
    **how: bool,
) -> bytes:
    """A file of SOUND in 16 bits, or of other data. before, after: chunks around its data."""
    content = SOUND.tobytes() if data is None else data
    return riff(chunk(b"fmt ", fmt or form()), *before, chunk(b"data", content, data_size, **how), *after, size=size)


def packed(width: int, bits: int = 0, order: str = "<") -> bytes:
    """SOUND in integers of `width` bytes, of whose upper end `bits` bits count."""
    values = SOUND.astype(np.int64) << 8 * (width - 2) if width > 1 else (SOUND.astype(np.int64) >> 8) + 128
    if bits:
        values &= -1 << 8 * width - bits
    four = values.astype("<i8").tobytes()
    parts = (four[i : i + width] for i in range(0, len(four), 8))
    return b"".join(part if order == "<" else part[::-1] for part in parts)


def ima_adpcm(block: int = 256) -> bytes:
    """SOUND, in blocks that each begin with a sample and a step index; the last one is filled up with zeros."""
    per_block = 1 + 2 * (block - 4)
    coder, blocks = Adpcm(), []
    for at in range(0, len(SOUND), per_block):
        part = np.pad(SOUND[at : at + per_block], (0, max(0, at + per_block - len(SOUND))))
        coder.last = int(part[0])
        blocks.append(struct.pack("<hBB", coder.last, coder.index, 0) + coder.encode(part[1:]))
    fmt = struct.pack("<HHIIHHHH", IMA_ADPCM, 1, RATE, RATE * block // per_block, block, 4, 2, per_block)
    return riff(chunk(b"fmt ", fmt), chunk(b"fact", struct.pack("<I", len(SOUND))), chunk(b"data", b"".join(blocks)))


def rf64(name: bytes = b"RF64", there: bytes = SOUND.tobytes(), size: int | None = None) -> bytes:
    length = len(there) if size is None else size
    ds64 = struct.pack("<QQQI", 72 + length, length, length // 2, 0)
    chunks = (chunk(b"ds64", ds64), chunk(b"fmt ", form()), chunk(b"data", there, 0xFFFFFFFF))
    return riff(*chunks, name=name, size=0xFFFFFFFF)


def channels(*parts: np.ndarray) -> bytes:
    """A file of several channels of 16 bits."""
    data = np.stack(parts, axis=1).astype("<i2").tobytes()
    return wav(fmt=form(channels=len(parts)), data=data)


_BEXT = chunk(b"bext", bytes(602))
_FLOATS = (SOUND / 32768).astype("<f4").tobytes()
_ZEROS = bytes(4096)

EXACT: dict[str, bytes] = {
    "plain": wav(),
    "RIFF size never filled in": wav(size=36),
    "RIFF size 0": wav(size=0),
    "RIFF size -1": wav(size=0xFFFFFFFF),
    "RIFF size too small": wav(size=500),
    "RIFF size too large": wav(size=1 << 20),
    "RIFF size small, LIST before": wav([chunk(*NOTE)], size=36),
    "RIFF size small, bext before": wav([_BEXT], size=36),
    "RIFF size small, chunks after": wav(after=[chunk(*NOTE), chunk(b"id3 ", b"ID3 tags!")], size=36),
    "chunks on both sides": wav([chunk(b"JUNK", bytes(28)), chunk(b"fact", b"\x40\x06\0\0")], [chunk(*NOTE), _BEXT]),
    "odd chunk with its byte of padding": wav([chunk(b"JUNK", b"abc")]),
    "odd chunk without it": wav([chunk(b"JUNK", b"abc", pad=False)]),
    "odd chunk of a strange name": wav([chunk(b"xyzw", b"abc")]),
    "fmt before a chunk that is none": riff(chunk(b"fmt ", form()), b"\0\1\2", chunk(b"data", SOUND.tobytes())),
    "LIST with a size that leads nowhere": wav([chunk(*NOTE, size=0x7FFFFFF0)]),
    "LIST with a size of more than it has": wav([chunk(*NOTE, size=30)]),
    "fmt of 14 bytes": wav(fmt=form()[:14]),
    "fmt of 17 bytes, no padding": riff(chunk(b"fmt ", form() + b"\0", pad=False), chunk(b"data", SOUND.tobytes())),
    "fmt of 17 bytes": wav(fmt=form() + b"\0"),
    "fmt of 18 bytes": wav(fmt=form() + b"\0\0"),
    "fmt of 18 bytes that says 16": riff(chunk(b"fmt ", form() + b"\0\0", 16), chunk(b"data", SOUND.tobytes())),
    "fmt of 16 bytes that says 40": riff(chunk(b"fmt ", form(), 40), chunk(b"data", SOUND.tobytes())),
    "fmt after data": riff(chunk(b"data", SOUND.tobytes()), chunk(b"fmt ", form())),
    "fmt without its block size": wav(fmt=form()[:12] + b"\0\0" + form()[14:]),
    "extensible": wav(fmt=extensible(PCM, 16, 16)),
    "extensible, cut off": wav(fmt=extensible(PCM, 16, 16)[:18]),
    "extensible float": wav(fmt=extensible(FLOAT, 32, 32), data=_FLOATS),
    "text after the sound": wav(after=[b'<?xml version="1.0"?>' * 3]),
    "an ID3v1 tag after the sound": wav(after=[b"TAG" + bytes(125)]),
    "zeros after the sound": wav(after=[bytes(512)]),
    "24 bits": wav(fmt=form(bits=24), data=packed(3)),
    "32 bits": wav(fmt=form(bits=32), data=packed(4)),
    "20 in 24 bits": wav(fmt=form(bits=20), data=packed(3, 20)),
    "24 in 32 bits": wav(fmt=form(bits=24, width=4), data=packed(4, 24)),
    "extensible, 20 in 32 bits": wav(fmt=extensible(PCM, 32, 20), data=packed(4, 20)),
    "float 32": wav(fmt=form(FLOAT, 32), data=_FLOATS),
    "float 64": wav(fmt=form(FLOAT, 64), data=(SOUND / 32768).astype("<f8").tobytes()),
    "RF64": rf64(),
    "BW64": rf64(b"BW64"),
    "two channels alike": channels(SOUND, SOUND),
    "RIFX": riff(
        chunk(b"fmt ", form(order=">"), order=">"), chunk(b"data", SOUND.astype(">i2").tobytes(), order=">"), name=b"RIFX"
    ),
    "RIFX, 24 bits": riff(
        chunk(b"fmt ", form(bits=24, order=">"), order=">"), chunk(b"data", packed(3, order=">"), order=">"), name=b"RIFX"
    ),
}
"""Those of which nothing is to be said: they hold SOUND, to the bit."""

COARSE: dict[str, tuple[bytes, float]] = {
    "8 bits": (wav(fmt=form(bits=8), data=packed(1)), 256),
    "12 in 16 bits": (wav(fmt=form(bits=12, width=2), data=packed(2, 12)), 16),
    "IMA ADPCM": (ima_adpcm(), 9000),
}
"""Those that hold it coarsely: with the largest error."""

NOTED: dict[str, tuple[bytes, str]] = {
    "data size 0": (wav(data_size=0), "without its size"),
    "data size -1": (wav(data_size=0xFFFFFFFF), "without its size"),
    "data size of sox in a pipe": (wav(data_size=0x7FFFF000, size=0x7FFFF024), "without its size"),
    "RF64 without its size": (rf64(size=0), "without its size"),
    "data size too small": (wav(data_size=1000), "more sound than its header says"),
    "data size too large": (wav(data_size=len(SOUND) * 2 + 400), "truncated"),
    "RF64 of 320 GiB": (rf64(size=320 << 30), "truncated"),
    "in opposite phase": (channels(SOUND, -SOUND.astype(np.int32).clip(-32767) // 2), "two channels in opposite phase"),
    "six channels": (channels(SOUND // 9, SOUND, *[SOUND * 0] * 4), "6 channels: the loudest one is taken"),
}
"""Those that hold SOUND too, with the beginning of what is said."""

REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "RIFF alone": (b"RIFF", "is no readable WAV file"),
    "no chunks": (riff(), "has no format"),
    "RIFF of another kind": (b"RIFF\x24\0\0\0AVI LIST" + bytes(30), "is no readable WAV file"),
    "text": (b"file,label\na.wav,yes\n", "is text, no sound"),
    "HTML": (b"\n<!DOCTYPE html><html>"[1:], "is a page of the web"),
    "a pointer of Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid", "`git lfs pull` fetches"),
    "nothing that is known": (bytes(range(128, 200)), "is no sound file that is known"),
    "no fmt": (riff(chunk(b"data", SOUND.tobytes())), "has no format"),
    "a short fmt": (riff(chunk(b"fmt ", form()[:10]), chunk(b"data", SOUND.tobytes())), "has no format"),
    "no data": (riff(chunk(b"fmt ", form())), "holds no sound"),
    "data of nothing": (wav(data=b""), "holds no sound"),
    "data of nothing and a LIST": (wav(data=b"", after=[chunk(*NOTE)]), "holds no sound"),
    "half a sample": (wav(data=b"\0"), "holds no sound"),
    "no channels": (wav(fmt=form()[:2] + b"\0\0" + form()[4:]), "has no channels"),
    "rate 0": (wav(fmt=form(rate=0)), "has a rate of 0 Hz; 4000 to 384000 are read"),
    "rate 1": (wav(fmt=form(rate=1)), "has a rate of 1 Hz"),
    "rate of 2 GHz": (wav(fmt=form(rate=0x7FFFFFFF)), "has a rate of 2147483647 Hz"),
    "no coding": (wav(fmt=form(coding=0)), "cannot be read as WAV of this coding"),
    "G.723": (wav(fmt=form(coding=0x14)), "`ffmpeg -i .* makes a WAV of it"),
    "a float of 16 bits": (wav(fmt=form(FLOAT, 16)), "cannot be read as WAV of this coding"),
    "integers of 64 bits": (wav(fmt=form(bits=64)), "cannot be read as WAV of this coding"),
    "NaN": (wav(fmt=form(FLOAT, 32), data=_FLOATS + b"\0\0\xc0\x7f"), "infinite or no numbers"),
    "infinity": (wav(fmt=form(FLOAT, 32), data=b"\0\0\x80\xff" + _FLOATS), "infinite or no numbers"),
}
"""Those that are no sound, or cannot be used, with what is said."""
