"""A virtual Pico's wiring: microphones and what they hear, pins from outside, the cable; by options and by the library."""

from __future__ import annotations

import json
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.device.repl import Repl
from tests.e2e.test_virtual import failure, started, watchword
from watchword.board import Board, virtual
from watchword.board.virtual import Controls, Hardware
from watchword.errors import BoardError

WIRED = ("sph0645:sck=2,ws=3,sd=4", "analogue:27")


def wav(path: Path, samples: np.ndarray) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())
    return path


class Pico:
    """A virtual Pico with MicroPython alone, and its controls."""

    def __init__(self, folder: Path, hardware: Hardware | None = None) -> None:
        board = virtual.find("pico", folder / "flash.img", hardware)
        assert board is not None
        self.line = board.start(print, bare=True)
        self.controls = Controls(self.line)
        self.repl = Repl(self.line)

    def run(self, code: str) -> str:
        out, error = self.repl.run(code, 60)
        assert not error, out + error
        return out

    def begin(self, code: str) -> None:
        """Let code run whose output nobody waits for."""
        self.repl.begin(code, 60)

    def again(self) -> None:
        """The REPL, after whatever has run."""
        self.repl = Repl(self.line)


@pytest.fixture
def pico(tmp_path: Path) -> Iterator[Pico]:
    pico = Pico(tmp_path)
    yield pico
    pico.line.close()


# ---- microphones

HEAR = """
from machine import ADC, I2S, Pin
import time
time.sleep_ms(700)
sound = I2S(0, sck=Pin(2), ws=Pin(3), sd=Pin(4), mode=I2S.RX, bits=32, format=I2S.MONO, rate=16000, ibuf=8000)
taken = bytearray(4000)
sound.readinto(taken)
words = [int.from_bytes(taken[i:i + 4], 'little') for i in range(0, 4000, 4)]
print([w - (w >> 31 << 32) for w in words])
sound.deinit()
time.sleep_ms(700)
adc = ADC(Pin(27))
print([adc.read_u16() for i in range(3)])
"""


