"""Embeddings: the output of a layer of the running program as a short vector, as in the host's embedding.py."""

from array import array

from watchword.kernels import bodies
from watchword.knn import MOST_PLACES, MOST_VALUES, RMS, isqrt

kernels = bodies.module("knn")


class Embedder:
    """Embeds what the model hears or sees: `values` is the embedding after `look`, int8 as bytes.

    `look` has to be called when `steps` of the program have run. most: steps of the program. ValueError: it has no such layer.
    """

    def __init__(self, program, most, body=kernels):
        layer = program.description.get("taught")
        if not isinstance(layer, dict):
            raise ValueError("its description names no embedding: `watchword describe --embedding LAYER`")
        at, step, rows, columns, channels = [layer[key] for key in ("at", "step", "rows", "columns", "channels")]
        parts, zero, order = layer["parts"], layer["zero_point"], bytes(layer["order"] or range(channels))
        self.key = bytes.fromhex(layer["key"])
        self.steps = layer["steps"]
        self.dims = parts * channels
        if (
            min(at, step, rows - 1, columns - 1, channels - 1, parts - 1, self.steps - 1) < 0
            or self.steps > most
            or self.dims > MOST_VALUES
            or rows * columns > MOST_PLACES
            or parts > rows
            or at + (rows * columns - 1) * step + channels > len(program.arena)
            or not -128 <= zero <= 127
            or sorted(order) != list(range(channels))
            or len(self.key) != 32
        ):
            raise ValueError("its embedding lies outside its arena, or is too large")
        self.order = order
        self.arena = program.arena
        self.kernels = body
        self.length = isqrt(RMS * RMS * self.dims)
        self.sums = array("i", bytes(4 * self.dims))
        self.values = bytearray(self.dims)
        self.parts = []  # of the layer's rows, as `pool` takes them
        for i in range(parts):
            first, last = i * rows // parts, -(-(i + 1) * rows // parts)
            places = (last - first) * columns
            begin = at + first * columns * step
            p = (begin, step, columns, last - first, columns * step, channels, zero * places, i * channels)
            self.parts.append(array("i", p))

    def look(self):
        """Compute the embedding from the arena."""
        for p in self.parts:
            self.kernels.pool(p, self.arena, self.sums, self.order)
        self.kernels.normalise(self.sums, self.dims, self.length, self.values)
