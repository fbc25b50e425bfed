"""Virtual boards: the real firmware on MicroPython's unix port, and on emulated chips."""
