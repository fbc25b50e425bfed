"""What a layer says of a sound or a picture, as a short vector: the numbers by which taught words are compared.

The mean of the layer over its places (over each of `parts` stretches of its rows, which keeps some of the order in time), the
square root of each value, all brought to one length: int8, bit for bit as boards compute it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

MOST = 256
"""Values of an embedding."""

PLACES = 4096
"""Of the layer, that one value may be the mean of."""

UNIT = 40
"""What values of an embedding are like: its length is UNIT times the root of their number."""


def embed(values: NDArray[np.int8], zero_point: int, parts: int = 1) -> NDArray[np.int8]:
    """A layer's output, (n, rows, columns, channels) or (n, channels) -> (n, parts * channels).

    All zeros where every value of the output is its zero point, as of silence.
    """
    if values.ndim == 2:
        values = values[:, None, None]
    rows = values.shape[1]
    real = values.astype(np.int64) - zero_point
    stretches = [real[:, i * rows // parts : -(-(i + 1) * rows // parts)].sum((1, 2)) for i in range(parts)]
    sums = np.concatenate(stretches, axis=1)
    length = math.isqrt(UNIT * UNIT * sums.shape[1])
    out = np.zeros(sums.shape, np.int8)
    for to, some in zip(out, sums, strict=True):
        total = int(np.abs(some).sum())
        if not total:
            continue
        # As many bits as 30 hold: a root of an even number of bits more has half of them more.
        shift = max(0, (30 - total.bit_length()) // 2 * 2)
        norm = math.isqrt(total << shift)
        roots = np.array([math.isqrt(abs(int(value)) << shift) for value in some])
        scaled = np.minimum((roots * length + norm // 2) // norm, 127)
        to[:] = np.where(some < 0, -scaled, scaled)
    return out
