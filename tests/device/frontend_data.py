"""Sound for frontend.py: made extremes, every combination of switches, and where the shared data is, real speech."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tests.device.kernels_data import thumb_code

from watchword.data import audio
from watchword.features import micro
from watchword.features.micro import FrontendParameters, MicroFrontend, pack_tables
from watchword.features.tables import tables


def extremes() -> Iterator[np.ndarray]:
    n, rng = np.arange(4800), np.random.default_rng(0)
    yield n * 0
    for period in (2, 7, 20, 160):
        yield np.where(n // period % 2, 32767, -32768)
    for value in (1, 32767, -32768):
        for at in (1440, 1679, 1680, 1681):
            yield np.where(n == at, value, 0)
    yield n * 0 - 32768
    for loudness in (1, 100, 32767):
        yield rng.integers(-loudness - 1, loudness + 1, len(n))
    yield np.where(n < 2400, rng.integers(-2, 3, len(n)), rng.integers(-32768, 32768, len(n)))
    # as near to an overflow of the transform as sound comes: flat under the window
    window = np.maximum(0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(480) + 0.5) / 480), 1e-4)
    yield np.tile(rng.choice([-1, 1], 480) * np.minimum(32767, 3000 / window), 10).astype(int)


def crowded() -> NDArray[np.int16]:
    """(frames, 480). Beyond that: tones with square sides, flat under the window. Sums of the transform wrap at 16 bits."""
    window = np.maximum(0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(480) + 0.5) / 480), 1e-4)
    tones = []
    for level in (2040, 1020, 500, 62):
        for bin in (5, 31, 64, 100, 127, 130, 201):
            turn = np.exp(2j * np.pi * bin * np.arange(240) / 256 + 0.3j)
            signs = np.sign(np.stack([turn.real, turn.imag], axis=1)).ravel()
            tones.append(signs * np.minimum(32767, level / window))
    return np.array(tones).astype(np.int16)


def energies(frames: NDArray[np.int16]) -> NDArray[np.uint32]:
    """(frames, 480) -> (frames, 236): of bins 5 to 240, where an error of one is seen, which features hardly show."""
    t = tables("micro")
    x = np.zeros((512, len(frames)), np.int16)
    x[:480] = frames.T * t.window.astype(np.int32)[:, None] >> 12
    x <<= 15 - np.frexp(np.abs(x).max(0).astype(np.float64))[1].astype(np.int16)
    return np.ascontiguousarray(micro._energies(*micro._fft256(x[0::2], x[1::2], t), t).T).astype(np.uint32)


def make(folder: Path, shared: Path | None, target: str) -> None:
    (folder / "crowded.bin").write_bytes(crowded().astype("<i2").tobytes())
    (folder / "energies.bin").write_bytes(energies(crowded()).astype("<u4").tobytes())
    (folder / "tables.bin").write_bytes(pack_tables(FrontendParameters()))
    signals = [np.concatenate([s.astype(np.int16) for s in extremes()])]
    if shared is not None:
        sets = sorted(p for p in (shared / "speech").iterdir() if p.is_dir())
        files = [file for folder_ in sets for file in audio.find(folder_)[:: 1 + len(audio.find(folder_)) // 3]]
        speech = [audio.read(file)[:48000] for file in files]
        # On a chip there is neither room nor time for more than one recording.
        signals.append(np.concatenate(speech) if target == "unix" else speech[0][:16000])
    cases = []
    for number, signal in enumerate(signals):
        (folder / f"sound{number}.bin").write_bytes(signal.astype("<i2").tobytes())
        for hop, switches in itertools.product((10, 20), itertools.product((True, False), repeat=3)):
            if hop == 10 and not all(switches):
                continue
            parameters = FrontendParameters(hop, "micro", *switches)
            rows = MicroFrontend(parameters).process(signal)
            name = f"features{len(cases)}.bin"
            (folder / name).write_bytes(rows.astype("<u2").tobytes())
            cases.append(
                {
                    "samples": f"sound{number}.bin",
                    "features": name,
                    "hop": parameters.hop,
                    "switches": switches,
                    "multiplier": 25191 if all(switches) else 300,
                    "frames": len(rows),
                }
            )
    (folder / "cases.json").write_text(json.dumps(cases))
    if target == "rp2040":
        thumb_code(folder / "registers_thumb.mpy", Path(__file__).parent / "registers_thumb.py")
