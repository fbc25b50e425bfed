"""A virtual Pico that hears recordings by its own microphone, each as a stream of its own from its start on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from watchword.board import Board, Detection, Event, Lost, MicrophoneSetting, Score
from watchword.board.events import read_event
from watchword.board.modules import MODULES
from watchword.board.virtual import Hardware
from watchword.data import audio
from watchword.evaluate.streaming import run_by_itself
from watchword.features.microphone import multiplier
from watchword.model import Model, load

PART = "inmp441"
LEVEL = 0.05  # of full scale, a peak that the module's gain brings near it
PIN = 15  # that the word switches
AFTER = 0.8  # seconds of silence for which a stream goes on after its recording: in fewer no fault is told


def alexa(shared: Path) -> Model:
    return load(shared / "models/microwakeword/alexa.tflite")


def clips(shared: Path, count: int) -> list[Path]:
    return sorted((shared / "speech/picovoice_wakeword/alexa").glob("*.flac"))[:count]


def levelled(clip: Path) -> np.ndarray:
    """Its samples, as loud as a microphone hears a talker."""
    samples = audio.read(clip)
    return np.round(samples * (LEVEL * 32768 / np.abs(samples.astype(int)).max())).astype(np.int16)


@dataclass(frozen=True)
class Heard:
    """What was heard of one stream.

    switched: seconds from the recording's start at which the word has switched its pin on; said: at which the lines of
    detections have left the board. Both of emulated time.
    """

    events: list[Event]
    switched: list[float]
    said: list[float]

    @property
    def detections(self) -> list[Detection]:
        return [event for event in self.events if isinstance(event, Detection)]

    @property
    def scores(self) -> list[tuple[float, tuple[float, ...]]]:
        return [(event.time, event.scores) for event in self.events if isinstance(event, Score)]

    @property
    def lost(self) -> int:
        return sum(event.samples for event in self.events if isinstance(event, Lost))


@contextmanager
def listening(model: Model, part: str = PART, *, xip: bool = False) -> Iterator[Board]:
    """A virtual Pico that runs a model, has a microphone, and switches PIN for each of its words."""
    with Board.open("pico", hardware=Hardware(wires=(part,), xip=xip)) as board:
        board.push(model.compile(board.hello.target))
        board.microphone(MicrophoneSetting("i2s", multiplier(MODULES[part].gain), part, 16, 17, 18))
        for label in model.description.labels:
            if label not in model.description.background:
                board.when(label, PIN, "for", seconds=0.1)
        yield board


def hear(board: Board, samples: np.ndarray, folder: Path, *, scores: bool = False) -> Heard:
    """Let a board hear a recording from its start on."""
    controls = board.controls
    if scores:
        board.link.request("hear", scores=True, seconds=60)  # from the first run on
    controls.watch(PIN)
    controls.lines()
    begun = begin(board, samples, folder)
    end = begun + len(samples) / audio.RATE + AFTER
    while controls.seconds() < end:
        board.link.pump(0.02)  # nothing is said to the board, so that its time need not be the clock's
    events = told(board)
    switched = [change.seconds - begun for change in controls.changes(PIN) if change.level]
    said = [line.seconds - begun for line in controls.lines() if '"detect"' in line.text]
    return Heard(events, switched, said)


def wait(board: Board, seconds: float) -> None:
    """Let emulated time pass."""
    end = board.controls.seconds() + seconds
    while board.controls.seconds() < end:
        time.sleep(0.01)


def noise(seconds: float) -> np.ndarray:
    """A quiet room."""
    return np.random.default_rng(1).normal(0, 8, int(seconds * audio.RATE)).round().astype(np.int16)


def begin(board: Board, samples: np.ndarray, folder: Path) -> float:
    """Let a board hear a recording, and go on; the emulated time at which it has begun."""
    board.mute(True)
    wait(board, 0.2)
    audio.write(folder / "heard.wav", samples)
    board.controls.play(folder / "heard.wav", waits=True)
    board.link.events.clear()
    board.mute(False)
    begun = board.controls.begun()
    assert begun is not None
    return begun


def late(board: Board, begun: float) -> float:
    """Seconds by which a board's position in the sound is behind that of the microphone; what is under way is at most 0.3."""
    before = board.controls.seconds() - begun
    position = board.hearing().time
    after = board.controls.seconds() - begun
    assert before - 0.3 <= position <= after
    return after - position


def means(model: Model, samples: np.ndarray) -> list[tuple[float, tuple[float, ...]]]:
    """Of each run on the reference its time and the labels' means, as a board's scores have them."""
    runs = run_by_itself(model, samples, PART)
    window = model.description.decision.window
    scores = np.concatenate([np.zeros((window - 1, runs.outputs.shape[1]), int), runs.outputs.astype(int) + 128])
    sums = np.lib.stride_tricks.sliding_window_view(scores, window, axis=0).sum(-1)
    return [
        (time / 1000, tuple(round(mean / 256, 4) for mean in row // window))
        for time, row in zip(runs.times.tolist(), sums, strict=True)
    ]


def told(board: Board) -> list[Event]:
    """What a board has told since this was called last."""
    board.link.pump(0.02)
    events = [read_event(message, board.target) for message in board.link.events]
    board.link.events.clear()
    return events
