"""Writes into the kernels' bodies where each parameter is: MicroPython's `const` works in its own file only.

    python -m watchword.firmware.parameters

A body says in a line which contract it reads, and has below it, up to the next empty line, those names that it uses.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from watchword import kernels, shipped

_BLOCK = re.compile(r"^# Parameters of kernels/(\w+)\.py, written by `make parameters`:\n(?:_.*\n)*", re.MULTILINE)
_NAME = re.compile(r"\b_[A-Z][A-Z0-9_]*\b")


def places(family: str) -> dict[str, int | tuple[object, ...]]:
    """What bodies may name of a contract: the place of each parameter, and its constants."""
    contract = kernels.module(family)
    found: dict[str, int | tuple[object, ...]] = {}

    def add(name: str, value: int | tuple[object, ...]) -> None:
        if found.setdefault(f"_{name.upper()}", value) != value:
            raise ValueError(f"kernels/{family}.py: {name} is the place of two parameters")

    fields = list(getattr(contract, "LAYOUTS", ()))
    for each in getattr(contract, "CONTRACTS", ()):
        fields.append(each.fields)
        for record, some in each.records:
            fields.append(tuple((f"{record}_{name}", where) for name, where in some))
        if each.records:
            add("more", len(each.fields))
    for some in fields:
        for place, (name, _) in enumerate(some):
            add(name, place)
    shared = {name: value for name, value in vars(contract).items() if name.isupper() and isinstance(value, int | tuple)}
    return {f"_{name}": value for name, value in shared.items()} | found


def written(source: str) -> str:
    """A body's source with the block that it should have; as it is, where it has none."""
    block = _BLOCK.search(source)
    if block is None:
        return source
    rest = source[: block.start()] + source[block.end() :]
    used = set(_NAME.findall(rest))
    head = f"# Parameters of kernels/{block[1]}.py, written by `make parameters`:\n"
    lines = [
        f"{name} = const({value})\n" if isinstance(value, int) else f"{name} = {value!r}\n"
        for name, value in places(block[1]).items()
        if name in used
    ]
    return source[: block.start()] + head + "".join(lines) + source[block.end() :]


def bodies() -> list[Path]:
    """All files that may read parameters."""
    return sorted((shipped.firmware() / "watchword").rglob("*.py"))


if __name__ == "__main__":
    for path in bodies():
        source = path.read_text()
        if (text := written(source)) != source:
            path.write_text(text)
            sys.stdout.write(f"{path.name}\n")
