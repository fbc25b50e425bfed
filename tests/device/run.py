"""Runs the tests of one module on MicroPython: `micropython run.py MODULE`, with the firmware on the path."""

import sys

module = __import__(sys.argv[1])
for name in sorted(dir(module)):
    if name.startswith("test_"):
        getattr(module, name)()
        print("ok", name)
