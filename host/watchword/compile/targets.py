"""The chips that programs are made for, and what stock MicroPython leaves a program on each beside the app."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """ram: bytes of heap for a program's buffers. flash: bytes for its file, of the file system that stock firmware makes.

    thumb: whether it has kernels in Thumb code.
    """

    ram: int
    flash: int
    thumb: bool = False


# RP2040: 192 KB of heap on stock firmware, of which app, kernels and front end take 75, and 20 should stay free. RP2350:
# 480 KB likewise. ESP32: the heap grows in pieces of what the system has free, and the arena must fit one of them. Only the
# first and the last line were measured, on the virtual boards.
TARGETS = {
    "rp2040": Target(ram=96_000, flash=1_300_000, thumb=True),
    "rp2350": Target(ram=300_000, flash=2_500_000),
    "esp32": Target(ram=90_000, flash=1_900_000),
    "esp32s2": Target(ram=90_000, flash=1_900_000),
    "esp32s3": Target(ram=130_000, flash=5_900_000),
    "esp32c3": Target(ram=110_000, flash=1_900_000),
    "esp32c6": Target(ram=130_000, flash=1_900_000),
    "unix": Target(ram=3_000_000, flash=1_000_000_000),
}
