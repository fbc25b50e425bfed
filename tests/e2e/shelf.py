"""A virtual Pico that hears by itself a program which fires at anything loud, and user code that a test runs on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tests.device.test_device import emulated
from watchword import shipped
from watchword.board import Board, Event, MicrophoneSetting
from watchword.board.modules import MODULES
from watchword.board.virtual import Controls, Hardware
from watchword.data import audio
from watchword.description import Decision, Description
from watchword.features.microphone import multiplier
from watchword.graph import Dense, Graph, Softmax, Tensor
from watchword.model import Model

PART = "inmp441"
MICROPHONE = MicrophoneSetting("i2s", multiplier(MODULES[PART].gain), PART, 16, 17, 18)
PIN = 15  # which the word switches
LED = 25

# A user's own main.py, and requests of their own, by which a test lets code run beside the app.
MAIN = """
import asyncio
from watchword import app, requests

class User:
    on_event = None

def on_event(event):
    return User.on_event and User.on_event(event)

requests.SUBJECTS["user"] = "user"
app.User = User
asyncio.run(app.run(on_event))
"""
REQUESTS = """
import gc, machine, rp2
from machine import Pin, mem32
from watchword import app as module
from watchword.requests import Requests

def take_dma():
    found = []
    try:
        while True:
            found.append(rp2.DMA())
    except OSError:
        return found

def give_dma(found):
    for each in found:
        each.close()

@rp2.asm_pio()
def nothing():
    nop()

def take_machines():
    found = [rp2.StateMachine(i, nothing, freq=2000) for i in range(8)]
    for each in found:
        each.active(1)
    return found

def give_machines(found):
    for each in found:
        each.active(0)
    for i in range(2):
        rp2.PIO(i).remove_program()

class Subject(Requests):
    def do_user(self, request):
        told = []
        exec(request["code"], dict(globals(), app=self.app, User=module.User, tell=told.append))
        return {"told": told}
"""


def loud_model() -> Model:
    """Whatever is loud is the word."""

    def tensor(label: str, shape: tuple[int, ...], scale: float, zero_point: int) -> Tensor:
        return Tensor(label, shape, np.dtype(np.int8), np.array([scale], np.float32), zero_point)

    x, h, y = tensor("x", (1, 40), 0.1, -128), tensor("h", (1, 2), 0.2, 0), tensor("y", (1, 2), 1 / 256, -128)
    data = np.array([[0] * 40, [3] * 40], np.int8)
    w = Tensor("w", data.shape, data.dtype, np.array([0.01], np.float32), 0, 0, data)
    b = Tensor("b", (2,), np.dtype(np.int32), np.array([0.001], np.float32), 0, None, np.array([0, -9000], np.int32))
    graph = Graph("loud", x, y, [Dense(x, h, w, b), Softmax(h, y)])
    decision = Decision(cutoff=0.5, refractory=0.3)
    description = Description(name="loud", labels=("_silence_", "word"), background=("_silence_",), decision=decision)
    return Model(Path("loud.tflite"), b"", graph, description, described=True)


def room(folder: Path) -> Path:
    """Ten minutes in which somebody says yes every two seconds, at first after one; it is never quite silent."""
    said = audio.read(shipped.models() / "keywords/clips/yes_f292725f.wav")
    turn = np.concatenate([np.zeros(audio.RATE, np.int16), said])
    hiss = np.random.default_rng(1).integers(-2, 3, len(turn)).astype(np.int16)
    path = folder / "room.wav"
    audio.write(path, np.tile(turn // 4 + hiss, 300))
    return path


class Shelf:
    """The board, with its microphone, and a word that switches PIN. room: what the microphone hears."""

    def __init__(self, board: Board, sound: Path) -> None:
        self.board = board
        self.room = sound
        board.push(loud_model().compile("rp2040"))
        board.microphone(MICROPHONE)
        board.when("word", PIN, "for", seconds=0.1)
        self.settings = self.user("tell(open('ww/settings.json').read())")[0]

    @property
    def controls(self) -> Controls:
        return self.board.controls

    def fresh(self) -> None:
        """As at first: the app has just begun, nothing is wrong, and the room's sound begins."""
        self.controls.line("open")
        self.controls.microphone(right=False, offset=0, stuck="no", plugged=True)
        self.user(f"open('ww/settings.json', 'w').write({self.settings!r})")
        self.restart()

    def restart(self) -> None:
        """The app begins anew, and so does the room's sound."""
        self.controls.play(self.room)
        self.board.restart()

    def user(self, code: str) -> list[Any]:
        """Run a user's code beside the app; what it tells."""
        told: list[Any] = self.board.link.request("user", code=code)["told"]
        return told

    def until(self, wanted: Callable[[Event], bool], seconds: float = 15) -> list[Event]:
        """What the board tells up to the first event that is wanted. seconds: of emulated time, after which there is none."""
        found: list[Event] = []
        for event in self.events(seconds):
            found.append(event)
            if wanted(event):
                return found
        raise AssertionError(f"not within {seconds} s: {found}")

    def during(self, seconds: float) -> list[Event]:
        """What the board tells within so many seconds of emulated time."""
        return list(self.events(seconds))

    def events(self, seconds: float) -> Iterator[Event]:
        end = self.controls.seconds() + seconds
        hangs = time.monotonic() + 60
        while self.controls.seconds() < end:
            assert time.monotonic() < hangs, "its time stands still"
            self.board.link.pump(0.1)
            yield from self.board._events()

    def passes(self, seconds: float) -> None:
        """So much emulated time passes, and nobody reads."""
        end = self.controls.seconds() + seconds
        hangs = time.monotonic() + 60
        while self.controls.seconds() < end:
            assert time.monotonic() < hangs, "its time stands still"
            time.sleep(0.05)


@contextmanager
def shelf(folder: Path) -> Iterator[Shelf]:
    sound = room(folder)
    with emulated(folder / "pico.img", Hardware(wires=(f"{PART}:sck=16,ws=17,sd=18",), sound=sound)) as (put, _):
        board = Board(put({"main.py": MAIN.encode(), "watchword/requests/user.py": REQUESTS.encode()}), "pico")
        try:
            yield Shelf(board, sound)
        finally:
            board.close()
