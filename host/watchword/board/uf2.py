"""UF2 files: what a chip's bootloader takes, in blocks of 512 bytes.

The format: github.com/microsoft/uf2. A block tells where its payload goes in flash, for which family of chips it is, its number
and how many there are of that family in the file.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from watchword.errors import DataError

_BLOCK = 512
_HEAD = struct.Struct("<8I")  # magic, magic, flags, address, payload size, number, count, family
_START, _SECOND = 0x0A324655, 0x9E5D5157
_END = (0x0AB16F30).to_bytes(4, "little")
_HAS_FAMILY = 0x2000
# A family of one block that says it is one of two: it comes before those of an RP2350, on behalf of a fault of that.
_ABSOLUTE = 0xE48BFF57
_MOST_PAYLOAD = 476
_LONGEST = 64 << 20  # bytes of a file that is read: no chip here has more flash


@dataclass(frozen=True)
class Uf2:
    """A file that is whole. payloads: what goes to flash, in the order of the blocks, by family; 0 where a block names none."""

    content: bytes
    payloads: dict[int, bytes]


def read(path: Path) -> Uf2:
    """Raises DataError in one line where a file cannot be read, is no UF2 file, or has lost some of its blocks."""
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST + 1)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) < _BLOCK or _HEAD.unpack_from(content)[:2] != (_START, _SECOND) or len(content) > _LONGEST:
        raise DataError(f"{path}: not a UF2 file: download the one that ends in .uf2, and unpack it if it is in an archive")
    blocks: dict[int, dict[int, bytes]] = defaultdict(dict)
    counts: dict[int, int] = {}
    for at in range(0, len(content), _BLOCK):
        block = content[at : at + _BLOCK]
        if len(block) < _BLOCK or not block.endswith(_END):
            raise _damaged(path, f"it ends within a block, at byte {at}" if len(block) < _BLOCK else f"at byte {at}")
        first, second, flags, _, size, number, count, family = _HEAD.unpack_from(block)
        if (first, second) != (_START, _SECOND) or size > _MOST_PAYLOAD:
            raise _damaged(path, f"at byte {at}")
        family = family if flags & _HAS_FAMILY else 0
        blocks[family][number] = block[_HEAD.size : _HEAD.size + size]
        counts[family] = count
    for family, found in blocks.items():
        if family != _ABSOLUTE and (len(found) != counts[family] or max(found) >= counts[family]):
            raise _damaged(path, f"{len(found)} of its {counts[family]} blocks are there")
    return Uf2(content, {family: b"".join(found[number] for number in sorted(found)) for family, found in blocks.items()})


def _damaged(path: Path, how: str) -> DataError:
    return DataError(f"{path}: damaged: {how}: download it again")
