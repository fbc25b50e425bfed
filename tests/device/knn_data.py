"""Embeddings of layers, as the host makes them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from watchword.embedding import embed

SHAPES = [(1, 1, 8, 1), (25, 5, 16, 2), (7, 3, 5, 3), (4, 4, 256, 1), (2, 1, 128, 2), (12, 12, 3, 4), (64, 64, 2, 1)]


def make(folder: Path, shared: Path | None, target: str) -> None:
    rng = np.random.default_rng(3)
    with (folder / "embeddings.jsonl").open("w") as lines, (folder / "embeddings.bin").open("wb") as content:
        for i, (rows, columns, channels, parts) in enumerate(SHAPES):
            for j, zero in enumerate((-128, -5, 127)):
                shape = (rows, columns, channels)
                layer = [rng.integers(-128, 128, shape), np.full(shape, zero), rng.choice([-128, 127], shape)][(i + j) % 3]
                if (i + j) % 4 == 3:
                    layer = np.clip(zero + rng.integers(0, 3, shape), -128, 127)
                values = layer.astype(np.int8)
                step = channels + i % 3
                order = rng.permutation(channels)
                lying = np.full((rows * columns, step), 99, np.int8)
                lying[:, :channels] = values.reshape(-1, channels)[:, order]
                fields = {"step": step, "rows": rows, "columns": columns, "channels": channels, "parts": parts}
                lines.write(json.dumps(fields | {"zero_point": zero, "order": order.tolist() if j else None}) + "\n")
                if not j:
                    lying[:, :channels] = values.reshape(-1, channels)
                content.write(lying.tobytes() + embed(values[None], zero, parts).tobytes())
