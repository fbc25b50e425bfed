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
from watchword.compile.memory import need
from watchword.compile.schedule import Lowering, Schedule, least, schedule
from watchword.compile.simplify import Simplified, unchanged
from watchword.compile.simplify import simplify as simplify_graph
from watchword.description import Description
from watchword.errors import ModelError
from watchword.graph import Graph, Operation

__all__ = ["Compiled", "Layer", "Target", "TooLargeError", "compile", "simplified"]

_SMALL = 1024  # bytes of constants that are not worth a step that reads them
_BLOCKS = (16384, 4096, 1024, 0)  # bytes for a block that the arena grows by, where it leaves less free
_READ = 8  # cycles for a byte that an RP2040 reads from flash, at the least
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


class TooLargeError(ModelError):
    """A chip has less RAM than a model takes. need: the part of the message that is the same for every such chip."""

    def __init__(self, need: str, chip: Target, ram: int) -> None:
        super().__init__(f"{need}; {chip.name} has {ram} for a program")
        self.need = need


def compile(
    graph: Graph | Simplified,
    description: Description,
    chip: Target,
    *,
    simplify: bool = True,
    ram: int | None = None,
    background: bytes = b"",
) -> Compiled:
    """Compile a graph for a chip, by default what exact simplification leaves of it.

    graph: what is simplified already is compiled as it is. ram: bytes of heap that the program may take; None: what the chip
    has for it. The less, the more of the weights are read from flash at every run. background: embeddings for the board, one
    after another. Raises TooLargeError, a ModelError, where no program is small enough, ModelError where the file is too large
    for the chip's flash, UnsupportedError saying which operation cannot be had, and why.
    """
    ram = chip.ram if ram is None else ram
    if isinstance(graph, Graph):
        graph = simplified(graph, description) if simplify else unchanged(graph)
    name = graph.graph.name
    _require_room(name, chip, ram, *least(graph.graph))  # before the time is spent to find what is fast on the chip
    scheduled = schedule(graph.graph, chip.lowering(graph.graph))
    at_each = need(scheduled.blocks)[: len(scheduled.operations)]
    _require_room(name, chip, ram, scheduled.plan.size, scheduled.operations[at_each.index(max(at_each))])
    smallest = emit(graph, description, chip.name, scheduled, background, (), 0)
    if smallest.program.ram > ram and (narrow := _narrowed(scheduled)) is not scheduled.lower:
        scheduled = schedule(graph.graph, narrow)
        smallest = emit(graph, description, chip.name, scheduled, background, (), 0)
    sizes = [sum(map(len, parts(calls))) for calls in scheduled.calls]
    candidates, vain = _paged(partial(emit, graph, description, chip.name, scheduled, background), sizes), 0
    while smallest.program.ram > ram and vain < _VAIN and (candidate := next(candidates, None)):
        vain += 1
        if candidate.program.ram < smallest.program.ram:
            smallest, vain = candidate, 0
    program, peak = smallest.program, smallest.peak
    if program.ram > ram:
        raise TooLargeError(
            f"{name} needs {program.ram} bytes of RAM, {program.arena} of them arena (most of it, {peak.arena}, for "
            f"{peak.operation.kind} {peak.operation.output.name!r})",
            chip,
            ram,
        )
    if len(smallest.content) > chip.flash:
        raise ModelError(f"{name} takes {len(smallest.content)} bytes of flash; {chip.name} has {chip.flash} for a program")
    return smallest


def simplified(graph: Graph, description: Description) -> Simplified:
    """What exact simplification leaves of a graph, for every chip. ModelError: as `simplify`."""
    return simplify_graph(graph, (description.embedding,))  # words are taught from this layer's output


def _require_room(name: str, chip: Target, ram: int, arena: int, op: Operation) -> None:
    """TooLargeError where the arena alone, which an operation needs, is more than there is."""
    if arena > ram:
        what = f"{name} needs more than {arena} bytes of RAM, which {op.kind} {op.output.name!r} takes of the arena"
        raise TooLargeError(what, chip, ram)


def _narrowed(scheduled: Schedule) -> Lowering:
    """The same lowering with fewer bytes of weights, wherever that takes less time than to read them from flash at each run."""
    lower = scheduled.lower
    for op in scheduled.operations:
        narrow = lower.narrowed(op)
        if narrow is not None:
            (before, wide), (after, thin) = _cost(lower, op), _cost(narrow, op)
            if after - before < _READ * (wide - thin):
                lower = narrow
    return lower


def _cost(lower: Lowering, op: Operation) -> tuple[int, int]:
    """Cycles of an operation, and bytes of its constants."""
    calls = lower(op)
    return sum(lower.timed(call).cycles for call in calls), sum(map(len, parts(calls)))


def _paged(emitted: Callable[[frozenset[int], int], Compiled], sizes: Sequence[int]) -> Iterator[Compiled]:
    """Programs that take ever less RAM and ever more time: up to as many constants read from the file as can be.

    The largest go first, in large blocks where there is room for them, else in small ones. sizes: bytes of constants of each
    operation.
    """
    paged: frozenset[int] = frozenset()
    for step in sorted((step for step, size in enumerate(sizes) if size > _SMALL), key=lambda step: -sizes[step]):
        paged |= {step}
        for block in _BLOCKS:
            yield emitted(paged, block)
