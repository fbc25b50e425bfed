"""Stand-ins: for the module `time`, which stands still until a test moves it on, and for hardware that is not there."""

import sys


class Clock:
    ms = 0

    def ticks_ms():
        return Clock.ms

    def ticks_add(a, b):
        return a + b

    def ticks_diff(a, b):
        return a - b


def imported(name, machine):
    """A module of the firmware, with `machine` in place of MicroPython's module of this name."""
    before = sys.modules.get("machine")
    sys.modules["machine"] = machine
    try:
        return __import__(name, None, None, ("machine",))
    finally:
        del sys.modules["machine"]
        if before is not None:
            sys.modules["machine"] = before
