"""Serial ports: what is there, which one is meant, and why one cannot be opened."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import serial
from serial.tools import list_ports

from watchword.board import ports
from watchword.errors import BoardError

PICO = SimpleNamespace(device="/dev/ttyACM0", vid=0x2E8A, pid=0x0005, product="Board in FS mode", description="n/a")
ESP32 = SimpleNamespace(device="/dev/ttyUSB0", vid=0x10C4, pid=0xEA60, product="CP2102", description="CP2102")
PROBE = SimpleNamespace(device="/dev/ttyACM1", vid=0x2E8A, pid=0x000C, product="Debug Probe", description="Debug Probe")
STRANGE = SimpleNamespace(device="/dev/ttyACM2", vid=0x1234, pid=0x5678, product="Toaster", description="Toaster")
OWN = SimpleNamespace(device="/dev/ttyS0", vid=None, pid=None, product=None, description="ttyS0")


def plug_in(monkeypatch: pytest.MonkeyPatch, *found: SimpleNamespace) -> None:
    monkeypatch.setattr(list_ports, "comports", lambda: list(found))


@pytest.fixture
def terminal() -> Iterator[str]:
    """A device that opens as a serial port does."""
    pty = pytest.importorskip("pty", reason="needs a Unix")
    master, slave = pty.openpty()
    name = os.ttyname(slave)
    os.close(slave)
    yield name
    os.close(master)


def test_ports_are_named_by_what_is_behind_them(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, ESP32, PICO, PROBE, STRANGE, OWN)
    assert [(port.device, port.usb, port.micropython) for port in ports.serial_ports()] == [
        ("/dev/ttyACM0", "2E8A:0005", True),
        ("/dev/ttyACM1", "2E8A:000C", False),
        ("/dev/ttyACM2", "1234:5678", None),
        ("/dev/ttyUSB0", "10C4:EA60", None),
    ]
    what = {port.device: port.what for port in ports.serial_ports()}
    assert "Pico" in what["/dev/ttyACM0"]
    assert "ESP32" in what["/dev/ttyUSB0"]
    assert what["/dev/ttyACM2"] == "Toaster"


def test_the_one_board_plugged_in_is_chosen_whatever_else_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, PROBE, PICO, OWN)
    assert ports.choose() == ("/dev/ttyACM0", "the one board plugged in")


def test_without_a_board_the_virtual_one_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, OWN)
    assert ports.choose() == ("unix", "no board is plugged in")


def test_of_two_boards_none_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, PICO, ESP32)
    with pytest.raises(BoardError, match="2 boards are plugged in: choose one with --on, of /dev/ttyACM0, /dev/ttyUSB0"):
        ports.choose()


def test_a_port_that_opens_has_no_refusal(terminal: str) -> None:
    assert ports.refusal(terminal) is None


def test_a_port_that_is_not_there_is_told_with_those_that_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plug_in(monkeypatch, PICO)
    missing = str(tmp_path / "ttyACM7")
    assert ports.refusal(missing) == f"{missing}: no such port; there is /dev/ttyACM0"
    plug_in(monkeypatch)
    assert "is the board plugged in, with a cable that carries data?" in str(ports.refusal(missing))


def test_a_port_in_use_is_told_with_its_user_whether_it_took_a_lock_or_not(terminal: str) -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("only /proc tells who has a file open")
    code = "import os, sys; os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, terminal], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        refusal = ports.refusal(terminal)
        other.communicate()
    assert refusal is not None
    assert f"(process {other.pid})" in refusal
    assert refusal.startswith(f"{terminal}: in use by ")


def test_a_locked_port_is_in_use(terminal: str) -> None:
    with serial.Serial(terminal, exclusive=True):
        assert str(ports.refusal(terminal)).startswith(f"{terminal}: in use")


def test_without_permission_the_group_to_join_is_named(monkeypatch: pytest.MonkeyPatch, terminal: str) -> None:
    monkeypatch.setattr(ports, "_group", lambda port: "dialout")
    line = ports.explain(terminal, serial.SerialException(errno.EACCES, "could not open port"))
    assert line == f"{terminal}: you may not open it: run 'sudo usermod -aG dialout $USER', log out and in again"


@pytest.mark.parametrize(
    ("url", "likely"),
    [
        ("socket://127.0.0.1:1", "nothing answers at that address"),
        ("nonsense://x", "not a URL that pyserial opens"),
    ],
)
def test_urls_have_refusals_of_their_own(url: str, likely: str) -> None:
    assert likely in str(ports.refusal(url))
