"""Functions of one value made one with what computes that value, where the result is proved the same."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from watchword import reference
from watchword.compile.simplify.bounds import Bounds, sum_bounds, values
from watchword.compile.simplify.draft import Draft, same_numbers
from watchword.errors import ModelError
from watchword.graph import (
    Activation,
    Add,
    AveragePool2D,
    Function,
    Lookup,
    MaxPool2D,
    Multiply,
    Operation,
    Subtract,
    Tensor,
    Weighted,
)

_ACTIVATIONS: tuple[Activation, ...] = ("none", "relu", "relu6")
_FUNCTIONS: tuple[Function, ...] = ("quantize", "relu", "relu6", "logistic", "tanh")

Pairs = Add | Subtract | Multiply
Pools = AveragePool2D | MaxPool2D


def merge_lookups(draft: Draft, known: Bounds) -> bool:
    """A Lookup of what only it takes goes into the operation before, as its activation and its rescale.

    Two roundings become one, which is not the same in general: the operation with the Lookup's output is tried with each
    activation, and taken if it is proved to give the same for all that can come.
    """
    changed = False
    for lookup in list(draft.graph.operations):
        if not isinstance(lookup, Lookup) or not draft.is_between(lookup.input):
            continue
        before = draft.maker(lookup.input)
        assert before is not None
        for joined in _candidates(before, lookup):
            try:
                equal = _equal(before, lookup, joined, known)
            except ModelError:  # its scales are too far apart
                continue
            if equal:
                draft.exchange(before, joined, f"does what {lookup.kind} did")
                draft.remove(lookup, f"is one with {before.output.name}")
                changed = True
                break
    return changed


def _candidates(before: Operation, lookup: Lookup) -> Iterator[Operation]:
    """Operations from the input of the one to the output of the other."""
    if isinstance(before, Lookup):
        for function in _FUNCTIONS:
            # The scale of a logistic's output is not free in a file.
            if function != "logistic" or lookup.output.scale[0] == np.float32(1 / 256):
                yield Lookup(before.input, lookup.output, function, np.zeros(256, np.int8))
    elif isinstance(before, Weighted | Pairs) or (isinstance(before, Pools) and same_numbers(lookup.input, lookup.output)):
        for activation in _ACTIVATIONS:
            clamped = copy.copy(before)
            clamped.output, clamped.activation = lookup.output, activation
            yield clamped


def _equal(before: Operation, lookup: Lookup, joined: Operation, known: Bounds) -> bool:
    match before, joined:
        case Lookup(), Lookup():
            return _equal_lookups(before, lookup, joined, known)
        case Weighted(), Weighted():
            return _equal_sums(before, lookup, joined, known)
        case ((Add() | Subtract() | Multiply()), (Add() | Subtract() | Multiply())):
            return _equal_pairs(before, lookup, joined, known)
        case ((AveragePool2D() | MaxPool2D()), (AveragePool2D() | MaxPool2D())):
            # What a pool clamps is one of 256 values.
            means = np.arange(-128, 128)
            clamped = np.clip(means, *reference.activation_range(before))
            return bool((lookup.table[clamped + 128] == np.clip(means, *reference.activation_range(joined))).all())
    return False


def _equal_lookups(before: Lookup, lookup: Lookup, joined: Lookup, known: Bounds) -> bool:
    """For each value that the input can have. A table that no function has would be as good, but no file can hold it."""
    joined.table = reference.lookup_table(joined.function, joined.input, joined.output)
    reached = values(known[before.input]) + 128
    return bool((lookup.table[before.table[reached].astype(int) + 128] == joined.table[reached]).all())


def _equal_pairs(before: Pairs, lookup: Lookup, joined: Pairs, known: Bounds) -> bool:
    """For each pair of values that the inputs can have, whichever places they stand at."""
    first, second = (_values(tensor, known) for tensor in before.inputs)
    shape = (1, len(first), len(second))

    def run(op: Pairs) -> NDArray[np.int8]:
        a = replace(op.input, shape=(1, len(first), 1), data=None)
        b = replace(op.other, shape=(1, 1, len(second)), data=None)
        table = replace(op, input=a, other=b, output=replace(op.output, shape=shape))
        return reference.run_operation(table, first[np.newaxis, :, np.newaxis], second[np.newaxis, np.newaxis])

    return bool((lookup.table[run(before).astype(int) + 128] == run(joined)).all())


def _values(tensor: Tensor, known: Bounds) -> NDArray[np.int8]:
    if tensor.data is not None:
        return np.unique(tensor.data).astype(np.int8)
    return values(known[tensor]).astype(np.int8)


def _equal_sums(before: Weighted, lookup: Lookup, joined: Weighted, known: Bounds) -> bool:
    """For each sum that a channel can have.

    Both sides must rise with the sum: rescales do where nothing wraps, the Lookup if its table does. Then both are steps,
    and equal everywhere if they are at the least sum, at the greatest, and on both sides of each step of one of them: from
    a step to the next that one has the same value at both ends, so the other has too, and it cannot change between.
    """
    reference.rescale(joined)  # ModelError where the board could not have it
    extremes, others = (sum_bounds(op, known[op.input]) for op in (before, joined))
    if extremes is None or others is None:
        return False
    channels = extremes.shape[-1]
    low, high = extremes[0].reshape(-1, channels).min(axis=0), extremes[1].reshape(-1, channels).max(axis=0)

    def apart(sums: NDArray[np.int64]) -> NDArray[np.int8]:
        result: NDArray[np.int8] = lookup.table[reference.requantize(before, sums.astype(np.int32)).astype(int) + 128]
        return result

    between = reference.requantize(before, np.stack([low, high]).astype(np.int32)).astype(int)
    if (np.diff(lookup.table[between.min() + 128 : between.max() + 129].astype(int)) < 0).any():
        return False
    steps = first_sums(apart, low, high)
    tried = np.concatenate([steps - 1, steps, [low], [high]]).clip(low, high)
    return bool((apart(tried) == reference.requantize(joined, tried.astype(np.int32))).all())


def first_sums(
    function: Callable[[NDArray[np.int64]], NDArray[np.int8]], low: NDArray[np.int64], high: NDArray[np.int64]
) -> NDArray[np.int64]:
    """For each value -127..127 and channel, the least sum from low to high whose result is that or more; else high + 1.

    function: rises; int64 (values, channels) -> int8 of the same shape. low, high: (channels,). The result is int64
    (255, channels).
    """
    results = np.arange(-127, 128)[:, np.newaxis]
    start = np.broadcast_to(low, (255, len(low))).copy()
    end = np.broadcast_to(high + 1, start.shape).copy()
    while (start < end).any():
        middle = (start + end) // 2
        enough = function(np.minimum(middle, high)) >= results
        # Where both have met, high + 1 stands for all beyond.
        open_ = start < end
        end = np.where(open_ & enough, middle, end)
        start = np.where(open_ & ~enough, middle + 1, start)
    return start
