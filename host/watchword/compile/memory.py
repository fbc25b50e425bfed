"""Where tensors lie in the arena."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    """Bytes that are needed from step `first` to step `last`, both included."""

    size: int
    first: int
    last: int


def plan(blocks: list[Block], alignment: int = 8) -> tuple[list[int], int]:
    """Offsets of the blocks, none of which overlap while both live, and the size of the arena.

    Greedy: the largest first, each at the lowest place that is free for its whole life.
    """
    offsets = [0] * len(blocks)
    placed: list[int] = []
    for i in sorted(range(len(blocks)), key=lambda i: -blocks[i].size):
        at = 0
        neighbours = [j for j in placed if blocks[j].first <= blocks[i].last and blocks[i].first <= blocks[j].last]
        for j in sorted(neighbours, key=lambda j: offsets[j]):
            if at + blocks[i].size <= offsets[j]:
                break
            at = max(at, offsets[j] + -(-blocks[j].size // alignment) * alignment)
        offsets[i] = at
        placed.append(i)
    return offsets, max((offsets[i] + blocks[i].size for i in placed), default=0)
