"""Exact simplification of all real models, on many inputs and on all pictures. Writes tests/bench/simplify.md."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from watchword import reference, tflite
from watchword.chips.rp2040 import RP2040
from watchword.compile import compile
from watchword.compile.simplify import simplify
from watchword.description import Description

MODELS = (
    "mlperf_tiny/vww_96_int8",
    "mlperf_tiny/kws_ref_model",
    "mlperf_tiny/str_ww_ref_model",
    "tflite_micro/person_detect",
    "tflite_micro/micro_speech_quantized",
    "tflite_micro/hello_world_int8",
    "microwakeword/alexa",
    "microwakeword/okay_nabu",
    "microwakeword/hey_jarvis",
)
RANDOM = 1000


def pictures(folder: Path) -> NDArray[np.int8]:
    """All pictures as the visual wake words model takes them: 96 x 96, pixel - 128."""
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    found = sorted(folder.rglob("*.jpg"))
    pixels = [np.asarray(image.open(path).convert("RGB").resize((96, 96))) for path in found]
    return (np.array(pixels).astype(np.int16) - 128).astype(np.int8)


def test_outputs_are_identical_and_what_is_saved(root: Path, shared_data: Path) -> None:
    rows = []
    for name in MODELS:
        start = time.perf_counter()
        graph = tflite.read(shared_data / f"models/{name}.tflite")
        result = simplify(graph)
        seconds = time.perf_counter() - start
        x = np.random.default_rng(0).integers(-128, 128, (RANDOM, *graph.input.shape[1:])).astype(np.int8)
        seen = f"{RANDOM} random"
        if name == "mlperf_tiny/vww_96_int8":
            real = pictures(shared_data / "images/coco")
            assert len(real) == 145
            x = np.concatenate([x, real])
            seen += f", {len(real)} pictures"
            start = time.perf_counter()
            compile(tflite.read(shared_data / f"models/{name}.tflite"), Description("vww", ("none", "person")), RP2040)
            seconds = time.perf_counter() - start
            assert result.after.macs <= 0.55 * result.before.macs
        np.testing.assert_array_equal(reference.run(result.graph, x), reference.run(graph, x), err_msg=name)
        before, after = result.before, result.after
        figures = (before.macs, after.macs, f"{1 - after.macs / before.macs:.1%}", before.weights, after.weights)
        rows.append((name, *figures, before.activations, after.activations, f"{seconds:.2f}", seen))
    columns = (
        "model",
        "MACs",
        "left",
        "removed",
        "weights, bytes",
        "left",
        "activations, bytes",
        "left",
        "seconds",
        "equal on",
    )
    text = "# Exact simplification\n\n"
    text += "Seconds are of import and simplification, for vww_96_int8 also of compiling. `make bench` writes this.\n\n"
    text += "\n".join(f"| {' | '.join(map(str, row))} |" for row in (columns, ["---"] * len(columns), *rows)) + "\n"
    (root / "tests/bench/simplify.md").write_text(text)
    print("\n" + text)
