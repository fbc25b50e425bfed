"""Softmax, as a call of its kernel."""

from __future__ import annotations

from watchword import kernels
from watchword.compile.lower.call import CYCLES_PER_OUTPUT, Call, Lowerings, rows_at_once
from watchword.errors import UnsupportedError
from watchword.graph import Softmax
from watchword.kernels import SOFTMAX
from watchword.reference import softmax_exponentials

_MOST: int = kernels.module("softmax").MOST


def softmax(op: Softmax) -> list[Call]:
    depth = op.input.shape[-1]
    if depth > _MOST:
        raise UnsupportedError(f"{op.output.name}: Softmax over {depth} values; the kernel takes at most {_MOST}")
    rows = op.input.size // depth
    return [
        Call(
            SOFTMAX,
            rows,
            rows_at_once(rows, op.output.size * 4 * CYCLES_PER_OUTPUT),
            {"depth": depth},
            {"input": op.input, "output": op.output},
            {"table": softmax_exponentials(op).astype("<i4").tobytes()},
            {"scratch": 4 * (4 + depth)},
        )
    ]


LOWER: Lowerings = {Softmax: softmax}
