"""The families of layer kernels. A kernel's number, as programs have it, is its family's place here << 4 | its own."""

from micropython import const

VERSION = const(4)  # of all contracts: a program made for another one is refused

FAMILIES = (
    "convolution",
    "packed",
    "depthwise",
    "packed_depthwise",
    "pooling",
    "elementwise",
    "movement",
    "softmax",
    "svdf",
)


def family(number):
    """The name of a kernel's family. LookupError: there is none."""
    if number < 0:
        raise IndexError(number)
    return FAMILIES[number >> 4]
