"""watchword on the board: listens, runs int8 networks, and reports over serial. Stock MicroPython 1.25 or later."""

import gc
import sys

VERSION = "0.1.0"
FORMAT = 4  # of programs


# MicroPython keeps the frame of each function that is not small on the heap while it runs, and looks for room from the heap's
# start on: up to 0.6 ms a call on an RP2040, where there is none before all that stays. So room is kept at the start. It
# lasts while nothing else gets there: it is held as modules are loaded, and garbage is collected before there is much of it.
# And so is a piece for an open file, since what is free after modules were loaded lies in small ones.
FILE = 1280  # bytes that an open file takes at the most, with pages of flash of 256


def _find_room():
    try:
        room = [bytearray(FILE)]
    except MemoryError:
        room = []  # it does without
    return room + [bytearray(112) for _ in range(12)]  # each with its head as large as the largest frames


_room = _find_room()


def holding_room(make):
    """Return what make() returns, a function whose work comes to stay: it leaves the room alone."""
    global _room
    if _room is not None:
        return make()
    gc.collect()
    _room = _find_room()
    try:
        return make()
    finally:
        _room = None


def room_held():
    """Bytes of the room, while it is held: free otherwise."""
    return sum([len(piece) + 16 for piece in _room or ()])


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
