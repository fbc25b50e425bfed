"""Depthwise 3x3 with two output rows in a word, as calls of PACKED_DEPTHWISE."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from watchword import kernels
from watchword.compile.lower.call import Call, Grouping, Parameter, Record
from watchword.compile.thumb.fit import fit_each
from watchword.compile.thumb.packed import bound, raw_bias, sums
from watchword.graph import DepthwiseConv2D, Tensor, extents
from watchword.kernels import PACKED_DEPTHWISE
from watchword.reference import activation_range, rescale

Ints = NDArray[np.int64]

_contract = kernels.module("packed_depthwise")
LOOPS: tuple[tuple[int, ...], ...] = _contract.LOOPS
RECORD: int = _contract.RECORD
EXACT = len(LOOPS)
_WORD, _SPAN, _GROUP, _CHANNEL, _LINE = 10.5, 33, 48, 140, 35  # cycles of each,
_PAIRS, _EXACT = (0, 87, 91, 94, 96, 98), 200  # of two outputs, by the number of splits, and more where they end exactly


_fit_layer = lru_cache(maxsize=256)(lambda op: fit_each(sums(op)))


def safe(weights: Ints, ends: tuple[int, ...]) -> NDArray[np.bool_]:
    """(channels,): whether the sums of a channel's nine weights, (channels, 9), stay within 16 bits between the splits."""
    begins = (0, *(end + 1 for end in ends))
    sums = [bound(weights[:, begin : end + 1]) for begin, end in zip(begins, ends, strict=False)]
    return np.asarray((np.stack(sums) <= 32767).all(0))


@dataclass(frozen=True)
class Plane:
    """How a channel is packed and walked. Units are words of the plane, and pixels of input and output.

    across: whether lines run along the rows of the picture, else down its columns. high: output rows from the lower to the
    upper half of a word. groups: (spans, words, to, to the next span, lower: (pixel, per word, per span) or None: padding,
    upper likewise).
    """

    across: bool
    lines: int
    positions: int
    high: int
    width: int
    words: int
    groups: list[tuple[int, int, int, int, tuple[int, int, int] | None, tuple[int, int, int] | None]]


