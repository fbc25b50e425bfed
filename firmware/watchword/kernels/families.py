"""The families of layer kernels. A kernel's number, as programs have it, is its family's place here << 4 | its own."""

import sys

VERSION = 4  # of all contracts: a program made for another one is refused

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
    return FAMILIES[number >> 4 if number > 0 else len(FAMILIES)]


class Contracts:
    """The contracts of the kernels that a program uses. They are needed while it is loaded: `forget` gives their heap back."""

    def __init__(self):
        self.found = {}

    def __getitem__(self, number):
        """Of a kernel's number. LookupError: there is none."""
        if number not in self.found:
            module = __import__("watchword.kernels." + family(number), None, None, ("CONTRACTS",))
            for contract in module.CONTRACTS:
                self.found[contract.number] = contract
        return self.found[number]

    def forget(self):
        self.found = {}
        package = sys.modules["watchword.kernels"]
        for name in FAMILIES + ("contract",):
            if sys.modules.pop("watchword.kernels." + name, None):
                delattr(package, name)
