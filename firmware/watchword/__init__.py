"""watchword on the board: listens, runs int8 networks, and reports over serial. Stock MicroPython 1.25 or later."""

import gc
import sys

VERSION = "0.1.0"
FORMAT = 4  # of programs


# MicroPython keeps the frame of each function that is not small on the heap while it runs, and looks for room from the heap's
# start on: up to 0.6 ms a call on an RP2040, where there is none before all that stays. So room is kept at the start. It
# lasts while nothing else gets there: it is held as modules are loaded, and garbage is collected before there is much of it.
def _find_room():
    return [bytearray(112) for _ in range(12)]  # each with its head as large as the largest frames


_room = _find_room()


def hold_room():
    """What now comes to stay leaves the room for frames alone. After it, `leave_room`."""
    global _room
    if _room is None:
        gc.collect()
        _room = _find_room()


def room_held():
    """Bytes of the room, while it is held: free otherwise."""
    return 0 if _room is None else 12 * 128


def leave_room():
    """To frames, from the next collection of garbage on."""
    global _room
    _room = None


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
