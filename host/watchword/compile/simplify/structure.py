"""Operations that only move bytes or change nothing: removed, or made one with their neighbours.

Each rule changes the draft where it can and says whether it did.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

import numpy as np

from watchword.compile.simplify.bounds import Bounds, values
from watchword.compile.simplify.draft import Draft, same_numbers
from watchword.graph import (
    AveragePool2D,
    Concatenation,
    Conv2D,
    DepthwiseConv2D,
    Graph,
    Lookup,
    Margins,
    MaxPool2D,
    Operation,
    Pad,
    Padding,
    Reshape,
    Slice,
    Tensor,
    Transpose,
    extent,
    extents,
)
from watchword.reference import activation_range


def remove_identities(draft: Draft, known: Bounds) -> bool:
    """An operation whose output is its input, for all values that the input can have, is removed.

    The output must have the input's shape, scale and zero point, since what takes it computes with them.
    """
    changed = False
    for op in list(draft.graph.operations):
        if op.output.shape == op.input.shape and same_numbers(op.input, op.output) and _is_identity(op, known):
            changed |= _bypass(draft, op)
    return changed


def _is_identity(op: Operation, known: Bounds) -> bool:
    match op:
        case Reshape():
            return True
        case Transpose():
            return op.permutation == tuple(sorted(op.permutation))
        case Slice():
            return set(op.strides) == {1}
        case Pad():
            return not any(op.before) and not any(op.after)
        case Concatenation():
            return not op.others and op.input.data is None
        case Lookup():
            reached = values(known[op.input])
            return bool((op.table[reached + 128] == reached).all())
        case AveragePool2D() | MaxPool2D():
            reached = values(known[op.input])
            clamps = not np.array_equal(reached.clip(*activation_range(op)), reached)
            return op.size == (1, 1) and op.stride == (1, 1) and not clamps
    return False


def _bypass(draft: Draft, op: Operation) -> bool:
    """Take out an operation whose output is its input."""
    if op.output in draft.fixed:
        # The tensor must stay, so the one before goes, if it is only there for this operation.
        maker = draft.maker(op.input)
        if maker is None or not draft.is_between(op.input):
            return False
        maker.output = op.output
    elif not draft.takers(op.output) and not draft.is_assigned(op.output):
        return False  # what nothing takes is left to `remove_unused`
    else:
        draft.redirect(op.output, op.input)
    draft.remove(op, "changes nothing")
    return True


def join_reshapes(draft: Draft) -> bool:
    """A Transpose that moves only axes of 1 place is a Reshape; a Reshape of a Reshape starts from what that one reshapes.

    The order of the bytes is that of the axes with more than 1 place; a Reshape keeps it whatever the shapes between.
    """
    changed = False
    for op in list(draft.graph.operations):
        if isinstance(op, Transpose):
            moved = [axis for axis in op.permutation if op.input.shape[axis] > 1]
            if moved == sorted(moved):
                draft.exchange(op, Reshape(op.input, op.output), "is a Reshape")
                changed = True
        elif isinstance(op, Reshape):
            before = draft.maker(op.input)
            if isinstance(before, Reshape) and same_numbers(before.input, op.output):
                op.input = before.input
                draft.say(op, f"reshapes {before.input.name}")
                changed = True
    return changed


def join_transposes(draft: Draft) -> bool:
    """A Transpose of what only it takes from another Transpose is one of the first input: axis i of the output is axis q[i]
    of the tensor between, which is axis p[q[i]] of the input."""
    changed = False
    for op in list(draft.graph.operations):
        before = draft.maker(op.input) if isinstance(op, Transpose) else None
        if isinstance(op, Transpose) and isinstance(before, Transpose) and draft.is_between(op.input):
            op.input, op.permutation = before.input, tuple(before.permutation[axis] for axis in op.permutation)
            draft.remove(before, f"is one with {op.output.name}")
            changed = True
    return changed


def join_slices(draft: Draft) -> bool:
    """A Slice of what only it takes from another Slice takes the places of the places; one that takes exactly an input of
    a Concatenation is that input."""
    changed = False
    for op in list(draft.graph.operations):
        before = draft.maker(op.input) if isinstance(op, Slice) else None
        if isinstance(op, Slice) and isinstance(before, Slice) and draft.is_between(op.input):
            places = [outer[inner] for outer, inner in zip(_places(before), map(_as_slice, _places(op)), strict=True)]
            op.input = before.input
            op.begin, op.strides = tuple(p.start for p in places), tuple(p.step for p in places)
            # One step beyond the last place may be far outside.
            op.end = tuple(min(max(p.stop, -1), size) for p, size in zip(places, op.input.shape, strict=True))
            draft.remove(before, f"is one with {op.output.name}")
            changed = True
        elif isinstance(op, Slice) and isinstance(before, Concatenation):
            part = _part(before, op)
            if part is not None and draft.maker(part) and op.output not in draft.fixed and same_numbers(part, op.output):
                draft.redirect(op.output, part)
                draft.remove(op, f"is {part.name}")
                changed = True
    return changed


def _places(op: Slice) -> Iterator[range]:
    """Of every axis, those of the input that the output has."""
    for size, *ends in zip(op.input.shape, op.begin, op.end, op.strides, strict=True):
        yield range(size)[_as_slice(range(*ends))]


def _as_slice(places: range) -> slice:
    return slice(places.start, None if places.stop < 0 else places.stop, places.step)


def _part(joined: Concatenation, op: Slice) -> Tensor | None:
    """The flowing input of a Concatenation that a Slice takes out again."""
    if set(op.strides) != {1}:
        return None
    ends = list(accumulate(tensor.shape[joined.axis] for tensor in joined.inputs))
    for tensor, end in zip(joined.inputs, ends, strict=True):
        start = end - tensor.shape[joined.axis]
        if tensor.data is None and op.output.shape == tensor.shape and op.begin[joined.axis] == start:
            return tensor
    return None


def fuse_pads(draft: Draft) -> bool:
    """A Pad of rows and columns before a convolution becomes its margins.

    A window beyond the picture sees the input's zero point, which is what the Pad writes there; margins add up. Where
    they are those of "same" or "valid", the convolution says so. Pools do not count places beyond the picture, those of a
    Pad they do, so a Pad before a pool stays.
    """
    changed = False
    for op in list(draft.graph.operations):
        pad = draft.maker(op.input) if isinstance(op, Conv2D | DepthwiseConv2D) else None
        if (
            isinstance(op, Conv2D | DepthwiseConv2D)
            and isinstance(pad, Pad)
            and draft.is_between(pad.output)
            and pad.value == pad.output.zero_point
            and same_numbers(pad.input, pad.output)
            and pad.before[3] == pad.after[3] == 0
        ):
            rows, columns = extents(op)
            top, bottom = pad.before[1] + rows.before, pad.after[1] + rows.after
            left, right = pad.before[2] + columns.before, pad.after[2] + columns.after
            op.input = pad.input
            op.padding = _simplest(op, Margins(top, bottom, left, right))
            draft.remove(pad, f"is the padding of {op.output.name}")
            changed = True
    return changed


def _simplest(op: Conv2D | DepthwiseConv2D, margins: Margins) -> Padding:
    """What a file can say of margins without a PAD, if it can."""
    _, height, width, _ = op.input.shape
    _, kernel_h, kernel_w, _ = op.weights.shape
    for rule in ("valid", "same"):
        rows = extent(height, kernel_h, op.stride[0], op.dilation[0], rule)
        columns = extent(width, kernel_w, op.stride[1], op.dilation[1], rule)
        by_rule = Margins(rows.before, rows.after, columns.before, columns.after)
        if by_rule == margins and (rows.output, columns.output) == op.output.shape[1:3]:
            return rule
    return margins


def remove_unused(draft: Draft) -> bool:
    """Operations and states from which no way leads to the output are removed; what is left computes the same.

    The graph keeps an operation that takes its input, so that it can be written to a file.
    """
    graph = draft.graph
    reached = _reached(graph, [tensor for tensor in draft.fixed if tensor is not graph.input])
    if graph.input not in reached:
        first = next(op for op in graph.operations if graph.input in op.inputs)
        reached |= _reached(graph, [first.output])
    unused = [op for op in graph.operations if op.output not in reached]
    for op in unused:
        draft.remove(op, "nothing looks at it")
    forgotten = [state for state in graph.states if state.read not in reached]
    graph.states = [state for state in graph.states if state.read in reached]
    return bool(unused or forgotten)


def _reached(graph: Graph, tensors: list[Tensor]) -> set[Tensor]:
    """All that some tensors are computed from, in this step or in those before."""
    makers = {op.output: op for op in graph.operations}
    assigned = {state.read: state.assigned for state in graph.states}
    reached: set[Tensor] = set()
    while tensors:
        tensor = tensors.pop()
        if tensor not in reached:
            reached.add(tensor)
            tensors += makers[tensor].inputs if tensor in makers else ()
            tensors += [assigned[tensor]] if tensor in assigned else []
    return reached
