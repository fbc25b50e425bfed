"""Nothing is mute: what takes longer than a moment shows a bar on a terminal, one at a time, and none in a pipe."""

from __future__ import annotations

import io
import re
import threading
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rich.progress import Progress
from tests.unit.command import Command, command_of
from tests.unit.terminal import Bars, bars_of
from tests.unit.test_evaluate import louder
from tests.unit.test_platforms import RECIPE

from watchword import shipped, tflite
from watchword.chips import CHIPS
from watchword.cli import output
from watchword.data import audio
from watchword.model import keywords

CLIP = audio.find(shipped.models() / "keywords" / "clips")[0]


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> Bars:
    return bars_of(monkeypatch)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return command_of(monkeypatch, capsys)


def test_a_bar_shows_how_far_it_is_and_is_gone_afterwards(bars: Bars) -> None:
    with output.progress_bar("working") as progress:
        for done in range(1, 5):
            progress(done, 8)
        output.note("a note")
    text = bars.text.getvalue()
    assert "working" in text
    assert " 50%" in text
    assert "a note\n" in text.replace("\r", "")
    assert text.rpartition("\n")[2].rstrip().endswith("\x1b[2K")  # its line is wiped


def test_what_is_done_in_a_moment_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.StringIO()
    monkeypatch.setattr(output, "_stderr", Console(file=text, force_terminal=True, force_interactive=True))
    monkeypatch.setattr(output, "PATIENCE", 1000.0)
    with output.progress_bar("working") as progress:
        progress(1, 2)
    assert text.getvalue() == ""


def test_a_bar_that_is_waited_for_shows_without_being_told_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = threading.Event()

    class Shown(Progress):
        def start(self) -> None:
            super().start()
            shown.set()

    text = io.StringIO()
    monkeypatch.setattr(output, "_stderr", Console(file=text, force_terminal=True, force_interactive=True, width=60))
    monkeypatch.setattr(output, "Progress", Shown)
    monkeypatch.setattr(output, "PATIENCE", 0.01)
    with output.progress_bar("working"):
        assert shown.wait(60)
    assert "working" in text.getvalue()


def test_items_are_looked_at_without_a_bar(bars: Bars) -> None:
    seen = []
    for item in output.awaited("waiting", [1, 2]):
        seen.append((item, bars.now))
    assert seen == [(1, 0), (2, 0)]
    assert bars.shown == [("waiting", None)] * 3


def test_a_bar_is_gone_after_a_mistake_too(bars: Bars) -> None:
    with pytest.raises(KeyError), output.progress_bar("working"):
        raise KeyError
    assert bars.now == 0


READING = ("reading keywords.tflite", None)
COMMANDS = {  # the titles of the bars, and what there is in all where that is known
    "inspect": (["inspect", "m.tflite"], [("reading m.tflite", None), ("compiling m", 1 + len(CHIPS))]),
    "compile": (["compile", keywords(), "-o", "OUT.ww"], [READING, ("compiling keywords", None)]),
    "export": (["export", keywords(), "-o", "OUT.tflite"], [READING, ("simplifying keywords", None)]),
    "evaluate": (["evaluate", keywords(), "--data", "m.csv", "--on", "reference"], [READING, ("listening", 2)]),
    "listen": (["listen", "--wav", CLIP, "--on", "reference"], [READING, *[(f"hearing {CLIP.name}", None)] * 2]),
}


@pytest.mark.parametrize(("arguments", "titles"), COMMANDS.values(), ids=COMMANDS)
def test_long_commands_show_what_they_do(
    command: Command,
    bars: Bars,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[object],
    titles: list[tuple[str, int | None]],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.csv").write_text(f"file,label\n{CLIP},down\n{CLIP},up\n")
    Path("m.tflite").write_bytes(tflite.write(louder()))
    done = command(*arguments)
    assert bars.shown == titles
    assert bars.now == 0
    assert "\x1b[2K" not in done.out


def test_in_a_pipe_there_is_no_bar(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(output, "PATIENCE", 0.0)
    done = command("export", keywords(), "-o", tmp_path / "x.tflite")
    assert done.err == ""
    assert "\x1b" not in done.out


def test_train_shows_its_epochs_and_what_comes_after(command: Command, bars: Bars, tmp_path: Path) -> None:
    for word, hertz in (("low", 300), ("high", 2500)):
        (tmp_path / "words" / word).mkdir(parents=True)
        for number in range(4):
            sound = 3000 * np.sin(2 * np.pi * (hertz + 10 * number) * np.arange(16000) / 16000)
            audio.write(tmp_path / "words" / word / f"{number}.wav", sound.astype(np.int16))
    (tmp_path / "recipe.toml").write_text(RECIPE)
    done = command("train", tmp_path / "recipe.toml", "--data", tmp_path, "-o", tmp_path / "out")
    clips = len((tmp_path / "out/validation.csv").read_text().splitlines()) - 1
    (title, steps), *others = bars.shown
    assert re.fullmatch(r"training tones, epoch 1, \d+ examples/s", title)
    assert steps == 1
    assert others == [
        ("quantizing tones", None),
        ("reading tones.tflite", None),
        ("judging tones", clips),
    ]
    assert "epoch   1  loss" in bars.text.getvalue()
    assert f"on {clips} clips in int8" in done.out
