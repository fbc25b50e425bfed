"""Where tensors lie in the arena."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
    steps = [0] * (max((block.last for block in blocks), default=-1) + 1)
    for block in blocks:
        for step in range(block.first, block.last + 1):
            steps[step] += block.room
    return steps


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
    placed: list[int] = []
    for i in order:
        at = 0
        for begin, end in _taken(blocks, offsets, placed, blocks[i].first, blocks[i].last):
            if at + blocks[i].size <= begin:
                break
            at = max(at, end)
        offsets[i] = at
        placed.append(i)
    return Plan(tuple(offsets), max((offsets[i] + blocks[i].room for i in placed), default=0))


def _taken(
    blocks: Sequence[Block], offsets: Sequence[int], placed: Sequence[int], first: int, last: int
) -> list[tuple[int, int]]:
    """What lives between two steps, as (begin, end) from the lowest up."""
    return sorted(
        (offsets[j], offsets[j] + blocks[j].room) for j in placed if blocks[j].first <= last and first <= blocks[j].last
    )


def gap(blocks: Sequence[Block], placed: Plan, step: int) -> tuple[int, int]:
    """(offset, bytes) of the largest room that a plan leaves free at a step."""
    best, at = (0, 0), 0
    for begin, end in [*_taken(blocks, placed.offsets, range(len(blocks)), step, step), (placed.size, placed.size)]:
        if begin - at > best[1]:
            best = (at, begin - at)
        at = max(at, end)
    return best
