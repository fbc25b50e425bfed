"""Programs on a board: pushed, replaced, returned to, and never lost."""

from __future__ import annotations

import dataclasses
import hashlib
import random
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.conftest import small_description, small_graph, small_program
from watchword import reference
from watchword.board import Board, Detection, Event
from watchword.board.virtual.process import ProcessTransport
from watchword.chips import named
from watchword.compile import Compiled, compile
from watchword.errors import BoardError, LinkError, ModelError
from watchword.graph import Dense, Graph, Tensor


def states(board: Board) -> dict[str, str]:
    return {p.file.rsplit("-", 1)[0]: p.state for p in board.programs()}


def test_what_nothing_feeds_is_run_and_not_kept(board: Board) -> None:
    description = dataclasses.replace(small_description("sine"), kind="tensor")
    program = compile(small_graph(), description, named(board.hello.target))
    active = board.push(small_program())
    with pytest.raises(ModelError, match="the program 'sine' cannot be fed: it is for neither sound nor pictures"):
        board.push(program)
    with pytest.raises(BoardError, match="kind 'tensor': it is sound or picture"):
        board._send(program.content, description.as_dict())
    board.push(program, scratch=True)
    assert np.array_equal(board.run(np.zeros(40, np.int8)), reference.run(small_graph(), np.zeros((1, 40), np.int8)).ravel())
    board.restart()
    assert board.hello.running == active


def test_a_pushed_program_runs_and_stays(board: Board) -> None:
    program = small_program()
    file = board.push(program)
    assert file == f"small-{hashlib.sha256(program.content).hexdigest()[:8]}.ww"
    assert board.hello.running == file
    board.close()
    with Board.open("unix") as again:
        assert again.hello.running == file


def test_fresh_starts_with_an_empty_board(board: Board) -> None:
    board.push(small_program())
    board.close()
    with Board.open("unix", fresh=True) as again:
        assert again.hello.running is None
        assert again.programs() == []


@pytest.mark.real_board
def test_a_push_of_what_is_there_sends_nothing(board: Board) -> None:
    """Flash keeps the file as it is. Where another program runs, the one that is there takes its place."""
    first, second = small_program("one"), small_program("two")
    sent: list[int] = []

    def push(program: Compiled, **options: bool) -> str:
        sent.clear()
        return board.push(program, progress=lambda done, _: sent.append(done), **options)

    file = push(first)
    assert sent[-1] == len(first.content)
    assert push(first) == file == board.hello.running
    assert sent == []
    push(second)
    assert sent[-1] == len(second.content)
    assert push(first) == file == board.hello.running
    assert sent == []
    assert states(board) == {"one": "active", "two": "previous"}
    push(second, scratch=True)  # a scratch program is a file of its own
    assert sent[-1] == len(second.content)
    push(second, scratch=True)
    assert sent == []
    assert states(board) == {"one": "active", "two": "previous"}


def test_boards_of_other_names_hold_other_programs(board: Board) -> None:
    board.push(small_program())
    with Board.open("unix:second") as second:
        assert second.programs() == []


@pytest.mark.real_board
def test_the_one_before_is_kept_and_returned_to(board: Board) -> None:
    first, second = board.push(small_program("one")), board.push(small_program("two"))
    assert states(board) == {"one": "previous", "two": "active"}
    assert board.rollback() == first
    assert board.hello.running == first
    assert board.rollback() == second


@pytest.mark.real_board
def test_a_new_version_replaces_its_name_and_the_old_one_can_be_returned_to(board: Board) -> None:
    versions = [board.push(small_program("one", seed)) for seed in range(3)]
    assert [p.file for p in board.programs()] == sorted(versions[1:])
    assert board.rollback() == versions[1]


@pytest.mark.real_board
def test_pushing_what_runs_changes_nothing(board: Board) -> None:
    board.push(small_program("one"))
    board.push(small_program("two"))
    board.push(small_program("two"))
    assert states(board) == {"one": "previous", "two": "active"}


@pytest.mark.real_board
def test_active_and_previous_cannot_be_removed_others_can(board: Board) -> None:
    for name in ("one", "two", "three"):
        board.push(small_program(name))
    for name in ("two", "three"):
        with pytest.raises(BoardError, match="stays"):
            board.remove(name)
    board.remove("one")
    assert states(board) == {"two": "previous", "three": "active"}


