"""How quick the virtual unix board is. Writes tests/bench/unix.md; asserts no time, since machines differ."""

from __future__ import annotations

import platform
import time
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.conftest import small_program
from watchword.board import Board
from watchword.model import keywords, load


def best_of(n: int, action) -> float:  # type: ignore[no-untyped-def]
    times = []
    for _ in range(n):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def test_unix_board(root: Path, micropython: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_STATE", str(tmp_path))
    model = load(keywords())
    sixty = small_program("sixty", weights=28280)
    rows = []
    start = time.perf_counter()
    with Board.open("unix") as board:
        rows.append(("start of the board, to its hello", f"{time.perf_counter() - start:.3f} s"))
        seconds = best_of(3, lambda: board.push(sixty))
        rows.append((f"push of {len(sixty.content)} bytes, with the restart", f"{seconds:.3f} s"))
        board.push(model.compile(board.hello.target))
        x = np.zeros(model.graph.input.size, np.int8)
        compiled = model.compile("unix")
        us = min(int(board.link.request("run", x.tobytes()[:960], offset=0)["us"]) for _ in range(5))
        macs = compiled.simplified.after.macs
        rows.append((f"keyword model, {macs} MACs, one run", f"{us / 1000:.2f} ms ({us * 1000 / macs:.2f} ns per MAC)"))
        rows.append(
            ("its program, arena, RAM", f"{len(compiled.content)}, {compiled.program.arena}, {compiled.program.ram} bytes")
        )
        sound = np.random.default_rng(0).integers(-3000, 3000, 10 * 16000).astype(np.int16)
        seconds = best_of(3, lambda: list(board.listen(sound)))
        rows.append(("listening to 10 s of sound (12 s with the silence)", f"{seconds:.2f} s"))
    text = "# The virtual unix board\n\n"
    text += f"{platform.machine()}, Python {platform.python_version()}; best of several. `make bench` writes this.\n\n"
    text += "| what | figure |\n|---|---|\n" + "".join(f"| {what} | {figure} |\n" for what, figure in rows)
    (root / "tests/bench/unix.md").write_text(text)
    print("\n" + text)
