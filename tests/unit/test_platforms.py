"""The command where Python lacks what a Unix alone has, as on Windows: each call in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from watchword import shipped
from watchword.data import audio
from watchword.evaluate import listen
from watchword.model import keywords, load

HIDDEN = ("fcntl", "pty", "termios", "tty")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which no Python process, the first or one that it starts, can import the modules of a Unix."""
    folder = tmp_path_factory.mktemp("hide")
    # Python runs this at the start of every process.
    (folder / "sitecustomize.py").write_text(f"import sys\nfor name in {HIDDEN}:\n    sys.modules[name] = None\n")
    path = os.pathsep.join([str(folder), *(path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path)])
    return {**os.environ, "PYTHONPATH": path, "WATCHWORD_STATE": str(folder / "state"), "NO_COLOR": "1"}


def run(environment: dict[str, str], *arguments: object, status: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from watchword.cli import main; main()", *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_the_modules_are_hidden_from_the_whole_process_tree(elsewhere: dict[str, str]) -> None:
    code = "import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', 'import {}']).returncode)"
    for name in HIDDEN:
        done = subprocess.run(
            [sys.executable, "-c", code.format(name)], env=elsewhere, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert f"import of {name} halted" in done.stderr


def test_every_module_can_be_imported(elsewhere: dict[str, str]) -> None:
    code = """
import importlib, pathlib, watchword
root = pathlib.Path(watchword.__file__).parent
for path in root.rglob("*.py"):
    importlib.import_module(".".join(path.relative_to(root.parent).with_suffix("").parts).removesuffix(".__init__"))
"""
    subprocess.run([sys.executable, "-c", code], env=elsewhere, check=True)


def test_help(elsewhere: dict[str, str]) -> None:
    assert "listen" in run(elsewhere, "--help").stdout
    assert "--wav" in run(elsewhere, "listen", "--help").stdout


def test_listen_on_the_reference(elsewhere: dict[str, str]) -> None:
    clips = audio.find(shipped.models() / "keywords/clips")
    model = load(keywords())
    expected = [event.as_dict() | {"file": str(clip)} for clip in clips for event in listen(model, audio.read(clip))]
    assert len(expected) == len(clips)
    for wavs in ([], ["--wav", shipped.models() / "keywords/clips"]):
        told = list(map(json.loads, run(elsewhere, "listen", "--on", "reference", "--json", *wavs).stdout.splitlines()))
        assert [event for event in told if event["event"] != "summary"] == expected
    assert "yes at 0.93 s" in run(elsewhere, "demo", "--on", "reference").stdout


RECIPE = """
name = "tones"
labels = ["low", "high"]
[data]
train = [{ folder = "words" }]
validation_share = 0.5
[architecture]
channels = 4
blocks = 1
[training]
epochs = 1
batch = 4
"""


def test_train_and_evaluate_on_the_reference(elsewhere: dict[str, str], tmp_path: Path) -> None:
    seconds = np.arange(16000) / 16000
    for word, hertz in (("low", 300), ("high", 2500)):
        (tmp_path / "words" / word).mkdir(parents=True)
        for number in range(8):
            sound = 3000 * np.sin(2 * np.pi * (hertz + 10 * number) * seconds)
            audio.write(tmp_path / "words" / word / f"{number}.wav", sound.astype(np.int16))
    (tmp_path / "recipe.toml").write_text(RECIPE)
    run(elsewhere, "train", tmp_path / "recipe.toml", "--data", tmp_path, "-o", tmp_path / "out")
    model, clips = tmp_path / "out/tones.tflite", tmp_path / "words"
    done = run(elsewhere, "evaluate", model, "--data", clips, "--on", "reference", "--json")
    assert json.loads(done.stdout)["n"] == 16


@pytest.mark.parametrize(
    "command",
    [
        ("info", "--on", "unix"),
        ("info", "--on", "pico:two"),
        ("demo",),
        ("programs",),  # without --on, and no board plugged in
        ("listen", "--wav", shipped.models() / "keywords/clips", "--on", "unix", "--model", keywords()),
        ("board", "start"),
        ("setup", "unix"),
        ("setup", "pico"),
    ],
    ids=lambda command: " ".join(map(str, command[:3])),
)
def test_virtual_boards_are_refused_in_one_line_that_says_what_to_do(
    elsewhere: dict[str, str], command: tuple[object, ...]
) -> None:
    *notes, line = run(elsewhere, *command, status=1).stderr.splitlines()
    assert notes in ([], ["on unix: no board is plugged in"])
    assert line.startswith("watchword: virtual boards need Linux, macOS or another Unix: name a real board's port with --on")
    assert "--on reference" in line
    assert len(line) <= 300


def test_doctor_says_what_can_be_done_without(elsewhere: dict[str, str]) -> None:
    findings = json.loads(run(elsewhere, "doctor", "--json").stdout)
    (found,) = [finding for finding in findings if finding["what"] == "virtual boards"]
    assert found["state"] == "absent"
    assert found["found"] == "virtual boards need Linux, macOS or another Unix"
    assert "--on reference" in found["mend"]
