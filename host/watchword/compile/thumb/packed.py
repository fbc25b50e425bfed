"""Convolutions with two weights in a word: the stream of weights that PACKED takes, and its runs.

It takes output channels in groups, each with the body that is the fastest of those whose chunks are safe for all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from watchword import kernels
from watchword.compile.lower.call import Grouping, Record
from watchword.compile.thumb.fit import Fit, Rescale, fit
from watchword.graph import Conv2D, Dense, Weighted
from watchword.reference import activation_range, rescale

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_contract = kernels.module("packed")
_MOST_RUNS: int = _contract.MOST_RUNS
_GROUP: int = _contract.GROUP
SEGMENT = _contract.SLOTS - 2  # taps of a segment at most: with those that fill its first chunk they fit the kernel's slots


class Body(NamedTuple):
    """outputs: computed at once. chunk: taps between two splits."""

    outputs: int
    chunk: int

    def chunks(self, taps: int) -> int:
        return -(-taps // self.chunk)

    def cycles(self, taps: int) -> int:
        """Of one group on one pixel, from the first chunk to the last."""
        pairs = self.outputs // 2
        return self.chunks(taps) * (self.chunk * (3 + 3 * pairs) + 3 * pairs + 1)


BODIES = tuple(Body(outputs, chunk) for outputs, chunk, _ in _contract.BODIES)  # as the kernel numbers them


EXACTLY: int = _contract.EXACTLY  # the ending that rescales in full; those before it take the factors of one of FORMS
_ENDINGS = (0, 1, 51)  # cycles for each output, more than the first one takes
_RUN = 25  # cycles of a run


class Run(NamedTuple):
    """Groups in a row with the same body and ending. skipped: outputs that a group has too many, at its front."""

    body: int
    groups: int
    skipped: int
    ending: int

    @property
    def outputs(self) -> int:
        """Of a group."""
        return _GROUP - self.skipped

    def cycles(self, taps: int) -> int:
        """Of all groups on one pixel, but for what all bodies and endings take."""
        return self.groups * (BODIES[self.body].cycles(taps) + 35 + _ENDINGS[self.ending] * self.outputs)


@dataclass(frozen=True)
class Patch:
    """What an output sees of its input, in segments of as many taps each.

    places: (segments * taps,) where in the patch each tap is; None: one after another, in whole words.
    order: (segments * taps,) which of the weights each tap has, -1 for none; None: one after another.
    """

    segments: int
    taps: int
    places: Ints | None = None
    order: Ints | None = None

    def cut(self, weights: Ints) -> Ints:
        """(outputs, all taps) -> (outputs, segments, taps)."""
        if self.order is not None:
            weights = np.where(self.order < 0, 0, weights[:, self.order])
        return weights.reshape(len(weights), self.segments, self.taps)


def bound(weights: Ints) -> Ints:
    """The greatest magnitude that a sum of products may have; weights: (..., taps), activations: any int8."""
    positive, negative = np.maximum(weights, 0).sum(-1), np.maximum(-weights, 0).sum(-1)
    return np.asarray(np.maximum(127 * positive + 128 * negative, 128 * positive + 127 * negative))


def safe(weights: Ints, chunk: int) -> Bools:
    """(outputs,): whether no chunk of an output's weights (outputs, segments, taps) can leave 16 bits.

    Chunks count from the last tap; the first one may be short.
    """
    outputs, segments, taps = weights.shape
    padded = np.pad(weights, ((0, 0), (0, 0), (-taps % chunk, 0)))
    return np.asarray((bound(padded.reshape(outputs, segments, -1, chunk)) <= 32767).all(axis=(1, 2)))


def runs_of(weights: Ints, found: Bools) -> list[Run] | None:
    """The fastest runs of groups that the kernel takes, for outputs in their order; None where no body is safe.

    weights: (outputs, segments, taps). found: (forms, outputs) which forms of factors they have.
    """
    safe_for = np.stack([safe(weights, body.chunk) for body in BODIES])
    ends = np.concatenate([found, np.ones((1, found.shape[1]), bool)])
    taps = weights.shape[2]
    runs = _group(safe_for, ends, taps, BODIES)
    if runs is None:
        return None
    runs = _merge(runs, safe_for, ends, taps)
    if len(runs) > _MOST_RUNS:  # groups of four between ones of six, which cannot be merged
        sixes = _group(safe_for, ends, taps, [body for body in BODIES if body.outputs == _GROUP])
        assert sixes is not None  # there is one of six for each chunk
        runs = _merge(sixes, safe_for, ends, taps)
    return runs


def _group(safe_for: Bools, ends: Bools, taps: int, bodies: Sequence[Body]) -> list[Run] | None:
    """The fastest runs, however many, with some of the bodies. safe_for: (bodies, outputs); ends: (endings, outputs)."""
    outputs = safe_for.shape[1]
    unsafe, unfit = _counted(~safe_for), _counted(~ends)
    # cost[n]: of the first n outputs, and the group that ends there
    cost = [0.0] + [np.inf] * outputs
    last: list[Run | None] = [None] * (outputs + 1)
    for n in range(1, outputs + 1):
        for body in bodies:
            number = BODIES.index(body)
            for size in range(min(body.outputs, n), 0, -1):
                if size < body.outputs and n < outputs:
                    break  # only the last group may be short
                if unsafe[number][n] == unsafe[number][n - size]:
                    ending = next(i for i, counts in enumerate(unfit) if counts[n] == counts[n - size])
                    run = Run(number, 1, _GROUP - size, ending)
                    total = cost[n - size] + run.cycles(taps)
                    if total < cost[n]:
                        cost[n], last[n] = total, run
    runs: list[Run] = []
    n = outputs
    while n:
        group = last[n]
        if group is None:
            return None
        n -= group.outputs
        if runs and runs[0]._replace(groups=1) == group:
            runs[0] = group._replace(groups=runs[0].groups + 1)
        else:
            runs.insert(0, group)
    return runs


def _counted(which: Bools) -> list[list[int]]:
    """For each row how many of the first n are true, n from 0 on."""
    counts: list[list[int]] = np.pad(which.cumsum(axis=1), ((0, 0), (1, 0))).tolist()
    return counts


def _merge(runs: list[Run], safe_for: Bools, ends: Bools, taps: int) -> list[Run]:
    """The same groups in no more runs than the kernel takes, and in fewer where that is faster.

    Neighbours get a body and an ending that does for both.
    """
    unsafe, unfit = _counted(~safe_for), _counted(~ends)
    runs = list(runs)

    def best(i: int, at: int) -> tuple[float, Run] | None:
        """What it costs more to make one of a run and the next, the first of whose outputs is `at`; None: it cannot be."""
        one, other = runs[i], runs[i + 1]
        if one.skipped != other.skipped:
            return None
        end = at + one.groups * one.outputs + other.groups * other.outputs
        ending = next(number for number, counts in enumerate(unfit) if counts[end] == counts[at])
        made = [
            Run(number, one.groups + other.groups, one.skipped, ending)
            for number, body in enumerate(BODIES)
            if body.outputs == BODIES[one.body].outputs and unsafe[number][end] == unsafe[number][at]
        ]
        apart = one.cycles(taps) + other.cycles(taps) + _RUN
        return min(((run.cycles(taps) - apart, run) for run in made), default=None)

    starts = [0, *accumulate(run.groups * run.outputs for run in runs)]
    pairs = [best(i, starts[i]) for i in range(len(runs) - 1)]
    while True:
        possible = [(pair[0], i) for i, pair in enumerate(pairs) if pair is not None]
        if not possible or (min(possible)[0] >= 0 and len(runs) <= _MOST_RUNS):
            return runs
        _, i = min(possible)
        pair = pairs[i]
        assert pair is not None
        runs[i : i + 2] = [pair[1]]
        del starts[i + 1], pairs[i]
        for near in (i - 1, i):
            if 0 <= near < len(pairs):
                pairs[near] = best(near, starts[near])


def depth(op: Conv2D | Dense) -> int:
    """Bytes from one place of the input to the next; 0 where there is only one."""
    if isinstance(op, Dense):
        return op.weights.shape[1] if op.places > 1 else 0
    return op.input.shape[3]


def patch(op: Conv2D | Dense, width: int, at: int, ordered: Callable[[int], Ints]) -> Patch | None:
    """How the taps of an output lie in an input of this width; None where the kernel cannot gather them.

    at: where the first patch begins. ordered: for a number of segments, which weight each tap has, and -1 for none.
    """
    places = places_of(op, width)
    count = len(places)
    segments = -(-count // SEGMENT)
    if count % (4 * segments) == 0 and in_words(op, width, at):
        return Patch(segments, count // segments)
    if places[-1] >= 1 << 16:
        return None
    order = ordered(segments)
    return Patch(segments, len(order) // segments, np.where(order < 0, 0, places[order]), order)


def places_of(op: Conv2D | Dense, width: int) -> Ints:
    """(taps,): where in a patch each weight's activation is, in an input of this width."""
    if isinstance(op, Dense):
        return np.arange(op.weights.shape[1])
    _, rows, columns, channels = op.weights.shape
    down, right = np.arange(rows) * op.dilation[0] * width * channels, np.arange(columns) * op.dilation[1] * channels
    return np.asarray((down[:, None, None] + right[:, None] + np.arange(channels)).ravel())


