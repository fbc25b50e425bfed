"""A virtual board for each test, and models to put on it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from watchword import shipped
from watchword.board import Board
from watchword.board.flash import install
from watchword.board.repl import MpremoteRepl
from watchword.board.virtual.kinds import RESTART
from watchword.board.virtual.process import Command, ProcessTransport
from watchword.chips import named
from watchword.compile import Compiled, compile
from watchword.description import Description
from watchword.graph import Dense, Graph, Softmax, Tensor


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Virtual boards keep their flash in the test's own folder."""
    monkeypatch.setenv("WATCHWORD_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


PORT = os.environ.get("WATCHWORD_PORT")
WATCHWORD = (sys.executable, "-c", "from watchword.cli import main; main()")  # the command, installed or not


@pytest.fixture
def board(request: pytest.FixtureRequest) -> Iterator[Board]:
    """An empty board: virtual, or for tests marked real_board the one at WATCHWORD_PORT."""
    if PORT and request.node.get_closest_marker("real_board"):
        port_target()  # while nobody has the port open
        empty(PORT)
        with Board.open(PORT) as board:
            yield board
        return
    request.getfixturevalue("micropython")
    with Board.open("unix") as board:
        yield board


def empty(port: str) -> None:
    """The firmware, the host's, and nothing else."""
    repl = MpremoteRepl(port)
    install(repl, force=True)
    for path in repl.files("ww"):
        repl.remove(path)
    repl.restart()
    repl.close()


@cache
def port_target() -> str:
    """The target of the board at WATCHWORD_PORT; unix where there is none."""
    if not PORT:
        return "unix"
    empty(PORT)
    with Board.open(PORT) as board:
        return str(board.hello.target)


Start = Callable[[str], Board]


@pytest.fixture
def start(micropython: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts a board with a main.py of one's own."""
    boards = []

    def open_with(main: str) -> Board:
        (tmp_path / "main.py").write_text(main)
        command = Command(
            [micropython, "-X", "heapsize=4M", tmp_path / "main.py"],
            folder=tmp_path,
            environment={"MICROPYPATH": f"{shipped.firmware()}:.frozen"},
            restart=RESTART,
        )
        boards.append(Board(ProcessTransport(command), "unix"))
        return boards[-1]

    yield open_with
    for board in boards:
        board.close()


@pytest.fixture(scope="module")
def pico_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The port of a board that has MicroPython: WATCHWORD_PORT, or a virtual Pico with nothing else on it."""
    if PORT:
        yield PORT
        return
    flash = tmp_path_factory.mktemp("pico") / "flash.img"
    with subprocess.Popen(
        [*WATCHWORD, "board", "start", "--kind", "pico", "--bare", "--flash", str(flash), "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "WATCHWORD_STATE": str(flash.parent)},
    ) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["tty"]
        process.send_signal(signal.SIGTERM)


def small_graph(name: str = "small", seed: int = 0, weights: int = 40, always: bool = False) -> Graph:
    """A dense layer and a softmax over two labels, on `weights` inputs (a multiple of 40: frames of features).

    always: whatever it hears is the word.
    """
    rng = np.random.default_rng(seed)

    def tensor(label: str, shape: tuple[int, ...], scale: float, zero_point: int) -> Tensor:
        return Tensor(label, shape, np.dtype(np.int8), np.array([scale], np.float32), zero_point)

    x, h, y = tensor("x", (1, weights), 0.1, -128), tensor("h", (1, 2), 0.2, 0), tensor("y", (1, 2), 1 / 256, -128)
    data = rng.integers(-127, 128, (2, weights)).astype(np.int8) * np.int8(not always)
    w = Tensor("w", data.shape, data.dtype, np.array([0.01], np.float32), 0, 0, data)
    b = Tensor("b", (2,), np.dtype(np.int32), np.array([0.001], np.float32), 0, None, np.array([0, 9000], np.int32))
    return Graph(name, x, y, [Dense(x, h, w, b if always else None), Softmax(h, y)])


def small_description(name: str) -> Description:
    return Description(name=name, labels=("_silence_", "word"), background=("_silence_",))


def small_program(
    name: str = "small", seed: int = 0, weights: int = 40, target: str | None = None, always: bool = False
) -> Compiled:
    """target: by default that of the `board` of a test."""
    return compile(small_graph(name, seed, weights, always), small_description(name), named(target or port_target()))
