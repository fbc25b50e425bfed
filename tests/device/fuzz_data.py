"""Cases for fuzz.py, a file each: damaged programs, and programs of damaged models, with the outputs of the reference."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz import board

COUNTS = {"unix": 100, "rp2040": 20}


def make(folder: Path, shared: Path | None, target: str) -> None:
    count = COUNTS.get(target, COUNTS["rp2040"])
    board.write(folder, board.program_cases(range(count), target) + board.model_cases(range(count), target))
