"""A board in BOOTSEL mode that exists only here: a folder as its drive, and what its chip does."""

from __future__ import annotations

import shutil
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

from watchword.board import bootsel
from watchword.chips import CHIPS

RP2040, RP2350, ABSOLUTE, STRANGE = 0xE48BFF56, 0xE48BFF59, 0xE48BFF57, 0x16573617
BOARD_IDS = {RP2040: "RPI-RP2", RP2350: "RP2350"}


def image(payload: bytes = b"... MicroPython v1.25.0 ...", family: int = RP2040) -> bytes:
    """A UF2 file of 256 bytes a block."""
    pieces = [payload[at : at + 256].ljust(256, b"\0") for at in range(0, len(payload), 256)]
    blocks = []
    for number, piece in enumerate(pieces):
        head = (0x0A324655, 0x9E5D5157, 0x2000, 0x10000000 + 256 * number, 256, number, len(pieces), family)
        blocks.append(struct.pack("<8I", *head) + piece + bytes(220) + struct.pack("<I", 0x0AB16F30))
    return b"".join(blocks)


def plug_in(folder: Path, family: int = RP2040) -> bootsel.Drive:
    """A drive at a folder."""
    folder.mkdir(parents=True)
    (folder / "INFO_UF2.TXT").write_text(f"UF2 Bootloader v3.0\nModel: Raspberry Pi\nBoard-ID: {BOARD_IDS[family]}\n")
    loaders = [chip.bootloader for chip in CHIPS.values() if chip.bootloader]
    return bootsel.Drive(folder, next(loader for loader in loaders if family in loader.families))


def start_chip(drive: bootsel.Drive, size: int, started: Callable[[bytes], None]) -> threading.Thread:
    """As the chip: when all has come, the drive goes, and what was in the file starts."""

    def chip() -> None:
        while not (files := list(drive.folder.glob("*.uf2"))) or files[0].stat().st_size < size:
            time.sleep(0.01)
        content = files[0].read_bytes()
        shutil.rmtree(drive.folder)
        started(content)

    thread = threading.Thread(target=chip, daemon=True)
    thread.start()
    return thread
