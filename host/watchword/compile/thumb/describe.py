"""How a step computes its outputs: what `watchword compile --explain` tells of the kernels that compute two in one word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from watchword.compile.program import DEPTHWISE_PAIRS, PAIRS, READ, Step
from watchword.compile.thumb.depthwise import EXACT, LOOPS
from watchword.compile.thumb.pairs import BODIES, EXACTLY


@dataclass(frozen=True, order=True)
class Grouping:
    """Outputs that are computed alike. chunk: taps between two splits, the most where they differ.

    exact: rescaled in full, since no factors were proved for all of them.
    """

    outputs: int
    chunk: int
    exact: bool


def groupings(steps: Sequence[Step]) -> dict[Grouping, int]:
    """Of a layer's steps: how many groups of outputs there are of each kind; depthwise channels are groups of one."""
    found: Counter[Grouping] = Counter()
    seen = set()
    block = 0
    for step in steps:
        p = step.parameters
        block += step.kernel == READ
        if (block, p[6:7], step.kernel) in seen:  # the same outputs elsewhere in the picture
            continue
        if step.kernel == PAIRS:
            for kind, groups in zip(p[20 : 20 + 2 * p[19] : 2], p[21 : 21 + 2 * p[19] : 2], strict=True):
                skipped, ending = (kind >> 16) % 6, (kind >> 16) // 6
                found[Grouping(6 - skipped, BODIES[kind & 255].chunk, ending == EXACTLY)] += groups
        elif step.kernel == DEPTHWISE_PAIRS:
            for channel in p[21 + 12 * p[20] :]:
                loop = channel >> 16
                ends = (-1, *LOOPS[min(loop, EXACT - 1)])
                chunk = max(end - begin for begin, end in pairwise(ends))
                found[Grouping(1, chunk, loop == EXACT)] += 1
        else:
            continue
        seen.add((block, p[6:7], step.kernel))
    return dict(sorted(found.items(), reverse=True))
