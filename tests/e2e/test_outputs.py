"""Models of several outputs on boards: every output is the reference's, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.e2e.command import watchword
from tests.unit.graphs_of_outputs import past, random_outputs
from tests.unit.random_graphs import random_inputs
from watchword import reference, tflite
from watchword.board import Board
from watchword.graph import Graph
from watchword.model import load


def check(board: Board, graph: Graph, folder: Path, samples: int, simplify: bool) -> None:
    path = folder / f"{graph.name}.tflite"
    path.write_bytes(tflite.write(graph))
    model = load(path)
    program = model.compile(board.hello.target, simplify=simplify)
    board.push(program, scratch=True)
    x = random_inputs(graph, 1, samples)
    expected = reference.run_outputs(graph, x)
    for i, sample in enumerate(x):
        made = board.run_outputs(program, sample, reset=i == 0)
        for output, ours, theirs in zip(graph.outputs, made, expected, strict=True):
            assert np.array_equal(ours, theirs[i]), f"{graph.name}, sample {i}, {output.name}"


@pytest.mark.parametrize("simplify", [True, False])
@pytest.mark.parametrize("seed", range(12))
def test_every_output_on_unix(seed: int, simplify: bool, tmp_path: Path, board: Board) -> None:
    check(board, random_outputs(seed), tmp_path, 3, simplify)


@pytest.mark.parametrize("simplify", [True, False])
def test_what_a_state_was_is_an_output_beside_what_it_becomes(simplify: bool, tmp_path: Path, board: Board) -> None:
    check(board, past(), tmp_path, 3, simplify)


def test_every_output_on_pico(tmp_path: Path) -> None:
    with Board.open("pico") as board:
        for graph in (past(), random_outputs(0), random_outputs(3)):
            check(board, graph, tmp_path, 1, True)


def test_run_and_bench_on_a_board(tmp_path: Path, micropython: Path) -> None:
    graph = past()
    (tmp_path / "past.tflite").write_bytes(tflite.write(graph))
    x = random_inputs(graph, 1, 3)
    np.save(tmp_path / "x.npy", x)
    made = {}
    for on in ("reference", "unix"):
        watchword(
            "run", tmp_path / "past.tflite", "-i", tmp_path / "x.npy", "-o", tmp_path / f"{on}.npz", "--on", on,
        )  # fmt: skip
        with np.load(tmp_path / f"{on}.npz") as held:
            made[on] = {name: held[name] for name in held.files}
    assert list(made["unix"]) == ["summed", "old", "turned", "new"]
    for name, y in made["reference"].items():
        assert np.array_equal(made["unix"][name], y), name
    watchword("bench", tmp_path / "past.tflite", "--on", "unix", "--runs", 1)
