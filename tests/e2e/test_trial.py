"""A program that fails, hangs or takes too much does not lock anybody out: the one before returns, and the host is told why.

Programs name their kernels, so a family that exists only here makes the faults.
"""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.device.repl import Repl
from tests.e2e.conftest import small_program
from watchword import shipped
from watchword.board import Board, virtual
from watchword.board.virtual.kinds import RESTART
from watchword.board.virtual.process import Command, ProcessTransport
from watchword.compile.program import Step
from watchword.errors import BoardError
from watchword.kernels import FAMILIES, Kernel

RAISES, HANGS, HOARDS, HANGS_ONCE, RAISES_LATER = range(5)
FAULTY = Kernel(16 * len(FAMILIES) + 1, "faulty", "faulty", {"fault": (0, 9)}, {})

MAIN = """
import asyncio
from watchword import app, board, trial

trial.TIMEOUT = 1500 if board.UNIX else 2000
asyncio.run(app.run())
"""

CONTRACT = """
from watchword.kernels.contract import Contract

CONTRACTS = (Contract("faulty", (("fault", (0, 9)),), lambda p, more, rows, sizes: True),)
"""

BODY = """
import os

hoard = []


def faulty(p, arena, constants, rows):
    (fault,) = p
    if fault == 0 or fault == 4 and "later" in os.listdir("."):
        raise ValueError("a faulty kernel")
    while fault == 2:
        hoard.append(bytearray(100))
    while fault == 1 or fault == 3 and "hung" not in os.listdir("."):
        open("hung", "w").close()
        while True:
            pass
"""


def faulty_family() -> dict[str, str]:
    """The files of one more family of kernels, by their paths on a board; a board takes a .py before an .mpy."""
    families = (shipped.firmware() / "watchword/kernels/__init__.py").read_text()
    last = "\n)\nMEMBERS"
    assert last in families
    return {
        "watchword/kernels/__init__.py": families.replace(last, '\n    ("faulty", ("faulty",)),' + last),
        "watchword/kernels/faulty.py": CONTRACT,
        "watchword/kernels/faulty_plain.py": BODY,
    }


class Bench:
    """Opens a board with the faulty kernel, again and again on the same flash."""

    def __init__(self, micropython: Path, folder: Path) -> None:
        main = folder / "main.py"
        main.write_text(MAIN)
        flash = folder / "flash"
        flash.mkdir()
        self.folder = flash
        firmware = shutil.copytree(shipped.firmware(), folder / "firmware")
        for path, text in faulty_family().items():
            (firmware / path).write_text(text)
        self.command = Command(
            [micropython, "-X", "heapsize=1M", main],
            folder=flash,
            environment={"MICROPYPATH": f"{firmware}:.frozen"},
            restart=RESTART,
        )
        self.opened: list[Board] = []

    def open(self) -> Board:
        board = Board(ProcessTransport(self.command), "unix")
        self.opened.append(board)
        return board


@pytest.fixture
def bench(micropython: Path, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(micropython, tmp_path)
    yield bench
    for board in bench.opened:
        board.close()


def faulty_program(fault: int, name: str = "faulty", target: str = "unix") -> bytes:
    program = small_program(name, target=target).program
    return dataclasses.replace(program, steps=(*program.steps, Step(FAULTY, 1, 1, (fault,)))).write()


def send(board: Board, content: bytes) -> str:
    """A push without the restart that follows."""
    board._send(content, {"name": "faulty", "kind": "sound"})
    return board._commit()


def states(board: Board) -> dict[str, str]:
    return {p.file: p.state for p in board.programs()}


def test_a_good_program_has_its_clean_run_and_stays(bench: Bench) -> None:
    board = bench.open()
    assert board.hello.trial is None
    file = board.push(small_program("good"))
    assert board.hello.running == file
    assert board.hello.trial is None
    assert board.hello.note is None


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (RAISES, r"faulty-\w+.ww failed its clean run: ValueError: a faulty kernel"),
        (HOARDS, r"faulty-\w+.ww failed its clean run: MemoryError"),
        (HANGS, r"faulty-\w+.ww did not end its clean run, 2 times"),
    ],
)
def test_after_a_bad_program_the_pair_before_is_back_and_the_host_knows_why(bench: Bench, fault: int, why: str) -> None:
    board = bench.open()
    first, second = board.push(small_program("first")), board.push(small_program("second"))
    with pytest.raises(BoardError, match=rf"{why}.*: {second} runs instead"):
        board.push(faulty_program(fault))
    assert board.hello.running == second
    assert states(board) == {first: "previous", second: "active"}
    list(board.listen(np.zeros(1600, np.int16)))
    board.close()
    again = bench.open()  # who comes later is told too
    assert again.hello.running == second
    assert "clean run" in again.hello.note
    third = again.push(small_program("third"))
    assert states(again) == {first: "stored", second: "previous", third: "active"}
    assert again.hello.note is None


@pytest.mark.parametrize("fault", [RAISES, HANGS])
def test_a_bad_program_for_pictures_gives_way_to_the_one_for_sound(bench: Bench, fault: int) -> None:
    """Where there was none for pictures before it."""
    board = bench.open()
    good = board.push(small_program("good"))
    program = small_program("faulty").program
    picture = {"kind": "picture", "shape": [1, 40, 1], "input": {"multiplier": 65536, "offset": -128}}
    program = dataclasses.replace(
        program, description=program.description | picture, steps=(*program.steps, Step(FAULTY, 1, 1, (fault,)))
    )
    with pytest.raises(BoardError, match=f"clean run.*: {good} runs instead"):
        board.push(program.write())
    assert board.hello.kind == "sound"
    assert states(board) == {good: "active"}