@pytest.mark.real_board
def test_a_scratch_program_leaves_the_others_alone(board: Board) -> None:
    kept = board.push(small_program("kept"))
    assert board.push(small_program("guest"), scratch=True) == "scratch.ww"
    assert board.hello.running == "scratch.ww"
    assert states(board) == {"kept": "active"}
    board.restart()
    assert board.hello.running == kept


@pytest.mark.real_board
def test_a_full_flash_is_refused_with_figures(board: Board) -> None:
    with pytest.raises(BoardError, match=r"flash is full: the program has 1000000000000000 bytes, \d+ are free"):
        board.link.request("push", name="big", kind="sound", size=10**15, sha256="0" * 64)


@pytest.mark.real_board
def test_too_little_ram_is_refused_with_figures_before_sending(board: Board) -> None:
    board.hello = dataclasses.replace(board.hello, heap_free=1000, program_ram=0)
    with pytest.raises(BoardError, match=r"needs \d+ bytes of RAM \(arena \d+\) and \d+ beside it, 1000 are free"):
        board.push(small_program())
    assert board.programs() == []


def test_another_target_is_refused_by_host_and_board(board: Board) -> None:
    program = small_program(target="rp2040")
    with pytest.raises(ModelError, match="compiled for rp2040, the board is unix"):
        board.push(program)
    board.hello = dataclasses.replace(board.hello, target="rp2040")  # a host that does not look
    with pytest.raises(BoardError, match="compiled for rp2040, this board is unix"):
        board.push(program)
    assert board.programs() == []


@pytest.mark.real_board
@pytest.mark.parametrize("at", [0, 5, 50, 80, 110, -1])
def test_a_damaged_program_is_refused(board: Board, at: int) -> None:
    content = bytearray(small_program().content)
    content[at] ^= 0x40
    board.link.request(
        "push", name="small", kind="sound", size=len(content), sha256=hashlib.sha256(small_program().content).hexdigest()
    )
    size = int(board.hello.chunk)
    for offset in range(0, len(content), size):
        board._send_chunk(offset, bytes(content[offset : offset + size]))
    with pytest.raises(BoardError, match="SHA-256"):
        board.link.request("commit")
    assert board.programs() == []


def test_a_program_damaged_on_flash_gives_way_to_the_one_before(board: Board, state: Path) -> None:
    first, second = board.push(small_program("one")), board.push(small_program("two"))
    board.close()
    path = state / "unix/default/ww" / second
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with Board.open("unix") as again:
        assert again.hello.running == first
        assert "damaged" in again.hello.note


