"""Loads the layer kernels that a program needs: viper where this chip has the native emitter, else plain Python."""

from watchword.kernels import BODIES, NATIVE


def load(numbers):
    """The kernels of these numbers, as a dict by number. Only their modules are imported: the others take no heap.

    READ is no kernel but the runtime's own step, and is left out.
    """
    body = "watchword.kernels.%s_viper" if NATIVE else "watchword.kernels.%s_plain"
    found = {}
    for number in numbers:
        if number in BODIES:
            module, function = BODIES[number]
            found[number] = getattr(__import__(body % module, None, None, (function,)), function)
    return found
