"""Words of a microphone, and the samples that the host makes of them, for microphone.py."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from tests.device.kernels_data import thumb_code

from watchword.features.microphone import Microphone

MOST, LEAST = 2**31 - 1, -(2**31)


def make(folder: Path, shared: Path | None, target: str) -> None:
    rng = np.random.default_rng(8)
    t = np.arange(4000)
    speech = np.sin(t * t / 30000) * rng.normal(0, 2**21, t.size)
    full = rng.integers(LEAST, MOST, t.size, endpoint=True)
    edges = rng.choice([LEAST, MOST, 0, -1, 256, -256, 255], t.size)
    cases = (
        (1014, speech),
        (1014, speech - 3e8),  # with the DC of an SPH0645
        (64, full),
        (1, np.repeat(full[:200], 20)),
        (65535, speech / 1000),
        (16, edges),
        (64000, edges),
        (64, np.full(3000, MOST)),
        (64, np.concatenate([np.full(2000, MOST), np.full(2000, LEAST)])),  # as far as the mean goes
        (512, np.zeros(500)),
        (512, np.full(500, -1)),
    )
    with (folder / "cases.jsonl").open("w") as lines, (folder / "words.bin").open("wb") as content:
        for multiplier, values in cases:
            words = np.clip(values, LEAST, MOST).astype("<i4")
            microphone = Microphone(0)
            microphone.multiplier = multiplier
            samples = microphone.process(words)
            m = microphone
            left = [m.dc, m.clipped, m.least, m.greatest, m.bits]
            lines.write(json.dumps([multiplier, len(words), left]) + "\n")
            content.write(words.tobytes() + samples.astype("<i2").tobytes())
    if target == "rp2040":
        thumb_code(folder / "registers_thumb.mpy", Path(__file__).parent / "registers_thumb.py")
