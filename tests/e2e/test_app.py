"""The app in a user's own main.py, the app that cannot start, and its measurements."""

from __future__ import annotations

import numpy as np
import pytest

from tests.e2e.conftest import Start, small_program
from watchword import shipped
from watchword.board import Board, Detection, Log
from watchword.data import audio
from watchword.errors import BoardError
from watchword.model import keywords, load


def logs(board: Board, samples: np.ndarray) -> list[str]:
    """What is not of the protocol while the board listens."""
    return [event.text for event in board.listen(samples) if isinstance(event, Log)]


def clip() -> np.ndarray:
    return audio.read(shipped.models() / "keywords/clips/yes_f292725f.wav")


def test_a_users_task_runs_beside_the_app_and_gets_its_events(start: Start) -> None:
    board = start("""
import asyncio
from watchword import app

def on_event(event):
    print("seen", event["event"], event.get("label"))

async def blink():
    while True:
        print("blink")
        print("half a line, ", end="")
        await asyncio.sleep_ms(1)

async def main():
    task = asyncio.create_task(app.run(on_event=on_event))
    asyncio.create_task(blink())
    await task

asyncio.run(main())
""")
    model = load(keywords())
    board.push(model.compile("unix"))
    heard = list(board.listen(clip()))
    assert [event.label for event in heard if isinstance(event, Detection)] == ["yes"]
    texts = "".join(event.text for event in heard if isinstance(event, Log))
    assert "seen detect yes" in texts
    assert "blink" in texts
    assert "{" not in texts  # no line of the protocol was broken
    assert "half a line, " in texts


def test_a_fault_of_on_event_is_told_and_the_app_goes_on(start: Start) -> None:
    board = start("""
import asyncio
from watchword import app

def on_event(event):
    if event["event"] == "detect":
        print(event["no such field"])

asyncio.run(app.run(on_event))
""")
    board.push(load(keywords()).compile("unix"))
    assert logs(board, clip()) == ["on_event failed: KeyError: no such field"]
    assert logs(board, clip()) == ["on_event failed: KeyError: no such field"]


def test_an_app_that_cannot_start_answers_and_says_why(start: Start) -> None:
    board = start("""
import asyncio
from watchword import app

def broken(root):
    raise ValueError("no flash")

app.Store = broken
asyncio.run(app.run())
""")
    assert board.hello.running is None
    assert "the app failed at its start: ValueError: no flash" in board.hello.note
    with pytest.raises(BoardError, match="the app failed at its start: ValueError: no flash"):
        board.push(small_program())
    with pytest.raises(BoardError, match="no sound program is loaded"):
        list(board.listen(np.zeros(1600, np.int16)))
    board.restart()
    assert board.hello.note is not None


def test_a_program_that_cannot_be_loaded_any_more_can_be_replaced(start: Start) -> None:
    board = start("import asyncio\nfrom watchword import app\nasyncio.run(app.run())\n")
    old = board.push(small_program("old"))
    board.close()
    board = start("""
import asyncio
from watchword import app, program

def load(path, *others):
    if "old" in path:
        raise MemoryError("too little")
    return whole(path, *others)

whole, program.load = program.load, load
asyncio.run(app.run())
""")
    assert board.hello.running is None
    assert board.hello.note == f"{old} could not be loaded: MemoryError: too little"
    new = board.push(small_program("new"))
    assert board.hello.running == new


def test_bench_measures_runs_steps_and_frames(board: Board) -> None:
    compiled = small_program()
    with pytest.raises(BoardError, match="no program is loaded"):
        board.bench()
    idle = board.hello.heap_free
    board.push(compiled)
    timing = board.bench(runs=3, layers=True)
    assert 0 < timing.us <= timing.us_max
    assert timing.layers is not None
    assert len(timing.layers) == len(compiled.program.steps)
    assert timing.frontend_us is not None
    assert timing.frontend_us > 0
    assert timing.hz is None
    assert timing.load_ms >= 0
    assert board.bench(runs=1).layers is None
    for runs in (0, 1001):
        with pytest.raises(BoardError, match="runs: 1 to 1000 are expected"):
            board.bench(runs=runs)
    # The program, kernels and front end included, is what the idle board had more.
    assert board.hello.program_heap > board.hello.program_ram
    # Some names of what was forgotten again stay interned.
    assert abs(idle - board.hello.heap_free - board.hello.program_heap) < 4000


@pytest.mark.real_board
def test_the_board_says_how_much_of_a_stream_its_link_took(board: Board) -> None:
    board.push(small_program())
    list(board.listen(np.zeros(16000, np.int16)))
    assert board.last_stream.link_us > 0
    if board.hello.target != "unix":  # whose time is this computer's, which may be busy
        assert board.last_stream.link_us < 3_000_000
    assert board.last_stream.time == pytest.approx(2.99)
