"""Espressif ESP32-C3: one RISC-V core, 400 KB of RAM."""

from watchword.chips.chip import Chip

# Not measured; its heap grows like the ESP32's.
ESP32C3 = Chip(name="esp32c3", ram=110_000, flash=1_900_000, architecture="rv32imc", microphones=("machine_i2s",))
