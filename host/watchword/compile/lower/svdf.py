"""SVDF, as a call of its kernel."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from watchword.compile.lower.call import Call, Lowerings, requantized
from watchword.graph import Svdf
from watchword.kernels import SVDF
from watchword.reference import svdf_multipliers


def svdf(op: Svdf) -> list[Call]:
    assert op.features.data is not None
    assert op.time.data is not None
    to_state, to_output = svdf_multipliers(op)
    filters, inputs = op.features.shape
    units, memory = op.output.shape[-1], op.time.shape[1]
    features = op.features.data.astype(np.int64)
    patch = -(-inputs // 8) * 8
    packed = np.zeros((filters, patch), np.uint8)
    packed[:, :inputs] = features + 128
    folded = -(op.input.zero_point + 128) * features.sum(1)
    bias = np.zeros(units, np.int64) if op.bias is None or op.bias.data is None else op.bias.data
    own = {"inputs": inputs, "units": units, "rank": op.rank, "memory": memory, "patch_size": patch}
    return [
        Call(
            SVDF,
            1,
            1,
            requantized(op, -128, 127, rescale_step=16) | own,
            {"input": op.input, "output": op.output, "state": op.state},
            {
                "rescale": _full_rescales(bias, to_output),
                "features": packed.tobytes(),
                "time": op.time.data.astype("<i2").tobytes(),
                "features_rescale": _full_rescales(folded, to_state),
            },
            {"sums": 4 * units, "patch": patch},
        )
    ]


def _full_rescales(bias: NDArray[np.generic], rescale: tuple[int, int]) -> bytes:
    """RESCALE of each channel, of sums that may be any int32: the kernel multiplies in full, and wraps."""
    multiplier, shift = rescale
    return b"".join(struct.pack("<4i", int(b), multiplier, max(shift, 0), max(-shift, 0)) for b in bias)


LOWER: Lowerings = {Svdf: svdf}
