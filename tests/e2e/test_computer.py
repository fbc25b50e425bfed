"""`listen --from computer`: PortAudio and ALSA as on a computer, whose microphone is a file."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.command import fails, watchword
from tests.e2e.conftest import WATCHWORD
from watchword.board import Board
from watchword.data import audio
from watchword.evaluate import listen, listen_live
from watchword.model import keywords, load
from watchword.shipped import models

ALSA = Path("/usr/share/alsa/alsa.conf")
SECONDS = 13


@pytest.fixture(scope="module")
def words() -> np.ndarray:
    """Recorded words one after the other, and a second in which the last one is heard."""
    clips = [audio.read(clip) for clip in audio.find(models() / "keywords/clips")]
    sound = np.concatenate([part for clip in clips for part in (clip, np.zeros(9000, np.int16))])
    return np.concatenate([sound, np.zeros(SECONDS * 16000 - len(sound), np.int16)])


@pytest.fixture
def computer(words: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A computer whose one microphone hears the words, as fast as they are taken; its name."""
    try:
        importlib.import_module("sounddevice")
    except (ImportError, OSError):
        pytest.skip("needs sounddevice and PortAudio: make setup, and apt-get install libportaudio2")
    if not ALSA.is_file():
        pytest.skip("needs ALSA, whose microphone can be a file")
    np.concatenate([words, np.zeros(4 * 16000, np.int16)]).astype("<i2").tofile(tmp_path / "words.raw")
    (tmp_path / "asound.conf").write_text(
        f"""<{ALSA}>
        pcm.words {{
            type file
            slave.pcm "null"
            file "/dev/null"
            infile "{tmp_path / "words.raw"}"
            format "raw"
            hint {{ show on description "words" }}
        }}
        """
    )
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "asound.conf"))
    return "words"


@pytest.mark.parametrize("codec", ["s16", "adpcm"])
@pytest.mark.parametrize("on", ["unix", "reference"])
def test_a_microphone_gives_the_events_of_the_same_recording(
    computer: str, words: np.ndarray, on: str, codec: str, tmp_path: Path, micropython: Path
) -> None:
    file = tmp_path / "words.wav"
    audio.write(file, words)
    options = ("--on", on, "--codec", codec, "--json")
    live = watchword("listen", "--from", "computer", "--device", computer, "--for", SECONDS, *options)
    recorded = watchword("listen", "--wav", file, *options)
    expected = [json.loads(line) for line in recorded.stdout.splitlines()]
    assert [event["event"] for event in expected] == ["detect"] * 8 + ["summary"]
    assert [json.loads(line) | {"file": str(file)} for line in live.stdout.splitlines()] == expected
    assert f"{on} hears words" in live.stderr


def test_lines_for_people(computer: str) -> None:
    done = watchword("listen", "--from", "computer", "--on", "reference", "--for", 2)
    event, told = done.stdout.splitlines()
    assert event == "   0.93 s  down  0.90"
    assert told.startswith("heard down: down's highest score was ")
    assert " dBFS, RMS -" in told
    assert done.stderr == "reference hears words\n"


def test_ctrl_c_ends_it_without_a_word(computer: str, micropython: Path) -> None:
    command = [*WATCHWORD, "listen", "--from", "computer", "--on", "unix", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["label"] == "down"
        process.send_signal(signal.SIGINT)
        rest, notes = process.communicate(timeout=120)
    assert process.returncode == 0
    *events, told = map(json.loads, rest.splitlines())
    assert all(event["event"] == "detect" for event in events)
    assert told["heard"]["down"] == 1
    assert notes.splitlines()[-1] == "unix hears words; Ctrl-C ends it"


def test_mistakes_get_one_line(computer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "kitchen: no microphone of that name; there is 'words'" in fails(
        "listen", "--from", "computer", "--device", "kitchen", "--on", "reference"
    )
    for wrong in (["--wav", "x.wav"], ["--for", "0"]):
        fails("listen", "--from", "computer", *wrong, "--on", "reference")
    assert "--for is for a microphone" in fails("listen", "--for", 2, "--on", "reference")
    watchword("listen", "--from", "radio", status=2)


@pytest.mark.parametrize("name", ["keywords", "alexa"])
def test_blocks_that_come_by_and_by_give_the_events_of_the_whole(
    name: str, words: np.ndarray, shared_or_none: Path | None, request: pytest.FixtureRequest, micropython: Path
) -> None:
    """A model of one window, and one that keeps state; blocks of odd sizes."""
    if name == "keywords":
        model, sound = load(keywords()), words
    else:
        shared = request.getfixturevalue("shared_data")
        model = load(shared / "models/microwakeword/alexa.tflite")
        clips = sorted((shared / "speech/picovoice_wakeword/alexa").iterdir())[:2]
        sound = np.concatenate([part for clip in clips for part in (audio.read(clip), np.zeros(16000, np.int16))])
    blocks = np.split(sound, [1, 700, 701, 5000, 5001, 30000])
    expected = listen(model, sound)
    assert len(expected) >= 2
    assert list(listen_live(model, blocks)) == expected
    with Board.open("unix") as board:
        board.push(model.compile(board.hello.target))
        assert list(board.listen_live(blocks)) == expected
