"""The codings of sound in WAV files: bytes to samples. All are float32, in the units of int16."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from watchword.data.adpcm import INDEX_CHANGE, STEPS

FULL_SCALE = 32768.0
_LOUDEST = 1e6  # times full scale: floats beyond it are clipped, so that their squares stay numbers
_ADPCM_HEADER = 4  # bytes for each channel, at the start of a block


class Coding(IntEnum):
    """By their numbers in a `fmt ` chunk. EXTENSIBLE: the number stands further behind."""

    PCM = 0x0001
    FLOAT = 0x0003
    A_LAW = 0x0006
    MU_LAW = 0x0007
    IMA_ADPCM = 0x0011
    EXTENSIBLE = 0xFFFE


@dataclass(frozen=True)
class Format:
    """What a `fmt ` chunk says. block: bytes of one sample of all channels, or of a block of a coding that has them.

    order: of its bytes, "<" or ">".
    """

    coding: int
    channels: int
    rate: int
    block: int
    bits: int
    order: str

    @property
    def width(self) -> int:
        """Bytes of a sample of one channel: 12 or 20 bits lie in a container of whole bytes, at its upper end."""
        needed = -(-self.bits // 8)
        if self.block % self.channels == 0 and needed <= self.block // self.channels <= 8:
            return self.block // self.channels
        return needed

    @property
    def known(self) -> bool:
        """Whether `decoded` knows it."""
        match self.coding:
            case Coding.PCM:
                return self.width in (1, 2, 3, 4)
            case Coding.FLOAT:
                return self.width in (4, 8)
            case Coding.A_LAW | Coding.MU_LAW:
                return True
            case Coding.IMA_ADPCM:
                return self.bits == 4 and self.block > _ADPCM_HEADER * self.channels
            case _:
                return False


def decoded(content: bytes | memoryview, form: Format) -> NDArray[np.float32]:
    """Decode all whole samples of a `data` chunk: float32 (n, channels). form: one that is `known`."""
    if form.coding == Coding.IMA_ADPCM:
        return _ima_adpcm(content, form)
    width = 1 if form.coding in (Coding.A_LAW, Coding.MU_LAW) else form.width
    n = len(content) // (width * form.channels)
    raw = np.frombuffer(content, np.uint8, n * width * form.channels)
    match form.coding, width:
        case Coding.MU_LAW, _:
            values = _mu_law()[raw]
        case Coding.A_LAW, _:
            values = _a_law()[raw]
        case Coding.FLOAT, _:
            values = _floats(raw.view(f"{form.order}f{width}"))
        case _, 1:
            values = (raw.astype(np.float32) - np.float32(128)) * np.float32(256)
        case _, 3:
            whole = np.zeros((len(raw) // 3, 4), np.uint8)
            whole[:, slice(1, 4) if form.order == "<" else slice(0, 3)] = raw.reshape(-1, 3)
            values = whole.view(f"{form.order}i4").ravel().astype(np.float32) / np.float32(65536)
        case _:
            values = raw.view(f"{form.order}i{width}").astype(np.float32)
            values /= 1 if width == 2 else 65536
    return values.reshape(n, form.channels)


def _floats(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Scale from a full scale of 1. What is not finite becomes NaN."""
    finite = np.isfinite(values)
    scaled = np.clip(np.where(finite, values, 0), -_LOUDEST, _LOUDEST).astype(np.float32) * np.float32(FULL_SCALE)
    scaled[~finite] = np.nan
    return scaled


def _mu_law() -> NDArray[np.float32]:
    """The values of ITU-T G.711's 256 codes, µ-law."""
    code = ~np.arange(256, dtype=np.uint8)
    value = (((code & 15).astype(np.int32) << 3) + 132 << (code >> 4 & 7).astype(np.int32)) - 132
    return np.where(code & 128, -value, value).astype(np.float32)


def _a_law() -> NDArray[np.float32]:
    """The values of ITU-T G.711's 256 codes, A-law."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    segment, step = (code >> 4 & 7).astype(np.int32), (code & 15).astype(np.int32) << 4
    value = np.where(segment == 0, step + 8, step + 264 << np.maximum(segment - 1, 0))
    return np.where(code & 128, value, -value).astype(np.float32)


def _ima_adpcm(content: bytes | memoryview, form: Format) -> NDArray[np.float32]:
    """Decode blocks that each begin with a sample and an index of every channel, all blocks at once. The last may be short."""
    channels, header = form.channels, _ADPCM_HEADER * form.channels
    whole, rest = divmod(len(content), form.block)
    rest = rest // header * header if rest > header else 0  # after the header, four bytes of each channel in turn
    # However few blocks there are, they take as long as one, up to a second for 64 KB: the short one goes with the others.
    size = form.block if whole else rest
    padded = np.zeros((whole + bool(rest), size), np.uint8)
    padded.reshape(-1)[: whole * form.block + rest] = np.frombuffer(content, np.uint8, whole * form.block + rest)
    samples = _ima_blocks(padded, channels) if padded.size else np.empty((0, channels), np.float32)
    lacking = 8 * ((size - header) // header - (rest - header) // header) if rest else 0
    return samples[: len(samples) - lacking]


def _ima_blocks(blocks: NDArray[np.uint8], channels: int) -> NDArray[np.float32]:
    """uint8 (blocks, bytes) -> float32 (samples of all, channels). The bytes of each go by their order in the file."""
    header = _ADPCM_HEADER * channels
    words = (blocks.shape[1] - header) // header  # of four bytes: eight codes of a channel
    heads = blocks[:, :header].reshape(len(blocks), channels, 4)
    last = np.ascontiguousarray(heads[..., :2]).view("<i2")[..., 0].astype(np.int32)
    index = np.minimum(heads[..., 2], len(STEPS) - 1).astype(np.intp)
    body = blocks[:, header : header + words * header].reshape(len(blocks), words, channels, 4)
    codes = np.stack([body & 15, body >> 4], axis=-1).transpose(1, 3, 4, 0, 2).reshape(8 * words, len(blocks), channels)
    changes, moves = _ima_tables()
    found = np.empty((1 + len(codes), len(blocks), channels), np.float32)
    found[0] = last
    # A step takes a fixed time, however few blocks there are: one table of both, flat, and no np.clip, which looks up types.
    least, most = np.int32(-32768), np.int32(32767)
    for i, code in enumerate(codes, start=1):
        place = (index << 4) + code
        last = np.minimum(np.maximum(last + changes.take(place), least), most)
        index = moves.take(place)
        found[i] = last
    return np.ascontiguousarray(found.transpose(1, 0, 2)).reshape(-1, channels)


def _ima_tables() -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """What a code adds to the sample, and the next index, both (index, code)."""
    steps, code = np.array(STEPS, np.int32)[:, None], np.arange(16)
    change = (steps >> 3) + sum((steps >> shift) * (code >> bit & 1) for bit, shift in ((2, 0), (1, 1), (0, 2)))
    index = np.clip(np.arange(len(STEPS))[:, None] + np.array(INDEX_CHANGE)[code & 7], 0, len(STEPS) - 1)
    return np.where(code & 8, -change, change).astype(np.int32), index.astype(np.intp)
