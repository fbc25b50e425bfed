"""The report of benchmarks: what stands in it, and its history. The measuring itself is `make bench`'s."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.bench.peers import FRONT_END, MACS, REFERENCE
from tests.bench.report import Measured, Past, extended, read_history, render, write_history

from watchword.board.bench import Bench, LayerCost

HZ = 125_000_000


def bench(name: str, cycles: int, frontend: int | None = None) -> Bench:
    layers = [LayerCost("a;long/Conv2D1", "fill+pairs+pairs", 1000, 4000 / HZ), LayerCost("scores", "softmax", 0, 500 / HZ)]
    times = (cycles / HZ, cycles / HZ, layers, None if frontend is None else frontend / HZ, 0.1)
    return Bench(
        name, "pico", HZ, *times, macs=1000, arena=64, program_bytes=4096, peak_ram=9000, heap_free=80000, modelled="so"
    )


def measured(factor: int = 1) -> list[Measured]:
    """Of all models that others are compared by: each takes a quarter of the reference's cycles."""
    found = []
    for name, thousands in REFERENCE.cycles.items():
        if name != FRONT_END:
            one = bench(name, round(thousands * 250) * factor, 50_000 if "okay" in name else None)
            found.append(Measured(name, one, replace(one, seconds=one.seconds * 2, modelled="otherwise"), (3900, 400)))
    return found


def cells(text: str, first: str) -> list[str]:
    """Of the first row that begins so."""
    row = next(line for line in text.splitlines() if line.startswith(f"| {first} |"))
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_tables() -> None:
    text = render(measured(), [])
    for name, thousands in REFERENCE.cycles.items():
        if name != FRONT_END:
            expected = [f"{count:,}" for count in (1000, round(thousands * 250), round(thousands * 500))]
            assert cells(text, name)[1:4] == expected
            assert cells(text, name)[5:] == ["4,300", "4,096", "64", "9,000", "80,000"]
    assert cells(text, FRONT_END)[2:5] == ["50,000", "50,000", "0.40 / 0.40"]
    faster = cells(text, "faster than TensorFlow Lite Micro")
    assert faster[2 : 2 + len(MACS)] == ["4.0 times"] * len(MACS)
    assert cells(text, "1") == ["1", "long/Conv2D1", "fill+pairs", "1,000", "4,000", "4.00", "4,000", "3,900"]
    assert cells(text, "2") == ["2", "scores", "softmax", "0", "500", "", "500", "400"]
    assert "Without cache misses: so." in text
    assert "With them: otherwise." in text
    assert "\n\n\n" not in text


def test_history(tmp_path: Path) -> None:
    """A run joins those before it; one of the same day and commit takes the place of the other."""
    path = tmp_path / "history.csv"
    past = [Past("2026-01-01", "abc", one.name, 1000, 1, 2) for one in measured()]
    runs = extended(extended(past, measured(), "2026-02-02", "def"), measured(2), "2026-02-02", "def")
    assert len(runs) == 2 * len(past)
    assert runs[: len(past)] == past
    write_history(path, runs)
    assert read_history(path) == runs
    name = next(iter(REFERENCE.cycles))
    last = render(measured(), runs).rsplit("Earlier runs", 1)[1]
    assert cells(last, "model")[1:] == ["2026-01-01 abc", "2026-02-02 def"]
    assert cells(last, name)[1:] == ["1", f"{round(REFERENCE.cycles[name] * 500) / 1000:,.0f}"]
