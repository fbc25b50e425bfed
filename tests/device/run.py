"""Runs the tests of one module on MicroPython: `micropython run.py MODULE`, with the firmware on the path."""

import sys


def run(name):
    module = __import__(name)
    for test in sorted(dir(module)):
        if test.startswith("test_"):
            getattr(module, test)()
            print("ok", test)


if __name__ == "__main__":
    run(sys.argv[1])
