"""A board that hears by itself, for long. Writes tests/soak/ears.md.

Thirty recordings of a word, each a stream of its own; ten minutes in one stream, while a host asks now and then; a hundred
mutes and a hundred restarts. All events have to be the reference's.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.e2e import by_itself

from watchword.board import Detection
from watchword.data import audio
from watchword.evaluate import listen_by_itself

CLIPS = 30
LATEST = 0.06  # seconds from the sample that decides to the event
MINUTES = 10
EVERY = 10  # seconds from one word to the next
TIMES = 100


HEAD = (
    "# A board that hears by itself\n\n"
    "`make soak` writes this: microWakeWord's alexa on the virtual Pico, an INMP441 at its pins, recordings of\n"
    "Picovoice's wake word benchmark in it. Times are the chip's, from the sample that decides,\n"
    "which is a position in the recording: that begins with the microphone's clock.\n"
)


def report(root: Path, title: str, text: str) -> None:
    """Put a part of the report in its place, or at the end."""
    path = root / "tests/soak/ears.md"
    found = path.read_text().split("\n## ")[1:] if path.exists() else []
    parts = dict(part.split("\n\n", 1) for part in found)
    parts[title] = text.rstrip("\n") + "\n"
    path.write_text(HEAD + "".join(f"\n## {name}\n\n{part.rstrip()}\n" for name, part in parts.items()))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_STATE", str(tmp_path / "state"))


def test_clips(root: Path, shared_data: Path, tmp_path: Path) -> None:
    """With the cache before flash. As the reference: label, time and score of each event, and the scores of each run."""
    model = by_itself.alexa(shared_data)
    rows = []
    with by_itself.listening(model, xip=True) as board:
        for clip in by_itself.clips(shared_data, CLIPS):
            samples = by_itself.levelled(clip)
            heard = by_itself.hear(board, samples, tmp_path, scores=True)
            assert heard.detections == listen_by_itself(model, samples, by_itself.PART), clip.name
            runs = by_itself.means(model, samples)
            assert len(heard.scores) >= len(samples) // 480
            assert heard.scores == runs[: len(heard.scores)], clip.name
            assert heard.lost == 0
            for event, said, switched in zip(heard.detections, heard.said, heard.switched, strict=True):
                assert 0 < said - event.time <= LATEST
                assert 0 < switched - event.time <= LATEST
                left, acted = (f"{1000 * (at - event.time):.1f} ms" for at in (said, switched))
                decided = f"{event.time:.2f} s | {event.score:.3f}"
                rows.append(f"| {clip.name} | {decided} | {len(heard.scores)} | {left} | {acted} |")
                print(rows[-1])
    assert len(rows) >= CLIPS * 0.9
    report(root, f"{CLIPS} recordings", told(rows))


def told(rows: list[str]) -> str:
    return (
        f"{len(rows)} events, as the reference's: label, time and score; and the scores of all runs. With `--xip`.\n\n"
        "| recording | decided at | score | runs | the event has left | its pin has switched |\n|---|---|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )


def test_minutes(root: Path, shared_data: Path, tmp_path: Path) -> None:
    model = by_itself.alexa(shared_data)
    sound = by_itself.noise(60 * MINUTES)
    words = by_itself.clips(shared_data, CLIPS)
    for i in range(60 * MINUTES // EVERY):
        word = by_itself.levelled(words[i % CLIPS])
        at = (i * EVERY + 3) * audio.RATE
        sound[at : at + len(word)] += word
    expected = listen_by_itself(model, sound, by_itself.PART)
    late, heap, detections = [], [], []
    with by_itself.listening(model) as board:
        begun = by_itself.begin(board, sound, tmp_path)
        for second in range(30, 60 * MINUTES + 1, 30):
            while board.controls.seconds() < begun + second:
                board.link.pump(0.1)
            detections += [event for event in by_itself.told(board) if isinstance(event, Detection)]
            late.append(by_itself.late(board, begun))
            board.name(f"after-{second}")
            heap.append(board.info().heap_free)
            print(second, late[-1], heap[-1], len(detections))
        detections += [event for event in by_itself.told(board) if isinstance(event, Detection)]
        lost = board.hearing().lost
    assert lost == 0
    assert detections == expected[: len(detections)]
    assert len(detections) >= len(expected) - 1
    # A name that is new is one more in MicroPython's table of names, which becomes 3,840 bytes larger once on the way.
    assert np.ptp(heap[4:]) <= 512
    assert np.ptp(heap[1:]) <= 512 + 3840
    text = (
        f"One stream with a word each {EVERY} s; every 30 s the host asked for this, and wrote settings.\n\n"
        "| | |\n|---|---|\n"
        f"| events, all as the reference's | {len(detections)} |\n"
        f"| samples lost | {lost} of {60 * MINUTES * audio.RATE:,} |\n"
        f"| by how much the board's position is behind the sound | {1000 * min(late):.0f} to {1000 * max(late):.0f} ms |\n"
        f"| the same in the first minute, and in the last | {1000 * late[1]:.0f}, {1000 * late[-1]:.0f} ms |\n"
        f"| bytes of heap free: at a minute, the least, at the end | {heap[1]:,}, {min(heap[1:]):,}, {heap[-1]:,} |\n"
    )
    report(root, f"{MINUTES} minutes", text)


def test_again(root: Path, shared_data: Path, tmp_path: Path) -> None:
    """A chip has 12 channels of DMA, and 8 state machines: none may stay taken."""
    model = by_itself.alexa(shared_data)
    samples = by_itself.levelled(by_itself.clips(shared_data, 1)[0])
    expected = listen_by_itself(model, samples, by_itself.PART)
    with by_itself.listening(model) as board:
        by_itself.hear(board, samples, tmp_path)
        free = {"mutes": [board.info().heap_free], "restarts": []}
        for i in range(TIMES):
            board.mute(True)
            board.mute(False)
            if i % 10 == 0:
                free["mutes"].append(board.info().heap_free)
        assert by_itself.hear(board, samples, tmp_path).detections == expected
        for _ in range(TIMES):
            board.restart()
            free["restarts"].append(board.hello.heap_free)
            by_itself.wait(board, 0.2)
            hearing = board.hearing()
            assert (hearing.source, hearing.fault, hearing.lost) == ("i2s", None, 0)
            assert hearing.time > 0.1
        assert by_itself.hear(board, samples, tmp_path).detections == expected
    for some in free.values():
        assert max(some) - min(some) <= 512
    rows = "".join(f"| {TIMES} {name} | {min(some):,} to {max(some):,} |\n" for name, some in free.items())
    text = (
        "After each the board heard again, and after all of them the first recording's event came as before. A soft reset\n"
        "while a microphone runs: tests/e2e/test_microphone.py.\n\n| | bytes of heap free |\n|---|---|\n" + rows
    )
    report(root, f"{TIMES} mutes and {TIMES} restarts", text)
