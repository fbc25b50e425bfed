"""The copy of a graph that the rules change, and what they say about it."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from watchword.graph import Dense, Graph, Operation, Tensor


@dataclass(frozen=True)
class Cost:
    """Of one run: multiply-accumulates; bytes of constants; bytes of activations that are written."""

    macs: int = 0
    weights: int = 0
    activations: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.macs + other.macs, self.weights + other.weights, self.activations + other.activations)


@dataclass(frozen=True)
class Note:
    """What became of an operation.

    number, layer: its place in the original and the name of its output there. changes: what the rules did, in order.
    """

    number: int
    layer: str
    kind: str
    changes: tuple[str, ...]
    before: Cost
    after: Cost


class Draft:
    """A graph that is being changed. fixed: tensors that keep name, shape and values: the graph's ends, and `keep` by name."""

    def __init__(self, original: Graph, keep: Collection[str]) -> None:
        self.graph = copy.deepcopy(original)
        self.fixed = {self.graph.input, *(output.tensor for output in self.graph.outputs)}
        self.fixed |= {op.output for op in self.graph.operations if op.output.name in keep}
        self._first = [(op, op.output.name, op.kind, cost(op), _channels(op)) for op in self.graph.operations]
        self._became: dict[Operation, Operation] = {}
        self._remarks: dict[Operation, list[str]] = {op: [] for op in self.graph.operations}
        self.folded: Counter[Operation] = Counter()  # constant inputs that went into an operation's bias

    def say(self, op: Operation, what: str) -> None:
        """A line for the notes of an operation."""
        self._remarks[op].append(what)

    def remove(self, op: Operation, why: str) -> None:
        """Take an operation out whose output nothing takes any more."""
        self.say(op, why)
        self.graph.operations.remove(op)

    def exchange(self, op: Operation, new: Operation, why: str) -> None:
        """Put another operation in the place of one."""
        self.say(op, why)
        self._became[op] = new
        self._remarks[new] = self._remarks[op]
        self.folded[new] = self.folded[op]
        self.graph.operations[self.graph.operations.index(op)] = new

    def maker(self, tensor: Tensor) -> Operation | None:
        """The operation whose output a tensor is; none makes the input, what a state reads, and constants."""
        return next((op for op in self.graph.operations if op.output is tensor), None)

    def takers(self, tensor: Tensor) -> list[Operation]:
        """The operations that take a tensor as an input."""
        return [op for op in self.graph.operations if any(taken is tensor for taken in op.inputs)]

    def is_assigned(self, tensor: Tensor) -> bool:
        """Whether a state takes its next value from a tensor."""
        return any(state.assigned is tensor for state in self.graph.states)

    def is_between(self, tensor: Tensor) -> bool:
        """Whether a tensor only leads from one operation to one other, so that both can become one."""
        seen = tensor in self.fixed or self.is_assigned(tensor)
        return not seen and self.maker(tensor) is not None and len(self.takers(tensor)) == 1

    def redirect(self, old: Tensor, new: Tensor) -> None:
        """Whatever takes `old` takes `new`."""
        for op in self.graph.operations:
            retake(op, old, new)
        for state in self.graph.states:
            if state.assigned is old:
                state.assigned = new

    def notes(self) -> tuple[Note, ...]:
        """Of all operations that changed, in the order of the original."""
        found = []
        for number, (op, layer, kind, before, channels) in enumerate(self._first):
            now = op
            while now in self._became:
                now = self._became[now]
            changes = list(self._remarks[op])
            after = Cost()
            if now in self.graph.operations:
                after = cost(now)
                if self.folded[now]:
                    changes.append(f"constant inputs in the bias: {self.folded[now]}")
                changes += _dropped(channels, _channels(now))
            if changes or after != before:
                found.append(Note(number, layer, kind, tuple(changes), before, after))
        return tuple(found)


def cost(op: Operation) -> Cost:
    """What an operation takes."""
    return Cost(op.macs, sum(tensor.size * tensor.dtype.itemsize for tensor in op.constants), op.output.size)


def retake(op: Operation, old: Tensor, new: Tensor) -> None:
    """An operation takes `new` wherever it took `old`."""
    for name, value in vars(op).items():
        if value is old and name != "output":
            setattr(op, name, new)
        elif isinstance(value, tuple) and any(one is old for one in value):
            setattr(op, name, tuple(new if one is old else one for one in value))


def same_numbers(a: Tensor, b: Tensor) -> bool:
    """Whether equal bytes are equal numbers in both."""
    return bool(a.scale[0] == b.scale[0] and a.zero_point == b.zero_point)


def _channels(op: Operation) -> tuple[int, int]:
    """Of the first input that flows, flattened where a Dense does that, and of the output."""
    if isinstance(op, Dense):
        return op.weights.shape[1], op.weights.shape[0]
    flowing = (tensor.shape[-1] for tensor in op.inputs if tensor.data is None)
    return next(flowing, op.output.shape[-1]), op.output.shape[-1]


def _dropped(before: tuple[int, int], after: tuple[int, int]) -> list[str]:
    ends = [("inputs", before[0], after[0]), ("outputs", before[1], after[1])]
    if before[0] == before[1] and after[0] == after[1]:
        ends = [("channels", before[0], after[0])]
    return [f"{what} {first} -> {last}" for what, first, last in ends if last < first]
