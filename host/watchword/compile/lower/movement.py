"""Operations that only move bytes, as calls of COPY and FILL."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from watchword.compile.lower.call import CYCLES_PER_BYTE, Call, Lowerings, rows_at_once
from watchword.errors import UnsupportedError
from watchword.graph import Concatenation, Pad, Reshape, ResizeNearestNeighbor, Slice, Tensor, Transpose
from watchword.kernels import COPY, FILL
from watchword.reference import nearest

ROW = 2048  # values in a row of an operation whose shape does not matter
_NESTS = 256  # calls of a kernel for one operation of many axes; each is 160 bytes of RAM
_TRIED = 1 << 16  # places at which runs are looked for


def reshape(op: Reshape) -> list[Call]:
    """None: its output lies where its input does."""
    return []


def transpose(op: Transpose) -> list[Call]:
    steps = strides(op.input.shape)
    moved = [steps[axis] for axis in op.permutation]
    return copies(op.input, 0, op.output, 0, zip(op.output.shape, moved, strides(op.output.shape), strict=True))


def slice_(op: Slice) -> list[Call]:
    steps = strides(op.input.shape)
    begin = sum(b * step for b, step in zip(op.begin, steps, strict=True))
    strided = [s * step for s, step in zip(op.strides, steps, strict=True)]
    sizes = [len(range(*places)) for places in zip(op.begin, op.end, op.strides, strict=True)]
    return copies(op.input, begin, op.output, 0, zip(sizes, strided, strides(sizes), strict=True))


def pad(op: Pad) -> list[Call]:
    steps = strides(op.output.shape)
    begin = sum(b * step for b, step in zip(op.before, steps, strict=True))
    axes = zip(op.input.shape, strides(op.input.shape), steps, strict=True)
    return [fill(op.output, op.value, op.output.size), *copies(op.input, 0, op.output, begin, axes)]


def concatenation(op: Concatenation) -> list[Call]:
    calls = []
    steps = strides(op.output.shape)
    at = 0
    for tensor in op.inputs:
        axes = zip(tensor.shape, strides(tensor.shape), steps, strict=True)
        calls += copies(tensor, 0, op.output, at * steps[op.axis], axes)
        at += tensor.shape[op.axis]
    return calls


@dataclass(frozen=True)
class _Run:
    """Evenly spaced places of an axis, each the first of `repeats` neighbours that show the same place of the input.

    place, shown: of the output and of the input; step, shown_step: to the next; count: how many.
    """

    place: int
    shown: int
    repeats: int
    count: int = 1
    step: int = 0
    shown_step: int = 0


def resize_nearest_neighbor(op: ResizeNearestNeighbor) -> list[Call]:
    """The first row that shows a row of the input is put together column by column; the others are copies of it."""
    rows, columns = (_runs(along.tolist()) for along in nearest(op))
    count = len(rows) * len(columns) + sum(down.repeats > 1 for down in rows)
    if count > _NESTS:
        sizes = f"from {op.input.shape[1:3]} to {op.output.shape[1:3]}"
        raise UnsupportedError(f"{op.output.name}: {op.kind} {sizes} takes {count} calls of a kernel, {_NESTS} are possible")
    depth = op.input.shape[3]
    width, out_width = op.input.shape[2] * depth, op.output.shape[2] * depth
    calls = []
    for down in rows:
        line = (down.count, down.shown_step * width, down.step * out_width)
        for across in columns:
            begin, to = down.shown * width + across.shown * depth, down.place * out_width + across.place * depth
            spots = [(across.count, across.shown_step * depth, across.step * depth), (across.repeats, 0, depth)]
            calls += copies(op.input, begin, op.output, to, [line, *spots, (depth, 1, 1)])
        if down.repeats > 1:
            first, step = down.place * out_width, down.step * out_width
            axes = [(down.count, step, step), (down.repeats - 1, 0, out_width), (out_width, 1, 1)]
            calls += copies(op.output, first, op.output, first + out_width, axes)
    return calls


def _runs(shown: Sequence[int]) -> list[_Run]:
    """The fewest runs that are found for an axis. shown: for each place that of the input, rising.

    A picture that becomes 3 / 2 as large repeats every other place: two runs, if they may take turns.
    """
    firsts = [place for place in range(len(shown)) if place == 0 or shown[place] != shown[place - 1]]
    ends = [*firsts[1:], len(shown)]
    places = [_Run(place, shown[place], end - place) for place, end in zip(firsts, ends, strict=True)]
    best = _joined(places)
    for turns in range(2, 1 + _TRIED // len(places)):
        if turns >= len(best):
            break
        found = [run for first in range(turns) for run in _joined(places[first::turns])]
        best = min(best, found, key=len)
    return best


def _joined(places: Sequence[_Run]) -> list[_Run]:
    """Neighbours that are alike, as one."""
    runs: list[_Run] = []
    for one in places:
        if runs and runs[-1].repeats == one.repeats:
            last = runs[-1]
            step, shown_step = (one.place - last.place, one.shown - last.shown)
            if last.count == 1 or (step, shown_step) == (last.count * last.step, last.count * last.shown_step):
                each = (step // last.count, shown_step // last.count)
                runs[-1] = _Run(last.place, last.shown, last.repeats, last.count + 1, *each)
                continue
        runs.append(one)
    return runs


def reset(place: Tensor, value: NDArray[np.int8]) -> Call:
    """The call that gives a state its first value."""
    if value.size and (value == value.flat[0]).all():
        return fill(place, int(value.flat[0]), place.size)
    shape = {"planes": 1, "lines": 1, "values": value.size}
    steps = {"input_value_step": 1, "output_value_step": 1, "input_is_constant": 1}
    return Call(COPY, 1, 1, shape | steps, {"output": place}, {"input": value.tobytes()})


def fill(place: Tensor, value: int, size: int) -> Call:
    """The call that sets all bytes of a tensor to an int8 value."""
    return Call(FILL, 1, 1, {"value": value + 128, "row_size": size}, {"output": place})


def move(source: Tensor, destination: Tensor) -> list[Call]:
    """The calls that copy a tensor, or a constant, to another of the same size."""
    return copies(source, 0, destination, 0, [(source.size, 1, 1)])


def copies(source: Tensor, source_at: int, output: Tensor, output_at: int, axes: Iterable[tuple[int, int, int]]) -> list[Call]:
    """Calls of COPY. axes: (size, bytes from place to place of the source, the same of the output), outermost first."""
    calls = []
    for sizes, (at, to), (steps, output_steps) in nests(output, axes, 2):
        rows = sizes[0]
        parameters = {
            "input": source_at + at,
            "output": output_at + to,
            "input_is_constant": int(source.data is not None),
            **shape(sizes),
            **axis_steps("input", steps),
            **axis_steps("output", output_steps),
        }
        call = Call(COPY, rows, rows_at_once(rows, math.prod(sizes) * CYCLES_PER_BYTE), parameters, {"output": output})
        if source.data is None:
            call.tensors["input"] = source
        else:
            call.constants["input"] = source.data.astype(np.int8).tobytes()
        calls.append(call)
    return calls


def strides(shape: Sequence[int]) -> list[int]:
    """Bytes from place to place along each axis of a dense int8 array."""
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]


def shape(sizes: Sequence[int]) -> dict[str, int]:
    """The parameters of three axes; the first one is the rows."""
    return dict(zip(("planes", "lines", "values"), sizes[1:], strict=True))


def axis_steps(array: str, steps: Sequence[int]) -> dict[str, int]:
    """The parameters of four axes: bytes from place to place of an array."""
    return {f"{array}_{axis}_step": step for axis, step in zip(("row", "plane", "line", "value"), steps, strict=True)}


Nest = tuple[tuple[int, ...], tuple[int, ...], tuple[tuple[int, ...], ...]]


def nests(output: Tensor, axes: Iterable[tuple[int, ...]], arrays: int) -> list[Nest]:
    """Loops over any number of axes as nests of four, which is what kernels have.

    axes: (size, step of one array, step of the next, ...). A nest: four sizes; where each array begins; four steps of each.
    """
    axes = [axis for axis in axes if axis[0] > 1]
    joined: list[tuple[int, ...]] = []
    for axis in reversed(axes):
        inner = joined[0] if joined else None
        # Axes that lie behind each other are one, as long as there is something left to count as rows.
        if inner and axis[0] * inner[0] <= ROW and all(a == inner[0] * b for a, b in zip(axis[1:], inner[1:], strict=True)):
            joined[0] = (axis[0] * inner[0], *inner[1:])
        else:
            joined.insert(0, axis)
    found: list[Nest] = []
    outer, inner_axes = joined[:-4], joined[-4:]
    count = math.prod(axis[0] for axis in outer)
    if count > _NESTS:
        raise UnsupportedError(f"{output.name}: {len(joined)} axes in an order that takes {count} calls of a kernel")
    for places in np.ndindex(*(axis[0] for axis in outer)):
        begins = [sum(i * axis[k + 1] for i, axis in zip(places, outer, strict=True)) for k in range(arrays)]
        full = [(1,) + (0,) * arrays] * (4 - len(inner_axes)) + inner_axes
        steps = tuple(tuple(axis[k + 1] for axis in full) for k in range(arrays))
        found.append((tuple(axis[0] for axis in full), tuple(begins), steps))
    return found


LOWER: Lowerings = {
    Reshape: reshape,
    Transpose: transpose,
    Slice: slice_,
    Pad: pad,
    Concatenation: concatenation,
    ResizeNearestNeighbor: resize_nearest_neighbor,
}
