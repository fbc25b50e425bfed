"""A virtual board for each test, and models to put on it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from watchword.board import Board
from watchword.compile import Compiled, compile
from watchword.description import Description
from watchword.graph import Dense, Graph, Softmax, Tensor


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Virtual boards keep their flash in the test's own folder."""
    monkeypatch.setenv("WATCHWORD_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def board(micropython: Path) -> Iterator[Board]:
    with Board.open("unix") as board:
        yield board


@pytest.fixture(scope="module")
def pico_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The port of a board that has MicroPython: WATCHWORD_PORT, or a virtual Pico with nothing else on it."""
    given = os.environ.get("WATCHWORD_PORT")
    if given:
        yield given
        return
    flash = tmp_path_factory.mktemp("pico") / "flash.img"
    command = [sys.executable, "-c", "from watchword.cli import main; main()", "board", "start", "--kind", "pico", "--bare"]
    with subprocess.Popen(
        [*command, "--flash", str(flash), "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "WATCHWORD_STATE": str(flash.parent)},
    ) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["tty"]
        process.send_signal(signal.SIGTERM)


def small_program(name: str = "small", seed: int = 0, weights: int = 40, target: str = "unix") -> Compiled:
    """A dense layer and a softmax over two labels, on `weights` inputs (a multiple of 40: frames of features)."""
    rng = np.random.default_rng(seed)

    def tensor(label: str, shape: tuple[int, ...], scale: float, zero_point: int) -> Tensor:
        return Tensor(label, shape, np.dtype(np.int8), np.array([scale], np.float32), zero_point)

    x, h, y = tensor("x", (1, weights), 0.1, -128), tensor("h", (1, 2), 0.2, 0), tensor("y", (1, 2), 1 / 256, -128)
    data = rng.integers(-127, 128, (2, weights)).astype(np.int8)
    w = Tensor("w", data.shape, data.dtype, np.array([0.01], np.float32), 0, 0, data)
    graph = Graph(name, x, y, [Dense(x, h, w, None), Softmax(h, y)])
    return compile(graph, Description(name=name, labels=("_silence_", "word"), background=("_silence_",)), target)
