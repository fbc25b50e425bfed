"""Runs the tests of one module on MicroPython: `micropython run.py MODULE`, with the firmware on the path."""

import gc
import sys


def run(name):
    module = __import__(name)
    for test in sorted(dir(module)):
        if test.startswith("test_"):
            getattr(module, test)()
            print("ok", test)
            forget()


def forget():
    """Let the heap have what bodies of kernels took that no other test needs."""
    kernels = sys.modules.get("watchword.kernels")
    for name in list(sys.modules):
        if name.endswith(("_plain", "_viper", "_thumb", "_free")) and "buffers" not in name and "dispatch" not in name:
            module = sys.modules.pop(name)
            short = name.split(".")[-1]
            if getattr(kernels, short, None) is module:
                delattr(kernels, short)
    gc.collect()


if __name__ == "__main__":
    run(sys.argv[1])
