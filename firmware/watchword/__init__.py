"""watchword on the board: listens, runs int8 networks, and reports over serial. Stock MicroPython 1.25 or later."""

VERSION = "0.1.0"


class Refusal(Exception):
    """An error whose message says all there is to say, in one line."""


def error_text(error):
    """Return one line about an exception; of those that nobody foresaw, with their type."""
    return str(error) if isinstance(error, Refusal) else "%s: %s" % (type(error).__name__, error)
