"""Commands that wait for a board show what they wait for, one bar at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.command import Command, command_of
from tests.unit.terminal import Bars, bars_of
from watchword import shipped
from watchword.data import audio
from watchword.model import keywords

CLIP = audio.find(shipped.models() / "keywords" / "clips")[0]
UNIX = ("--on", "unix")


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return command_of(monkeypatch, capsys)


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> Bars:
    return bars_of(monkeypatch)


def test_what_waits_for_a_board_shows_it(command: Command, bars: Bars, tmp_path: Path, micropython: Path) -> None:
    def shown(*arguments: object) -> list[str]:
        bars.shown.clear()
        done = command(*arguments, *UNIX)
        assert bars.now == 0
        assert "\x1b[2K" not in done.out
        return [title for title, _ in bars.shown]

    np.save(tmp_path / "x.npy", np.zeros((2, 49, 40, 1), np.int8))
    run = ("run", keywords(), "-i", tmp_path / "x.npy", "-o", tmp_path / "y.npy")
    lent = ["reading keywords.tflite", "opening unix", "compiling keywords", "sending keywords"]
    back = "starting what it ran before"
    pushed = ["reading keywords.tflite", "opening unix", "compiling keywords", "pushing keywords.tflite"]
    assert shown("push", keywords()) == pushed
    assert shown(*run) == [*lent, "running", back]
    assert shown("bench", keywords(), "--runs", 1) == [*lent, "measuring keywords", back]
    assert shown("teach", "this", "--wav", CLIP) == ["opening unix", f"learning {CLIP.name}"]
    assert shown("listen", "--wav", CLIP)[:2] == ["opening unix", f"hearing {CLIP.name}"]
    assert shown("activate", "keywords") == ["opening unix", "starting keywords"]
