"""Damaged or hostile files: 485,000 on the host, a hundred thousand on MicroPython. Writes tests/soak/fuzz.md.

tests/fuzz makes them and says what is a fault. WATCHWORD_SEED begins with another number, so that the cases are other ones.
"""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
from tests.fuzz import board, host

from watchword.shipped import __version__

HOST = {
    "tflite": 100_000,
    "compiled": 50_000,
    "program": 15_000,
    "toml": 20_000,
    "json": 100_000,
    "wav": 100_000,
    "csv": 100_000,
}
BOARD = {"program": 95_000, "model": 5_000}
FIRST = int(os.environ.get("WATCHWORD_SEED", "0")) * 1_000_000
PART = 5000


def test_fuzz(root: Path, micropython: Path) -> None:
    rows, findings = [], []
    for where, kinds in (("host", HOST), ("unix", BOARD)):
        for kind, count in kinds.items():
            outcome = host.Outcome()
            for start in range(FIRST, FIRST + count, PART):
                part = range(start, min(start + PART, FIRST + count))
                outcome += host.run(kind, part, root) if where == "host" else board.run(kind, part, root, micropython)
                print(where, kind, part.stop - FIRST, dict(outcome.counts), outcome.findings)
            findings += [f"{where} {kind} {number}: {text}" for number, text in outcome.findings]
            came = ", ".join(f"{name} {n:,}" for name, n in sorted(outcome.counts.items()))
            rows.append(f"| {where} | {NAMES[where, kind]} | {count:,} | {came} | {len(outcome.findings)} |")
    (root / "tests/soak/fuzz.md").write_text(_report(rows, micropython))
    assert not findings


NAMES = {
    ("host", "tflite"): "`.tflite`: read, run by the reference",
    ("host", "compiled"): "`.tflite`: the first of them, compiled for two targets",
    ("host", "program"): "`.ww`: its description read",
    ("host", "toml"): "`.toml`",
    ("host", "json"): "`.json`",
    ("host", "wav"): "recordings: `.wav` of all kinds, some FLAC, Ogg, MP3 and AIFF: read to 16 kHz",
    ("host", "csv"): "manifests, `.csv`: read, and what they name",
    ("unix", "program"): "`.ww` with a right hash: loaded, run, listened with",
    ("unix", "model"): "`.ww` of the damaged `.tflite` that can still be compiled: loaded, run, compared",
}


def _report(rows: list[str], micropython: Path) -> str:
    version = subprocess.run([micropython, "-c", "import sys; print(sys.version)"], capture_output=True, text=True, check=True)
    return (
        "# Damaged and hostile files\n\n"
        f"`make soak` wrote this on {datetime.date.today()}: watchword {__version__}, cases from number {FIRST} on.\n"
        f"Host: Python {platform.python_version()}, NumPy {np.__version__}, {sys.platform}; {host.MEMORY >> 20} MB of memory "
        f"beyond what it starts with,\n{host.SECONDS} s of processor for a `.tflite` that is compiled, {host.QUICK} s for all "
        "others; NumPy's warnings are errors.\n"
        f"Board: {version.stdout.strip().partition('; ')[2]} on the unix port, with guards around arena and constants;\n"
        "what does not take long is run again with the plain kernels, which notice what is read beyond a buffer.\n\n"
        "| where | what | cases | what came of them | findings |\n"
        "|---|---|---|---|---|\n" + "\n".join(rows) + "\n\n"
        "Findings would be: an error that is not one of the one-line ones, a process that dies, hangs or takes more memory,\n"
        "a byte written or read outside a buffer, an output that is not the reference's.\n"
    )
