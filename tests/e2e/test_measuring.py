"""What a board can do: `watchword bench` and `watchword selftest`, and the hardware that a virtual board can be given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e.command import fails, watchword
from tests.e2e.conftest import small_program
from watchword import shipped
from watchword.board import Board, MicrophoneSetting, live, selftest, virtual
from watchword.board.bench import measure
from watchword.board.virtual import Hardware
from watchword.data import audio
from watchword.errors import BoardError
from watchword.model import load

KEYWORDS = shipped.models() / "keywords/keywords.tflite"
LAYERS = [op.output.name for op in selftest.model()[0].operations]


def answer(*arguments: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(watchword(*arguments, "--json").stdout)
    return found


def test_bench_on_unix_gives_times(micropython: Path) -> None:
    report = answer("bench", KEYWORDS, "--on", "unix", "--runs", 2)
    assert 0 < report["total_s"] <= report["total_s_max"]
    assert "total_cycles" not in report
    kernels = [layer["kernel"] for layer in report["layers"]]
    assert kernels == ["convolution", "depthwise"] * 4 + ["convolution", "average_pool", "convolution", "softmax"]
    assert sum(layer["macs"] for layer in report["layers"]) == report["macs"] <= load(KEYWORDS).graph.macs
    assert all(layer["s"] >= 0 for layer in report["layers"])
    assert report["frontend_s"] > 0
    assert report["peak_ram"] > report["arena"] + 30_000
    assert report["program_bytes"] > 30_000
    assert "no chip is modelled" in report["modelled"]
    text = watchword("bench", KEYWORDS, "--on", "unix", "--runs", 1).stdout
    assert "depthwise_1" in text
    assert "\na run " in text


def test_bench_on_the_pico_counts_cycles() -> None:
    with Board.open("pico") as board:
        compiled = selftest.program("rp2040")
        board.push(compiled, scratch=True)
        report = measure(board, compiled, 3).as_dict()
        again = measure(board, compiled, 3).as_dict()
    assert report["clock_hz"] == 125_000_000
    # What Python takes between the steps varies: 741,000 to 767,000 cycles were seen.
    assert abs(report["total_cycles"] - again["total_cycles"]) < 0.05 * report["total_cycles"]
    assert report["total_cycles"] <= report["total_cycles_max"]
    assert [layer["name"] for layer in report["layers"]] == LAYERS
    # A layer that is timed alone pays for its own call, of which the whole needs fewer.
    calls = 12000 * len(report["layers"])
    assert 0.98 * report["total_cycles"] <= sum(layer["cycles"] for layer in report["layers"]) <= report["total_cycles"] + calls
    assert report["peak_ram"] > report["arena"]
    assert "no misses of the XIP cache" in report["modelled"]


def test_bench_live_hears_through_a_microphone_of_its_own_and_keeps_what_is_set(shared_data: Path) -> None:
    with Board.open("pico") as board:
        board.push(load(KEYWORDS).compile("rp2040"))
        board.microphone(MicrophoneSetting("i2s", 64, "sph0645", 10, 11, 12))
        before = board.settings()
    report = answer("bench", shared_data / "models/microwakeword/okay_nabu.tflite", "--live", "--seconds", 2, "--on", "pico")
    parts = [report[part] for part in ("source", "features", "model", "decision", "link")]
    assert all(0 < part < 0.1 for part in parts)
    assert sum(parts) < report["busy"] < 0.25
    assert (report["lost"], report["ring"], report["busy_counted"]) == (0, 16384, True)
    assert report["heap_free"] > 55_000
    assert report["busy"] * 125e6 < report["least_hz"] < 60e6
    assert report["least_hz_kept_up"]
    with Board.open("pico") as board:
        assert board.settings() == before
        assert board.hello.running != "scratch.ww"


def test_bench_live_needs_a_microphone(micropython: Path) -> None:
    assert "unix has no microphone: `watchword mic` gives it one" in fails("bench", KEYWORDS, "--live", "--on", "unix")


def test_a_board_of_the_unix_port_passes_its_test(micropython: Path) -> None:
    with Board.open("unix") as board:
        kept = board.push(small_program())
    report = answer("selftest", "--on", "unix")
    assert [check["name"] for check in report["checks"]] == [*LAYERS, "front end"]
    assert report["passed"]
    assert all(check["equal"] and check["cycles"] is None for check in report["checks"])
    with Board.open("unix") as board:
        assert board.hello.running == kept


def test_the_pico_takes_the_cycles_on_record() -> None:
    """Where kernels have changed, `make bench` writes a new record."""
    report = answer("selftest", "--on", "pico")
    assert report["passed"]
    for check in report["checks"]:
        assert check["cycles"] == pytest.approx(check["recorded"], rel=0.01, abs=5000), check["name"]


def test_a_boards_microphone_is_tested_too(tmp_path: Path) -> None:
    audio.write(tmp_path / "room.wav", live.sound(60))
    with Board.open("pico", hardware=Hardware(wires=("inmp441",), sound=tmp_path / "room.wav")) as board:
        board.microphone(MicrophoneSetting("i2s", 1024, "inmp441", 16, 17, 18))
        board.push(selftest.program("rp2040"), scratch=True)
        report = selftest.selftest(board)
        assert report.passed, report.block()
        assert report.ears is not None
        assert report.ears.peaks is not None
        assert 0 < report.ears.peaks[0] < report.ears.peaks[1] <= 1
        assert report.ears.busy is not None
        assert 0 < report.ears.busy < 0.6
        assert "samples lost" in report.block()
        board.restart(scratch=True)
        board.controls.microphone(plugged=False)
        board.restart(scratch=True)
        unplugged = selftest.selftest(board)
    assert not unplugged.passed
    assert "SD, SCK or WS are not connected" in unplugged.block()


def test_a_layer_that_differs_is_named(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    board.push(selftest.program("unix"))
    run_layers = board.run_layers

    def one_off(*arguments: Any, **options: Any) -> list[np.ndarray]:
        outputs = run_layers(*arguments, **options)
        outputs[1] = outputs[1] ^ np.int8(1)
        return outputs

    monkeypatch.setattr(board, "run_layers", one_off)
    report = selftest.selftest(board)
    assert not report.passed
    assert [check.name for check in report.checks if not check.equal] == ["depthwise"]
    assert "depthwise         DIFFER" in report.block()


def test_hardware_that_cannot_be_had_is_refused(tmp_path: Path, micropython: Path) -> None:
    with pytest.raises(BoardError, match="unix: has no cache model"):
        Board.open("unix", hardware=Hardware(xip=True))
    with pytest.raises(BoardError, match="is what it is"):
        Board.open("/dev/ttyACM7", hardware=Hardware(xip=True))
    with pytest.raises(BoardError, match="a unique id has 16 hexadecimal digits"):
        Board.open("pico", hardware=Hardware(uid="12"))


def test_hardware_is_chosen_and_told() -> None:
    with Board.open("pico", hardware=Hardware(uid="0123456789abcdef", xip=True)) as board:
        assert board.hello.uid == "0123456789abcdef"
        assert board.modelled is not None
        assert "misses of the XIP cache are counted" in board.modelled
    # Nobody runs a board there: it may be a real one.
    assert virtual.behind("/dev/ttyACM7") is None


@pytest.mark.real_board
def test_every_kind_of_layer_and_sound_give_what_the_reference_does(board: Board) -> None:
    board.push(selftest.program(board.hello.target), scratch=True)
    report = selftest.selftest(board)
    assert report.passed, report.block()
