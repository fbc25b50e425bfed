"""What is told where no MicroPython answers at a port. tests/e2e/test_flash.py has the boards where one does."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator

import pytest

from watchword.board import repl
from watchword.errors import BoardError, LinkError, SetupError


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """A terminal device, and the open file at its other end."""
    pty = pytest.importorskip("pty", reason="needs a Unix")
    monkeypatch.setattr(repl, "_SILENCE", 0.3)
    master, slave = pty.openpty()
    yield os.ttyname(slave), master
    os.close(master)


@pytest.fixture
def device(line: tuple[str, int]) -> str:
    """The device alone. The file that made it is open in this process only."""
    return line[0]


def answer(master: int, said: bytes) -> None:
    """Answer whatever comes in one way, until the line is closed."""

    def run() -> None:
        try:
            while os.read(master, 100):
                os.write(master, said)
        except OSError:
            pass

    threading.Thread(target=run, daemon=True).start()


def test_a_silent_port_gets_the_likely_causes(device: str) -> None:
    with pytest.raises(
        LinkError, match=r"the board does not answer: plug it in again; a new one needs MicroPython first: the UF2"
    ):
        repl.MpremoteRepl(device)


def test_what_is_no_repl_is_told_apart(line: tuple[str, int], capsys: pytest.CaptureFixture[str]) -> None:
    device, master = line
    answer(master, b"temperature 21 C\r\n")
    with pytest.raises(LinkError, match="what answers is not MicroPython's REPL"):
        repl.MpremoteRepl(device)
    assert capsys.readouterr().out == ""


def test_circuitpython_is_named(line: tuple[str, int]) -> None:
    device, master = line
    answer(master, b"Adafruit CircuitPython 9.2.0 on 2024-11-20\r\n")
    with pytest.raises(BoardError, match=r"the board runs CircuitPython, and watchword needs MicroPython: .*BOOTSEL"):
        repl.MpremoteRepl(device)


def test_ampy_opens_no_urls() -> None:
    with pytest.raises(BoardError, match="ampy opens serial ports only: use --tool mpremote"):
        repl.AmpyRepl("socket://127.0.0.1:1")


def test_a_lacking_ampy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ampy", None)
    with pytest.raises(SetupError, match="pip install adafruit-ampy"):
        repl.AmpyRepl("/dev/ttyACM0")


def test_ports_that_cannot_be_opened_are_told_by_either_tool(tmp_path: object) -> None:
    for tool in repl.TOOLS.values():
        with pytest.raises(LinkError, match="no such port"):
            tool(f"{tmp_path}/ttyACM0")
