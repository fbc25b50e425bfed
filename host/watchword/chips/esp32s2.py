"""Espressif ESP32-S2: one Xtensa LX7, 320 KB of RAM."""

from watchword.chips.chip import Chip

# Not measured; its heap grows like the ESP32's.
ESP32S2 = Chip(name="esp32s2", ram=90_000, flash=1_900_000, architecture="xtensawin", microphones=("machine_i2s",))
