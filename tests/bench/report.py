"""The report of what models take on the virtual Pico, and its history."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.peers import FRONT_END, MACS, PEERS, REFERENCE
from watchword.board.bench import Bench
from watchword.cli.output import short

HEADER = """\
# Models on the virtual Pico

`make bench` writes this. One run of the model as `watchword bench` measures it (a step of a streaming model: 30 ms of
sound), one core at 125 MHz, by the cycles that the emulated board counts. All golden samples of the models from elsewhere were
run, too: every layer's output equalled the reference's, and the last one LiteRT's (TFLite Micro's for person_detect, which
LiteRT refuses to load).

Without cache misses: {plain}.
With them: {xip}.
Predicted: by the compiler, from the cost model by which it plans; calls from Python are not part of it.
Peak RAM: what the program adds to the idle app, kernels and front end included. Heap free: with the program and, for
models of sound, the listener running.
"""

BESIDE = """\
## Beside others

Thousands of cycles, and cycles per MAC of the model as published. All engines run the models unchanged; what provably does
nothing in one, watchword leaves out: half of vww_96_int8.
"""


@dataclass(frozen=True)
class Measured:
    """A model. plain, xip: without and with misses of the cache before flash. predicted: cycles of each of their layers."""

    name: str
    plain: Bench
    xip: Bench
    predicted: tuple[int, ...]


@dataclass(frozen=True)
class Past:
    """A figure of an earlier run; commit: of the code that was measured, with a + where it had been changed since."""

    date: str
    commit: str
    model: str
    cycles: int
    peak_ram: int
    heap_free: int


def cycles(bench: Bench, seconds: float) -> int:
    found = bench.cycles(seconds)
    assert found is not None, "the board counts no cycles"
    return found


def read_history(path: Path) -> list[Past]:
    with path.open(newline="") as file:
        return [
            Past(row["date"], row["commit"], row["model"], *(int(row[key]) for key in ("cycles", "peak_ram", "heap_free")))
            for row in csv.DictReader(file)
        ]


def write_history(path: Path, history: Iterable[Past]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in dataclasses.fields(Past)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(dataclasses.asdict, history))


def extended(history: Sequence[Past], measured: Iterable[Measured], date: str, commit: str) -> list[Past]:
    """With this run's figures, in place of those of the same day and commit."""
    kept = [past for past in history if (past.date, past.commit) != (date, commit)]
    return kept + [
        Past(date, commit, one.name, cycles(one.plain, one.plain.seconds), one.plain.peak_ram, one.plain.heap_free)
        for one in measured
    ]


def render(measured: Sequence[Measured], history: Sequence[Past]) -> str:
    first = measured[0]
    parts = [
        HEADER.format(plain=first.plain.modelled, xip=first.xip.modelled),
        _models(measured),
        BESIDE,
        _peers(measured),
        *(f"## {one.name}, layer by layer\n\n{_layers(one)}" for one in measured),
        "## Earlier runs\n\nThousands of cycles.",
        _history(history),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Numbers to the right, by the first row's cells."""
    lines = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    right = ["-:" if line[:1].isdigit() else "-" for line in (lines[0] if lines else columns)]
    return "".join(f"| {' | '.join(line)} |\n" for line in (columns, right, *lines))


def _models(measured: Sequence[Measured]) -> str:
    rows: list[tuple[object, ...]] = []
    for one in measured:
        plain, xip = cycles(one.plain, one.plain.seconds), cycles(one.xip, one.xip.seconds)
        times = f"{one.plain.seconds * 1000:.1f} / {one.xip.seconds * 1000:.1f}"
        sizes = (one.plain.program_bytes, one.plain.arena, one.plain.peak_ram, one.plain.heap_free)
        rows.append((one.name, one.plain.macs, plain, xip, times, sum(one.predicted), *sizes))
    for one in measured:
        if one.plain.frontend is not None and one.xip.frontend is not None:
            plain, xip = cycles(one.plain, one.plain.frontend), cycles(one.xip, one.xip.frontend)
            times = f"{one.plain.frontend * 1000:.2f} / {one.xip.frontend * 1000:.2f}"
            rows.append((FRONT_END, "", plain, xip, times, *[""] * 5))
            break
    columns = ("model", "MACs", "cycles", "with misses", "ms, both", "predicted", "program", "arena", "peak RAM", "heap free")
    return _table(columns, rows)


def _peers(measured: Sequence[Measured]) -> str:
    own = {one.name: cycles(one.plain, one.plain.seconds) / 1000 for one in measured}
    frames = [cycles(one.plain, one.plain.frontend) for one in measured if one.plain.frontend is not None]
    own[FRONT_END] = frames[0] / 1000

    def cells(found: dict[str, float]) -> list[str]:
        each = {model: f" ({count * 1000 / MACS[model]:.1f})" for model, count in found.items() if model in MACS}
        return [f"{found[model]:,.0f}{each.get(model, '')}" if model in found else "" for model in REFERENCE.cycles]

    times = [f"{REFERENCE.cycles[model] / own[model]:.1f} times" for model in REFERENCE.cycles]
    rows = [("watchword", "the emulated RP2040", *cells(own), "this report")]
    rows += [(peer.engine, peer.chip, *cells(peer.cycles), peer.how) for peer in PEERS]
    rows.insert(1, ("faster than TensorFlow Lite Micro", "", *times, "without misses, both"))
    return _table(("engine", "chip", *(model.split("/")[-1] for model in REFERENCE.cycles), "how"), rows)


def _layers(one: Measured) -> str:
    rows = []
    every = zip(one.plain.layers, one.xip.layers, one.predicted, strict=True)
    for i, (plain, xip, predicted) in enumerate(every, 1):
        took = cycles(one.plain, plain.seconds)
        each = f"{took / plain.macs:.2f}" if plain.macs else ""
        kernels = "+".join(dict.fromkeys(plain.kernel.split("+")))
        rows.append((i, short(plain.name), kernels, plain.macs, took, each, cycles(one.xip, xip.seconds), predicted))
    return _table(("", "layer", "kernels", "MACs", "cycles, call included", "per MAC", "with misses", "predicted"), rows)


def _history(history: Sequence[Past]) -> str:
    runs = list(dict.fromkeys((past.date, past.commit) for past in history))
    models = list(dict.fromkeys(past.model for past in history))
    found = {(past.date, past.commit, past.model): past for past in history}
    rows = []
    for model in models:
        pasts = [found.get((*run, model)) for run in runs]
        rows.append((model, *("" if past is None else f"{past.cycles / 1000:,.0f}" for past in pasts)))
    return _table(("model", *(f"{date} {commit}" for date, commit in runs)), rows)
