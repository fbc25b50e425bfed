"""The virtual Pico: MicroPython's rp2 firmware on an emulated RP2040, built from sources, and its flash image."""
