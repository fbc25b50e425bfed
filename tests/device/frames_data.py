"""Cases for frames.py: one line of JSON each, and the bytes of all frames and of the inputs that the host makes of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from watchword.features import frames

SIZES = [  # of frame and input: width, height, columns, rows
    (160, 120, 96, 96),
    (96, 96, 96, 96),
    (1, 1, 8, 8),
    (1, 9, 3, 5),
    (97, 31, 20, 28),
    (64, 64, 10, 10),
    (20, 15, 33, 21),
    (5, 640, 4, 7),
    (640, 4, 24, 3),
    (35, 50, 1, 1),
    (3, 2, 40, 1),
]


def make(folder: Path, shared: Path | None, target: str) -> None:
    rng = np.random.default_rng(5)
    with (folder / "cases.jsonl").open("w") as lines, (folder / "cases.bin").open("wb") as content:
        for i, (width, height, columns, rows) in enumerate(SIZES):
            for channels in (1, 3):
                most = 256 if channels == 1 else 65536
                pixels = [rng.integers(0, most, (height, width)), rng.choice([0, most - 1], (height, width))]
                pixels.append(np.full((height, width), (most - 1) * (i % 2)))
                multiplier, offset = ((65536, -128), (33000, -100), (70000, 20))[i % 3]
                for frame in pixels[: 1 if width * height > 5000 and target != "unix" else 3]:
                    kind = np.uint8 if channels == 1 else np.uint16
                    x = frames.to_tensor(frame.astype(kind), (rows, columns, channels), frames.table(multiplier, offset))
                    lines.write(json.dumps([width, height, [rows, columns, channels], multiplier, offset]) + "\n")
                    content.write(frame.astype("u1" if channels == 1 else ">u2").tobytes() + x.tobytes())
