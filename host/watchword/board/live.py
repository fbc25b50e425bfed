"""How busy a board is while it hears by itself: shares of its processor, sound that it lost, memory, and the least clock."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from watchword import shipped
from watchword.board.board import Board
from watchword.board.settings import MicrophoneSetting
from watchword.board.virtual import Hardware
from watchword.board.virtual.wires import I2sWire, read_wires
from watchword.data import audio
from watchword.errors import BoardError

PARTS = ("source", "features", "model", "decision", "link")
WIRE = "inmp441"  # of a virtual Pico that has no other
_ALONE = 1.5  # seconds after a request until a board is as it is alone (firmware/watchword/requests/live.py)
_LOOK = 0.05  # seconds between two looks at its clock
_MULTIPLIER = 1024  # an INMP441's gain of 24 dB
_ROOM = 0.25  # of a clock: what it is to have more than is needed on average, as sound comes and garbage is collected in bursts
_NOISE = 60  # of 32768, RMS: a quiet room


@dataclass(frozen=True)
class Live:
    """A board that hears by itself for some seconds.

    shares: of the processor's time that a part takes, by PARTS, 0 to 1; busy: all that is not waiting, counted by the emulated
    chip where `counted`, else taken by the board itself. lost: samples that went by unheard. ring: bytes of sound that can
    wait. least_hz: the lowest clock that is enough, reckoned from busy; None where no clock is known. kept_up: whether one run
    at that clock lost nothing; None: not tried.
    """

    name: str
    board: str
    hz: int | None
    seconds: float
    shares: dict[str, float]
    busy: float
    counted: bool
    lost: int
    heap_free: int
    ring: int
    least_hz: int | None
    modelled: str | None
    kept_up: bool | None = None

    def as_dict(self) -> dict[str, Any]:
        """The JSON of the command line."""
        return {
            "model": self.name,
            "board": self.board,
            "clock_hz": self.hz,
            "seconds": round(self.seconds, 3),
            **{name: round(share, 5) for name, share in self.shares.items()},
            "busy": round(self.busy, 5),
            "busy_counted": self.counted,
            "lost": self.lost,
            "heap_free": self.heap_free,
            "ring": self.ring,
            "least_hz": self.least_hz,
            "least_hz_kept_up": self.kept_up,
            "modelled": self.modelled,
        }


def sound(seconds: float) -> NDArray[np.int16]:
    """A quiet room, in which words are spoken: those that come with the package, and pauses of a second."""
    clips = [audio.read(path) for path in sorted((shipped.models() / "keywords/clips").glob("*.wav"))]
    pause = np.zeros(audio.RATE, np.int16)
    words = np.concatenate([part for clip in clips for part in (clip, pause)])
    n = int(seconds * audio.RATE)
    noise = np.random.default_rng(0).normal(0, _NOISE, n)
    return np.clip(np.resize(words, n) / 4 + noise, -32768, 32767).astype(np.int16)


@contextlib.contextmanager
def stage(hardware: Hardware, seconds: int) -> Iterator[Hardware]:
    """The hardware of a virtual Pico with a microphone, where it has none, and a sound that lasts."""
    with tempfile.TemporaryDirectory() as folder:
        lasting = 4 * seconds + 30.0  # seconds
        given = hardware.sound
        samples = sound(lasting) if given is None else np.resize(audio.read(given), int(lasting * audio.RATE))
        audio.write(Path(folder) / "room.wav", samples)
        yield dataclasses.replace(hardware, wires=hardware.wires or (WIRE,), sound=Path(folder) / "room.wav")


def prepare(board: Board, hardware: Hardware) -> None:
    """Let a board that has a scratch program hear with it: a virtual Pico that this process started by the microphone that is
    wired to it, for this once; any other by its own. BoardError: it has none.
    """
    if not _started_here(board):
        if board.hello.microphone is None:
            raise BoardError(f"{board.target} has no microphone: `watchword mic` gives it one")
        return
    wires = [wire for wire in read_wires(hardware.wires) if isinstance(wire, I2sWire)]
    if not wires:
        raise BoardError(f"no I2S microphone is wired to {board.target}: --wire {WIRE} wires one")
    setting = MicrophoneSetting("i2s", _MULTIPLIER, None, wires[0].sck, wires[0].ws, wires[0].sd, wires[0].right)
    board.hear_once(setting)


def measure(board: Board, name: str, seconds: int = 10) -> Live:
    """Measure a board that hears by itself, for so many seconds: of an emulated chip's own time.

    Raises BoardError where it does not hear.
    """
    counted = _count(board, seconds) if _started_here(board) else None
    found = board.load(seconds)
    taken = max(0.0, 1 - (found.idle + found.measuring) / found.us)
    busy, lost = (taken, 0) if counted is None else counted
    hello = board.hello
    return Live(
        name=name,
        board=f"{hello.board}, MicroPython {hello.micropython}",
        hz=found.hz,
        seconds=found.us / 1e6,
        shares={part: getattr(found, part) / found.us for part in PARTS},
        busy=busy,
        counted=counted is not None,
        lost=lost + found.lost,
        heap_free=hello.heap_free,
        ring=found.ring,
        least_hz=None if found.hz is None else least_clock(busy * found.hz),
        modelled=board.modelled,
    )


def try_least(board: Board, hardware: Hardware, live: Live) -> Live:
    """The same with `kept_up`: a virtual Pico that this process started hears for as long at the least clock."""
    if live.least_hz is None or live.lost or not _started_here(board):
        return live
    board.link.events.clear()
    board.link.transport.write(f"\x03\x03\r\nimport machine; machine.freq({live.least_hz})\r\n\x04".encode())
    board.wait_for_hello()
    prepare(board, hardware)
    _, lost = _count(board, int(live.seconds))
    return dataclasses.replace(live, kept_up=board.load(1).hz == live.least_hz and lost == 0)


def least_clock(cycles: float) -> int | None:
    """The lowest clock in Hz that an RP2040 can have and that has some room above so many cycles a second; None: none."""
    return min((hz for hz in _clocks() if hz >= cycles * (1 + _ROOM)), default=None)


def _clocks() -> set[int]:
    """What the PLL of an RP2040 makes of 12 MHz, in whole kHz (data sheet, 2.18.2), up to 200 MHz."""
    made = {(fb * 12_000, p * q) for fb in range(63, 134) for p in range(1, 8) for q in range(1, p + 1)}
    return {khz // by * 1000 for khz, by in made if khz % by == 0 and khz // by <= 200_000}


def _started_here(board: Board) -> bool:
    try:
        return board.controls is not None
    except BoardError:
        return False


def _count(board: Board, seconds: int) -> tuple[float, int]:
    """(how busy an emulated chip is, samples that it lost) for so many seconds of its time, in which nobody asks it."""
    controls = board.controls
    _wait(board, controls.seconds() + _ALONE)
    board.link.events.clear()
    before = controls.counters()
    _wait(board, before["nanos"] / 1e9 + seconds)
    after = controls.counters()
    cycles = after["cycles"] - before["cycles"]
    lost = sum(int(event["samples"]) for event in board.link.events if event["event"] == "lost")
    return cycles * 1e9 / ((after["nanos"] - before["nanos"]) * after["hz"]), lost


def _wait(board: Board, until: float) -> None:
    """Read what the board tells, until that time of its own."""
    while board.controls.seconds() < until:
        board.link.pump(_LOOK)
