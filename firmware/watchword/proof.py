"""The proof, before a program runs for the first time, that none of its steps can leave its buffers."""

from watchword import forget
from watchword.kernels import FAMILIES, kernel


class Contracts:
    """The contracts of the kernels that a program uses, by number. `forget` gives their heap back."""

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
        forget(*["kernels." + name for name in [name for name, _ in FAMILIES] + ["contract"]])


def first_unsafe(steps, arena, constants, weights):
    """The number of the first step that its kernel's contract does not allow; None: there is none. The rest: sizes in bytes."""
    contracts = Contracts()
    try:
        for step in steps:
            contracts[step.kernel]  # all are loaded before anything is proved, so that no garbage lies between them
        for i, step in enumerate(steps):
            sizes = arena, arena if step.paged else constants, weights
            try:
                safe = contracts[step.kernel].holds(step.rows, step.parameters, sizes)
            except (ArithmeticError, LookupError, TypeError, ValueError):
                safe = False
            if not safe:
                return i
    finally:
        contracts.forget()
    return None
