"""A board that hears by itself while something else takes its time: what is lost is counted, told, and all that is lost."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.e2e import by_itself
from tests.e2e.shelf import Shelf, loud_model, shelf
from watchword import shipped
from watchword.board import Detection, Event, Lost, Shots
from watchword.board.virtual.controls import Line
from watchword.data import audio, words
from watchword.evaluate import listen_by_itself
from watchword.model import keywords, load


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    with shelf(tmp_path_factory.mktemp("shelf")) as one:
        yield one


def said(seconds: float) -> np.ndarray:
    """Somebody says yes each second, as loud as a microphone hears a talker."""
    word = audio.read(shipped.models() / "keywords/clips/yes_f292725f.wav")[: audio.RATE]
    turn = np.zeros(audio.RATE, np.int16)
    turn[: len(word)] = word // 4
    hiss = np.random.default_rng(1).integers(-2, 3, audio.RATE).astype(np.int16)
    return np.tile(turn + hiss, int(seconds))


# Where in the sound something is missing, and how much: after a while in which nobody took any the ring is full, and some more
# may be lost between two frames.
WATCH = """
def watch(p, s, read):
  User.gaps, User.lost = [], s.lost
  def watched(samples, at, n):
    read(samples, at, n)
    if s.lost != User.lost:
      User.gaps.append(((p.count - 1) * p.hop + 480, s.lost - User.lost))
      User.lost = s.lost
  s.read = watched
watch(app.pipeline, app.pipeline.source, app.pipeline.source.read)
"""
# A user's own task, beside the app.
TASK = """
import asyncio, time
async def busy():
  await asyncio.sleep_ms(2000)
  {what}
asyncio.create_task(busy())
"""


@pytest.mark.parametrize(
    ("what", "line", "least", "most"),
    [
        ("time.sleep_ms(600)", "open", 5000, 6500),
        ("print('x' * 20000)", "open", 0, 12000),
        ("print('x' * 20000)", "stalled", 3500, 24000),
    ],
    ids=["works for 600 ms", "prints 20 KB", "prints 20 KB, and nobody reads"],
)
def test_what_a_users_task_costs_is_counted_and_told_and_before_and_after_it_all_is_heard(
    one: Shelf, tmp_path: Path, what: str, line: Line, least: int, most: int
) -> None:
    one.fresh()
    samples = said(7)
    begun = by_itself.begin(one.board, samples, tmp_path)
    one.user(WATCH)
    one.user(TASK.format(what=what))
    one.controls.line(line)
    by_itself.wait(one.board, 4)
    one.controls.line("open")
    events: list[Event] = []
    while one.controls.seconds() < begun + 7.2:
        one.board.link.pump(0.05)
        events += one.board._events()
    [gaps] = one.user("tell(User.gaps)")
    lost = sum(event.samples for event in events if isinstance(event, Lost))
    assert lost == one.board.hearing().lost == sum(size for _, size in gaps)
    assert least <= lost <= most
    assert sum(size for _, size in gaps[1:]) <= 640
    heard = [event for event in events if isinstance(event, Detection)]
    expected = with_gaps(samples, gaps)
    assert heard == expected[: len(heard)]
    assert [event for event in heard if event.time < 2] == [event for event in expected if event.time < 2]
    assert len(heard) >= len(expected) - 1
    assert len([event for event in heard if event.time < 2]) >= 2
    assert len([event for event in heard if event.time > 4.5]) >= 2


def with_gaps(samples: np.ndarray, gaps: list[tuple[int, int]]) -> list[Detection]:
    """The reference's events of sound that pieces are missing of, each (where, size) in the sound that was heard."""
    for at, size in gaps:
        samples = np.concatenate([samples[:at], samples[at + size :]])
    found = []
    for event in listen_by_itself(loud_model(), samples, by_itself.PART):
        missing = sum(size for at, size in gaps if event.time > at / audio.RATE)
        found.append(dataclasses.replace(event, time=round(event.time + missing // (audio.RATE // 1000) / 1000, 3)))
    return found


def test_a_board_is_taught_while_it_hears(tmp_path: Path) -> None:
    """The keyword model beside a microphone: there is room, what was shown is learnt, and the microphone comes back."""
    clip = audio.read(shipped.models() / "keywords/clips/stop_f5496439.wav")
    shot = words.crop(clip, words.find(clip), audio.RATE)
    rows = np.random.default_rng(1).normal(0, 1, (12, 128))
    rows *= 39 / np.sqrt((rows**2).mean(1, keepdims=True))
    others = [row.round().clip(-127, 127).astype(np.int8).tobytes() for row in rows]
    with by_itself.listening(load(keywords())) as board:
        by_itself.begin(board, by_itself.noise(60), tmp_path)
        file = str(board.taught(ready=True).file)
        board.scores(shot)
        own = board.embedding()
        by_itself.wait(board, 0.4)  # in which the microphone's sound has been heard, and the model has run
        assert board.hearing().time > 0.2
        assert np.array_equal(board.embedding(), own)
        board.enrol("first")
        for i in range(0, len(others), 4):
            board.import_taught(Shots(file, tuple((f"w{j % 3}", other) for j, other in enumerate(others[i : i + 4]))))
        board.name("desk")
        by_itself.wait(board, 1.2)
        assert board.hearing().source == "i2s"
        assert board.hearing().lost == 0
        assert not [event for event in by_itself.told(board) if isinstance(event, Lost)]
        board.restart()
        assert board.hello.note is None
        assert sum(board.taught().words.values()) == 1 + len(others)
