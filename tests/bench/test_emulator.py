"""How fast the virtual Pico is, beside what it was, and that both count the same cycles. Writes tests/bench/emulator.md.

Processor time of the emulator's process, all its threads: that of other processes does not count, but disturbs.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.device.test_device import MODULES, emulated, files_of, make_data
from tests.device.test_device import run as run_module
from tests.e2e import golden
from watchword import shipped
from watchword.board import Board
from watchword.board.bench import Bench, measure
from watchword.board.virtual import Hardware, Speed
from watchword.board.virtual.pico import build, image
from watchword.board.virtual.process import ProcessTransport
from watchword.compile import Compiled
from watchword.data import audio
from watchword.model import keywords, load

PROGRAMS = {
    "interpreted": "Python: dictionaries, lists, calls",
    "floats": "Python: floats",
    "viper": "a viper loop",
    "native": "a native loop",
    "assembled": "asm_thumb",
    "listening": "a viper loop, while an I2S receiver runs (PIO, DMA, microphone)",
}
OLD = Hardware(core="corrected")
BESIDE = ("adpcm", "buffers", "decision", "knn", "mapping")  # modules that the old one runs too: others take it many minutes
NEARLY = 5000  # cycles: the board counts in microseconds, and interrupts fall into a run, more or fewer


def test_emulator(root: Path, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sections = [
        programs(root, tmp_path),
        device_suite(tmp_path, shared_data),
        minute(shared_data, tmp_path, monkeypatch),
        models(shared_data, tmp_path, monkeypatch),
    ]
    text = (
        "# How fast the virtual Pico is\n\n"
        "`make bench` writes this. Emulated MHz are cycles by the processor time of the emulator's process, all its\n"
        "threads; the chip has 125. Old: rp2040js's processor with its faults corrected (`--old-core`); with --xip: misses\n"
        "of the cache are counted.\n\n" + "\n\n".join(sections) + "\n"
    )
    (root / "tests/bench/emulator.md").write_text(text)
    print("\n" + text)


def table(*rows: tuple[object, ...]) -> str:
    head, *rest = rows
    lines = [head, tuple("---" for _ in head), *rest]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


# ---- programs of MicroPython


def programs(root: Path, tmp_path: Path) -> str:
    """The first run of a process, some tens of millions of cycles, and later ones."""
    parts = build.pico(print)
    flash = tmp_path / "micropython.img"
    image.write(flash, parts.firmware.read_bytes(), {})
    environment = os.environ | {
        "WATCHWORD_EMULATOR": str(parts.emulator),
        "WATCHWORD_BOOTROM": str(parts.bootrom),
        "WATCHWORD_IMAGE": str(flash),
    }

    def speed(program: str, *options: str) -> str:
        command = [parts.node, root / "tests/emulator/speed.mjs", program, *options]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        return f"{found['first']:.0f} / {found['later']:.0f}"

    rows: list[tuple[object, ...]] = [("program", "old", "new", "new, with --xip")]
    for program, what in PROGRAMS.items():
        old = speed(program, "--core", "corrected", "--factor", "0.3", "--runs", "2")
        rows.append((what, old, speed(program), speed(program, "--xip")))
        print(rows[-1])
    return "MHz in the first run of a process / later:\n\n" + table(*rows)


# ---- the firmware's own tests


def suite(module: str, hardware: Hardware | None, folder: Path, shared: Path) -> Speed:
    (folder / "data").mkdir(parents=True)
    with emulated(folder / "pico.img", hardware) as (put, target):
        make_data(module, folder / "data", shared, target)
        line = put(files_of(module, folder / "data"))
        try:
            run_module(module, line, timeout=3600)
            assert isinstance(line, ProcessTransport)
            return Speed.of(line.control("counters"))
        finally:
            line.close()


def device_suite(tmp_path: Path, shared: Path) -> str:
    rows: list[tuple[object, ...]] = [("module", "cycles", "old", "new", "times")]
    both = {"old": 0.0, "new": 0.0}
    for module in MODULES:
        new = suite(module, None, tmp_path / f"{module}-new", shared)
        if module not in BESIDE:
            rows.append((module, f"{new.cycles / 1e6:,.0f} M", "", f"{new.cpu:.1f} s", ""))
            print(rows[-1])
            continue
        old = suite(module, OLD, tmp_path / f"{module}-old", shared)
        both = {"old": both["old"] + old.cpu, "new": both["new"] + new.cpu}
        rows.append((module, f"{new.cycles / 1e6:,.0f} M", f"{old.cpu:.1f} s", f"{new.cpu:.1f} s", f"{old.cpu / new.cpu:.1f}"))
    rows.append(("those of both", "", f"{both['old']:.0f} s", f"{both['new']:.0f} s", f"{both['old'] / both['new']:.1f}"))
    return "Processor time of the firmware's own tests, a board for each module:\n\n" + table(*rows)


# ---- models


def models(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """One run of each model by both processors: the cycles must be the same."""
    rows: list[tuple[object, ...]] = [("model", "cycles, old", "new", "with misses, old", "new")]
    later = {}
    for name, path in ({"keywords": keywords()} | {name: golden.path(shared, name) for name in golden.MODELS}).items():
        program = load(path).compile("rp2040")
        found: list[Bench] = []
        for hardware in (OLD, Hardware(), Hardware(xip=True, core="corrected"), Hardware(xip=True)):
            monkeypatch.setenv("WATCHWORD_STATE", str(tmp_path / f"{name}-{hardware.core}-{hardware.xip}".replace("/", "-")))
            with Board.open("pico", hardware=hardware) as board:
                board.push(program, scratch=True)
                found.append(measure(board, program, runs=10))
                if name == "keywords" and hardware.core == "fast":
                    later[hardware.xip] = later_speed(board, program)
        for ours, theirs in zip(cycles_of(found[0]), cycles_of(found[1]), strict=True):
            assert abs(ours - theirs) <= NEARLY, name
        figures = [each.cycles(each.seconds) or 0 for each in found]
        # What the cache holds as a run begins depends on when the host's bytes came.
        assert figures[2] == pytest.approx(figures[3], rel=0.01), name
        rows.append((name, *(f"{figure:,}" for figure in figures)))
        print(rows[-1])
    return (
        f"`bench keywords`, a hundred runs after the first ones: {later[False]:.0f} MHz; with --xip {later[True]:.0f} MHz.\n\n"
        "Cycles of one run of a model, the least of ten. The board counts microseconds of 125 cycles, and begins in the\n"
        "middle of one; that both processors are the same to the cycle, `make soak` shows:\n\n" + table(*rows)
    )


def cycles_of(found: Bench) -> tuple[float, float]:
    """The whole model and the front end's frame, the least of several. A layer is run once, and interrupts fall into it."""
    hz = found.hz or 0
    return found.seconds * hz, (found.frontend or 0.0) * hz


def later_speed(board: Board, program: Compiled) -> float:
    """Emulated MHz of a hundred runs more."""
    before = counted(board)
    measure(board, program, runs=100)
    after = counted(board)
    return (after.cycles - before.cycles) / (after.cpu - before.cpu) / 1e6


def counted(board: Board) -> Speed:
    assert isinstance(board.link.transport, ProcessTransport)
    return Speed.of(board.link.transport.control("counters"))


# ---- sound


def minute(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    clips = [audio.read(path) for path in sorted((shipped.models() / "keywords/clips").glob("*.wav"))]
    sound = np.resize(np.concatenate(clips), 60 * 16000)
    program = load(golden.path(shared, "microwakeword/okay_nabu")).compile("rp2040")
    monkeypatch.setenv("WATCHWORD_STATE", str(tmp_path / "minute"))
    with Board.open("pico") as board:
        board.push(program)
        before = counted(board)
        list(board.listen(sound))
        after = counted(board)
    return f"A minute of sound streamed to okay_nabu: {after.cpu - before.cpu:.1f} s of processor time."