@pytest.mark.real_board
def test_chunks_out_of_order_are_refused_and_a_repeated_one_is_taken_once(board: Board) -> None:
    content = small_program(weights=1960).content
    size = int(board.hello.chunk)
    board.link.request("push", name="small", kind="sound", size=len(content), sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(BoardError, match="does not follow the 0 of"):
        board._send_chunk(size, content[size : 2 * size])
    board._send_chunk(0, content[:size])
    board._send_chunk(0, content[:size])
    for offset in range(size, len(content), size):
        board._send_chunk(offset, content[offset : offset + size])
    assert board.link.request("commit")["file"].startswith("small-")


class Cut:
    """A line that breaks in the middle of its nth write: the cable is pulled, or power goes."""

    def __init__(self, transport: ProcessTransport, writes: int, share: float, power: bool) -> None:
        self.transport = transport
        self.left = writes
        self.share = share
        self.power = power

    def write(self, data: bytes) -> None:
        self.left -= 1
        if self.left >= 0:
            self.transport.write(data)
            return
        self.transport.write(data[: int(len(data) * self.share)])
        if self.power:
            self.transport.kill()
        else:
            self.transport.close()
        raise LinkError("pulled")

    def read(self, timeout: float) -> bytes:
        return self.transport.read(timeout)

    def close(self) -> None:
        self.transport.close()


def test_a_link_pulled_at_any_chunk_loses_nothing(micropython: Path) -> None:
    """Fifty times the cable or power goes at a random place of a push; each time a whole program comes back and listens."""
    rng = random.Random(5)
    with Board.open("unix") as board:
        running = board.push(small_program("start"))
    pulled = 0
    for attempt in range(50):
        program = small_program("next", seed=attempt, weights=4000)
        pushed = f"next-{hashlib.sha256(program.content).hexdigest()[:8]}.ww"
        writes = 3 + -(-len(program.content) // 1536)  # push, the chunks, commit, restart
        board = Board.open("unix")
        transport = board.link.transport
        assert isinstance(transport, ProcessTransport)
        board.link.transport = Cut(transport, rng.randrange(writes), rng.random(), power=attempt % 2 == 0)
        with pytest.raises(LinkError, match="pulled"):
            board.push(program)
        pulled += 1
        with Board.open("unix") as again:
            # The old program or, where the pull came after the commit, the new one; never a broken one.
            assert again.hello.note is None
            assert again.hello.running in (running, pushed)
            assert len(again.programs()) <= 3
            list(again.listen(np.zeros(1600, np.int16)))
            running = again.hello.running
    assert pulled == 50


@pytest.mark.parametrize("target", ["unix", "pico"])
def test_a_large_push_while_it_listens_loses_no_event(target: str, micropython: Path) -> None:
    """60 KB and sound, on one line by turns. Where flash takes its time, hearing pauses and the board says for how long."""
    samples = np.random.default_rng(2).integers(-3000, 3000, 3 * 16000).astype(np.int16)
    heard: list[Event] = []
    with Board.open(target, on_event=heard.append) as board:
        board.push(small_program("hears", target=board.hello.target))
        expected = [(e.label, e.time) for e in board.listen(samples) if isinstance(e, Detection)]
        alone = board.last_stream
        assert len(expected) >= 2
        heard.clear()
        large = large_program(board.hello.target).content
        assert len(large) > 60_000
        last = listen_and_push(board, samples, large)
        assert all(isinstance(e, Detection) for e in heard)
        assert [(e.label, e.time - 1) for e in heard] == [(label, pytest.approx(time)) for label, time in expected]
        sequence = [e.seq for e in heard]
        assert sequence == list(range(sequence[0], sequence[0] + len(sequence)))
        assert (last["frames"], last["runs"]) == (alone.frames, alone.runs)
        if target == "pico":
            # 15 sectors at 45 ms, and the file system's own.
            assert last["gaps"] >= 15
            assert last["gap_ms"] >= 15 * 45
        board._restart_with(board._commit())
        assert str(board.hello.running).startswith("large-")


def large_program(target: str) -> Compiled:
    """More than 60 KB, almost all of it weights."""
    graph = small_graph("large", weights=120)
    hidden = graph.input
    x = Tensor("input", (1, 480), np.dtype(np.int8), np.array([0.1], np.float32), -128)
    data = np.random.default_rng(1).integers(-127, 128, (120, 480)).astype(np.int8)
    weights = Tensor("v", data.shape, data.dtype, np.array([0.01], np.float32), 0, 0, data)
    return compile(
        Graph("large", x, graph.output, [Dense(x, hidden, weights, None), *graph.operations]),
        small_description("large"),
        named(target),
    )


def listen_and_push(board: Board, samples: np.ndarray, content: bytes) -> dict[str, object]:
    """A stream with a second of silence around it, and between its chunks those of a program; the reply to its end."""
    link = board.link
    silence = np.zeros(16000, np.int16)
    sound = np.concatenate([silence, samples, silence]).astype("<i2").tobytes()
    sha256 = hashlib.sha256(content).hexdigest()
    credit = link.request("stream")["credit"] // 480
    size = link.request("push", name="large", kind="sound", size=len(content), sha256=sha256)["chunk"]
    waiting: list[int] = []
    for at, start in enumerate(range(0, len(sound), 960)):
        while len(waiting) >= credit:
            link.wait(waiting.pop(0))
        waiting.append(link.send("sound", sound[start : start + 960], codec="s16"))
        if at * size < len(content):
            board._send_chunk(at * size, content[at * size : (at + 1) * size])
    for request in waiting:
        link.wait(request)
    return link.request("end")
