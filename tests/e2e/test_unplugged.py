"""From a new board to one on the shelf, by the commands that a user types; and who may not have a microphone."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.command import fails, watchword
from tests.e2e.conftest import WATCHWORD
from watchword.board import Board
from watchword.board.virtual import Hardware
from watchword.data import audio
from watchword.errors import BoardError


def test_a_word_switches_a_pin_of_a_board_without_a_computer(shared_data: Path, tmp_path: Path) -> None:
    clips = sorted((shared_data / "speech/picovoice_wakeword/alexa").iterdir())[:3]
    pause = np.random.default_rng(1).integers(-2, 3, audio.RATE).astype(np.int16)
    said = np.concatenate([part for clip in clips for part in (pause, audio.read(clip))] + [pause])
    audio.write(tmp_path / "alexa.wav", said)
    pico = ("--on", "pico")
    watchword("push", shared_data / "models/microwakeword/alexa.tflite", *pico)
    watchword("mic", "inmp441", *pico)
    watchword("when", "alexa", "--pin", 15, "--for", 0.5, *pico)
    with Board.open("pico", hardware=Hardware(wires=("inmp441",))) as board:
        controls = board.controls
        controls.watch(15)
        controls.line("unplugged")
        controls.play(tmp_path / "alexa.wav")
        rise = controls.wait(15, 1, timeout=len(said) / audio.RATE + 3)
        while not (falls := [change.seconds for change in controls.changes(15) if not change.level]):
            assert controls.seconds() < rise.seconds + 2
    assert 0.5 <= falls[0] - rise.seconds < 0.6


def test_a_process_hears_no_microphone_of_a_chip(board: Board) -> None:
    with pytest.raises(BoardError, match=r"^this board \(linux|darwin\) hears no microphone of the kind i2s$"):
        board.link.request("microphone", set={"kind": "i2s", "sck": 16, "ws": 17, "sd": 18})
    assert board.settings().microphone is None


@pytest.mark.usefixtures("micropython")
def test_a_second_host_at_a_port_is_refused_in_a_line_and_the_first_goes_on() -> None:
    command = [*WATCHWORD, "board", "start", "--kind", "unix", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = json.loads(process.stdout.readline())
        try:
            for place, error in (("url", "another program uses the board"), ("tty", "in use")):
                with Board.open(found[place]) as board:
                    assert error in fails("info", "--on", found[place])
                    assert board.info().target == "unix"
        finally:
            process.terminate()
