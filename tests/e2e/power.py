"""Power that goes in the middle of a push to a virtual Pico, while it learns words or is set, and what it is after that."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pytest

from tests.e2e import golden
from tests.e2e.conftest import small_description, small_graph
from watchword import reference
from watchword.board import Board
from watchword.board.virtual.process import ProcessTransport
from watchword.chips.rp2040 import RP2040
from watchword.compile import Compiled, compile
from watchword.errors import LinkError
from watchword.graph import Graph
from watchword.model import keywords

Moment = Literal["push", "commit"]
_NAMES = ("one", "two", "three")  # programs come new and as new versions of their names, and fill all places of the store
_X = np.random.default_rng(5).integers(-128, 128, 2000).astype(np.int8)


@dataclass(frozen=True)
class Cut:
    """cycles: after which power went. kept: whether the program before runs on."""

    cycles: int
    kept: bool


def power(board: Board) -> ProcessTransport:
    transport = board.link.transport
    assert isinstance(transport, ProcessTransport)
    return transport


def cut_power(moment: Moment, shares: Iterable[float]) -> list[Cut]:
    """Push programs and let power go each time, after a share (0 to 1) of the cycles that the moment takes.

    push: from the first request to the end of the new program's trial; commit: from the request that verifies, renames and
    activates it. After each cut the board must start by itself, with the old or the new program active, run it without a
    fault, and compute what the reference does.
    """
    with Board.open("pico") as board:
        board.push(_program(0))
        span = _span(board, _program(1), moment)
    cuts = []
    active = 1
    for number, share in enumerate(shares, 2):
        files = {_file(_program(which)): which for which in (active, number)}
        cycles = 1 + int(share * span)
        with Board.open("pico") as board:
            _cut(board, _program(number), moment, cycles)
        with Board.open("pico") as board:
            running = board.hello.running
            where = f"cut {number - 1}, {cycles} cycles into a {moment}: {running} runs"
            assert running in files, where
            assert board.hello.note is None, f"{where}: {board.hello.note}"
            assert {p.file: p.state for p in board.programs()}[running] == "active", where
            expected = reference.run(_graph(files[running]), _X.reshape(1, -1))
            assert np.array_equal(board.run(_X), expected.ravel()), f"{where} and computes another thing"
        cuts.append(Cut(cycles, kept=files[running] == active))
        active = files[running]
    return cuts


def _program(number: int) -> Compiled:
    return compile(_graph(number), small_description(_graph(number).name), RP2040)


def _graph(number: int) -> Graph:
    return small_graph(_NAMES[number % len(_NAMES)], seed=number, weights=len(_X))


def _file(program: Compiled) -> str:
    return f"{program.name}-{hashlib.sha256(program.content).hexdigest()[:8]}.ww"


def _span(board: Board, program: Compiled, moment: Moment) -> int:
    """Cycles that the moment takes when power stays."""
    _before(board, program, moment)
    start = power(board).control("counters")["cycles"]
    _go(board, program, moment)
    return int(power(board).control("counters")["cycles"]) - start


def _cut(board: Board, program: Compiled, moment: Moment, cycles: int) -> None:
    _before(board, program, moment)
    power(board).control("cut", after=cycles)
    with pytest.raises(LinkError, match="power was cut"):
        _go_on(board, program, moment)


def _go_on(board: Board, program: Compiled, moment: Moment) -> None:
    """Until power goes."""
    _go(board, program, moment)
    while True:
        board.info()


def _before(board: Board, program: Compiled, moment: Moment) -> None:
    if moment == "commit":
        board._send(program.content, program.program.description)


def _go(board: Board, program: Compiled, moment: Moment) -> None:
    if moment == "commit":
        board._restart_with(board._commit())
    else:
        board.push(program)


def cut_memory(shares: Sequence[float]) -> list[Cut]:
    """Teach words and forget them, and let power go each time, after a share of the cycles that it takes.

    After each cut the memory must be whole: as before, or as it was to become.
    """
    rng = np.random.default_rng(7)
    with Board.open("pico") as board:
        board.push(golden.compiled(keywords(), "rp2040"))
        dims, file = board.taught(ready=True).dims, board.taught().file
        for i in range(20):  # more than a block of flash
            _learn(board, file, f"word{i % 4}", any_embedding(rng, dims), last=i == 19)
        spans = {}
        for act in ("enrol", "forget"):
            start = power(board).control("counters")["cycles"]
            if act == "enrol":
                _learn(board, file, "word5", any_embedding(rng, dims))
            else:
                board.forget("word5")
            spans[act] = power(board).control("counters")["cycles"] - start
        known = list(board.export_taught().shots)
    cuts = []
    for number, share in enumerate(shares):
        act = "forget" if known and (number % 3 == 2 or len(known) > 50) else "enrol"  # there is room for 64
        word = known[-1][0] if act == "forget" else f"word{number % 7}"
        shot = any_embedding(rng, dims)
        cycles = 1 + int(share * spans[act])
        after = [one for one in known if one[0] != word] if act == "forget" else [*known, (word, shot)]
        with Board.open("pico") as board:
            power(board).control("cut", after=cycles)
            with pytest.raises(LinkError, match="power was cut"):
                _until_cut(board, file, act, word, shot)
        with Board.open("pico") as board:
            where = f"cut {number}, {cycles} cycles into {act} {word}"
            assert board.hello.note is None, f"{where}: {board.hello.note}"
            assert not board.taught().others, where
            found = list(board.export_taught().shots)
            assert found in (known, after), where
        cuts.append(Cut(cycles, kept=found == known))
        known = found
    return cuts


def cut_settings(shares: Iterable[float]) -> list[Cut]:
    """Give a board names, and let power go each time, after a share of three times the cycles that it took once.

    After each cut all settings must be there: with the old name or with the new one.
    """
    microphone = {"kind": "i2s", "module": "inmp441", "sck": 16, "ws": 17, "sd": 18, "right": False, "multiplier": 1024}
    with Board.open("pico") as board:
        board.link.request("microphone", set=microphone)
        board.name("name-a")
    with Board.open("pico") as board:  # which has to load what it needs for that, as after each cut
        start = power(board).control("counters")["cycles"]
        board.name("name-b")
        span = int(power(board).control("counters")["cycles"]) - start
    cuts = []
    before, after = "name-b", "name-b"
    for number, share in enumerate([*shares, None]):
        with Board.open("pico") as board:
            where = f"cut {number}: was {before}, was to be {after}"
            settings = board.settings()
            assert board.hello.note is None, f"{where}: {board.hello.note}"
            assert settings.name in (before, after), f"{where}: {settings.name}"
            assert settings.microphone is not None, where
            assert (settings.microphone.sck, settings.microphone.multiplier) == (16, 1024), where
            if cuts:
                cuts[-1] = replace(cuts[-1], kept=settings.name == before)
            if share is None:
                break
            before, after = str(settings.name), f"name-{number}"
            cuts.append(Cut(1 + int(3 * share * span), kept=False))
            power(board).control("cut", after=cuts[-1].cycles)
            with pytest.raises(LinkError, match="power was cut"):
                _name(board, after)
    return cuts


def _name(board: Board, name: str) -> None:
    """Until power goes."""
    board.name(name)
    while True:
        board.info()


def _until_cut(board: Board, file: str, act: str, word: str, shot: bytes) -> None:
    if act == "forget":
        board.forget(word)
    else:
        _learn(board, file, word, shot)
    while True:
        board.info()


def _learn(board: Board, file: str, word: str, shot: bytes, last: bool = True) -> None:
    board.link.request("enrol", shot, word=word, key=file, last=last)


def any_embedding(rng: np.random.Generator, dims: int) -> bytes:
    """One that no other is like."""
    values = rng.normal(size=dims)
    return np.rint(values / np.linalg.norm(values) * 40 * dims**0.5).clip(-127, 127).astype(np.int8).tobytes()
