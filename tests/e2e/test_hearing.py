"""A board that hears by itself, set up and followed by commands: on unix, with a recording as its microphone."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.command import fails, watchword
from tests.e2e.conftest import WATCHWORD
from watchword import shipped
from watchword.data import audio

CLIPS = shipped.models() / "keywords/clips"
UNIX = ("--on", "unix")


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    """Yes at a second, stop at three."""
    pause = np.zeros(audio.RATE, np.int16)
    words = [audio.read(CLIPS / name) for name in ("yes_f292725f.wav", "stop_f5496439.wav")]
    audio.write(tmp_path / "room.wav", np.concatenate([pause, words[0], pause, words[1], pause]))
    return tmp_path / "room.wav"


@pytest.fixture
def listening(wav: Path, micropython: Path) -> None:
    """The board has the keyword model and hears the recording from its start on."""
    watchword("push", shipped.models() / "keywords/keywords.tflite", *UNIX)
    watchword("mic", wav, *UNIX)


@contextmanager
def on(name: str) -> Iterator[subprocess.Popen[str]]:
    """A virtual board that stays on."""
    command = [*WATCHWORD, "board", "start", "--kind", f"unix:{name}", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.terminate()


@pytest.mark.usefixtures("listening")
def test_listen_shows_what_the_boards_own_microphone_hears(wav: Path) -> None:
    done = watchword("listen", "--for", 6, *UNIX, "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(event["event"], event["label"]) for event in events] == [("detect", "yes"), ("detect", "stop")]
    assert 1 < events[0]["time"] < 3 < events[1]["time"] < 5
    state = json.loads(watchword("mic", *UNIX, "--json").stdout)["microphone"]
    assert (state["kind"], state["file"], state["hears"], state["fault"]) == ("wav", str(wav), True, None)
    assert "has no microphone: `watchword mic FILE.wav`" in watchword("mic", "off", *UNIX).stdout
    assert "has no microphone" in fails("listen", *UNIX)


@pytest.mark.usefixtures("listening")
def test_scores_come_with_each_run_of_the_model() -> None:
    events = [json.loads(line) for line in watchword("listen", "--for", 3, "--scores", *UNIX, "--json").stdout.splitlines()]
    runs = [event for event in events if event["event"] == "score"]
    assert len(runs) > 10
    assert max(run["scores"]["yes"] for run in runs) > 0.8 > max(run["scores"]["stop"] for run in runs)
    assert max(run["peak"] for run in runs) > 0.05
    assert all(0 <= score <= 1 for run in runs for score in run["scores"].values())


@pytest.mark.usefixtures("listening")
def test_cutoffs_and_mute_count_at_once_and_stay() -> None:
    assert json.loads(watchword("cutoff", "yes", 0.99, *UNIX, "--json").stdout) == {"yes": 0.99}
    events = [json.loads(line) for line in watchword("listen", "--for", 6, *UNIX, "--json").stdout.splitlines()]
    assert [event["label"] for event in events] == ["stop"]
    watchword("cutoff", "--reset", *UNIX)
    assert set(json.loads(watchword("cutoff", *UNIX, "--json").stdout).values()) == {0.8}
    assert "0 to 1" in fails("cutoff", "yes", 1.5, *UNIX)
    assert "none of what may fire here: yes, no, up" in fails("cutoff", "lights", 0.5, *UNIX)
    assert json.loads(watchword("mute", *UNIX, "--json").stdout) == {"mute": True}
    muted = watchword("listen", "--for", 3, *UNIX)
    assert muted.stdout == ""
    assert "unix is mute: `watchword mute off` lets it hear" in muted.stderr
    assert watchword("mute", "off", *UNIX).stdout == "unix hears\n"


@pytest.mark.usefixtures("listening")
def test_a_process_has_no_pins() -> None:
    assert "has no pins" in fails("when", "yes", "--pin", 15, "--toggle", *UNIX)
    assert "unix is a process and has no pins: `watchword mic FILE.wav`" in fails("mic", "inmp441", *UNIX)
    assert "no word does anything on unix" in watchword("when", *UNIX).stdout


def test_boards_that_are_on_are_found_by_their_names(micropython: Path) -> None:
    with on("a"), on("b") as second:
        watchword("name", "kitchen", "--on", "unix:a")
        watchword("name", "hall", "--on", "unix:b")
        assert watchword("name", "--on", "hall").stdout == "unix:b is hall\n"
        assert json.loads(watchword("info", "--on", "kitchen", "--json").stdout)["name"] == "kitchen"
        assert "no board has this name; unix:a is kitchen, unix:b is hall" in fails("info", "--on", "attic")
        watchword("name", "kitchen", "--on", "unix:b")
        assert "kitchen: unix:a and unix:b have this name" in fails("info", "--on", "kitchen")
        watchword("board", "stop", "unix:b")
        second.wait(30)
        assert watchword("name", "--none", "--on", "kitchen").stdout == "unix:a has no name\n"


@pytest.mark.usefixtures("listening")
def test_ctrl_c_ends_listening_in_silence() -> None:
    command = [*WATCHWORD, "listen", *UNIX]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "yes" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert rest == ""
    assert said == "unix hears by its microphone; Ctrl-C ends it\n"
