"""Espressif ESP32-S3: two Xtensa LX7, 512 KB of RAM."""

from watchword.chips.chip import Chip

# Not measured; its heap grows like the ESP32's.
ESP32S3 = Chip(name="esp32s3", ram=130_000, flash=5_900_000, architecture="xtensawin", microphones=("machine_i2s",))
