"""Embeddings: a layer's output for a sound or a picture as a short vector, by which taught words are compared.

The mean of the layer over its places (over each of `parts` stretches of its rows, which keeps some of the order in time), the
signed square root of each value, normalized to one length: int8, bit for bit as boards compute it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from watchword import shipped
from watchword.description import Description
from watchword.errors import ModelError
from watchword.graph import Operation

_knn = shipped.firmware_module("knn")

MOST_VALUES: int = _knn.MOST_VALUES
"""Limit of values in an embedding."""

MOST_PLACES: int = _knn.MOST_PLACES
"""Limit of places of the layer that an embedding may be pooled from."""

RMS: int = _knn.RMS
"""Root mean square of the values of every embedding."""


@dataclass(frozen=True)
class Shape:
    """The shape of a layer's output: a place has a value in each channel."""

    rows: int
    columns: int
    channels: int


def shape(output: Sequence[int], parts: int) -> Shape:
    """Return the shape of an output with its batch axis. ModelError: no embedding can be made of it."""
    rows, columns = (*output[1:-1], 1, 1)[:2]
    if len(output) not in (2, 3, 4) or output[-1] * parts > MOST_VALUES or rows * columns > MOST_PLACES or parts > rows:
        sizes = "x".join(map(str, output[1:]))
        raise ModelError(
            f"embedding: none can be made of an output of {sizes} in {parts} parts: "
            f"at most {MOST_VALUES} values, of {MOST_PLACES} places"
        )
    return Shape(rows, columns, output[-1])


def find(operations: Iterable[Operation], name: str) -> int:
    """Find the index of the layer whose output has this name. ModelError: there is none."""
    outputs = [operation.output.name for operation in operations]
    if name not in outputs:
        last = ", ".join(outputs[-6:])
        raise ModelError(f"embedding: no layer is named {name!r}; the last ones are {last}: `watchword inspect` shows all")
    return outputs.index(name)


def key(description: Description) -> bytes:
    """Return the 32-byte key of a model, its embedding layer and its input: words taught with one key fit no other."""
    fed = {name: value for name, value in description.as_dict().items() if name in ("kind", "features", "frontend", "input")}
    named = [description.sha256, description.embedding, description.embedding_parts, fed]
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).digest()


def embed(values: NDArray[np.int8], zero_point: int, parts: int = 1) -> NDArray[np.int8]:
    """Embed a layer's outputs, int8 (n, rows, columns, channels), (n, rows, channels) or (n, channels).

    Returns int8 (n, parts * channels), all zeros where every value of the output is its zero point, as of silence.
    """
    values = values.reshape(len(values), *(*values.shape[1:-1], 1, 1)[:2], values.shape[-1])
    rows = values.shape[1]
    real = values.astype(np.int64) - zero_point
    stretches = [real[:, i * rows // parts : -(-(i + 1) * rows // parts)].sum((1, 2)) for i in range(parts)]
    sums = np.concatenate(stretches, axis=1)
    length = math.isqrt(RMS * RMS * sums.shape[1])
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
