"""Raspberry Pi RP2350, with its two Cortex-M33: 520 KB of RAM."""

from watchword.chips.chip import Bootloader, Chip

# Not measured: 480 KB of heap on stock firmware, reckoned as the RP2040's.
RP2350 = Chip(
    name="rp2350",
    ram=300_000,
    flash=2_500_000,
    architecture="armv7emsp",
    microphones=("i2s", "claims"),
    # Its data sheet, "UF2 targeting rules": Arm, secure, and RISC-V. Blocks of other families may stand beside them.
    bootloader=Bootloader("RP2350", frozenset({0xE48BFF59, 0xE48BFF5A}), "micropython.org/download/RPI_PICO2"),
)
