"""The virtual Pico as a user meets it: `--on pico`, `watchword board start`, and mpremote."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e import golden
from tests.e2e.conftest import WATCHWORD, small_program
from tests.e2e.power import Moment, cut_power, power
from watchword import reference, shipped
from watchword.board import Board, virtual
from watchword.board.transport import SerialTransport
from watchword.board.virtual.pico import image
from watchword.data import audio
from watchword.errors import BoardError
from watchword.evaluate.sound import inputs
from watchword.model import keywords, load

MPREMOTE = (sys.executable, "-m", "mpremote")


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.fixture
def started(state: Path) -> Iterator[dict[str, Any]]:
    """A board that `watchword board start` keeps on: its board, flash, tty and url."""
    process = subprocess.Popen([*WATCHWORD, "board", "start", "--kind", "pico", "--json"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_a_program_is_pushed_runs_as_the_reference_and_stays() -> None:
    program = small_program(target="rp2040")
    x = np.random.default_rng(1).integers(-128, 128, 40).astype(np.int8)
    with Board.open("pico") as board:
        assert board.hello.target == "rp2040"
        assert board.hello.native
        file = board.push(program)
        assert board.hello.running == file
        y = board.run(x)
        spent = power(board).control("counters")
    with Board.open("pico") as again:
        assert again.hello.running == file
        assert np.array_equal(again.run(x), y)
    with Board.open("unix") as unix:
        unix.push(small_program())
        assert np.array_equal(unix.run(x), y)
    assert spent["flash"]["erased"] > 0
    # Erasing and programming took the chip's times.
    assert spent["flash"]["nanos"] == spent["flash"]["erased"] * 45_000_000 + spent["flash"]["programmed"] * 700_000


def test_a_board_in_use_is_not_started_twice() -> None:
    with Board.open("pico:one"), Board.open("pico:two"), pytest.raises(BoardError, match="in use by another command"):
        Board.open("pico:one")


def test_mpremote_works_on_its_terminal_and_its_url_and_the_app_comes_back(started: dict[str, Any]) -> None:
    for port in (started["tty"], started["url"]):
        assert "main.py" in run(*MPREMOTE, "connect", port, "fs", "ls")
        assert json.loads(run(*WATCHWORD, "info", "--on", port, "--json"))["target"] == "rp2040"
    assert json.loads(run(*WATCHWORD, "info", "--on", "pico", "--json"))["target"] == "rp2040"
    again = virtual.find("pico", Path(started["flash"]))
    assert again is not None
    with pytest.raises(BoardError, match="in use"):
        again.start(print)


@pytest.mark.parametrize(
    "left", [b"\r\x03\x03", b"\r\x03\x03\x01", b"\r\x03\x03\x01print(1", b'\r\x03\x03if True:\r\n  x = """\r\n']
)
def test_whatever_repl_is_left_behind_the_app_comes_back(left: bytes, started: dict[str, Any]) -> None:
    line = SerialTransport(started["url"])
    line.write(left)
    while line.read(1.0):
        pass
    line.close()
    with Board.open("pico") as board:
        assert board.hello.running is None


def test_what_mpremote_copies_is_on_flash_after_a_reset(started: dict[str, Any], tmp_path: Path) -> None:
    content = os.urandom(5000)
    (tmp_path / "copied.bin").write_bytes(content)
    run(*MPREMOTE, "connect", started["url"], "fs", "cp", str(tmp_path / "copied.bin"), ":copied.bin")
    run(*MPREMOTE, "connect", started["url"], "reset")
    assert json.loads(run(*WATCHWORD, "info", "--on", "pico", "--json"))["running"] is None
    assert image.read(Path(started["flash"]))["/copied.bin"] == content


def test_stop_switches_it_off_and_says_so_where_none_is_on(state: Path) -> None:
    process = subprocess.Popen([*WATCHWORD, "board", "start", "--kind", "pico", "--json"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["board"] == "pico"
    assert "pico is off" in run(*WATCHWORD, "board", "stop", "pico")
    assert process.wait(20) == 0
    process.stdout.close()
    with pytest.raises(subprocess.CalledProcessError):
        run(*WATCHWORD, "board", "stop", "pico")


@pytest.mark.parametrize(("moment", "n"), [("push", 3), ("commit", 2)])
def test_power_that_goes_loses_nothing(moment: Moment, n: int) -> None:
    """The full number of cuts is in the soak."""
    cuts = cut_power(moment, [(i + 0.5) / n for i in range(n)])
    assert len(cuts) == n


@pytest.mark.xdist_group(golden.OWN)
def test_the_reference_agrees() -> None:
    """The comparisons above are with what the reference says, too."""
    model = load(keywords())
    x = np.zeros((1, *model.graph.input.shape[1:]), np.int8)
    clip = audio.read(shipped.models() / "keywords/clips/stop_f5496439.wav")[:16000]
    expected = reference.run(model.graph, inputs(model, clip[None])).ravel()
    assert model.description.labels[int(expected.argmax())] == "stop"
    with Board.open("pico") as board:
        board.push(golden.compiled(keywords(), "rp2040"), scratch=True)
        assert np.array_equal(board.run(x[0]), reference.run(model.graph, x)[0].ravel())
        assert np.array_equal(board.scores(clip), expected)
