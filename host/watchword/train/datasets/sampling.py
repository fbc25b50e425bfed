"""Which examples an epoch has: each once, or so that classes or sources have equal shares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def groups(levels: Sequence[str], targets: Sequence[int], sources: Sequence[int]) -> list[tuple[int, ...]]:
    """What each example is balanced by. levels: "class", "source" or both, the outermost first; none: by nothing."""
    known = {"class": targets, "source": sources}
    return [tuple(known[level][row] for level in levels) for row in range(len(targets))]


def draw(groups: Sequence[tuple[int, ...]], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw the rows of an epoch, as many as there are, in random order: int64 (rows,).

    groups: of each row; those that differ first in the outermost value share alike, within each those of the next value, and so
    on. Within a group each row is drawn as often as another, or once more. The shares are exact but for one draw.
    """
    members: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for row, group in enumerate(groups):
        members[group].append(row)
    names = sorted(members)
    counts = _apportioned(shares(names), len(groups), rng)
    drawn = [_times(np.array(members[name], np.int64), count, rng) for name, count in zip(names, counts, strict=True)]
    return rng.permutation(np.concatenate(drawn)) if drawn else np.zeros(0, np.int64)


def shares(names: Sequence[tuple[int, ...]]) -> list[float]:
    """The share of an epoch that each of these groups has; they differ from one another."""
    found = []
    for name in names:
        share = 1.0
        for depth in range(len(name)):
            share /= len({other[depth] for other in names if other[:depth] == name[:depth]})
        found.append(share)
    return found


def _apportioned(parts: Sequence[float], total: int, rng: np.random.Generator) -> list[int]:
    """Whole numbers that add up to `total`, each its part of it rounded down or up; chance decides which, in proportion."""
    edges = np.concatenate([[0.0], np.cumsum(parts)]) * total
    edges[-1] = total
    rounded = np.floor(edges + rng.random())
    rounded[0], rounded[-1] = 0, total
    return [int(count) for count in np.diff(rounded)]


def _times(rows: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    whole, rest = divmod(count, len(rows))
    return np.concatenate([np.tile(rows, whole), rng.permutation(rows)[:rest]])