def in_words(op: Conv2D | Dense, width: int, at: int) -> bool:
    """Whether every patch is one row of whole words. at: where the first one begins."""
    places = places_of(op, width)
    steps = [0, depth(op)] if isinstance(op, Dense) else [op.stride[1] * depth(op), op.stride[0] * width * depth(op)]
    whole = places[-1] == len(places) - 1 and len(places) % 4 == 0
    return bool(whole and not any(number % 4 for number in (*steps, at)))


multipliers = lru_cache(maxsize=256)(rescale)


@lru_cache(maxsize=256)
def fit_layer(op: Conv2D | Dense) -> Fit:
    """The factors of all output channels."""
    return fit(sums(op))


def sums(op: Weighted) -> Rescale:
    """What becomes of the raw sums of a layer that has one weight for each tap and output channel."""
    weights = op.rows
    positive, negative = np.maximum(weights, 0).sum(1), np.maximum(-weights, 0).sum(1)
    least, greatest = -128 * positive - 127 * negative, 127 * positive + 128 * negative
    multiplier, shift = (numbers.astype(np.int64) for numbers in multipliers(op))
    low, high = activation_range(op)
    return Rescale(
        multiplier, shift, raw_bias(op), op.output.zero_point, least, greatest, low, high, once=isinstance(op, Dense)
    )


