"""Cases for kernels.py: one line of JSON each, and the bytes of all of them."""

from __future__ import annotations

import json
from pathlib import Path

from tests import kernel_cases

from watchword import shipped
from watchword.firmware import mpy, thumb
from watchword.kernels import KERNELS

FREE = ("packed", "packed_depthwise", "packed_bytes")  # Thumb kernels that clamp with the interpolator where there is one


def make(folder: Path, shared: Path | None, target: str) -> None:
    with (folder / "cases.jsonl").open("w") as lines, (folder / "cases.bin").open("wb") as content:
        for kind in (*kernel_cases.MAKERS, *kernel_cases.THUMB_MAKERS):
            for case in kernel_cases.cases(kind):
                fields = [
                    case.name,
                    KERNELS[case.kernel].number,
                    case.rows,
                    case.p,
                    case.scratch,
                    len(case.arena),
                    len(case.constants),
                    *changed(case),
                ]
                lines.write(json.dumps(fields) + "\n")
                first, end = changed(case)
                content.write(case.arena + case.constants + case.expected[first:end])
    if target == "rp2040":
        thumb_code(folder / "registers_thumb.mpy", Path(__file__).parent / "registers_thumb.py")
        for module in FREE:
            source = shipped.firmware() / f"watchword/kernels/{module}_thumb.py"
            thumb_code(folder / f"{module}_free.mpy", source, INTERPOLATOR=0)


def changed(case: kernel_cases.Case) -> tuple[int, int]:
    """(first, end) of the bytes of the arena that are others afterwards: flash has room for these, not for all."""
    places = [i for i, (before, after) in enumerate(zip(case.arena, case.expected, strict=True)) if before != after]
    return (places[0], places[-1] + 1) if places else (0, 0)


def thumb_code(to: Path, source: Path, **constants: int) -> None:
    """What a file of Thumb kernels is compiled to, with other constants than the firmware's."""
    expanded = to.with_suffix(".expanded")
    expanded.write_text(thumb.expand_file(source, **constants))
    mpy.cross_compiled(expanded, to.name, "armv6m", to)
    expanded.unlink()
