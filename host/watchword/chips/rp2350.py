"""Raspberry Pi RP2350, with its two Cortex-M33: 520 KB of RAM."""

from watchword.chips.chip import Chip

# Not measured: 480 KB of heap on stock firmware, reckoned as the RP2040's.
RP2350 = Chip(name="rp2350", ram=300_000, flash=2_500_000, architecture="armv7emsp")
