"""Espressif ESP32-C6: one RISC-V core, 512 KB of RAM."""

from watchword.chips.chip import Chip

# Not measured; its heap grows like the ESP32's.
ESP32C6 = Chip(name="esp32c6", ram=130_000, flash=1_900_000, architecture="rv32imc", microphones=("machine_i2s",))
