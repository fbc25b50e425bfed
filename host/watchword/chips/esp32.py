"""Espressif ESP32: two Xtensa LX6, 520 KB of RAM."""

from watchword.chips.chip import Chip

# Not measured. The heap grows in pieces of what the system has free, and the arena must fit one of them.
ESP32 = Chip(name="esp32", ram=90_000, flash=1_900_000, architecture="xtensawin", microphones=("machine_i2s",))
