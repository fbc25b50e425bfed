"""SVDF in integers (tflite::reference_ops::EvalIntegerSVDF)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from watchword.errors import ModelError
from watchword.graph import Operation, Svdf
from watchword.reference.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier


def svdf_multipliers(op: Svdf) -> tuple[tuple[int, int], tuple[int, int]]:
    """(multiplier, shift) from sums over the input to the state, and from sums over the state to the output.

    ModelError: the scales are too far apart for 32 bits.
    """
    input, features, state, time, output = (
        tensor.scale[0].astype(np.float32) for tensor in (op.input, op.features, op.state, op.time, op.output)
    )
    with np.errstate(over="ignore"):
        reals = float(input * features / state), float(state * time / output)
    if not max(reals) < 2**30:
        raise ModelError(f"{op.kind} {op.output.name!r}: its scales are more than 2^30 apart")
    return quantize_multiplier(reals[0]), quantize_multiplier(reals[1])


def initial_state(op: Svdf) -> NDArray[np.int16]:
    """The state after a reset, int16 (filters, steps)."""
    return np.zeros(op.time.shape, np.int16)


def svdf(op: Svdf, x: NDArray[np.int8], state: NDArray[np.int16]) -> tuple[NDArray[np.int8], NDArray[np.int16]]:
    """Consecutive steps: x int8 (steps, in), state int16 (filters, steps kept) -> int8 (steps, units), the state after.

    LiteRT takes this operation with a fused RELU only, and then does not apply it.
    """
    assert op.features.data is not None
    assert op.time.data is not None
    to_state, to_output = svdf_multipliers(op)
    centred = x.astype(np.int64) - op.input.zero_point
    features = centred @ op.features.data.astype(np.int64).T
    results = np.clip(multiply_by_quantized_multiplier(features, *to_state), -(2**15), 2**15 - 1)
    history = np.concatenate([state.T[1:], results.astype(np.int16)])  # (steps kept - 1 + steps, filters)
    seen = np.lib.stride_tricks.sliding_window_view(history, len(state.T), axis=0)  # (steps, filters, steps kept)
    sums = np.einsum("sft,ft->sf", seen.astype(np.int64), op.time.data.astype(np.int64))
    sums = sums.reshape(len(x), -1, op.rank).sum(axis=2)
    if op.bias is not None:
        assert op.bias.data is not None
        sums = sums + op.bias.data
    # Sums wrap at 32 bits as in C.
    scaled = multiply_by_quantized_multiplier(sums.astype(np.int32), *to_output) + op.output.zero_point
    return np.clip(scaled, -128, 127).astype(np.int8), history[len(x) - 1 :].T


RUN: dict[type[Operation], Callable[..., NDArray[np.int8]]] = {Svdf: lambda op, x: svdf(op, x, initial_state(op))[0]}
