"""What takes time on the board, a family a name.

Of each family of layer kernels FAMILY.py is the contract: parameters, ranges, proof. Its bodies are FAMILY_plain.py (any chip,
slow), FAMILY_viper.py (native code of any chip that MicroPython makes it for) and FAMILY_thumb.py (RP2040). What is no layer
(frontend, frames, knn, microphone, buffers) has bodies only. bodies.py chooses those for this chip.

A kernel's number, as programs have it: the places of its family and of itself below.
"""

import sys

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
)
MEMBERS = 16  # numbers that each family has; none has the first one, so that no kernel is 0


def kernel(number):
    """(family, name) of a kernel. LookupError: there is none of this number."""
    place = number % MEMBERS - 1
    if number < 0 or place < 0:
        raise IndexError(number)
    name, kernels = FAMILIES[number // MEMBERS]
    return name, kernels[place]


class Contracts:
    """The contracts of the kernels that a program uses. They are needed while it is proved: `forget` gives their heap back."""

    def __init__(self):
        self.found = {}

    def __getitem__(self, number):
        """The contract of a kernel. LookupError: there is none of this number."""
        family, name = kernel(number)
        if name not in self.found:
            for contract in __import__("watchword.kernels." + family, None, None, ("CONTRACTS",)).CONTRACTS:
                self.found[contract.name] = contract
        return self.found[name]

    def forget(self):
        self.found = {}
        package = sys.modules["watchword.kernels"]
        for name in [name for name, _ in FAMILIES] + ["contract"]:
            if sys.modules.pop("watchword.kernels." + name, None):
                delattr(package, name)
