"""Which values a tensor can have, whatever the input: the least and the greatest, element by element.

The bounds need not be reached, but no value lies outside. Where an operation is not understood, or its sums may leave int32,
they are -128 and 127, which is always right.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from watchword import reference
from watchword.graph import (
    Dense,
    Graph,
    Lookup,
    Operation,
    Pair,
    Tensor,
    Weighted,
)

Bounds = dict[Tensor, NDArray[np.int8]]
"""For every tensor that flows: the least values and the greatest, int8 (2, *shape without batch)."""

_LOW, _HIGH, _ZERO = 0, 1, 2
_ROUNDS = 40  # in which the states' bounds must settle
_GREATEST = 2**31 - 1  # of what an int32 holds


def bounds(graph: Graph) -> Bounds:
    """The bounds of all tensors of a graph.

    A state has its initial value or any that was assigned to it: bounds that hold both, and from which the next step
    assigns nothing outside, hold at all steps. They are widened per channel until that is so; those that do not settle
    soon become -128 and 127.
    """
    states = {state.read: _widened(np.concatenate([state.initial, state.initial])) for state in graph.states}
    for turn in itertools.count():
        found: Bounds = {graph.input: _whole(graph.input), **states}
        for op in graph.operations:
            found[op.output] = _output(op, found)
        settled = True
        for state in graph.states:
            known, assigned = states[state.read], found[state.assigned]
            low, high = np.minimum(known[_LOW], assigned[_LOW]), np.maximum(known[_HIGH], assigned[_HIGH])
            wider = _widened(np.stack([low, high]))
            if not np.array_equal(wider, known):
                settled = False
                states[state.read] = wider if turn < _ROUNDS else _whole(state.read)
        if settled:
            return found
    raise AssertionError  # itertools.count() does not end


def values(x: NDArray[np.int8]) -> NDArray[np.int64]:
    """All values within the bounds of a tensor, int64, rising."""
    return np.arange(int(x.min()), int(x.max()) + 1)


def sum_bounds(op: Weighted, x: NDArray[np.int8]) -> NDArray[np.int64] | None:
    """The least and greatest sums, bias included, int64 (2, *output shape without batch), for x within bounds.

    A sum is least where the inputs of its positive weights are least and those of its negative weights greatest. None: it
    may leave int32, on its way or shifted left by its rescale, and what wraps is not monotonic.
    """
    assert op.weights.data is not None
    shift = np.zeros(1, np.int64) if isinstance(op, Dense) else reference.rescale(op)[1].astype(np.int64)
    if (largest_sums(op) > _GREATEST >> np.maximum(shift, 0)).any():
        return None
    rising = replace(op, weights=replace(op.weights, data=np.maximum(op.weights.data, 0)))
    falling = replace(op, weights=replace(op.weights, data=np.minimum(op.weights.data, 0)), bias=None)
    return reference.sums(rising, x).astype(np.int64) + reference.sums(falling, x[::-1])


def largest_sums(op: Weighted) -> NDArray[np.int64]:
    """For each output channel what no sum exceeds in magnitude, nor any part of it: 255 times all weights, and the bias."""
    return np.asarray(255 * np.abs(op.rows).sum(axis=1) + np.abs(op.biases))


def _output(op: Operation, known: Bounds) -> NDArray[np.int8]:
    def run(*sides: int) -> NDArray[np.int8]:
        values = [_side(tensor, side, known) for tensor, side in zip(op.inputs, sides, strict=True)]
        result: NDArray[np.int8] = reference.run_operation(op, *values)[0]
        return result

    if op.rising:
        return np.stack([run(*[side] * len(op.inputs)) for side in (_LOW, _HIGH)])
    match op:
        case Weighted():
            sums = sum_bounds(op, known[op.input])
            # The rescale is monotonic.
            return _whole(op.output) if sums is None else reference.requantize(op, sums.astype(np.int32))
        case Lookup():
            return _looked_up(op, known[op.input])
        case Pair():
            # On either side of an input's zero point its values only rise, or only fall: the extremes are at ends or there.
            sides = [(_LOW,) if tensor.data is not None else (_LOW, _HIGH, _ZERO) for tensor in op.inputs]
            turns = [run(*some) for some in itertools.product(*sides)]
            return np.stack([np.minimum.reduce(turns), np.maximum.reduce(turns)])
    return _whole(op.output)


def _side(tensor: Tensor, side: int, known: Bounds) -> NDArray[np.int8]:
    """(1, *shape without batch): the least values, the greatest, or those nearest to the zero point; a constant's own."""
    if tensor.data is not None:
        return tensor.data.astype(np.int8)
    x = known[tensor]
    return np.full_like(x[:1], tensor.zero_point).clip(x[:1], x[1:]) if side == _ZERO else x[side : side + 1]


def _looked_up(op: Lookup, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """The least and the greatest of the table from the least to the greatest input."""

    def extremes(accumulate: Callable[..., NDArray[np.int8]], neutral: int) -> NDArray[np.int8]:
        first, last = np.ogrid[:256, :256]
        table = accumulate(np.where(last >= first, op.table, np.int8(neutral)), axis=1)
        result: NDArray[np.int8] = table[x[_LOW].astype(int) + 128, x[_HIGH].astype(int) + 128]
        return result

    return np.stack([extremes(np.minimum.accumulate, 127), extremes(np.maximum.accumulate, -128)])


def _widened(values: NDArray[np.int8]) -> NDArray[np.int8]:
    """Bounds that hold at all places of a channel, so that a row that moves on through a state settles at once."""
    places = tuple(range(1, values.ndim - 1))
    low, high = values[_LOW:_HIGH].min(axis=places, keepdims=True), values[_HIGH:].max(axis=places, keepdims=True)
    return np.broadcast_to(np.concatenate([low, high]), values.shape)


def _whole(tensor: Tensor) -> NDArray[np.int8]:
    shape = tensor.shape[1:]
    return np.stack([np.full(shape, -128, np.int8), np.full(shape, 127, np.int8)])
