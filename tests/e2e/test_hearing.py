"""A board that hears by itself, set up and followed by commands: on unix a recording is its microphone, on pico an I2S one."""

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
def on(target: str, *options: object) -> Iterator[subprocess.Popen[str]]:
    """A virtual board that stays on."""
    command = [*WATCHWORD, "board", "start", "--kind", target, "--json", *map(str, options)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.terminate()


@pytest.mark.usefixtures("listening")
def test_listen_shows_what_the_boards_own_microphone_hears(wav: Path) -> None:
    done = watchword("listen", "--for", 6, *UNIX, "--json")
    *events, told = (json.loads(line) for line in done.stdout.splitlines())
    assert [(event["event"], event["label"]) for event in events] == [("detect", "yes"), ("detect", "stop")]
    assert told["heard"] == {"yes": 1, "stop": 1}
    assert -30 < told["peak"] < 0
    for event in events:
        nearest = told["highest"][event["label"]]
        assert nearest["score"] >= event["score"] >= nearest["cutoff"] == 0.8
        assert event["time"] <= nearest["time"] < event["time"] + 1
    assert told["highest"]["left"]["score"] < 0.8
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
    assert [event.get("label") for event in events] == ["stop", None]
    assert events[-1]["highest"]["yes"]["cutoff"] == 0.99
    watchword("cutoff", "--reset", *UNIX)
    assert set(json.loads(watchword("cutoff", *UNIX, "--json").stdout).values()) == {0.8}
    assert "0 to 1" in fails("cutoff", "yes", 1.5, *UNIX)
    assert "none of what may fire here: yes, no, up" in fails("cutoff", "lights", 0.5, *UNIX)
    assert json.loads(watchword("mute", *UNIX, "--json").stdout) == {"mute": True}
    muted = watchword("listen", "--for", 3, *UNIX)
    assert muted.stdout.startswith("heard nothing: ")
    assert "dBFS" not in muted.stdout
    assert "unix is mute: `watchword mute off` lets it hear" in muted.stderr
    assert watchword("mute", "off", *UNIX).stdout == "unix hears\n"


@pytest.mark.usefixtures("listening")
def test_a_process_has_no_pins() -> None:
    assert "has no pins" in fails("when", "yes", "--pin", 15, "--toggle", *UNIX)
    assert "unix is a process and has no pins: `watchword mic FILE.wav`" in fails("mic", "inmp441", *UNIX)
    assert "no word does anything on unix" in watchword("when", *UNIX).stdout


def test_an_emulated_chip_has_a_microphone_and_pins(wav: Path, micropython: Path) -> None:
    with on("pico:ears", "--wire", "inmp441:sck=16,ws=17,sd=18", "--sound", wav):
        watchword("push", shipped.models() / "keywords/keywords.tflite", "--on", "pico:ears")
        told = watchword("mic", "inmp441", "--on", "pico:ears").stdout.splitlines()
        assert told[0] == "INMP441, +24.0 dB"
        assert [line.split()[:2] for line in told[5:8]] == [["SCK", "GP16"], ["WS", "GP17"], ["SD", "GP18"]]
        watchword("name", "desk", "--on", "pico:ears")
        desk = ("--on", "desk")
        runs = [json.loads(line) for line in watchword("listen", "--scores", "--for", 2, *desk, "--json").stdout.splitlines()]
        assert {"_silence_", "yes"} <= next(run for run in runs if run["event"] == "score")["scores"].keys()
        assert watchword("when", "yes", "--pin", "GP15", "--for", 0.5, *desk).stdout == "yes: GP15 high for 0.5 s\n"
        for mistake, error in (
            (("when", "lights", "--pin", 1, "--toggle"), "lights is none of what may fire here: yes, no, up"),
            (("when", "yes", "--pin", 99, "--toggle"), "no such pin"),
            (("when", "yes", "--pin", 17, "--toggle"), "is the microphone's WS"),
            (("when", "yes", "--pin", 1, "--for", 3601), "seconds: 0.01 to 3600"),
            (("when", "yes", "--pin", 1, "--pulse", 101), "count: 1 to 100"),
            (("mic", "inmp441", "--sck", 10, "--ws", 13), "it has to be the pin after SCK"),
            (("mic", "inmp441", "--sd", 15), "is switched by yes"),
        ):
            assert error in fails(*mistake, *desk)
        assert [action["pin"] for action in json.loads(watchword("when", *desk, "--json").stdout)] == [15]
        assert json.loads(watchword("mic", *desk, "--json").stdout)["microphone"]["sck"] == 16
        assert watchword("when", "yes", "--never", *desk).stdout == "yes: one action removed\n"


def test_boards_that_are_on_are_found_by_their_names(micropython: Path) -> None:
    with on("unix:a"), on("unix:b") as second:
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
def test_ctrl_c_ends_listening_with_its_summary() -> None:
    command = [*WATCHWORD, "listen", *UNIX]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "yes" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert rest.startswith("heard yes: yes's highest score was ")
    assert rest.count("\n") == 1
    assert said == "unix hears by its microphone; Ctrl-C ends it\n"
