"""What takes time on the board, a family a name.

Of each family of layer kernels FAMILY.py is the contract: parameters, ranges, proof. Its bodies are FAMILY_plain.py (any chip,
slow), FAMILY_viper.py (native code of any chip that MicroPython makes it for) and FAMILY_thumb.py (RP2040). What is no layer
(frontend, frames, knn, microphone, buffers) has bodies only. bodies.py chooses those for this chip.

A kernel's number, as programs have it: the places of its family and of itself below.
"""

VERSION = 4  # of all contracts: a program made for another one is refused

FAMILIES = (
    ("convolution", ("convolution",)),
    ("packed", ("packed",)),
    ("depthwise", ("depthwise",)),
    ("packed_depthwise", ("packed_depthwise",)),
    ("pooling", ("average_pool", "max_pool", "mean")),
    ("elementwise", ("add", "multiply", "lookup", "prelu")),
    ("movement", ("copy", "fill", "read")),
    ("softmax", ("softmax",)),
    ("svdf", ("svdf",)),
    ("packed_bytes", ("packed_bytes",)),
)
MEMBERS = 16  # numbers that each family has; none has the first one, so that no kernel is 0


def kernel(number):
    """(family, name) of a kernel. LookupError: there is none of this number."""
    place = number % MEMBERS - 1
    if number < 0 or place < 0:
        raise IndexError(number)
    name, kernels = FAMILIES[number // MEMBERS]
    return name, kernels[place]
