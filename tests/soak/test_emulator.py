"""The virtual Pico's processor beside rp2040js's, one instruction after the other: MicroPython, and random instructions.

Writes tests/soak/emulator.md. What is compared, tests/emulator/lockstep.mjs and sequences.mjs say; a difference ends it.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests.device.test_device import files_of, make_data

from watchword import firmware
from watchword.board.virtual.pico import build, image

MODULES = ("adpcm", "decision")
FACTOR = 0.2  # of tens of millions of cycles for each program
ROUNDS = 20_000


def test_lockstep(root: Path, tmp_path: Path, shared_or_none: Path | None) -> None:
    parts = build.pico(print)
    data = tmp_path / "data"
    data.mkdir()
    for module in MODULES:
        make_data(module, data, shared_or_none, "rp2040")
    files = firmware.files("armv6m")
    del files["main.py"]  # the REPL is wanted
    for module in MODULES:
        files |= files_of(module, data)
    flash = tmp_path / "micropython.img"
    image.write(flash, parts.firmware.read_bytes(), files)
    options = ["--factor", str(FACTOR), "--rounds", str(ROUNDS), "--modules", ",".join(MODULES)]
    command = [parts.node, root / "tests/emulator/soak.mjs", *options]
    environment = {
        "WATCHWORD_EMULATOR": str(parts.emulator),
        "WATCHWORD_BOOTROM": str(parts.bootrom),
        "WATCHWORD_IMAGE": str(flash),
    }
    rows = []
    with subprocess.Popen(
        command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            if line.startswith("{"):
                rows.append(json.loads(line))
    assert process.returncode == 0
    total = sum(row["instructions"] for row in rows)
    table = "".join(
        f"| {row['what']} | {row['way']} | {row['instructions'] / 1e6:.1f} | {row['comparisons']:,} | {row['exceptions']:,} |\n"
        for row in rows
    )
    (root / "tests/soak/emulator.md").write_text(
        "# The virtual Pico's processor in lockstep\n\n"
        "`make soak` writes this: the processor of the virtual Pico beside rp2040js's with its corrections, which runs one\n"
        "instruction after the other. After each run of up to 2,000 cycles, registers, flags, modes, divider, spinlocks,\n"
        "cycles, time and pending interrupts were the same, and the cache's hits and misses; RAM, the USB block's RAM and\n"
        f"flash now and then. Differences: none in {total / 1e6:,.0f} million instructions.\n\n"
        "| what | how | million instructions | comparisons | interrupts |\n|---|---|---|---|---|\n" + table
    )
