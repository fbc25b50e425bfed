"""A hundred power cuts in a push, in a commit, while words are taught and forgotten and while settings are written, at cycles
drawn at random.

Writes tests/soak/report.md.

tests/e2e/power.py says what is checked after each; the first fault ends the soak. WATCHWORD_SEED draws other cycles.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from tests.e2e.power import Cut, Moment, cut_memory, cut_power, cut_settings

CUTS = 100
MOMENTS: tuple[Moment, ...] = ("push", "commit")
SEED = int(os.environ.get("WATCHWORD_SEED", "12"))


def test_power(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(SEED)
    rows = []
    for moment in MOMENTS:
        monkeypatch.setenv("WATCHWORD_STATE", str(tmp_path / moment))
        cuts = cut_power(moment, [rng.random() for _ in range(CUTS)])
        rows.append(_row(moment, cuts))
        print(rows[-1])
    monkeypatch.setenv("WATCHWORD_STATE", str(tmp_path / "memory"))
    rows.append(_row("teaching or forgetting", cut_memory([rng.random() for _ in range(CUTS)])))
    print(rows[-1])
    monkeypatch.setenv("WATCHWORD_STATE", str(tmp_path / "settings"))
    rows.append(_row("writing settings", cut_settings([rng.random() for _ in range(CUTS)])))
    print(rows[-1])
    (root / "tests/soak/report.md").write_text(
        "# Power cuts on the virtual Pico\n\n"
        f"`make soak` writes this: programs of 9 KB, cycles drawn with seed {SEED}, flash with the times of a W25Q16.\n"
        "After every cut the board started by itself, its active program was the old or the new one and ran without a note\n"
        "of a fault, and its outputs were those of the reference; taught words and settings were as before, or as they\n"
        "were to be.\n\n"
        "| power went in | cuts | at cycles | as before | as it was to be | faults |\n"
        "|---|---|---|---|---|---|\n" + "\n".join(rows) + "\n"
    )


def _row(moment: str, cuts: list[Cut]) -> str:
    kept = sum(cut.kept for cut in cuts)
    cycles = sorted(cut.cycles for cut in cuts)
    return f"| {moment} | {len(cuts)} | {cycles[0]:,} to {cycles[-1]:,} | {kept} | {len(cuts) - kept} | 0 |"
