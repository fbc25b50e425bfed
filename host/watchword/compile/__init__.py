"""The compiler: a graph becomes a program for one chip.

`compile` lowers what `simplify` leaves of the graph to calls of kernels, plans the arena, decides which weights stay in RAM and
which are read in blocks as they are needed, and writes the `.ww` file. Everything that needs numbers happens here; the board
walks a flat list of steps.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from typing import Protocol

from watchword.compile.emit import Compiled, Layer, emit, parts
from watchword.compile.memory import need
from watchword.compile.schedule import Lowering, Schedule, least, schedule
from watchword.compile.simplify import Simplified, unchanged
from watchword.compile.simplify import simplify as simplify_graph
from watchword.description import Description
from watchword.errors import ModelError, UnsupportedError
from watchword.graph import Graph, Operation

__all__ = ["Compiled", "Drafts", "Layer", "Target", "TooLargeError", "compile", "simplified"]

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

    @property
    def lowering(self) -> Callable[[Graph], Lowering]: ...


class _Draft:
    """The schedule of a graph by one lowering, and its programs, each made once, for all chips that lower alike."""

    def __init__(self, scheduled: Schedule, candidates: Iterator[Compiled]) -> None:
        self.schedule = scheduled
        self._made: list[Compiled] = []
        self._more = candidates

    def __iter__(self) -> Iterator[Compiled]:
        for place in itertools.count():
            if place == len(self._made):
                candidate = next(self._more, None)
                if candidate is None:
                    return
                self._made.append(candidate)
            yield self._made[place]


Drafts = dict[Callable[[Graph], Lowering], _Draft]
"""What `compile` has made of one graph so far, by the lowering of the chip."""


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
    drafts: Drafts | None = None,
) -> Compiled:
    """Compile a graph for a chip, by default what exact simplification leaves of it.

    graph: what is simplified already is compiled as it is. ram: bytes of heap that the program may take; None: what the chip
    has for it. The less, the more of the weights are read from flash at every run. background: embeddings for the board, one
    after another. drafts: of the same graph, description and background, to which this call adds: what chips have in common is
    made once. Raises TooLargeError, a ModelError, where no program is small enough, ModelError where the file is too large
    for the chip's flash, UnsupportedError saying which operation cannot be had, and why.
    """
    ram = chip.ram if ram is None else ram
    if isinstance(graph, Graph):
        graph = simplified(graph, description) if simplify else unchanged(graph)
    name = graph.graph.name
    _require_room(name, chip, ram, *least(graph.graph))  # before the time is spent to find what is fast on the chip
    drafts = {} if drafts is None else drafts
    if chip.lowering not in drafts:
        try:
            made = schedule(graph.graph, chip.lowering(graph.graph))
        except UnsupportedError as error:
            raise UnsupportedError(f"{name}: {error}", error.stops) from None
        drafts[chip.lowering] = _Draft(made, _candidates(graph, description, chip.name, made, background))
    scheduled = drafts[chip.lowering].schedule
    at_each = need(scheduled.blocks)[: len(scheduled.operations)]
    _require_room(name, chip, ram, scheduled.plan.size, scheduled.operations[at_each.index(max(at_each))])
    candidates = iter(drafts[chip.lowering])
    smallest, vain = next(candidates), 0
    while smallest.program.ram > ram and vain < _VAIN and (candidate := next(candidates, None)):
        vain += 1
        if candidate.program.ram < smallest.program.ram:
            smallest, vain = candidate, 0
    smallest = dataclasses.replace(smallest, program=dataclasses.replace(smallest.program, target=chip.name))
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


def _candidates(
    graph: Simplified, description: Description, target: str, scheduled: Schedule, background: bytes
) -> Iterator[Compiled]:
    """Programs that take ever less RAM and ever more time: all weights there, then in fewer bytes, then ever more of them read
    from the file.

    Of those the largest go first, in large blocks where there is room for them, else in small ones.
    """
    yield emit(graph, description, target, scheduled, background, frozenset(), 0)
    if (narrow := _narrowed(scheduled)) is not scheduled.lower:
        scheduled = schedule(graph.graph, narrow)
        yield emit(graph, description, target, scheduled, background, frozenset(), 0)
    sizes = [sum(map(len, parts(calls))) for calls in scheduled.calls]
    paged: frozenset[int] = frozenset()
    for step in sorted((step for step, size in enumerate(sizes) if size > _SMALL), key=lambda step: -sizes[step]):
        paged |= {step}
        for block in _BLOCKS:
            yield emit(graph, description, target, scheduled, background, paged, block)
