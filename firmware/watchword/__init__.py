"""watchword on the board: listens, runs int8 networks, and reports over serial. Stock MicroPython 1.25 or later."""

VERSION = "0.1.0"
