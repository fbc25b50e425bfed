"""The order of a graph's operations, and which tensors share bytes: what there is to plan in the arena."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from watchword.compile import memory
from watchword.compile.lower import Call, fill, in_place, move, reset
from watchword.compile.memory import Block
from watchword.graph import Graph, Operation, Reshape, Svdf, Tensor

Lowering = Callable[..., list[Call]]  # as watchword.compile.lower.lower


@dataclass
class Arrangement:
    """operations: in the order in which they run; after the last of them comes one more step, in which states are kept.

    calls: of each step. blocks: what lives when, counted in these steps. where: block of each tensor; work space is a tensor of
    its own. reset: calls that begin a stream anew. lower: what made the calls. plan: where the blocks lie.
    """

    operations: list[Operation]
    calls: list[list[Call]]
    blocks: list[Block]
    where: dict[Tensor, int]
    reset: list[Call]
    lower: Lowering
    plan: memory.Plan = field(init=False)

    def __post_init__(self) -> None:
        self.plan = memory.plan(self.blocks)


def arrange(graph: Graph, lower: Lowering) -> Arrangement:
    """The arrangement with the smallest arena: operations as the graph has them, or as takes the least at each step."""
    found = [_arrange(graph, graph.operations, lower)]
    frugal = _frugal(graph)
    if frugal != graph.operations:
        found.append(_arrange(graph, frugal, lower))
    return min(found, key=lambda arrangement: arrangement.plan.size)


def _frugal(graph: Graph) -> list[Operation]:
    """Of the operations that can run, always the one after which the least has to be kept."""
    waiting = list(graph.operations)
    made = {op.output for op in waiting}
    kept = {graph.output, *(state.assigned for state in graph.states)}
    done: set[Tensor] = set()
    order: list[Operation] = []

    def growth(op: Operation) -> int:
        others = {tensor for other in waiting if other is not op for tensor in other.inputs}
        freed = sum(tensor.size for tensor in set(op.inputs) if tensor.data is None and tensor not in others | kept)
        return op.output.size - freed

    while waiting:
        ready = [op for op in waiting if all(tensor in done or tensor not in made for tensor in op.inputs)]
        op = min(ready, key=growth)
        waiting.remove(op)
        done.add(op.output)
        order.append(op)
    return order


def _arrange(graph: Graph, order: Sequence[Operation], lower: Lowering) -> Arrangement:
    end = len(order)  # the step in which states are kept
    calls = [lower(op) for op in order] + [[]]
    begin: list[Call] = []
    blocks: list[Block] = []
    where: dict[Tensor, int] = {}
    last = {tensor: step for step, op in enumerate(order) for tensor in op.inputs}
    last |= dict.fromkeys((graph.output, *(state.assigned for state in graph.states)), end)

    def place(tensor: Tensor, first: int, until: int) -> int:
        where[tensor] = len(blocks)
        blocks.append(Block(tensor.size * tensor.dtype.itemsize, first, until))
        return where[tensor]

    place(graph.input, 0, last.get(graph.input, 0))
    persistent = set()
    for state in graph.states:
        persistent.add(place(state.read, 0, end))
        begin.append(reset(state.read, state.initial))
    for step, op in enumerate(order):
        until = last.get(op.output, step)
        taken = _taken(op, step, blocks, where, persistent)
        if taken is not None:
            where[op.output] = taken
            blocks[taken].last = max(blocks[taken].last, until)
        else:
            place(op.output, step, until)
        if isinstance(op, Svdf):
            persistent.add(place(op.state, 0, end))
            begin.append(fill(op.state, 0, op.state.size * op.state.dtype.itemsize))
        for call in calls[step]:
            for tensor in call.tensors.values():
                if tensor not in where:  # between the calls of one operation
                    place(tensor, step, step)
    calls[end] = _keep(graph, order, blocks, where, persistent)
    for step, some in enumerate(calls):
        for call in some:
            for parameter, size in call.scratch.items():
                call.tensors[parameter] = _work_space(size)
                place(call.tensors[parameter], step, step)
            for tensor in call.tensors.values():
                if tensor not in where:
                    place(tensor, step, step)
    return Arrangement(list(order), calls, blocks, where, begin, lower)


def _work_space(size: int) -> Tensor:
    return Tensor("", (size,), np.dtype(np.int8), np.ones(1, np.float32))


def _taken(op: Operation, step: int, blocks: list[Block], where: dict[Tensor, int], persistent: set[int]) -> int | None:
    """The block of an input that the output takes: the same bytes, or bytes that nobody needs after this step."""
    if isinstance(op, Reshape) and op.input.data is None:
        return where[op.input]
    for tensor in in_place(op):
        block = where[tensor]
        if blocks[block].last <= step and block not in persistent:
            return block
    return None


def _keep(
    graph: Graph, order: Sequence[Operation], blocks: list[Block], where: dict[Tensor, int], persistent: set[int]
) -> list[Call]:
    """What a state becomes is made in its own place, where nobody reads the old value any more; else it is copied there."""
    calls: list[Call] = []
    copies: list[Call] = []
    end = len(order)
    homes = {where[state.read]: state.read for state in graph.states}
    if where[graph.output] in homes:  # what a state was, which is to be read when the state is something else
        calls += move(homes[where[graph.output]], graph.output)
        where[graph.output] = len(blocks)
        blocks.append(Block(graph.output.size, end, end))
    for state in graph.states:
        home, made = where[state.read], where.get(state.assigned)
        if made == home:
            continue
        read = max((step for step, op in enumerate(order) for tensor in op.inputs if where.get(tensor) == home), default=-1)
        if any(where.get(other.assigned) == home for other in graph.states):
            read = end
        if made is not None and made not in persistent and made != where[graph.input] and blocks[made].first > read:
            for tensor, block in where.items():
                if block == made:
                    where[tensor] = home
            blocks[made] = Block(0, end, end)
        elif made in persistent:  # another state's, which may be overwritten before it is copied
            between = _work_space(state.read.size)
            calls += move(state.assigned, between)
            copies += move(between, state.read)
        else:
            copies += move(state.assigned, state.read)
    return calls + copies
