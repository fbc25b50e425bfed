"""All golden samples of nine models of other projects on the virtual Pico, and what each takes. Writes models.md."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.e2e import golden

from watchword.board import Board
from watchword.board.bench import measure


def test_models_on_pico(root: Path, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_STATE", str(tmp_path))
    rows = []
    with Board.open("pico") as board:
        for name in golden.MODELS:
            samples = len(golden.vectors(shared_data, name)[0])
            model = golden.check(board, shared_data, name, samples)
            cost = measure(board, model.compile(board.hello.target), runs=1)
            cycles = cost.cycles(cost.seconds)
            assert cycles is not None
            rows.append(
                f"| {name} | {samples} | {cost.macs:,} | {cycles:,} | {cost.seconds * 1000:.1f} | {cost.program_bytes:,} "
                f"| {cost.arena:,} | {cost.peak_ram:,} | {cost.heap_free:,} |\n"
            )
            print(rows[-1].strip())
    (root / "tests/bench/models.md").write_text(
        "# Models of other projects on the virtual Pico\n\n"
        "`make bench` writes this. Every layer's output of every sample equalled the reference's, and the last one the golden\n"
        "output of LiteRT (of TFLite Micro for person_detect, which LiteRT refuses to load). A step of a streaming model is\n"
        "30 ms of sound. Peak RAM: what the program adds to the idle app, kernels included.\n\n"
        "| model | samples | MACs | cycles | ms at 125 MHz | program | arena | peak RAM | heap free |\n"
        "|---|---|---|---|---|---|---|---|---|\n" + "".join(rows)
    )
