"""watchword on the board: listens, runs int8 networks, and reports over serial. Stock MicroPython 1.25 or later."""

import sys

VERSION = "0.1.0"
FORMAT = 4  # of programs


class Refusal(Exception):
    """An error whose message says all there is to say, in one line."""


def error_text(error):
    """Return one line about an exception; of those that nobody foresaw, with their type."""
    return str(error) if isinstance(error, Refusal) else "%s: %s" % (type(error).__name__, error)


def forget(*names):
    """Give back the heap of modules of this package that are needed no more for now: an import reads them anew."""
    for name in names:
        path = "watchword." + name
        if sys.modules.pop(path, None):
            package, _, last = path.rpartition(".")
            delattr(sys.modules[package], last)
