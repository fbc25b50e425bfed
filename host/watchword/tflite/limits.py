"""What a model may ask of the machine that reads it: some bytes of a file are enough to name tensors of any size.

The limits lie far above what any board runs, and low enough that whatever is done with a graph takes seconds, not hours.
"""

from __future__ import annotations

import math

from watchword import reference
from watchword.errors import UnsupportedError
from watchword.graph import Graph, Operation, ResizeNearestNeighbor, Sliding, extents

OPERATIONS = 1000
VALUES = 1 << 21  # of a tensor, and of a picture with its padding
OUTPUTS = 1 << 16  # values of one, each has a label
ENDS = 64  # outputs
PLACES = 1 << 16  # of a window
AXES = 8
STEPS = 1 << 29  # of the innermost loop of an operation
WINDOW = 1 << 15  # rows or columns of a window, of its strides and its dilations: what boards take


def check(graph: Graph) -> None:
    """UnsupportedError: names the first thing that is too large, and the limit. ModelError: scales that are too far apart."""
    if len(graph.operations) > OPERATIONS:
        raise UnsupportedError(f"the model has {len(graph.operations)} operations: at most {OPERATIONS} are possible")
    most = max(output.tensor.shape[-1] for output in graph.outputs)
    if most > OUTPUTS:
        raise UnsupportedError(f"the model has {most} values in an output: at most {OUTPUTS} are possible")
    if len(graph.outputs) > ENDS:
        raise UnsupportedError(f"the model has {len(graph.outputs)} outputs: at most {ENDS} are possible")
    for op in graph.operations:
        for tensor in (*op.inputs, op.output):
            fits = tensor.size <= VALUES and len(tensor.shape) <= AXES
            _require(op, fits, f"the tensor {tensor.name!r} of the shape {tensor.shape}", f"{VALUES} values and {AXES} axes")
        _require(op, op.macs <= STEPS, f"{op.macs} multiply-accumulates", f"{STEPS}")
        if isinstance(op, Sliding):
            _check_window(op)
        reference.check(op)  # here, so that all commands refuse it alike, and name the file
        if isinstance(op, ResizeNearestNeighbor):
            sides = max(*op.input.shape[1:3], *op.output.shape[1:3])
            _require(op, sides < WINDOW, f"{sides} rows or columns", f"{WINDOW - 1}")


def _check_window(op: Sliding) -> None:
    rows, columns = extents(op)
    _, height, width, channels = op.input.shape
    padded = (rows.before + height + rows.after, columns.before + width + columns.after)
    size, numbers = op.kernel, (*op.kernel, *op.stride, *op.dilation)
    if not op.macs:
        steps = op.output.size * math.prod(size)
        _require(op, steps <= STEPS, f"{steps} places in all windows", f"{STEPS}")
    _require(op, max(numbers) < WINDOW, f"sizes, strides or dilations of {max(numbers)}", f"{WINDOW - 1}")
    _require(op, math.prod(padded) * channels <= VALUES, f"{padded} places with the padding", f"{VALUES} values")
    _require(op, math.prod(size) <= PLACES, f"a window of {size}", f"{PLACES} places")


def _require(op: Operation, condition: bool, what: str, most: str) -> None:
    if not condition:
        raise UnsupportedError(f"{op.kind} {op.output.name!r}: {what}: at most {most} are possible")
