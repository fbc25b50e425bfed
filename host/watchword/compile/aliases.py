"""Tensors that lie inside others, so that nothing has to be copied: what streaming models are full of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from watchword.compile.lower.call import Call
from watchword.compile.memory import ALIGNMENT
from watchword.graph import Concatenation, Graph, Operation, Reshape, Slice, State, Tensor
from watchword.kernels import DEPTHWISE


@dataclass(frozen=True)
class Alias:
    """A tensor inside another: begin, in bytes, and the bytes from pixel to pixel; 0: its own channels."""

    of: Tensor
    begin: int
    step: int = 0


@dataclass
class Aliases:
    """inside: where tensors lie, if not in a place of their own; chains end at a tensor that has one.

    silent: operations that take no step. windows: states that are the head of a concatenation's output; what they become is
    its tail, which a copy brings to the head after the last step.
    """

    inside: dict[Tensor, Alias] = field(default_factory=dict)
    silent: set[Operation] = field(default_factory=set)
    windows: dict[State, Tensor] = field(default_factory=dict)

    def root(self, tensor: Tensor) -> Alias:
        """The tensor with a place of its own in which another lies; of itself, where it lies in none."""
        begin = step = 0
        while tensor in self.inside:
            alias = self.inside[tensor]
            begin, step, tensor = begin + alias.begin, step or alias.step, alias.of
        return Alias(tensor, begin, step)

    def calls(self, op: Operation, calls: list[Call]) -> list[Call]:
        """Of the calls that compute an operation, those that are left."""
        if op in self.silent:
            return []
        if isinstance(op, Concatenation):
            return [call for call in calls if not self._there(call.tensors.get("input"), op.output)]
        return calls

    def _there(self, part: Tensor | None, whole: Tensor) -> bool:
        return part in self.inside and self.inside[part].of is whole


def find(graph: Graph, calls: Mapping[Operation, list[Call]]) -> Aliases:
    """What can lie inside other tensors. calls: of the operations, as they were without."""
    found = Aliases()
    made = {op.output: op for op in graph.operations}
    readers: dict[Tensor, list[Operation]] = {}
    for op in graph.operations:
        for tensor in op.inputs:
            readers.setdefault(tensor, []).append(op)
    for state in graph.states:
        window = _window(graph, state, made, readers)
        if window is not None:
            found.windows[state] = window.output
            found.inside[state.read] = Alias(window.output, 0)
            kept = made[state.assigned]
            found.inside[state.assigned] = Alias(window.output, window.output.size - state.read.size)
            found.silent.add(kept)
    kept_tensors = graph.kept
    for op in graph.operations:
        if isinstance(op, Slice) and op not in found.silent and op.output not in kept_tensors:
            alias = None if found.root(op.input).step else _slice(op)
            if alias is not None and (not alias.step or _strided(op.output, readers, calls)):
                found.inside[op.output] = alias
                found.silent.add(op)
    for op in graph.operations:
        if isinstance(op, Concatenation) and _leading(op):
            begin = 0
            for tensor in op.inputs:
                _put(graph, tensor, Alias(op.output, begin), made, found)
                begin += tensor.size
    return found


def _leading(op: Concatenation) -> bool:
    """Whether the inputs lie one after another."""
    return math.prod(op.output.shape[: op.axis]) == 1 and len(set(op.inputs)) == len(op.inputs)


def _window(
    graph: Graph, state: State, made: Mapping[Tensor, Operation], readers: Mapping[Tensor, list[Operation]]
) -> Concatenation | None:
    """The operation that puts something new behind a state, which then loses as much at its head."""
    taking = readers.get(state.read, [])
    kept = made.get(state.assigned)
    if len(taking) != 1 or not isinstance(taking[0], Concatenation) or not isinstance(kept, Slice):
        return None
    op = taking[0]
    alias = _slice(kept)
    if kept.input is not op.output or not _leading(op) or op.inputs[0] is not state.read or len(op.inputs) != 2:
        return None
    tail = op.output.size - state.read.size
    if alias is None or alias.step or alias.begin != tail or kept.output.size != state.read.size or readers.get(kept.output):
        return None
    if sum(other.assigned is state.assigned for other in graph.states) > 1:
        return None
    # Nothing that is read after the run may lie in the window.
    outside = {*(output.tensor for output in graph.outputs), *(other.assigned for other in graph.states if other is not state)}
    inside = [state.read, op.output, op.inputs[1]]
    for tensor in inside:
        if tensor in made and isinstance(made[tensor], Reshape) and made[tensor].input not in inside:
            inside.append(made[tensor].input)
        reading = [op for op in readers.get(tensor, []) if isinstance(op, Reshape | Slice) and op is not kept]
        inside += [op.output for op in reading if op.output not in inside]
    return None if outside & set(inside) else op


def _slice(op: Slice) -> Alias | None:
    """Where a slice lies in its input, if that is in one piece, or in pieces of one pixel each."""
    shape, sizes = op.input.shape, op.output.shape
    if op.input.data is not None or any(stride != 1 for stride, size in zip(op.strides, sizes, strict=True) if size > 1):
        return None
    steps = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    begin = sum(first * step for first, step in zip(op.begin, steps, strict=True))
    if begin % ALIGNMENT:
        return None
    cut = [axis for axis, (size, whole) in enumerate(zip(sizes, shape, strict=True)) if size < whole]
    if not cut or all(size == 1 for size in sizes[: cut[-1]]):
        return Alias(op.input, begin)
    last = len(shape) - 1
    if len(shape) == 4 and cut[-1] == last and cut[:-1] in ([], [1]) and shape[0] == 1:
        return Alias(op.input, begin, shape[last])
    return None


def _strided(tensor: Tensor, readers: Mapping[Tensor, list[Operation]], calls: Mapping[Operation, list[Call]]) -> bool:
    """Whether all that read a tensor can step over what lies between its pixels."""
    made = [calls[reader] for reader in readers.get(tensor, [])]
    return bool(made) and all(
        [call.kernel for call in some] == [DEPTHWISE] and some[0].tensors["input"] is tensor for some in made
    )


def _put(graph: Graph, tensor: Tensor, alias: Alias, made: Mapping[Tensor, Operation], found: Aliases) -> None:
    """Let a tensor be made where it is wanted, if it is made by a kernel, or comes from outside."""
    if alias.begin % ALIGNMENT or tensor.data is not None or tensor in found.inside:
        return
    chain = [tensor]
    while chain[-1] in made and isinstance(made[chain[-1]], Reshape):
        chain.append(made[chain[-1]].input)
    last = chain[-1]
    outside = graph.kept | {state.read for state in graph.states}
    if any(one in outside or one in found.inside or one.data is not None for one in chain):
        return
    if last is graph.input:
        window = found.root(alias.of).of
        if window not in found.windows.values():  # the input is there before the first step, and stays
            return
    elif last not in made or made[last] in found.silent:
        return
    for one in chain:
        found.inside[one] = alias
