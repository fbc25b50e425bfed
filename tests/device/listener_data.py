"""A program, sound and what the host makes of it, for listener.py. The sound is made, so that no data set is needed."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np

from watchword import reference
from watchword.chips import named
from watchword.compile import compile
from watchword.description import Decision, Description
from watchword.evaluate.streaming import Runs, detections
from watchword.features.micro import FrontendParameters, MicroFrontend, to_int8
from watchword.graph import Conv2D, Dense, Graph, Softmax, Tensor

FRAMES = 49


def tensor(name: str, shape: tuple[int, ...], scale: float, zero_point: int) -> Tensor:
    return Tensor(name, shape, np.dtype(np.int8), np.array([scale], np.float32), zero_point)


def model() -> Graph:
    rng = np.random.default_rng(4)
    x, c = tensor("x", (1, FRAMES, 40, 1), 0.1, -128), tensor("c", (1, 25, 5, 8), 0.4, -128)
    d, y = tensor("d", (1, 3), 0.3, 10), tensor("y", (1, 3), 1 / 256, -128)

    def weights(name: str, shape: tuple[int, ...], scale: float) -> Tensor:
        data = rng.integers(-127, 128, shape).astype(np.int8)
        return Tensor(name, shape, data.dtype, np.array([scale], np.float32), 0, 0, data)

    conv = Conv2D(x, c, weights("w", (8, 10, 8, 1), 0.01), None, (2, 8), activation="relu")
    return Graph("listen", x, y, [conv, Dense(c, d, weights("v", (3, 1000), 0.002), None), Softmax(d, y)])


def one_word() -> Graph:
    """Three frames in, one score out, as a microWakeWord has them: the louder, the higher."""
    x, y = tensor("x", (1, 3, 40), 0.1, -128), tensor("y", (1, 1), 1 / 256, -128)
    data = np.ones((1, 120), np.int8)
    weights = Tensor("w", data.shape, data.dtype, np.array([1.2e-3], np.float32), 0, 0, data)
    return Graph("word", x, y, [Dense(x, y, weights, None)])


def every_third_frame(sound: np.ndarray) -> tuple[Description, Runs]:
    """What the one word gives on whole blocks of 160 samples, as the test feeds them, the last one left out."""
    graph = one_word()
    description = Description(
        name="word", labels=("word",), frontend=FrontendParameters(hop_ms=10), decision=Decision(0.5, 5, 0.3, 3)
    )
    rows = to_int8(MicroFrontend(description.frontend).process(sound[: (len(sound) - 1) // 160 * 160]))
    counts = np.arange(3, len(rows) + 1, 3)
    outputs = reference.run(graph, np.stack([rows[count - 3 : count] for count in counts]))
    return description, Runs(outputs, ((counts - 1) * 160 + 480) // 16)


def signal() -> np.ndarray:
    """Three seconds: chirps of changing loudness in noise."""
    rng = np.random.default_rng(9)
    t = np.arange(48000) / 16000
    wave = np.sin(2 * np.pi * (300 + 500 * t * np.sin(3 * t)) * t) * np.abs(np.sin(4 * t)) * 9000
    return (wave + rng.normal(0, 200, len(t))).clip(-32768, 32767).astype(np.int16)


def make(folder: Path, shared: Path | None, target: str) -> None:
    graph, chip = model(), named(target)
    description = Description(name="listen", labels=("a", "b", "c"), background=("a",), decision=Decision(0.3, 2, 0.2, 2))
    (folder / "listen.ww").write_bytes(compile(graph, description, chip).content)
    sound = signal()
    (folder / "sound.raw").write_bytes(sound.astype("<i2").tobytes())
    rows = to_int8(MicroFrontend(description.frontend).process(sound))
    padded = np.concatenate([np.full((FRAMES, 40), -128, np.int8), rows])
    windows, seen = [], b""
    for count in (3, 30, 49, 50, 99, len(rows)):
        x = padded[count : count + FRAMES].reshape(1, FRAMES, 40, 1)
        windows.append((count - 1) * description.frontend.hop + 480)
        seen += x.tobytes() + reference.run(graph, x).tobytes()
    (folder / "windows.bin").write_bytes(seen)  # input and output for each
    # The test feeds whole blocks of 320 samples, the last one left out; the model runs every second frame.
    counts = np.arange(2, (len(sound) - 320 - 1) // 320 + 1, 2)
    counts = counts[(counts - 1) * 320 + 480 <= (len(sound) - 320 - 1) // 320 * 320]
    outputs = reference.run(graph, np.stack([padded[c : c + FRAMES] for c in counts])[..., None])
    fired = len(detections(Runs(outputs, ((counts - 1) * 320 + 480) // 16), description))
    word, runs = every_third_frame(sound)
    (folder / "word.ww").write_bytes(compile(one_word(), word, chip).content)
    heard = [round(1000 * (detection.time + 1)) for detection in detections(runs, word)]
    ended = []
    for ends in (60, 79, 80, 109, 110, 900, 1390, 1410, 2719, 2720):
        found = detections(dataclasses.replace(runs, ends=ends), word)
        ended.append((ends, [round(1000 * (detection.time + 1)) for detection in found]))
    assert {len(found) for _, found in ended} == {0, 1, 2}
    for name, kind in (("mfcc", {"features": "mfcc"}), ("picture", {"kind": "picture"}), ("tensor", {"kind": "tensor"})):
        other = Description(name=name, labels=("a", "b", "c"), **kind)
        (folder / f"{name}.ww").write_bytes(compile(graph, other, chip).content)
    expected = {"windows": windows, "fired": fired, "runs": len(runs.times), "heard": heard, "ended": ended}
    (folder / "expected.json").write_text(json.dumps(expected))