def test_a_bad_version_of_a_name_does_not_cost_the_good_one(bench: Bench) -> None:
    board = bench.open()
    good = board.push(small_program("word"))
    with pytest.raises(BoardError, match=f"{good} runs instead"):
        board.push(faulty_program(RAISES, "word"))
    assert states(board) == {good: "active"}


def test_the_first_program_of_a_board_may_be_a_bad_one(bench: Bench) -> None:
    board = bench.open()
    with pytest.raises(BoardError, match="a faulty kernel: no program runs"):
        board.push(faulty_program(RAISES))
    assert board.programs() == []


def test_a_program_that_hangs_once_gets_a_second_attempt(bench: Bench) -> None:
    board = bench.open()
    file = board.push(faulty_program(HANGS_ONCE))
    assert board.hello.running == file
    assert (bench.folder / "hung").exists()
    assert board.hello.note is None


def test_power_cuts_in_the_clean_run_count_as_attempts(bench: Bench) -> None:
    board = bench.open()
    kept = board.push(small_program("kept"))
    content = faulty_program(HANGS)
    for _ in range(2):
        file = send(board, content)
        board.link.events.clear()
        board.link.send("restart")
        for attempt in (1, 2):
            event = board.link.next_event("trial", 5)
            assert event is not None
            assert (event["file"], event["attempt"]) == (file, attempt)
            transport = board.link.transport
            assert isinstance(transport, ProcessTransport)
            transport.reset()
        board.hello = board._started()
        assert board.hello.running == kept
        assert "did not end its clean run, 2 times" in board.hello.note


def test_a_host_that_comes_while_a_program_hangs_waits_for_the_one_before(bench: Bench) -> None:
    board = bench.open()
    kept = board.push(small_program("kept"))
    content = faulty_program(HANGS)
    send(board, content)
    assert board.info().trial is not None
    transport = board.link.transport
    assert isinstance(transport, ProcessTransport)
    transport.kill()
    assert bench.open().hello.running == kept


def test_a_stored_program_becomes_active_through_a_trial_too(bench: Bench) -> None:
    board = bench.open()
    files = [board.push(small_program(name)) for name in ("one", "two", "three")]
    assert board.activate("one") == files[0]
    assert board.hello.running == files[0]
    assert states(board) == dict(zip(files, ("active", "stored", "previous"), strict=True))
    assert board.activate(files[0]) == files[0]  # nothing to do
    with pytest.raises(BoardError, match="no program none is stored"):
        board.activate("none")


def test_a_stored_program_that_fails_now_stays_stored(bench: Bench) -> None:
    board = bench.open()
    failing = board.push(faulty_program(RAISES_LATER))
    board.push(small_program("two"))
    active = board.push(small_program("three"))
    before = states(board)
    (bench.folder / "later").touch()
    with pytest.raises(BoardError, match=f"{failing} failed its clean run: ValueError: a faulty kernel: {active} runs instead"):
        board.activate("faulty")
    assert states(board) == before


def test_activating_the_previous_program_is_a_rollback(bench: Bench) -> None:
    board = bench.open()
    one, two = board.push(small_program("one")), board.push(small_program("two"))
    assert board.activate("one") == one
    assert states(board) == {one: "active", two: "previous"}


SERVE = """
import sys
from pathlib import Path
from watchword.board import virtual
from watchword.board.virtual.process import Command, ProcessTransport
from watchword.board.virtual.serve import serve

micropython, main, flash, path, restart = sys.argv[1:]
command = Command([micropython, "-X", "heapsize=1M", main], Path(flash), {"MICROPYPATH": path}, int(restart))
serve(virtual.find("unix"), ProcessTransport(command), lambda ports: print(ports.url, flush=True))
"""


def test_a_unix_board_that_stays_on_is_watched_by_what_keeps_it_on(bench: Bench) -> None:
    command = bench.command
    arguments = [command.arguments[0], command.arguments[-1], bench.folder, command.environment["MICROPYPATH"], RESTART]
    with subprocess.Popen([sys.executable, "-c", SERVE, *map(str, arguments)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            with Board.open(process.stdout.readline().strip()) as board:
                kept = board.push(small_program("kept"))
                why = rf"faulty-\w+.ww did not end its clean run, 2 times: {kept} runs instead"
                with pytest.raises(BoardError, match=why):
                    board.push(faulty_program(HANGS))
        finally:
            process.terminate()


def test_the_watchdog_of_a_pico_ends_a_program_that_hangs() -> None:
    pico = virtual.find("pico")
    assert pico is not None
    transport = pico.start(print)
    try:
        repl = Repl(transport)
        for path, text in {**faulty_family(), "main.py": MAIN}.items():
            _, error = repl.run(f"with open({path!r}, 'w') as f: f.write({text!r})", timeout=60)
            assert not error
        transport.write(b"\x02\x04")  # leave the raw REPL, soft reset
        board = Board(transport, "pico")
        kept = board.push(small_program("kept", target="rp2040"))
        with pytest.raises(BoardError, match=rf"faulty-\w+.ww did not end its clean run, 2 times: {kept} runs instead"):
            board.push(faulty_program(HANGS, target="rp2040"))
        assert states(board) == {kept: "active"}
        assert transport.control("counters")["resets"] == 2
        with pytest.raises(BoardError, match="a faulty kernel"):
            board.push(faulty_program(RAISES, target="rp2040"))
        with pytest.raises(BoardError, match=f"MemoryError.*{kept} runs instead"):
            board.push(faulty_program(HOARDS, target="rp2040"))
        assert transport.control("counters")["resets"] == 2
        assert board.hello.running == kept
    finally:
        transport.close()
