"""Loads the layer kernels that a program needs: Thumb or viper where this chip runs them, else plain Python."""

from watchword.kernels import BODIES, NATIVE, READ, THUMB_BODIES, walk


def load(numbers):
    """The kernels of these numbers by number: (function, its address where `walk` can call it, else 0).

    Only their modules are imported: the others take no heap. READ is no kernel but the runtime's own step, and is left out.
    """
    native = "watchword.kernels.%s_viper" if NATIVE else "watchword.kernels.%s_plain"
    found = {}
    for number in numbers:
        if walk and number in THUMB_BODIES:
            kernel = _body("watchword.kernels.%s_thumb", THUMB_BODIES[number])
            found[number] = kernel, kernel(0, 0, 0, 0)
        elif number in BODIES:
            found[number] = _body(native, BODIES[number]), 0
        elif number != READ:
            raise ValueError("kernel %d is machine code, and this firmware has none: flash the board anew" % number)
    return found


def _body(path, names):
    module, function = names
    return getattr(__import__(path % module, None, None, (function,)), function)
