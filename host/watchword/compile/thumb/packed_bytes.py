"""Convolutions with four weights in a word: the stream of weights that PACKED_BYTES takes, and its runs.

Half the bytes that PACKED takes, in as much time where that has to split sums every two or three taps. The kernel splits none
on the way: all that has to be proved is that each fits 24 bits.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from watchword import kernels
from watchword.compile.lower.call import Grouping, Record
from watchword.compile.thumb.packed import EXACTLY, fit_layer, in_full, in_words, places_of
from watchword.graph import Conv2D, Dense

Ints = NDArray[np.int64]

_contract = kernels.module("packed_bytes")
_GROUP: int = _contract.GROUP
_ZERO = 128  # what stands for a weight of 0
_WORD = 4
MOST = ((1 << 23) - (1 << 16)) // 128  # what the bytes of an output may add up to, so that its sum keeps to 24 bits


class Run(NamedTuple):
    """Groups in a row with the same ending. skipped: outputs that a group has too few, at its front."""

    groups: int
    skipped: int
    ending: int

    @property
    def outputs(self) -> int:
        """Of a group."""
        return _GROUP - self.skipped


@dataclass(frozen=True)
class Patch:
    """What an output sees of its input. weights: how many it has; taps: the same, up to a multiple of four.

    places: (taps,) where in the patch each tap is; None: one after another, in whole words.
    """

    weights: int
    taps: int
    places: Ints | None = None


def patch(op: Conv2D | Dense, width: int, at: int) -> Patch | None:
    """How the taps of an output lie in an input of this width; None where the kernel cannot gather them, or add them up.

    at: where the first patch begins.
    """
    places = places_of(op, width)
    count = len(places)
    if (op.rows + _ZERO).sum(1).max() + _ZERO * (-count % _WORD) > MOST:
        return None
    if in_words(op, width, at):
        return Patch(count, count)
    if places[-1] >= 1 << 16:
        return None
    return Patch(count, count + -count % _WORD, np.pad(places, (0, -count % _WORD)))


@dataclass(frozen=True)
class Stream:
    """What the kernel reads while it computes. content: of the whole stream."""

    runs: list[Run]
    content: bytes
    shift: int


def stream(op: Conv2D | Dense, first: int, last: int, taps: Patch) -> Stream:
    """The weights and factors of outputs first to last - 1."""
    block = slice(first, last)
    proved, exact = fit_layer(op).part(block), in_full(op)[block]
    lacking = -(last - first) % _GROUP
    weights = np.pad(op.rows[block] + _ZERO, ((lacking, 0), (0, taps.taps - taps.weights)), constant_values=_ZERO)
    runs: list[Run] = []
    content = b""
    for at in range(0, len(weights), _GROUP):
        skipped = lacking if at == 0 else 0
        here = slice(max(0, at - lacking), at - lacking + _GROUP)
        ending = next((number for number, found in enumerate(proved.found) if found[here].all()), EXACTLY)
        content += weights[at : at + _GROUP].T.astype(np.uint8).tobytes()
        factors = exact if ending == EXACTLY else proved.factors[ending]
        content += factors[here].astype("<i4").tobytes()
        if runs and runs[-1][1:] == (skipped, ending):
            runs[-1] = runs[-1]._replace(groups=runs[-1].groups + 1)
        else:
            runs.append(Run(1, skipped, ending))
    return Stream(runs, content, proved.shift)


def records(made: Stream, taps: Patch) -> list[Record]:
    """What follows the parameters: the runs, and the table of taps, if there is one."""
    runs = [{"kind": run.skipped + _GROUP * run.ending, "groups": run.groups} for run in made.runs]
    table = [] if taps.places is None else [{"places": int(a | b << 16)} for a, b in taps.places.reshape(-1, 2)]
    return [*(("run", run) for run in runs), *(("table", entry) for entry in table)]


def groupings(made: Stream, taps: Patch) -> dict[Grouping, int]:
    """How many groups of outputs there are of each kind."""
    found: Counter[Grouping] = Counter()
    for run in made.runs:
        found[Grouping(run.outputs, taps.weights, run.ending == EXACTLY)] += run.groups
    return dict(found)


def cycles(made: Stream, taps: Patch) -> int:
    """What one pixel costs."""
    total = 80 + (5 if taps.places is None else 8) * taps.taps
    for run in made.runs:
        group = 11 * taps.taps + 3 * (taps.taps // 8) + 64
        group += 55 + 70 * run.outputs if run.ending == EXACTLY else 8 + (15 + run.ending) * run.outputs
        total += 27 + run.groups * group
    return total
