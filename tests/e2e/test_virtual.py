"""What can be chosen of a virtual Pico, how fast it says that it runs, and what is said where it cannot, or ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.device.repl import Repl
from tests.e2e.conftest import WATCHWORD, small_graph, small_program
from watchword import reference, tflite
from watchword.board import Board, virtual
from watchword.board.virtual import Hardware, Speed
from watchword.board.virtual.process import Command, ProcessTransport
from watchword.errors import BoardError, LinkError

CORES = [((), "emulated: "), (("--old-core",), "faults corrected"), (("--old-core=stock",), "as it is, faults included")]


def watchword(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [*WATCHWORD, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env={**os.environ, **environment})


def failure(*arguments: str, **environment: str) -> str:
    """The one line that a command fails with."""
    done = watchword(*arguments, **environment)
    assert done.returncode == 1
    [line] = [line for line in done.stderr.splitlines() if line.startswith("watchword: ")]
    assert "Traceback" not in done.stderr
    assert len(line) <= 300
    return line


@contextmanager
def started(*options: str) -> Iterator[dict[str, Any]]:
    command = [*WATCHWORD, "board", "start", "--kind", "pico", "--json", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.terminate()


# ---- sound

I2S = """
from machine import I2S, Pin
sound = I2S(0, sck=Pin(2), ws=Pin(3), sd=Pin(4), mode=I2S.RX, bits=32, format=I2S.MONO, rate=16000, ibuf=8000)
taken = bytearray(4000)
for i in range(4):
    sound.readinto(taken)  # the last of them begins 187 ms after the clock
