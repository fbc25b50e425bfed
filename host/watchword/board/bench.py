"""What a program costs on a board: time or cycles, and memory."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from watchword.board.board import Board
from watchword.compile import Compiled


@dataclass(frozen=True)
class LayerCost:
    """One operation of the graph. kernel: those that computed it, joined by "+". seconds: of one run."""

    name: str
    kernel: str
    macs: int
    seconds: float


@dataclass(frozen=True)
class Bench:
    """One inference from the first step to the last, and what the program takes.

    hz: of the processor, None where it counts no cycles. seconds, slowest: least and greatest of the runs, read once around all
    steps: Python between them and weights read on the way are included, loading and turns of the event loop are not. layers: of
    a run of their own. frontend: seconds of one frame, None where the program is fed no sound. peak_ram: bytes of heap that the
    program adds over the idle app, kernels and front end included. modelled: what the figures of a virtual board are worth.
    """

    name: str
    board: str
    hz: int | None
    seconds: float
    slowest: float
    layers: list[LayerCost]
    frontend: float | None
    load: float
    macs: int
    arena: int
    program_bytes: int
    peak_ram: int
    heap_free: int
    modelled: str | None

    def cycles(self, seconds: float) -> int | None:
        """The processor's cycles in a time; None where it counts none."""
        return None if self.hz is None else round(seconds * self.hz)

    def as_dict(self) -> dict[str, Any]:
        """The JSON of the command line: cycles, or seconds (`_s`) where there is no cycle counter."""

        def cost(name: str, seconds: float) -> dict[str, int | float]:
            cycles = self.cycles(seconds)
            key = f"{name}_" if name else ""
            return {f"{key}s": round(seconds, 6)} if cycles is None else {f"{key}cycles": cycles}

        total = cost("total", self.seconds)
        total |= {f"{key}_max": value for key, value in cost("total", self.slowest).items()}
        fields: dict[str, Any] = {"model": self.name, "board": self.board, "clock_hz": self.hz, **total, "macs": self.macs}
        fields["layers"] = [
            {"name": layer.name, "kernel": layer.kernel, "macs": layer.macs, **cost("", layer.seconds)} for layer in self.layers
        ]
        if self.frontend is not None:
            fields |= cost("frontend", self.frontend)
        return fields | {
            "load_s": self.load,
            "arena": self.arena,
            "program_bytes": self.program_bytes,
            "peak_ram": self.peak_ram,
            "heap_free": self.heap_free,
            "modelled": self.modelled,
        }


def measure(board: Board, compiled: Compiled, runs: int = 5) -> Bench:
    """Measure the program that the board runs, which must be `compiled`. runs: of the whole, 1 to 1000.

    Raises BoardError where no program runs there.
    """
    timing = board.bench(runs, layers=True)
    steps = [us / 1e6 for us in timing.layers or ()]
    layers = []
    ends = [0, *(layer.steps for layer in compiled.layers)]
    for layer, (first, end) in zip(compiled.layers, pairwise(ends), strict=True):
        if end > first:  # a reshape takes no step
            kernels = [step.kernel.name for step in compiled.program.steps[first:end]]
            operation = layer.operation
            layers.append(LayerCost(operation.output.name, "+".join(kernels), operation.macs, sum(steps[first:end])))
    return Bench(
        name=compiled.name,
        board=f"{board.hello.board}, MicroPython {board.hello.micropython}",
        hz=timing.hz,
        seconds=timing.us / 1e6,
        slowest=timing.us_max / 1e6,
        layers=layers,
        frontend=None if timing.frontend_us is None else timing.frontend_us / 1e6,
        load=timing.load_ms / 1000,
        macs=sum(layer.macs for layer in layers),
        arena=compiled.program.arena,
        program_bytes=len(compiled.content),
        peak_ram=board.hello.program_heap,
        heap_free=board.hello.heap_free,
        modelled=board.modelled,
    )
