"""Where tensors lie in the arena."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

ALIGNMENT = 8
_TRIES = 30  # of orders made by chance, where the orders of experience leave a gap


@dataclass
class Block:
    """Bytes that are needed from step `first` to step `last`, both included."""

    size: int
    first: int
    last: int

    @property
    def room(self) -> int:
        """The size up to the next place where a block may begin."""
        return -(-self.size // ALIGNMENT) * ALIGNMENT


@dataclass(frozen=True)
class Plan:
    """offsets: of the blocks. size: of the arena."""

    offsets: tuple[int, ...]
    size: int


def need(blocks: Sequence[Block]) -> list[int]:
    """Bytes that live at each step: no arena can be smaller than their greatest."""
    changes = [0] * (max((block.last for block in blocks), default=-1) + 2)
    for block in blocks:
        changes[block.first] += block.room
        changes[block.last + 1] -= block.room
    return list(accumulate(changes))[:-1]


def plan(blocks: Sequence[Block]) -> Plan:
    """Places for all blocks, none of which overlap while both live: the smallest arena that one of several orders gives."""
    least = max(need(blocks), default=0)
    best: Plan | None = None
    for order in _orders(blocks):
        found = _place(blocks, order)
        if best is None or found.size < best.size:
            best = found
        if best.size <= least:
            break
    assert best is not None
    return best


def _orders(blocks: Sequence[Block]) -> Iterator[list[int]]:
    """Largest first is nearly always the best; else by life, by area, by time, and what chance brings."""
    numbers = range(len(blocks))
    by_size = sorted(numbers, key=lambda i: -blocks[i].size)
    yield by_size
    yield sorted(numbers, key=lambda i: (blocks[i].first - blocks[i].last, -blocks[i].size))
    yield sorted(numbers, key=lambda i: -blocks[i].size * (blocks[i].last - blocks[i].first + 1))
    yield sorted(numbers, key=lambda i: (blocks[i].first, -blocks[i].size))
    chance = random.Random(1)  # the same program every time
    for _ in range(_TRIES):
        yield sorted(numbers, key=lambda i: -blocks[i].size * chance.uniform(0.5, 1))


def _place(blocks: Sequence[Block], order: Sequence[int]) -> Plan:
    """Each block in turn at the lowest place that is free for its whole life."""
    offsets = [0] * len(blocks)
    first, last, begin, end = (np.zeros(len(blocks), np.int64) for _ in range(4))  # of those that are placed
    for count, i in enumerate(order):
        at = 0
        living = np.flatnonzero((first[:count] <= blocks[i].last) & (blocks[i].first <= last[:count]))
        for taken, until in sorted(zip(begin[living].tolist(), end[living].tolist(), strict=True)):
            if at + blocks[i].size <= taken:
                break
            at = max(at, until)
        offsets[i] = at
        first[count], last[count], begin[count], end[count] = blocks[i].first, blocks[i].last, at, at + blocks[i].room
    return Plan(tuple(offsets), int(end.max(initial=0)))


def gap(blocks: Sequence[Block], placed: Plan, step: int) -> tuple[int, int]:
    """(offset, bytes) of the largest room that a plan leaves free at a step."""
    best, at = (0, 0), 0
    living = sorted(
        (offset, offset + block.room)
        for offset, block in zip(placed.offsets, blocks, strict=True)
        if block.first <= step <= block.last
    )
    for begin, end in [*living, (placed.size, placed.size)]:
        if begin - at > best[1]:
            best = (at, begin - at)
        at = max(at, end)
    return best
