"""Where sound and pictures come from.

A source of sound has `available()`, the number of samples that wait, `read(buffer, at, n)`, which puts the n oldest (int16,
16 kHz) into a buffer from byte `at`, and `reset()`.
"""

from micropython import const

RATE = const(16000)  # samples in a second