def plane(op: DepthwiseConv2D) -> Plane:
    """Of a layer."""
    _, height, width, _ = op.input.shape
    _, out_h, out_w, _ = op.output.shape
    top, left = (window.before for window in extents(op))
    stride = op.stride[0]
    half = -(-out_h // 2)
    high = out_h - half
    rows, columns = (half - 1) * stride + 3, (out_w - 1) * stride + 3
    seen = min(columns, width + left) - left
    across = half <= out_w

    def real(row: int) -> bool:
        return 0 <= row < height

    groups = []
    for lanes, members in groupby(range(rows), key=lambda k: (real(k - top), real(k - top + stride * high))):
        some = list(members)
        first, count = some[0], len(some)
        if not any(lanes):
            continue
        begins = ((first - top) * width, (first - top + stride * high) * width)
        if across:
            steps, shape, to, step = (1, width), (count, seen), first * columns + left, columns
        else:
            steps, shape, to, step = (width, 1), (seen, count), left * rows + first, rows
        lower, upper = ((begin, *steps) if lane else None for lane, begin in zip(lanes, begins, strict=True))
        groups.append((*shape, to, step, lower, upper))
    lines, positions = (half, out_w) if across else (out_w, half)
    return Plane(across, lines, positions, high, columns if across else rows, rows * columns, groups)


def lower_depthwise(op: DepthwiseConv2D, first: int, last: int, order: Ints | None = None) -> Call | None:
    """The call for channels first to last - 1; None where the kernel cannot compute the layer.

    order: for each channel, its place in the output.
    """
    channels = op.input.shape[3]
    stride = op.stride[0]
    starts = [window.before for window in extents(op)]
    if op.weights.shape[1:3] != (3, 3) or op.multiplier != 1 or op.stride != (stride, stride) or stride > 2:
        return None
    if op.dilation != (1, 1) or max(starts) > 1:
        return None
    out_w = op.output.shape[2]
    weights, bias = op.rows[first:last], raw_bias(op)[first:last]
    multiplier, shift = (numbers.astype(np.int64)[first:last] for numbers in rescale(op))
    low, high = activation_range(op)
    shifts, factors, found = (numbers[first:last] for numbers in _fit_layer(op))
    walk = plane(op)
    if not walk.across:
        weights = weights.reshape(-1, 3, 3).transpose(0, 2, 1).reshape(-1, 9)
    loops = []
    safe_for = np.stack([safe(weights, ends) for ends in LOOPS], axis=1)
    for fits, proved in zip(safe_for, found, strict=True):
        possible = np.flatnonzero(fits).tolist()
        if not possible:
            return None
        fastest = min(possible, key=lambda i: len(LOOPS[i]))
        if not proved:
            if EXACT - 1 not in possible:
                return None
            fastest = EXACT
        loops.append(fastest)
    exact = np.stack([bias, multiplier, np.maximum(shift, 0), np.maximum(-shift, 0)], axis=1)
    fast = np.concatenate([factors, np.zeros_like(bias)[:, None]], axis=1)
    endings = np.where(np.array(loops)[:, None] == EXACT, exact, fast)
    records = np.zeros((last - first, RECORD), np.uint8)
    records[:, :9] = weights.astype(np.int8).view(np.uint8)
    records[:, 9] = shifts
    records[:, 12:] = endings.astype("<i4").view(np.uint8).reshape(last - first, 16)

    out_row = out_w * channels
    parameters = {
        "minimum": low + 128,
        "maximum": high + 128,
        "zero_point": op.output.zero_point + 128,
        "channels": last - first,
        "input_zero_point": op.input.zero_point + 128,
        "plane_words": 1 + walk.words,
        "first_window": 4,
        "window_row_step": 4 * walk.width - 12,
        "window_return": 8 * walk.width + 12 - 4 * stride,
        "line_size": 4 * stride * walk.positions,
        "line_step": 4 * stride * (walk.width - walk.positions),
        "lines": walk.lines,
        "output_step": channels if walk.across else out_row,
        "output_line_step": out_row if walk.across else channels,
        "output_half": walk.high * out_row,
        "groups": len(walk.groups),
    }
    space = Tensor("", (4 * (1 + walk.words),), np.dtype(np.int8), np.ones(1, np.float32))
    tensors: dict[Parameter, Tensor] = {"input": op.input, "output": op.output, "plane": space}
    more: list[Record] = []
    for spans, words, to, step, lower, upper in walk.groups:
        group = {"spans": spans, "words": words, "to": 4 * (1 + to), "to_step": 4 * step}
        tensors[len(more), "to"] = space
        for half, lane in (("lower", lower), ("upper", upper)):
            tensors[len(more), half] = space if lane is None else op.input
            begin, per_word, per_span = lane or (0, 0, 0)
            group[half] = first + channels * begin if lane else 0
            group[f"{half}_word_step"] = channels * per_word
            group[f"{half}_span_step"] = channels * per_span
            group[f"{half}_counts"] = int(lane is not None)
        more.append(("group", group))
    places = np.arange(first, last) if order is None else order[first:last]
    more += [("channel", {"kind": int(place) | loop << 16}) for place, loop in zip(places, loops, strict=True)]
    each = _CHANNEL + sum(_GROUP + spans * (_SPAN + words * _WORD) for spans, words, *_ in walk.groups)
    each += walk.lines * _LINE
    pairs = walk.lines * walk.positions
    cycles = int(sum(each + pairs * (_EXACT + _PAIRS[-1] if loop == EXACT else _PAIRS[len(LOOPS[loop])]) for loop in loops))
    return Call(
        PACKED_DEPTHWISE,
        last - first,
        last - first,
        parameters,
        tensors,
        {"records": records.tobytes()},
        more=more,
        cycles=cycles + 5 * walk.words + 300,
        groupings=_groupings(loops),
    )


def _groupings(loops: list[int]) -> dict[Grouping, int]:
    """Channels are groups of one."""
    found: Counter[Grouping] = Counter()
    for loop in loops:
        ends = (-1, *LOOPS[min(loop, EXACT - 1)])
        found[Grouping(1, max(end - begin for begin, end in pairwise(ends)), loop == EXACT)] += 1
    return dict(found)
