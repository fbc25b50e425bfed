"""The order in which channels lie in the arena.

PACKED computes six outputs at once, in chunks that are safe for all of them: the longer the chunks, the faster. How long they
can be is a matter of which taps meet in a chunk, and which outputs in a group. Where only kernels touch a tensor that may have
its channels in any order, that order is ours.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from watchword.compile.thumb.packed import BODIES, SEGMENT, fit_layer, runs_of, safe
from watchword.compile.thumb.packed_depthwise import lower_depthwise
from watchword.graph import AveragePool2D, Conv2D, Dense, DepthwiseConv2D, Graph, MaxPool2D, Mean, Operation, Reshape, Tensor

Ints = NDArray[np.int64]

_BOUND = 255  # of the magnitudes of a chunk's weights: below it, no sum of products leaves 16 bits
_TURNS, _TRIES = 1000, 32  # exchanges that are made; that are tried for each
_SUMS = 8192  # tries for each times outputs, which bounds the time that a layer of many outputs takes
_WORTH = 20_000  # MACs of a layer that is worth the while
_WARMTH = 10.0  # cycles that an exchange may cost in the beginning
_OVER = 2  # cycles that one more than the bound counts as
_RESTARTS, _OUTPUTS = 3, 192  # how often it is tried; times outputs, at most

_SIXES = [body for body in BODIES if body.outputs == 6]


def orders(graph: Graph) -> dict[Tensor, Ints]:
    """Of the tensors whose channels do not lie as in the graph: the channel that lies in each place."""
    found: dict[Tensor, Ints] = {}
    kept = graph.kept | {state.read for state in graph.states}
    for op in graph.operations:
        if not isinstance(op, Conv2D | DepthwiseConv2D) or op.output.data is not None:
            continue
        carried, readers = _readers(graph, op.output)
        if kept & set(carried) or not readers:
            continue
        order = _order(op, readers, found)
        if order is not None:
            found |= dict.fromkeys(carried, order)
    return found


@lru_cache(maxsize=64)
def tap_order(op: Conv2D | Dense, segments: int) -> Ints:
    """Of a layer whose taps are gathered one by one: which weight each has, in segments of an even number; -1: none."""
    weights = op.rows
    count = weights.shape[1]
    taps = 2 * -(-count // (2 * segments))
    order = np.concatenate([np.full(segments * taps - count, -1), np.arange(count)])
    if op.macs < _WORTH:
        return order
    padded = np.where(order < 0, 0, weights[:, order])
    return order[by_chunks(padded, segments)]


def _readers(graph: Graph, tensor: Tensor) -> tuple[list[Tensor], list[Operation]]:
    """What has the channels of a tensor, one by one, and the operations that read these."""
    carried, readers = [tensor], []
    for one in carried:
        for op in graph.operations:
            if one in op.inputs:
                whole = one.size == one.shape[-1] == op.output.size and isinstance(op, Reshape)
                spatial = isinstance(op, Mean) and len(one.shape) - 1 not in op.axes
                if whole or spatial or isinstance(op, AveragePool2D | MaxPool2D):
                    carried.append(op.output)
                else:
                    readers.append(op)
    return carried, readers


def _order(op: Conv2D | DepthwiseConv2D, readers: list[Operation], found: dict[Tensor, Ints]) -> Ints | None:
    """The order for the output of an operation, by what reads it; None: as the graph has it."""
    outputs = op.output.shape[3]
    if outputs == 1 or not all(_any_order(reader, outputs) for reader in readers):
        return None
    if isinstance(op, DepthwiseConv2D) and op.input.shape[3] > 1 and lower_depthwise(op, 0, outputs) is None:
        return None
    first = readers[0]
    if max(op.macs, *(reader.macs for reader in readers)) < _WORTH:
        return None
    worth = not isinstance(op, Conv2D) or sum(reader.macs for reader in readers) * 4 > op.macs
    if (
        worth
        and len(readers) == 1
        and isinstance(first, Conv2D | Dense)
        and first.weights.size == outputs * first.weights.shape[0]
    ):
        assert first.weights.data is not None
        weights = first.weights.data.reshape(-1, outputs).astype(np.int64)
        segments = -(-outputs // SEGMENT)
        return by_chunks(weights, segments) if outputs % segments == 0 else None
    if isinstance(op, Conv2D):
        assert op.weights.data is not None
        data = op.weights.data if op.input not in found else op.weights.data[..., found[op.input]]
        weights = data.reshape(outputs, -1).astype(np.int64)
        segments = -(-weights.shape[1] // SEGMENT)
        if op.weights.shape[1:3] != (1, 1) and op.input not in found:
            taps = tap_order(op, segments)
            weights = np.where(taps < 0, 0, weights[:, taps])
        if weights.shape[1] % segments == 0:
            return by_body(weights.reshape(outputs, segments, -1), fit_layer(op).found)
    return None


def _any_order(reader: Operation, channels: int) -> bool:
    """Whether an operation can have its input's channels in any order."""
    match reader:
        case Conv2D():
            return True
        case Dense():
            return reader.weights.shape[1] == channels
        case DepthwiseConv2D():
            return lower_depthwise(reader, 0, channels) is not None
    return False


