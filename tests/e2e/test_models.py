"""Models that other projects made: on the reference, the unix board and the virtual Pico they compute what LiteRT does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.e2e import golden
from tests.e2e.command import watchword
from watchword.board import Board

PEAK_RAM = 132_000  # bytes that a picture model may take of the Pico's heap, with what runs it


@pytest.mark.parametrize("on", ["reference", "unix"])
@pytest.mark.parametrize("name", golden.MODELS)
def test_run_gives_the_golden_outputs(on: str, name: str, shared_data: Path, tmp_path: Path, micropython: Path) -> None:
    x, y = golden.vectors(shared_data, name)
    given, made = tmp_path / "x.npy", tmp_path / "y.npy"
    np.save(given, x)
    watchword("run", golden.path(shared_data, name), "--on", on, "--input", given, "--output", made)
    found = np.load(made)
    assert found.dtype == y.dtype
    assert np.array_equal(found, y.reshape(found.shape))


@pytest.mark.parametrize("ram", [None, 100_000])
@pytest.mark.parametrize("name", golden.MODELS)
def test_every_layer_on_unix(name: str, ram: int | None, shared_data: Path, micropython: Path) -> None:
    """All in RAM, and where a model is too large for that, with weights read in blocks."""
    with Board.open("unix") as board:
        golden.check(board, shared_data, name, 3, ram)


@pytest.mark.parametrize("ram", [52_000, 40_000], ids=["all in RAM", "some read from flash"])
@pytest.mark.parametrize("name", golden.compiled_together("microwakeword/okay_nabu", "microwakeword/alexa"))
def test_every_layer_on_pico_with_weights_in_half_the_bytes(name: str, ram: int, shared_data: Path) -> None:
    steps = golden.compiled(golden.path(shared_data, name), "rp2040", ram).program.steps
    kernels = {step.kernel.name for step in steps}
    assert "packed_bytes" in kernels
    assert "packed" not in kernels
    assert ("read" in kernels) == (ram == 40_000)
    with Board.open("pico") as board:
        golden.check(board, shared_data, name, 3, ram)


@pytest.mark.parametrize("name", golden.compiled_together(*golden.MODELS))
def test_every_layer_on_pico(name: str, shared_data: Path) -> None:
    """One sample of each; `make bench` runs the others."""
    with Board.open("pico") as board:
        golden.check(board, shared_data, name, 1)
        if name in ("mlperf_tiny/vww_96_int8", "tflite_micro/person_detect"):
            assert board.hello.program_heap <= PEAK_RAM
