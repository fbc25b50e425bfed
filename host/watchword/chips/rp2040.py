"""Raspberry Pi RP2040: two Cortex-M0+, 264 KB of RAM. It has kernels of its own, in Thumb code."""

from watchword.chips.chip import Bootloader, Chip
from watchword.compile.thumb.lowering import Lowering

# Measured on the virtual Pico: 192 KB of heap on stock firmware, of which app, kernels and front end take 75, and 20 should
# stay free.
RP2040 = Chip(
    name="rp2040",
    ram=96_000,
    flash=1_300_000,
    architecture="armv6m",
    kernels=("thumb", "viper"),
    microphones=("i2s", "claims"),
    lowering=Lowering,
    hz=125_000_000,
    bootloader=Bootloader("RPI-RP2", frozenset({0xE48BFF56}), "micropython.org/download/RPI_PICO"),
)
