"""Exact simplification: a graph that computes the same with less.

`simplify` applies rules until none changes anything. Each rule is proved, or checks all cases, in its own docstring, so that
the int8 outputs are the same for every input there is, not only for likely ones.

- `bounds`: which values a tensor can have at all.
- `structure`: operations that only move bytes or change nothing; pads that are a convolution's margins.
- `merge`: activations and rescales that go into the operation before.
- `channels`: constant channels that go into the next bias, channels that nothing looks at.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from watchword.compile.simplify import channels, merge, structure
from watchword.compile.simplify.bounds import bounds
from watchword.compile.simplify.draft import Cost, Draft, Note, cost
from watchword.graph import Graph

__all__ = ["Cost", "Note", "Simplified", "simplify", "unchanged"]


@dataclass(frozen=True)
class Simplified:
    """What is left of a graph, what became of its operations, and what all of them took before and take after."""

    graph: Graph
    notes: tuple[Note, ...]
    before: Cost
    after: Cost


def simplify(graph: Graph, keep: Collection[str] = ()) -> Simplified:
    """A graph with the same outputs for every input, at every step; the given one is not changed.

    Input and output keep their names, shapes, scales and types, and so do the outputs of operations that `keep` names.
    Channels of a state that have no effect are dropped with the rest. ModelError: an operation whose scales are too far
    apart to be computed.
    """
    draft = Draft(graph, keep)
    while _change(draft):
        pass
    return Simplified(draft.graph, draft.notes(), _total(graph), _total(draft.graph))


def unchanged(graph: Graph) -> Simplified:
    """A graph as it is, in the same form."""
    return Simplified(graph, (), _total(graph), _total(graph))


def _change(draft: Draft) -> bool:
    """One round. Nothing but the last rule changes what a tensor holds, so the bounds are right until then."""
    moved = [rule(draft) for rule in _MOVES]
    known = bounds(draft.graph)
    computed = [rule(draft, known) for rule in _COMPUTATIONS]
    return any([*moved, *computed, structure.remove_unused(draft), channels.drop_dead_channels(draft)])


_MOVES = (
    channels.compute_constants,
    structure.join_reshapes,
    structure.join_transposes,
    structure.join_slices,
    structure.fuse_pads,
)
_COMPUTATIONS = (
    structure.remove_identities,
    merge.merge_lookups,
    channels.propagate_constants,
    channels.fold_constants,
)


def _total(graph: Graph) -> Cost:
    return sum((cost(op) for op in graph.operations), Cost())
