"""The chips that programs are made for, a file each: nothing else in the package knows one by its name.

    named("rp2040").ram

docs/boards.md says what a new one takes.
"""

from __future__ import annotations

from watchword.chips.chip import SOURCE, Bootloader, Chip
from watchword.chips.esp32 import ESP32
from watchword.chips.esp32c3 import ESP32C3
from watchword.chips.esp32c6 import ESP32C6
from watchword.chips.esp32s2 import ESP32S2
from watchword.chips.esp32s3 import ESP32S3
from watchword.chips.portable import PORTABLE
from watchword.chips.rp2040 import RP2040
from watchword.chips.rp2350 import RP2350
from watchword.errors import ModelError

__all__ = ["CHIPS", "PORTABLE", "SOURCE", "Bootloader", "Chip", "named"]

CHIPS = {chip.name: chip for chip in (RP2040, RP2350, ESP32, ESP32S2, ESP32S3, ESP32C3, ESP32C6, PORTABLE)}


def named(name: str) -> Chip:
    """The chip of a name. ModelError: there is none."""
    if name not in CHIPS:
        raise ModelError(f"target {name!r} is not known; known: {', '.join(CHIPS)}")
    return CHIPS[name]