def by_body(weights: Ints, found: NDArray[np.bool_]) -> Ints:
    """Outputs, those with the longest chunks first, but for those that end exactly. weights: (outputs, segments, taps)."""
    return np.lexsort((~found[0], _cycles(weights), ~found.any(0)))


def _cycles(weights: Ints) -> Ints:
    """Of each output, with the fastest body that is safe for it."""
    taps = weights.shape[2]
    cycles = np.full(len(weights), BODIES[-1].cycles(taps) * 6 // 4)  # which is safe for all but -128
    for body in _SIXES:
        cycles = np.where(safe(weights, body.chunk), np.minimum(cycles, body.cycles(taps)), cycles)
    return cycles


def by_chunks(weights: Ints, segments: int) -> Ints:
    """Taps in an order in which the outputs' chunks are long, the best that is found. weights: (outputs, taps)."""
    outputs, taps = weights.shape
    tried = [np.arange(taps)]
    tried += [_exchanged(np.abs(weights), segments, seed) for seed in range(max(1, min(_RESTARTS, _OUTPUTS // outputs)))]
    return min(tried, key=lambda order: _together(weights[:, order].reshape(outputs, segments, -1)))


def _together(weights: Ints) -> float:
    """Cycles of all groups of outputs, where these may be in any order. weights: (outputs, segments, taps)."""
    found = np.ones((1, len(weights)), bool)
    runs = runs_of(weights[by_body(weights, found)], found)
    return np.inf if runs is None else sum(weights.shape[1] * run.cycles(weights.shape[2]) for run in runs)


def _exchanged(magnitude: Ints, segments: int, seed: int) -> Ints:
    """Taps are exchanged, at random but to the better: simulated annealing.

    An output costs what the fastest body takes for it, were a chunk with too great a sum only slow. magnitude: (outputs, taps).
    """
    outputs, taps = magnitude.shape
    length = taps // segments
    # All costs are sixths of cycles, so that numbers are whole and small.
    cycles = np.array([[segments * body.cycles(length)] for body in _SIXES], np.int32)
    of = np.stack([_chunks(segments, length, body.chunk) for body in _SIXES])  # (bodies, taps)
    rng = np.random.default_rng(seed)  # the same program every time
    order = rng.permutation(taps)
    columns = np.ascontiguousarray(magnitude.T, np.int32)
    sums = np.zeros((len(_SIXES), of.max() + 1, outputs), np.int32)
    for some, chunks in zip(sums, of, strict=True):
        np.add.at(some, chunks, columns[order])
    sums -= _BOUND
    over = np.maximum(sums, 0)

    def cost(over: NDArray[np.int32]) -> NDArray[np.int64]:
        """Of sums over the bound, (..., bodies, outputs)."""
        return np.asarray((cycles + 6 * _OVER * over).min(-2).sum(-1))

    total = over.sum(1, dtype=np.int32)
    now = cost(total)
    at_once = max(4, min(_TRIES, _SUMS // outputs))
    tries = rng.integers(0, taps, (_TURNS, 2, at_once))
    luck = 6 * rng.gumbel(size=(_TURNS, at_once)) * np.linspace(_WARMTH, 0, _TURNS)[:, None]
    body = np.arange(len(_SIXES))
    bodies = body[:, None]
    for (i, j), warmth in zip(tries, luck, strict=True):
        a, b = of[:, i], of[:, j]
        moved = columns[order[j]] - columns[order[i]]
        change = sums[bodies, a] + moved  # (bodies, tries, outputs)
        np.maximum(change, 0, out=change)
        other = sums[bodies, b] - moved
        np.maximum(other, 0, out=other)
        change += other
        change -= over[bodies, a]
        change -= over[bodies, b]
        change[a == b] = 0
        new = total + change.transpose(1, 0, 2)
        costs = cost(new)
        k = int((costs - now - warmth).argmin())
        if costs[k] - now > warmth[k]:
            continue
        for chunk, by in ((a[:, k], moved[k]), (b[:, k], -moved[k])):
            sums[body, chunk] += by
            over[body, chunk] = np.maximum(sums[body, chunk], 0)
        order[i[k]], order[j[k]] = order[j[k]], order[i[k]]
        total, now = new[k], costs[k]
    return order


def _chunks(segments: int, length: int, chunk: int) -> Ints:
    """The chunk that each tap is in; they count from a segment's last tap."""
    chunks = -(-length // chunk)
    last = (np.arange(segments) + 1) * chunks - 1
    return np.asarray((last[:, None] - (length - 1 - np.arange(length)) // chunk).ravel())
