"""The compiler: a graph becomes a program for one chip.

`compile` lowers what `simplify` leaves of the graph to calls of kernels, plans the arena, decides which weights stay in RAM and
which are read in blocks as they are needed, and writes the `.ww` file. Everything that needs numbers happens here; the board
walks a flat list of steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Protocol

from watchword.compile.emit import Compiled, Layer, emit, parts
from watchword.compile.schedule import Lowering, schedule
from watchword.compile.simplify import simplify as simplify_graph
from watchword.compile.simplify import unchanged
from watchword.description import Description
from watchword.errors import ModelError
from watchword.graph import Graph

__all__ = ["Compiled", "Layer", "Target", "compile"]

_SMALL = 1024  # bytes of constants that are not worth a step that reads them
_BLOCKS = (16384, 4096, 1024, 0)  # bytes for a block that the arena grows by, where it leaves less free
_VAIN = 32  # programs in a row that take no less RAM, after which the others would not either


class Target(Protocol):
    """What has to be known of the chip that a program is for: watchword.chips.Chip, which see."""

    @property
    def name(self) -> str: ...

    @property
    def ram(self) -> int: ...

    @property
    def flash(self) -> int: ...

    def lowering(self, graph: Graph) -> Lowering: ...


def compile(
    graph: Graph,
    description: Description,
    chip: Target,
    *,
    simplify: bool = True,
    ram: int | None = None,
    background: bytes = b"",
) -> Compiled:
    """Compile a graph for a chip, by default what exact simplification leaves of it.

    ram: bytes of heap that the program may take; None: what the chip has for it. The less, the more of the weights are read
    from flash at every run. background: embeddings for the board, one after another. Raises ModelError where the program cannot
    fit, UnsupportedError saying which operation cannot be had, and why.
    """
    ram = chip.ram if ram is None else ram
    keep = (description.embedding,)  # words are taught from this layer's output
    simplified = simplify_graph(graph, keep) if simplify else unchanged(graph)
    scheduled = schedule(simplified.graph, chip.lowering(simplified.graph))
    sizes = [sum(map(len, parts(calls))) for calls in scheduled.calls]
    candidates = _candidates(partial(emit, simplified, description, chip.name, scheduled, background), sizes)
    smallest, vain = next(candidates), 0
    while smallest.program.ram > ram and vain < _VAIN and (candidate := next(candidates, None)):
        vain += 1
        if candidate.program.ram < smallest.program.ram:
            smallest, vain = candidate, 0
    program, peak = smallest.program, smallest.peak
    if program.ram > ram:
        raise ModelError(
            f"{graph.name} needs {program.ram} bytes of RAM, {program.arena} of them arena (most of it, {peak.arena}, for "
            f"{peak.operation.kind} {peak.operation.output.name!r}); {chip.name} has {ram} for a program"
        )
    if len(smallest.content) > chip.flash:
        raise ModelError(
            f"{graph.name} takes {len(smallest.content)} bytes of flash; {chip.name} has {chip.flash} for a program"
        )
    return smallest


def _candidates(emitted: Callable[[frozenset[int], int], Compiled], sizes: Sequence[int]) -> Iterator[Compiled]:
    """Programs that take ever less RAM and ever more time: from all constants there to as many read from the file as can be.

    The largest go first, in large blocks where there is room for them, else in small ones. sizes: bytes of constants of each
    operation.
    """
    paged: frozenset[int] = frozenset()
    yield emitted(paged, 0)
    for step in sorted((step for step, size in enumerate(sizes) if size > _SMALL), key=lambda step: -sizes[step]):
        paged |= {step}
        for block in _BLOCKS:
            yield emitted(paged, block)