print([int.from_bytes(taken[i:i + 4], 'little') >> 16 for i in range(0, 4000, 4)])
"""


def test_a_microphone_is_heard_by_the_stock_driver_sample_by_sample(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "ramp.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(np.arange(64000).astype("<u2").tobytes())
    hardware = Hardware(wires=("inmp441:sck=2,ws=3,sd=4",), sound=tmp_path / "ramp.wav")
    board = virtual.find("pico", tmp_path / "flash.img", hardware)
    assert board is not None
    line = board.start(print, bare=True)
    try:
        printed, error = Repl(line).run(I2S, timeout=120)
    finally:
        line.close()
    assert not error
    samples = np.array(json.loads(printed))
    assert len(samples) == 1000
    # By the divider's rounding it takes 15,999.8 samples a second: one in thousands comes twice.
    steps = np.diff(samples)
    assert set(steps) <= {0, 1}
    assert np.count_nonzero(steps == 0) <= 1


# ---- the processor


@pytest.mark.parametrize(("options", "told"), CORES)
def test_the_processor_is_chosen_and_the_board_says_which(options: tuple[str, ...], told: str, state: Path) -> None:
    with started(*options):
        pico = virtual.find("pico")
        assert pico is not None
        assert told in pico.modelled


def test_so_does_the_report_of_a_command(tmp_path: Path) -> None:
    (tmp_path / "small.tflite").write_bytes(tflite.write(small_graph()))
    done = watchword("bench", str(tmp_path / "small.tflite"), "--runs", "1", "--on", "pico", "--json", "--old-core")
    assert done.returncode == 0, done.stderr
    assert "faults corrected" in json.loads(done.stdout)["modelled"]


@pytest.mark.parametrize("core", ["corrected", "stock"])
def test_each_processor_runs_the_firmware(core: str) -> None:
    program, x = small_program(target="rp2040"), np.arange(40, dtype=np.int8)
    with Board.open("pico", hardware=Hardware(core=core)) as board:
        board.push(program, scratch=True)
        assert np.array_equal(board.run(x), reference.run(program.graph, x.reshape(1, 1, 40))[0].ravel())


def test_a_processor_that_there_is_not_is_refused() -> None:
    done = watchword("bench", "model.tflite", "--on", "pico", "--old-core=new")
    assert done.returncode == 2
    assert "corrected" in done.stderr
    assert "stock" in done.stderr
    with pytest.raises(BoardError, match="new: no processor of the virtual Pico; known: fast, corrected, stock"):
        Board.open("pico", hardware=Hardware(core="new"))
    assert "unix: has no" in failure("selftest", "--on", "unix", "--old-core")


# ---- time


def run(port: str, code: str) -> None:
    command = [sys.executable, "-m", "mpremote", "connect", port, "exec", code]
    subprocess.run(command, timeout=120, check=True)


def test_in_real_time_a_board_is_never_ahead_of_the_clock(state: Path) -> None:
    with started("--real-time") as board:
        for code in ("import time\ntime.sleep(4)", "import time\nt = time.ticks_ms()\nwhile time.ticks_ms() - t < 1500: pass"):
            begun = time.monotonic()
            run(board["tty"], code)
            assert time.monotonic() - begun > (3.9 if "sleep" in code else 1.4)
        emulated = json.loads(watchword("info", "--on", "pico", "--json").stdout)["emulated"]
        assert emulated["late_s"] >= 0
        assert "real time)" in watchword("info", "--on", "pico").stdout


def test_otherwise_sleeping_takes_no_time_once_the_line_is_quiet(state: Path) -> None:
    with started() as board:
        begun = time.monotonic()
        run(board["url"], "import time; time.sleep(600)")
        assert time.monotonic() - begun < 600


# ---- speed


def test_info_says_how_fast_it_runs() -> None:
    emulated = json.loads(watchword("info", "--on", "pico", "--json").stdout)["emulated"]
    assert emulated["clock_hz"] == 125_000_000
    assert emulated["hz"] == pytest.approx(emulated["cycles"] / emulated["cpu_s"], rel=0.01)
    assert emulated["cpu_s"] > 0
    assert 0 < emulated["wall_s"] < 300
    assert emulated["late_s"] is None
    [line] = [line for line in watchword("info", "--on", "pico").stdout.splitlines() if line.startswith("emulated")]
    assert "MHz of 125 (" in line
    assert "emulated" not in json.loads(watchword("info", "--on", "unix", "--json").stdout)


def test_so_does_one_that_stays_on_by_all_its_names(state: Path) -> None:
    with started() as board:
        for name in ("pico", board["url"], board["tty"]):
            assert json.loads(watchword("info", "--on", name, "--json").stdout)["emulated"]["cycles"] > 1_000_000


def test_selftest_and_bench_say_it_beside_the_report() -> None:
    done = watchword("selftest", "--on", "pico")
    assert "emulated at " in done.stderr
    assert " MHz of 125 (" not in done.stdout


def test_a_speed_in_words() -> None:
    fast = Speed(cycles=3_100_000_000, clock=125_000_000, cpu=10, wall=20, late=None)
    assert str(fast) == "at 310 MHz of 125 (2.5 times real time)"
    slow = Speed(cycles=45_000_000, clock=125_000_000, cpu=5, wall=5, late=3.21)
    assert str(slow) == "at 9 MHz of 125 (0.07 times real time), 3.2 s late"
    assert str(Speed(2_500_000_000, 125_000_000, 10, 20, 0.0)).endswith("(2.0 times real time), in real time")


# ---- what is said where it cannot be had, or ends


def until_it_ends(board: Board) -> None:
    while True:
        board.link.transport.read(1.0)


def test_a_node_without_webassembly_is_told_in_one_line() -> None:
    line = failure("info", "--on", "pico", NODE_OPTIONS="--jitless")
    assert line.startswith(
        "watchword: the virtual board is off: it cannot start on this computer: this Node runs without WebAssembly"
    )
    assert "NODE_OPTIONS" in line


@pytest.mark.skipif(sys.platform != "linux", reason="only there is the limit kept")
def test_too_few_addresses_are_told_in_one_line_and_what_it_proposes_helps() -> None:
    command = 'ulimit -v 4000000; exec "$0" "$@"'

    def info(**environment: str) -> subprocess.CompletedProcess[str]:
        limited = ["sh", "-c", command, *WATCHWORD, "info", "--on", "pico"]
        env = {**os.environ, **environment}
        return subprocess.run(limited, capture_output=True, text=True, timeout=120, check=False, env=env)

    refused = info()
    assert refused.returncode == 1
    assert "could not allocate memory: raise the limit on memory (ulimit -v)" in refused.stderr
    helped = info(NODE_OPTIONS="--disable-wasm-trap-handler")
    if "is not allowed in NODE_OPTIONS" not in helped.stderr:  # of Node 18
        assert helped.returncode == 0, helped.stderr


def test_an_error_says_why_the_processor_stopped(state: Path) -> None:
    with Board.open("pico") as board:
        board.link.transport.write(b"\r\x03\x03\x02import machine; machine.bootloader()\r\n")
        with pytest.raises(LinkError, match=r"is off: its processor ran into a breakpoint: breakpoint \d+ at 0x[0-9a-f]+"):
            until_it_ends(board)


def test_an_error_says_that_the_processor_is_locked_up(state: Path) -> None:
    code = (
        "import machine\n@micropython.asm_thumb\ndef jump(r0):\n    data(2, 0x4700)\n"
        "machine.disable_irq()\nmachine.mem32[0xe000ed08] = 0x30000000\njump(0x30000001)\n"
    )
    with Board.open("pico") as board:
        board.link.transport.write(b"\r\x03\x03\x01" + code.encode() + b"\x04")
        with pytest.raises(LinkError, match=r"is off: its processor locked up: .*HardFault at 0x[0-9a-f]+: no memory"):
            until_it_ends(board)


ENDS = "import os, sys\nsys.stderr.write('a long story\\n' * 50_000 + 'and why\\n\\n')\nsys.stderr.flush()\nos._exit(5)"


@pytest.mark.parametrize("act", ["read", "write", "control"])
def test_the_last_line_on_standard_error_is_in_the_error_however_the_end_is_met(act: str) -> None:
    """Also where the process writes more there than a pipe takes, and nobody reads."""
    ended = []
    line = ProcessTransport(Command([sys.executable, "-c", ENDS], control=True, endings={5: "so"}), lambda: ended.append(1))
    line.process.wait(20)
    acts = {"read": lambda: line.read(5), "write": lambda: line.write(b"x"), "control": lambda: line.control("counters")}
    with pytest.raises(LinkError, match=r"^the virtual board is off: so: and why$"):
        acts[act]()
    line.close()
    assert ended == [1]


def test_a_signal_is_named_and_what_v8_says_of_memory_is_found() -> None:
    code = "import os, sys\nsys.stderr.write('#\\n# Fatal: out of memory\\n#\\n')\nsys.stderr.flush()\nos.abort()"
    line = ProcessTransport(Command([sys.executable, "-c", code], control=True))
    with pytest.raises(LinkError, match=r"^the virtual board is off: SIGABRT ended it: Fatal: out of memory$"):
        line.read(20)


def test_a_long_last_line_is_cut() -> None:
    code = "import os, sys\nsys.stderr.write('x' * 10_000)\nsys.stderr.flush()\nos._exit(9)"
    line = ProcessTransport(Command([sys.executable, "-c", code], control=True))
    with pytest.raises(LinkError) as caught:
        line.read(20)
    assert str(caught.value).startswith("the virtual board is off: it ended with status 9: xxx")
    assert len(str(caught.value)) <= 300
