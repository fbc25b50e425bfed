"""How busy a virtual Pico is while it hears by itself, with three wake words and our own model. Writes live.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e import golden
from watchword.board import Board
from watchword.board.live import PARTS, Live, measure, prepare, stage, try_least
from watchword.board.settings import MicrophoneSetting
from watchword.board.virtual import Hardware
from watchword.model import keywords, load

WORDS = ("okay_nabu", "alexa", "hey_jarvis")
TOGETHER = ("okay_nabu", "alexa")
SECONDS = 4
HEADER = """\
# Hearing by itself, on the virtual Pico

`make bench` writes this. A virtual INMP441 hears a quiet room in which words are spoken, for {seconds} s of emulated time at
125 MHz. Busy: cycles that the emulated processor does not wait, nobody asking the board for anything; parts: as the board takes
their time, of a second run. Least clock: the lowest that has a quarter more than busy, and whether one run at it lost nothing.
Heap free: with the model kept on the board, the microphone's ring of {ring} bytes taken; of two words at once, one of {both}.
"""


def test_hearing(root: Path, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = {name: golden.path(shared_data, f"microwakeword/{name}") for name in WORDS} | {"keywords": keywords()}
    found = []
    for xip in (False, True):
        for name, path in paths.items():
            monkeypatch.setenv("WATCHWORD_STATE", str(tmp_path / f"{name}-{xip}"))
            found.append((xip, *heard(name, path, Hardware(xip=xip))))
            print(found[-1])
        monkeypatch.setenv("WATCHWORD_STATE", str(tmp_path / f"together-{xip}"))
        found.append((xip, *heard_together([paths[name] for name in TOGETHER], Hardware(xip=xip))))
        print(found[-1])
    rings = [live.ring for _, live, _ in found]
    columns = ("model", "misses", *PARTS, "busy", "samples lost", "heap free", "least clock")
    header = HEADER.format(seconds=SECONDS, ring=max(rings), both=min(rings))
    lines = [header, row(columns), row(["-"] * 2 + ["-:"] * (len(columns) - 2))]
    lines += [row(cells(*one)) for one in found]
    text = "\n".join(lines)
    if any(live.lost for _, live, _ in found):
        text += "\n\nkeywords takes 80 ms for a run of the model, of which one begins each 80 ms: it cannot keep up.\n"
    text = text.rstrip("\n") + "\n"
    (root / "tests/bench/live.md").write_text(text)
    print("\n" + text)


def heard(name: str, path: Path, hardware: Hardware) -> tuple[Live, int]:
    """What was measured, and the free heap with the model kept."""
    program = load(path).compile("rp2040")
    with stage(hardware, SECONDS) as wired, Board.open("pico", hardware=wired) as board:
        board.push(program)
        board.microphone(MicrophoneSetting("i2s", 1024, "inmp441", 16, 17, 18))
        free = board.hello.heap_free
        board.push(program, scratch=True)
        prepare(board, wired)
        return try_least(board, wired, measure(board, name, SECONDS)), free


def heard_together(paths: list[Path], hardware: Hardware) -> tuple[Live, int]:
    """The same of several words at once, kept on the board beside one another. Whether the least clock does is not tried."""
    with stage(hardware, SECONDS) as wired, Board.open("pico", hardware=wired) as board:
        board.microphone(MicrophoneSetting("i2s", 1024, "inmp441", 16, 17, 18))
        for path in paths:
            board.push(load(path).compile("rp2040", ram=board.room_beside()), beside=True)
        return measure(board, " and ".join(path.stem for path in paths), SECONDS), board.hello.heap_free


def cells(xip: bool, live: Live, free: int) -> list[str]:
    kept = {None: "", True: ", kept up", False: ", lost sound"}[live.kept_up]
    least = "none" if live.lost or live.least_hz is None else f"{live.least_hz / 1e6:g} MHz{kept}"
    shares = [f"{live.shares[part]:.2%}" for part in PARTS]
    return [live.name, "counted" if xip else "no", *shares, f"{live.busy:.1%}", str(live.lost), f"{free:,}", least]


def row(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
