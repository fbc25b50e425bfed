"""Cases for kernels.py: one line of JSON each, and the bytes of all of them."""

from __future__ import annotations

import json
from pathlib import Path

from tests import kernel_cases


def make(folder: Path, shared: Path | None, target: str) -> None:
    with (folder / "cases.jsonl").open("w") as lines, (folder / "cases.bin").open("wb") as content:
        for kind in kernel_cases.MAKERS:
            for case in kernel_cases.cases(kind):
                fields = [case.name, case.kernel, case.rows, case.p, case.scratch, len(case.arena), len(case.constants)]
                lines.write(json.dumps(fields) + "\n")
                content.write(case.arena + case.constants + case.expected)
