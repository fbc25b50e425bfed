"""Chooses the bodies for this chip: Thumb where it runs that, else viper, else plain Python.

Modules are loaded when they are asked for: those that no program uses take no heap.
"""

import gc
import sys

from watchword.kernels import kernel

try:
    from uctypes import addressof
except ImportError:  # where there is no Thumb code either
    addressof = None

_NOT_HERE = (ImportError, SyntaxError, ValueError)  # not on this board, or for another chip: as source, as .mpy


def load(name, language):
    """A family's bodies in a language. Raises one of _NOT_HERE where this chip does not run them."""
    path = "watchword.kernels.%s_%s" % (name, language)
    if path not in sys.modules:
        # The file of the module before is garbage still. This one's would lie behind it, and each leave a hole between what
        # stays, until no piece is left for what needs a large one: MicroPython's next table of names, of 4 KB, say.
        gc.collect()
    return __import__(path, None, None, (name,))


try:
    buffers = load("buffers", "viper")
    NATIVE = True
except _NOT_HERE:
    buffers = load("buffers", "plain")
    NATIVE = False  # bodies are plain Python, and slow
try:
    dispatch = load("dispatch", "thumb").dispatch
except _NOT_HERE:
    dispatch = None

# Those that this chip runs, the fastest first. To look for a file that is not there takes 10 ms.
_LANGUAGES = ("thumb", "viper", "plain")[0 if dispatch else 1 if NATIVE else 2 :]


def module(name):
    """The fastest of a family's bodies that this chip runs. Raises ImportError where there are none."""
    for language in _LANGUAGES[:-1]:
        try:
            return load(name, language)
        except ImportError:
            pass
    return load(name, _LANGUAGES[-1])


def body(number):
    """What computes a layer's kernel: (function, its address where `dispatch` can call it, else 0)."""
    family, name = kernel(number)
    try:
        found = module(family)
    except ImportError:
        raise ValueError("kernel %s is machine code, and this firmware has none: flash the board anew" % name)
    function = getattr(found, name)
    return function, function(0, 0, 0, 0) if found.__name__.endswith("thumb") else 0