def test_each_microphone_hears_the_sound_from_when_the_board_listens_to_it(tmp_path: Path) -> None:
    sound = wav(tmp_path / "ramp.wav", np.arange(1000, 17000))
    pico = Pico(tmp_path, Hardware(wires=WIRED, sound=sound))
    try:
        first, second = (np.array(json.loads(line)) for line in pico.run(HEAR).splitlines())
        offset = -250_000
        first = first[100:]  # the driver's first word is no whole one
        assert not np.any(first & 0x3FFF)  # 18 bits of 32
        samples = (first // 256 - offset) / 256
        assert abs(samples[0] - 1100) < 4
        assert abs(samples[-1] - 1999) < 4
        assert np.all(np.abs(second - (32768 + 1000)) < 40)
        pico.controls.play(wav(tmp_path / "other.wav", np.full(16000, -8000)))
        assert np.all(np.abs(np.array(json.loads(pico.run("print([adc.read_u16() for i in range(3)])"))) - 24768) < 40)
        with pytest.raises(BoardError, match=r"none\.wav: cannot be played"):
            pico.controls.play(tmp_path / "none.wav")
        pico.controls.microphone(stuck=77)
        pico.run(HEAR.replace("print(", "found = ("))
        assert pico.run("print(words[-1])") == f"{77 << 8}\n"
    finally:
        pico.line.close()


def test_wires_are_for_a_virtual_pico_that_the_command_starts(state: Path, tmp_path: Path) -> None:
    assert "which this does not start without --on" in failure("info", "--wire", "inmp441")
    assert "with --on reference" in failure("listen", "--on", "reference", "--wire", "inmp441")
    assert "with --on loop://" in failure("info", "--on", "loop://", "--sound", "x.wav")
    assert "unix: has no" in failure("info", "--on", "unix", "--wire", "inmp441")
    assert "GPIO3 has a wire already" in failure("programs", "--on", "pico", "--wire", "inmp441:sck=3,ws=3")
    assert "none.wav: cannot be played" in failure("board", "start", "--wire", "inmp441", "--sound", "none.wav")
    sound = wav(tmp_path / "sound.wav", np.zeros(100))
    assert (
        watchword("info", "--on", "pico", "--wire", "inmp441", "--wire", "analogue:26", "--sound", str(sound)).returncode == 0
    )
    with started("--wire", "sph0645", "--sound", str(sound)):
        assert "its hardware is what it was started with: stop it first" in failure("info", "--on", "pico", "--wire", "inmp441")
        assert watchword("info", "--on", "pico").returncode == 0


def test_all_commands_that_open_a_board_have_the_options_and_no_other() -> None:
    for command in ("info", "listen", "see", "push", "run", "bench", "selftest", "evaluate", "teach", "programs", "demo"):
        text = watchword(command, "--help").stdout
        for option in ("--wire", "--sound", "--xip", "--old-core"):
            assert text.count(f"│ {option} ") == 1, command
    for command in ("flash", "doctor", "ports", "compile"):
        assert "--wire" not in watchword(command, "--help").stdout


# ---- pins


def test_pins_are_seen_and_waited_for(pico: Pico) -> None:
    assert pico.controls.pins()[15].output is False
    pico.run("from machine import Pin\nimport time\np = Pin(15, Pin.OUT, value=0)")
    assert pico.controls.pins()[15] == virtual.controls.Pin("sio", output=True, level=0)
    assert pico.controls.watch(15) == 0
    pico.begin("time.sleep_ms(300); p.on(); time.sleep_ms(200); p.off()")
    up = pico.controls.wait(15, 1)
    down = pico.controls.wait(15, 0)
    assert down.seconds - up.seconds == pytest.approx(0.2, abs=0.002)
    assert pico.controls.changes(15) == [up, down]
    assert pico.controls.seconds() > down.seconds
    pico.controls.watch(15)
    with pytest.raises(BoardError, match=r"GPIO15 has not become 1 within 0.1 s"):
        pico.controls.wait(15, 1, timeout=0.1)
    with pytest.raises(BoardError, match="pin 14 is not watched"):
        pico.controls.changes(14)


def test_a_board_of_another_process_and_unix_have_no_controls(micropython: Path) -> None:
    with (
        Board.open("unix") as board,
        pytest.raises(BoardError, match="only a virtual Pico that this process starts has controls"),
    ):
        _ = board.controls
    with Board.open("pico") as board:
        assert board.controls.pins()[25].output in (True, False)


# ---- the cable

TIMED = """
import sys, time
def timed(n):
    t = time.ticks_us()
    sys.stdout.write('x' * n)
    return time.ticks_diff(time.ticks_us(), t) // 1000
"""


@pytest.mark.parametrize(("state", "low", "high"), [("stalled", 490, 520), ("closed", 0, 5)])
def test_a_print_blocks_while_nobody_reads_and_not_while_nobody_is_there(
    pico: Pico, state: virtual.controls.Line, low: int, high: int
) -> None:
    pico.run(TIMED)
    pico.run("from machine import Pin\np = Pin(15, Pin.OUT, value=0)")
    pico.controls.watch(15)
    pico.begin("time.sleep_ms(500)\nfound = timed(600)\np.on()\ntime.sleep(1)")
    pico.controls.line(state)
    pico.controls.wait(15, 1)
    assert pico.line.read(0.2) == b""
    pico.controls.line("open")
    pico.again()
    assert low <= int(pico.run("print(found)")) <= high


def test_a_cable_that_is_unplugged_and_plugged_in_again(pico: Pico) -> None:
    pico.run("from machine import Pin\nimport time\nvbus = Pin(24, Pin.IN)\np = Pin(15, Pin.OUT, value=0)")
    pico.controls.watch(15)
    pico.begin("while vbus.value(): pass\np.on()\nprint('nobody hears this')\ntime.sleep(1)")
    pico.controls.line("unplugged")
    pico.controls.wait(15, 1)
    assert pico.line.read(0.2) == b""
    pico.controls.line("open")
    pico.again()
    assert pico.run("print(vbus.value())") == "1\n"
