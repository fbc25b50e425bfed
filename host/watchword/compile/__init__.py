"""The compiler: a graph becomes a program for one target.

`compile` lowers what `simplify` leaves of the graph to calls of kernels, plans the arena, decides which weights stay in RAM and
which are read in blocks as they are needed, and writes the `.ww` file. Everything that needs numbers happens here; the board
walks a flat list of steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from watchword.compile.emit import Compiled, Layer, emit, parts
from watchword.compile.lower import Portable
from watchword.compile.schedule import schedule
from watchword.compile.simplify import simplify as simplify_graph
from watchword.compile.simplify import unchanged
from watchword.compile.targets import TARGETS, Target
from watchword.compile.thumb.lowering import Lowering
from watchword.description import Description
from watchword.errors import ModelError
from watchword.graph import Graph

__all__ = ["TARGETS", "Compiled", "Layer", "Target", "compile"]

_SMALL = 1024  # bytes of constants that are not worth a step that reads them
_BLOCKS = (16384, 4096, 1024, 0)  # bytes for a block that the arena grows by, where it leaves less free
_VAIN = 32  # programs in a row that take no less RAM, after which the others would not either


def compile(
    graph: Graph,
    description: Description,
    target: str = "unix",
    *,
    simplify: bool = True,
    ram: int | None = None,
    background: bytes = b"",
) -> Compiled:
    """Compile a graph for a target, by default what exact simplification leaves of it.

    ram: bytes of heap that the program may take; None: what the target has for it. The less, the more of the weights are read
    from flash at every run. background: embeddings for the board, one after another. Raises ModelError where the program cannot
    fit, UnsupportedError saying which operation cannot be had, and why.
    """
    if target not in TARGETS:
        raise ModelError(f"target {target!r} is not known; known: {', '.join(TARGETS)}")
    ram = TARGETS[target].ram if ram is None else ram
    keep = (description.embedding,)  # words are taught from this layer's output
    simplified = simplify_graph(graph, keep) if simplify else unchanged(graph)
    lowering = Lowering(simplified.graph) if TARGETS[target].thumb else Portable()
    scheduled = schedule(simplified.graph, lowering)
    sizes = [sum(map(len, parts(calls))) for calls in scheduled.calls]
    candidates = _candidates(partial(emit, simplified, description, target, scheduled, background), sizes)
    smallest, vain = next(candidates), 0
    while smallest.program.ram > ram and vain < _VAIN and (candidate := next(candidates, None)):
        vain += 1
        if candidate.program.ram < smallest.program.ram:
            smallest, vain = candidate, 0
    program, peak = smallest.program, smallest.peak
    if program.ram > ram:
        raise ModelError(
            f"{graph.name} needs {program.ram} bytes of RAM, {program.arena} of them arena (most of it, {peak.arena}, for "
            f"{peak.operation.kind} {peak.operation.output.name!r}); {target} has {ram} for a program"
        )
    if len(smallest.content) > TARGETS[target].flash:
        raise ModelError(
            f"{graph.name} takes {len(smallest.content)} bytes of flash; {target} has {TARGETS[target].flash} for a program"
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
