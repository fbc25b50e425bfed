"""The order of a graph's operations, and which tensors share bytes: what there is to plan in the arena."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from watchword.compile import aliases, memory
from watchword.compile.aliases import Aliases
from watchword.compile.lower.call import Call
from watchword.compile.lower.movement import copies, fill, move, reset
from watchword.compile.memory import Block
from watchword.graph import Graph, Operation, Reshape, Sliding, Tensor, Weighted


class Lowering(Protocol):
    """What makes the calls, for one kind of chip.

    orders: of tensors whose channels are not where the graph has them, the channel that lies in each place.
    """

    @property
    def orders(self) -> Mapping[Tensor, NDArray[np.int64]]: ...

    def __call__(self, op: Operation, first: int = 0, last: int | None = None) -> list[Call]:
        """As watchword.compile.lower.lower."""

    def timed(self, call: Call) -> Call:
        """With its cycles, where they are known, and rows at once that take no longer than a call may."""

    def narrowed(self, op: Operation) -> Lowering | None:
        """The same, but with fewer bytes of weights for an operation, at the cost of time; None: it has no such calls."""


@dataclass(frozen=True)
class Place:
    """Where a tensor lies: in a block, from a byte on; step: bytes from pixel to pixel, 0: its own channels."""

    block: int
    begin: int = 0
    step: int = 0


@dataclass
class Schedule:
    """operations: in the order in which they run; after the last of them comes one more step, in which states are kept.

    calls: of each step. blocks: what lives when, counted in these steps. where: place of each tensor while steps run; work
    space is a tensor of its own. given: where each output of the graph stands after the last of them. reset: calls that begin
    a stream anew. lower: what made the calls. plan: where the blocks lie. cuts: the calls of a step for some of its parts,
    (step, first, last), that were made so far.
    """

    operations: list[Operation]
    calls: list[list[Call]]
    blocks: list[Block]
    where: dict[Tensor, Place]
    given: dict[Tensor, Place]
    reset: list[Call]
    lower: Lowering
    plan: memory.Plan = field(init=False)
    cuts: dict[tuple[int, int, int], list[Call]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.plan = memory.plan(self.blocks)


def least(graph: Graph) -> tuple[int, Operation]:
    """Bytes that no arena can do without, and the operation that needs them: what it reads and what it makes lie side by side.

    That is so of sums over places and channels, which need an input again after an output was written.
    """
    summing = [op for op in graph.operations if isinstance(op, Weighted | Sliding) and op.input.data is None]
    sizes = [op.input.size + op.output.size for op in summing]
    return max(zip(sizes, summing, strict=True), key=lambda pair: pair[0], default=(0, graph.operations[0]))


def schedule(graph: Graph, lower: Lowering) -> Schedule:
    """The schedule with the smallest arena: operations as the graph has them, or as takes the least at each step."""
    calls = {op: lower(op) for op in graph.operations}
    inside = aliases.find(graph, calls)
    orders = [graph.operations]
    frugal = _frugal(graph)
    if frugal != graph.operations:
        orders.append(frugal)
    # What lies inside another tensor makes that one live longer, which may cost more than it saves.
    found = [_schedule(graph, order, lower, some) for order in orders for some in (inside, Aliases())]
    return min(found, key=lambda schedule: schedule.plan.size)


def _frugal(graph: Graph) -> list[Operation]:
    """Of the operations that can run, always the one after which the least has to be kept."""
    made = {op.output for op in graph.operations}
    kept = graph.kept
    takers: dict[Tensor, list[int]] = {}  # by number, those that wait
    lacking: list[int] = []  # of each operation, inputs that are not made yet
    for number, op in enumerate(graph.operations):
        inputs = set(op.inputs)
        lacking.append(len(inputs & made))
        for tensor in inputs:
            takers.setdefault(tensor, []).append(number)
    left = {tensor: len(some) for tensor, some in takers.items()}
    ready = {number for number, count in enumerate(lacking) if not count}
    order: list[Operation] = []

    def growth(number: int) -> tuple[int, int]:
        op = graph.operations[number]
        last = (tensor for tensor in set(op.inputs) if tensor.data is None and left[tensor] == 1 and tensor not in kept)
        return op.output.size - sum(tensor.size for tensor in last), number

    while ready:
        number = min(ready, key=growth)
        ready.remove(number)
        op = graph.operations[number]
        order.append(op)
        for tensor in set(op.inputs):
            left[tensor] -= 1
        for taker in takers.get(op.output, ()):
            lacking[taker] -= 1
            if not lacking[taker]:
                ready.add(taker)
    return order


def _schedule(graph: Graph, order: Sequence[Operation], lower: Lowering, aliased: Aliases) -> Schedule:
    end = len(order)  # the step in which states are kept
    calls = [aliased.calls(op, lower(op)) for op in order] + [[]]
    begin: list[Call] = []
    blocks: list[Block] = []
    where: dict[Tensor, Place] = {}
    last = {aliased.root(tensor).of: step for step, op in enumerate(order) for tensor in op.inputs}
    last |= {aliased.root(tensor).of: end for tensor in graph.kept}

    def place(tensor: Tensor, first: int, until: int) -> int:
        """Where its alias puts it, else in a block of its own; the number of the block."""
        alias = aliased.root(tensor)
        if alias.of is not tensor:
            if alias.of not in where:
                place(alias.of, first, last.get(alias.of, until))
            where[tensor] = Place(where[alias.of].block, where[alias.of].begin + alias.begin, alias.step)
        elif tensor not in where:
            where[tensor] = Place(len(blocks))
            blocks.append(Block(tensor.size * tensor.dtype.itemsize, first, until))
        return where[tensor].block

    persistent = set()
    for window in aliased.windows.values():
        persistent.add(place(window, 0, end))
    place(graph.input, 0, last.get(graph.input, 0))
    for state in graph.states:
        persistent.add(place(state.read, 0, end))
        begin.append(reset(state.read, state.initial))
    for step, op in enumerate(order):
        until = last.get(op.output, step)
        own = op.output not in where and op.output not in aliased.inside
        taken = _taken(op, step, blocks, where, persistent, aliased) if own else None
        if taken is not None:
            where[op.output] = taken
            blocks[taken.block].last = max(blocks[taken.block].last, until)
        else:
            place(op.output, step, until)
        for remembered in op.memory:
            persistent.add(place(remembered, 0, end))
            begin.append(fill(remembered, 0, remembered.size * remembered.dtype.itemsize))
        for call in calls[step]:
            for tensor in call.tensors.values():
                if tensor not in where:  # between the calls of one operation
                    place(tensor, step, step)
    calls[end], given = _keep(graph, order, blocks, where, persistent, aliased)
    for step, some in enumerate(calls):
        for call in some:
            for parameter, size in call.scratch.items():
                call.tensors[parameter] = _work_space(size)
                place(call.tensors[parameter], step, step)
            for tensor in call.tensors.values():
                if tensor not in where:
                    place(tensor, step, step)
    return Schedule(list(order), calls, blocks, where, given, begin, lower)


def _work_space(size: int) -> Tensor:
    return Tensor("", (size,), np.dtype(np.int8), np.ones(1, np.float32))


def _taken(
    op: Operation, step: int, blocks: list[Block], where: dict[Tensor, Place], persistent: set[int], aliased: Aliases
) -> Place | None:
    """The place of an input that the output takes: the same bytes, or bytes that nobody needs after this step."""
    if isinstance(op, Reshape) and op.input.data is None:
        return where[op.input]
    for tensor in op.overwritable:
        block = where[tensor].block
        if blocks[block].last <= step and block not in persistent and tensor not in aliased.inside:
            return where[tensor]
    return None


def _keep(
    graph: Graph,
    order: Sequence[Operation],
    blocks: list[Block],
    where: dict[Tensor, Place],
    persistent: set[int],
    aliased: Aliases,
) -> tuple[list[Call], dict[Tensor, Place]]:
    """What a state becomes is made in its own place, where nobody reads the old value any more; else it is copied there.

    Also where each output of the graph stands afterwards.
    """
    calls: list[Call] = []
    then: list[Call] = []
    end = len(order)
    homes = {where[state.read]: state.read for state in graph.states}
    given: dict[Tensor, Place] = {}
    shown: set[Tensor] = set()  # states of which an output is what they were
    for output in graph.outputs:
        home = where[output.tensor]
        if home in homes and output.tensor not in given:  # which is to be read when the state is something else
            copy = _work_space(output.tensor.size)
            where[copy] = given[output.tensor] = Place(len(blocks))
            blocks.append(Block(copy.size, end, end))
            calls += move(homes[home], copy)
            shown.add(homes[home])
    for state in graph.states:
        home, made = where[state.read], where.get(state.assigned)
        if state in aliased.windows:
            window = aliased.windows[state]
            then += copies(window, window.size - state.read.size, state.read, 0, [(state.read.size, 1, 1)])
            continue
        if made == home:
            continue
        reading = [step for step, op in enumerate(order) if any(_in(home, where.get(tensor)) for tensor in op.inputs)]
        read = max(reading, default=-1)
        if state.read in shown or any(_in(home, where.get(other.assigned)) for other in graph.states):
            read = end
        if made is not None and made.block not in persistent and _may_move(made, home, blocks, where[graph.input], read):
            for tensor, place in where.items():
                if place.block == made.block:
                    where[tensor] = dataclasses.replace(place, block=home.block)
            blocks[made.block] = Block(0, end, end)
        elif made is not None and made.block in persistent:  # another state's, which may be overwritten before it is copied
            between = _work_space(state.read.size)
            calls += move(state.assigned, between)
            then += move(between, state.read)
        else:
            then += move(state.assigned, state.read)
    return calls + then, {output.tensor: where[output.tensor] for output in graph.outputs} | given


def _in(home: Place, place: Place | None) -> bool:
    return place is not None and place.block == home.block


def _may_move(made: Place, home: Place, blocks: list[Block], input: Place, read: int) -> bool:
    """Whether what was made can be made in the place of a state, which is not read after step `read`."""
    whole = made.begin == 0 and blocks[made.block].size == blocks[home.block].size
    return whole and made.block != input.block and blocks[made.block].first > read
