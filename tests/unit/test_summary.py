"""What listening ends with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.unit.command import Command

from watchword.board import Detection, Log
from watchword.board.summary import Loudness, dbfs, rounded, summary
from watchword.data import audio
from watchword.shipped import models

NEAR = {"alexa": (0.41, 3.24, 0.8949)}
SINE = np.sin(np.arange(16000) * 2 * np.pi * 100 / 16000)


def loudness(samples: np.ndarray) -> tuple[float, float]:
    measured = Loudness()
    for block in measured.all(np.array_split(samples, 7)):
        assert len(block)
    return measured.peak, measured.rms


def test_loudness_is_of_all_blocks_in_dbfs() -> None:
    assert loudness((16384 * SINE).astype(np.int16)) == (-6.0, -9.0)
    assert loudness(np.full(1600, -32768, np.int16)) == (0.0, 0.0)
    assert loudness(np.r_[np.zeros(999, np.int16), np.int16(-328)].astype(np.int16)) == (-40.0, -70.0)
    assert loudness(np.zeros(160, np.int16)) == (-120.0, -120.0)
    assert (Loudness().peak, Loudness().rms, dbfs(0), dbfs(1e-9)) == (-120.0,) * 4


def test_nothing_heard_says_how_near_it_came_and_what_helps() -> None:
    assert str(summary([Log("x")], NEAR, -38.2, -55.3)) == (
        "heard nothing: alexa's highest score was 0.41 at 3.2 s, cutoff 0.89; "
        "peak -38 dBFS, RMS -55 dBFS: speak louder or nearer"
    )
    assert str(summary([], {}, None, None)) == "heard nothing"
    assert str(summary([], {}, -20.0, None)) == "heard nothing; peak -20 dBFS"
    assert str(summary([], {}, -120.0, -120.0)).endswith("RMS -120 dBFS: that is digital silence")
    assert str(summary([], {}, 0.0, -3.0)).endswith("too loud, it is clipped: less gain")


def test_what_was_heard_is_counted_and_the_nearest_comes_first() -> None:
    events = [Detection("yes", 0.9, 1.0), Detection("jarvis", 0.6, 2.0, taught=True), Detection("yes", 0.8, 3.0)]
    found = summary(events, {"no": (0.3, 2.0, 0.8), "yes": (0.9, 1.1, 0.8), "jarvis": (0.55, 2.0, 0.5)}, -12.0, -30.0)
    assert str(found) == (
        "heard yes 2 times, jarvis: yes's highest score was 0.90 at 1.1 s, cutoff 0.80; jarvis 0.55 at 2.0 s, cutoff 0.50; "
        "no 0.30 at 2.0 s; peak -12 dBFS, RMS -30 dBFS"
    )
    fields = found.as_dict()
    assert list(fields["highest"]) == ["yes", "jarvis", "no"]
    assert fields["highest"]["jarvis"] == {"score": 0.55, "time": 2.0, "cutoff": 0.5}
    assert json.loads(json.dumps(fields)) == fields


def test_a_boards_floats_are_rounded_and_count_from_the_recordings_start() -> None:
    assert rounded({"yes": (0.88300002, 1.9300001, 0.80000001), "no": (0.0, 0.0, 0.8)}, 1.0) == {
        "yes": (0.883, 0.93, 0.8),
        "no": (0.0, 0.0, 0.8),
    }


@pytest.fixture
def quiet(tmp_path: Path) -> Path:
    """Two seconds of noise far below a voice."""
    audio.write(tmp_path / "quiet.wav", np.random.default_rng(3).integers(-33, 34, 32000).astype(np.int16))
    return tmp_path / "quiet.wav"


def test_each_recording_has_its_summary(quiet: Path, command: Command) -> None:
    clip = models() / "keywords/clips/yes_f292725f.wav"
    lines = command("listen", "--on", "reference", "--wav", str(clip), str(quiet)).out.splitlines()
    assert len(lines) == 3
    assert lines[1].startswith(f"{clip}  heard yes: yes's highest score was 0.")
    assert lines[2].startswith(f"{quiet}  heard nothing: ")
    assert lines[2].endswith(": speak louder or nearer")
    lines = command("listen", "--on", "reference", "--json", "--wav", str(clip), str(quiet)).out.splitlines()
    events = [json.loads(line) for line in lines]
    assert [(event["event"], event["file"]) for event in events] == [
        ("detect", str(clip)),
        ("summary", str(clip)),
        ("summary", str(quiet)),
    ]
    assert [event["heard"] for event in events[1:]] == [{"yes": 1}, {}]
    assert (events[1]["peak"], events[2]["peak"]) == (-16.1, -59.9)
    assert len(events[1]["highest"]) == 10
    assert "_silence_" not in events[1]["highest"]


def test_of_a_microphone_on_the_reference_too(quiet: Path, command: Command) -> None:
    out = command("listen", "--on", "reference", "--through", "inmp441", "--wav", str(quiet)).out
    assert out.startswith(f"{quiet}  heard nothing: ")
    assert out.count("\n") == 1
