"""Chooses the bodies for this chip: Thumb where it runs that, else viper, else plain Python.

Modules are loaded when they are asked for: those that no program uses take no heap.
"""

from watchword.kernels import kernel

try:
    from uctypes import addressof
except ImportError:  # where there is no Thumb code either
    addressof = None

_NOT_HERE = (ImportError, SyntaxError, ValueError)  # not on this board, or for another chip: as source, as .mpy


def load(name, language):
    """A family's bodies in a language. Raises one of _NOT_HERE where this chip does not run them."""
    return __import__("watchword.kernels.%s_%s" % (name, language), None, None, (name,))


def module(name, languages=("thumb", "viper")):
    """The fastest of a family's bodies that this chip runs. languages: in which there are some, beside plain Python."""
    for language in languages:
        try:
            return load(name, language)
        except _NOT_HERE:
            pass
    return load(name, "plain")


def body(number):
    """What computes a layer's kernel: (function, its address where `dispatch` can call it, else 0)."""
    family, name = kernel(number)
    try:
        found = module(family)
    except ImportError:
        raise ValueError("kernel %s is machine code, and this firmware has none: flash the board anew" % name)
    function = getattr(found, name)
    return function, function(0, 0, 0, 0) if found.__name__.endswith("thumb") else 0


buffers = module("buffers", ("viper",))  # to look for what is not there takes 10 ms
NATIVE = buffers.__name__.endswith("viper")  # else bodies are plain Python, and slow

try:
    dispatch = load("dispatch", "thumb").dispatch
except _NOT_HERE:
    dispatch = None
