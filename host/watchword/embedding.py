"""What a layer says of a sound or a picture, as a short vector: the numbers by which taught words are compared.

The mean of the layer over its places (over each of `parts` stretches of its rows, which keeps some of the order in time), the
square root of each value, all brought to one length: int8, bit for bit as boards compute it.
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
"""Of an embedding."""

MOST_PLACES: int = _knn.MOST_PLACES
"""Of the layer, that one value may be the mean of."""

RMS: int = _knn.RMS
"""Root mean square of the values: all embeddings are brought to it."""


@dataclass(frozen=True)
class Shape:
    """Of a layer's output: a place has a value in each channel."""

    rows: int
    columns: int
    channels: int


def shape(output: Sequence[int], parts: int) -> Shape:
    """Of an output with its batch. ModelError: no embedding can be made of it."""
    rows, columns = (*output[1:-1], 1, 1)[:2]
    if len(output) not in (2, 3, 4) or output[-1] * parts > MOST_VALUES or rows * columns > MOST_PLACES or parts > rows:
        sizes = "x".join(map(str, output[1:]))
        raise ModelError(
            f"embedding: none can be made of an output of {sizes} in {parts} parts: "
            f"at most {MOST_VALUES} values, of {MOST_PLACES} places"
        )
    return Shape(rows, columns, output[-1])


def find(operations: Iterable[Operation], name: str) -> int:
    """The number of the layer whose output has this name. ModelError: there is none."""
    outputs = [operation.output.name for operation in operations]
    if name not in outputs:
        last = ", ".join(outputs[-6:])
        raise ModelError(f"embedding: no layer is named {name!r}; the last ones are {last}: `watchword inspect` shows all")
    return outputs.index(name)


def key(description: Description) -> bytes:
    """32 bytes that say whose words are told apart by it: of this model, this layer, and what feeds it."""
    fed = {name: value for name, value in description.as_dict().items() if name in ("kind", "features", "frontend", "input")}
    named = [description.sha256, description.embedding, description.embedding_parts, fed]
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).digest()


def embed(values: NDArray[np.int8], zero_point: int, parts: int = 1) -> NDArray[np.int8]:
    """A layer's outputs, (n, rows, columns, channels), (n, rows, channels) or (n, channels) -> (n, parts * channels).

    All zeros where every value of the output is its zero point, as of silence.
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