def raw_bias(op: Weighted) -> Ints:
    """What is added to sums of products with raw activations: the bias, and the input's zero point times all weights."""
    return np.asarray(op.biases - op.input.zero_point * op.rows.sum(1))


def in_full(op: Conv2D | Dense) -> Ints:
    """(outputs, 4): the bias of raw sums, multiplier, left and right shift, by which sums are rescaled without factors."""
    multiplier, shift = (numbers.astype(np.int64) for numbers in multipliers(op))
    return np.stack([raw_bias(op), multiplier, np.maximum(shift, 0), np.maximum(-shift, 0)], axis=1)


@dataclass(frozen=True)
class Stream:
    """What the kernel reads while it computes. content: of the whole stream."""

    runs: list[Run]
    content: bytes
    shift: int


def stream(op: Conv2D | Dense, first: int, last: int, taps: Patch) -> Stream | None:
    """The weights and factors of outputs first to last - 1."""
    block = slice(first, last)
    proved = fit_layer(op).part(block)
    cut, segments = taps.cut(op.rows[block]), taps.segments
    runs = runs_of(cut, proved.found)
    if runs is None:
        return None
    exact = in_full(op)[block]
    content = b""
    for segment in range(segments):
        at = 0
        for run in runs:
            body = BODIES[run.body]
            slots = body.chunks(cut.shape[2]) * body.chunk
            for _ in range(run.groups):
                size = run.outputs
                words = np.zeros((body.outputs, slots), np.int64)
                words[body.outputs - size :, slots - cut.shape[2] :] = cut[at : at + size, segment]
                content += ((words[0::2] + (words[1::2] << 16)).T & 0xFFFFFFFF).astype("<u4").tobytes()
                if segment == segments - 1:
                    factors = exact if run.ending == EXACTLY else proved.factors[run.ending]
                    content += factors[at : at + size].astype("<i4").tobytes()
                at += size
    return Stream(runs, content, proved.shift)


def records(made: Stream, taps: Patch) -> list[Record]:
    """What follows the parameters: the runs, and the table of taps, if there is one."""
    runs = [
        {
            "kind": run.body | BODIES[run.body].chunks(taps.taps) << 8 | (run.skipped + _GROUP * run.ending) << 16,
            "groups": run.groups,
        }
        for run in made.runs
    ]
    table = [] if taps.places is None else [{"places": int(a | b << 16)} for a, b in taps.places.reshape(-1, 2)]
    return [*(("run", run) for run in runs), *(("table", entry) for entry in table)]


def groupings(made: Stream) -> dict[Grouping, int]:
    """How many groups of outputs there are of each kind."""
    found: Counter[Grouping] = Counter()
    for run in made.runs:
        found[Grouping(run.outputs, BODIES[run.body].chunk, run.ending == EXACTLY)] += run.groups
    return dict(found)


def cycles(made: Stream, taps: Patch) -> int:
    """What one pixel costs."""
    more = taps.segments - 1
    gather = 4 if taps.places is None else 7
    total = 62 + gather * taps.segments * taps.taps + (16 + 55 * more if more else 0)
    for run in made.runs:
        group = taps.segments * (BODIES[run.body].cycles(taps.taps) + 21)
        group += 19 * more + 16 * (more - 1) + 21 if more else 0  # sums between segments
        group += 90 + 68 * run.outputs if run.ending == EXACTLY else 7 + (15 + run.ending) * run.outputs
        total += run.groups * group + (27 if more else 24) * taps.segments
    return total
