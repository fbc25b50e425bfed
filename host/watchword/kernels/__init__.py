"""The firmware's layer kernels, as a program names them: numbers, parameters by name, ranges.

Nothing is said here that firmware/watchword/kernels does not say: the contracts there run on CPython as on a board, and are the
other modules of this package.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from watchword import shipped
from watchword.errors import ModelError

__path__ = [str(shipped.firmware() / "watchword/kernels")]

Range = tuple[int, int]
Fields = Mapping[str, Range]

index: Any = shipped.firmware_module("kernels/__init__")
"""The firmware's list of families."""

VERSION: int = index.VERSION
FAMILIES: tuple[str, ...] = tuple(name for name, _ in index.FAMILIES)


@dataclass(frozen=True)
class Kernel:
    """One kernel's contract. fields: its parameters in their order, each with (least, greatest).

    records: what may follow them, again and again.
    """

    number: int
    family: str
    name: str
    fields: Fields
    records: Mapping[str, Fields]

    def packed(self, values: Mapping[str, int], more: Sequence[tuple[str, Mapping[str, int]]] = ()) -> tuple[int, ...]:
        """Parameters as a step has them. values: of all fields; more: records by name, in their order.

        Raises ModelError where a value is out of its range, which no layer's is.
        """
        packed = list(self._packed(self.fields, values, self.name))
        for record, some in more:
            packed += self._packed(self.records[record], some, f"{self.name}, {record}")
        return tuple(packed)

    @staticmethod
    def _packed(fields: Fields, values: Mapping[str, int], where: str) -> list[int]:
        if values.keys() != fields.keys():
            raise TypeError(f"{where}: {sorted(values.keys() ^ fields.keys())} are missing, or too many")
        for name, (least, greatest) in fields.items():
            if not least <= values[name] <= greatest:
                raise ModelError(f"{where}: {name} is {values[name]}: the kernel takes {least} to {greatest}")
        return [values[name] for name in fields]

    def named(self, parameters: Sequence[int]) -> dict[str, int]:
        """A step's parameters by name, without those that follow them."""
        return dict(zip(self.fields, parameters, strict=False))

    def at(self, name: str) -> int:
        """The place of a parameter."""
        return list(self.fields).index(name)


def module(family: str) -> Any:
    """The module of a family's contract: its constants are what bodies and the compiler share."""
    return importlib.import_module(f"watchword.kernels.{family}")


def _kernels() -> Iterator[Kernel]:
    for place, (family, names) in enumerate(index.FAMILIES):
        for contract in module(family).CONTRACTS:
            number = place * index.MEMBERS + names.index(contract.name) + 1
            records = {name: dict(fields) for name, fields in contract.records}
            yield Kernel(number, family, contract.name, dict(contract.fields), records)


KERNELS: Mapping[str, Kernel] = {kernel.name: kernel for kernel in _kernels()}
"""All kernels by name."""


def __getattr__(name: str) -> Kernel:
    """A kernel by its name in capitals: `from watchword.kernels import PACKED_DEPTHWISE`."""
    if name.isupper() and name.lower() in KERNELS:
        return KERNELS[name.lower()]
    raise AttributeError(f"{__name__} has no {name}")
