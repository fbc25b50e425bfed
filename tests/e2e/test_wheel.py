"""The wheel alone, in an empty environment far from the sources: it flashes a board, pushes a model and listens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.conftest import small_description, small_graph
from watchword import __version__, description, tflite

Watchword = Callable[..., str]


@pytest.fixture(scope="module")
def installed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Watchword:
    """The installed command."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=root, check=True)
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    (wheel,) = folder.glob("*.whl")
    pip = [folder / "venv/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-c", root / "requirements.lock", wheel], cwd=folder, check=True, timeout=300)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"WATCHWORD_STATE": str(folder / "state")}

    def watchword(*arguments: object) -> str:
        command = [folder / "venv/bin/watchword", *map(str, arguments)]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return watchword


def test_it_hears_its_own_clips_on_the_unix_board(installed: Watchword, root: Path, micropython: Path) -> None:
    clip = root / "models/keywords/clips/stop_f5496439.wav"
    event, _ = [json.loads(line) for line in installed("listen", "--wav", clip, "--on", "unix", "--json").splitlines()]
    assert event["label"] == "stop"


def test_it_makes_a_board_of_one_with_micropython_alone(installed: Watchword, pico_port: str, tmp_path: Path) -> None:
    model = tmp_path / "always.tflite"
    model.write_bytes(tflite.write(small_graph("always", always=True)))
    description.write(small_description("always"), model.with_suffix(".toml"))
    with wave.open(str(tmp_path / "sound.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(np.random.default_rng(1).integers(-3000, 3000, 16000).astype("<i2").tobytes())
    report = json.loads(installed("flash", "--on", pico_port, "--json"))
    assert report["firmware"] == __version__
    assert json.loads(installed("push", model, "--on", pico_port, "--json"))["file"].startswith("always-")
    heard = installed("listen", "--wav", tmp_path / "sound.wav", "--on", pico_port, "--json").splitlines()
    assert [json.loads(line).get("label") for line in heard] == ["word", None]
