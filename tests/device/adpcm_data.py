"""Sound as the host's ADPCM sends and decodes it, for adpcm.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from watchword.data.adpcm import Adpcm


def make(folder: Path, shared: Path | None, target: str) -> None:
    rng = np.random.default_rng(6)
    t = np.arange(6000)
    tone = np.sin(t * t / 40000) * 20000
    noise = rng.integers(-32768, 32768, 2000)
    square = np.where(t[:2000] // 50 % 2, 32767, -32768)  # the steps grow to the last one, and the ends are met
    sound = np.concatenate([np.zeros(500), tone, noise, square, rng.integers(-3, 4, 1500)]).astype(np.int16)
    coded = Adpcm().encode(sound) + rng.bytes(2000)  # also codes that no encoder sends
    (folder / "coded.raw").write_bytes(coded)
    (folder / "samples.raw").write_bytes(Adpcm().decode(coded).astype("<i2").tobytes())
