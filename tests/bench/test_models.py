"""All golden samples of nine models of other projects on the virtual Pico, and what they and our own take.

Writes report.md and history.csv.
"""

from __future__ import annotations

import datetime
import subprocess
from pathlib import Path

import pytest

from tests.bench.report import Measured, extended, read_history, render, write_history
from tests.e2e import golden
from watchword.board import Board
from watchword.board.bench import Bench, measure
from watchword.board.virtual import Hardware
from watchword.compile import Compiled
from watchword.model import keywords, load

OWN = "keywords"


def commit(root: Path) -> str:
    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + "+" * bool(git("status", "--porcelain", "--", "firmware", "host"))


def test_models_on_pico(root: Path, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = {OWN: keywords()} | {name: golden.path(shared_data, name) for name in golden.MODELS}
    compiled = {name: load(path).compile("rp2040") for name, path in paths.items()}

    def costs(hardware: Hardware, check: bool) -> dict[str, Bench]:
        """Each model on a board of its own, whose flash holds nothing else."""
        found = {}
        for name in paths:
            monkeypatch.setenv("WATCHWORD_STATE", str(tmp_path / f"{name}-{hardware.xip}"))
            with Board.open("pico", hardware=hardware) as board:
                found[name] = measure_one(board, name, compiled[name], check)
            print(name, found[name].cycles(found[name].seconds))
        return found

    def measure_one(board: Board, name: str, program: Compiled, check: bool) -> Bench:
        board.push(program, scratch=True)
        found = measure(board, program, runs=1)
        if check and name != OWN:
            golden.check(board, shared_data, name, len(golden.vectors(shared_data, name)[0]))
        return found

    plain, xip = costs(Hardware(), True), costs(Hardware(xip=True), False)
    measured = []
    for name, program in compiled.items():
        predicted = tuple(sum(step.cycles for step in steps) for _, steps in program.stages() if steps)
        measured.append(Measured(name, plain[name], xip[name], predicted))
    path = root / "tests/bench/history.csv"
    history = extended(read_history(path), measured, datetime.datetime.now(datetime.UTC).date().isoformat(), commit(root))
    write_history(path, history)
    text = render(measured, history)
    (root / "tests/bench/report.md").write_text(text)
    print("\n" + text)
