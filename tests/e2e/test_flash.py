"""Flashing a board that runs stock MicroPython, and looking after it. `pico_port`: a terminal device or URL of one."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from serial.tools import list_ports

from tests import bootsel
from tests.e2e.conftest import small_program
from watchword import __version__, firmware
from watchword.board import Board, doctor
from watchword.board import flash as flashing
from watchword.board.bootsel import install as install_micropython
from watchword.board.flash import flash, install
from watchword.board.repl import MpremoteRepl, Repl
from watchword.board.virtual.pico import build
from watchword.errors import BoardError
from watchword.firmware import packages

FILLING = "filling.bin"
pytestmark = pytest.mark.real_board


def mpremote(port: str, *command: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "mpremote", "connect", port, *command], capture_output=True, text=True, timeout=240, check=True
    ).stdout


def execute(port: str, code: str) -> str:
    return mpremote(port, "exec", code)


@pytest.fixture
def flashed(pico_port: str) -> str:
    """The port of a board that has the firmware; it starts."""
    repl: Repl = MpremoteRepl(pico_port)
    install(repl, force=True)
    repl.restart()
    repl.close()
    with Board.open(pico_port):
        pass  # it is up: MicroPython loses a Ctrl-C that comes in the middle of a soft reset, and mpremote would wait for ever
    return pico_port


@pytest.fixture
def bare(pico_port: str) -> str:
    """The port of a board without firmware."""
    repl: Repl = MpremoteRepl(pico_port)
    for path in repl.files("watchword", "main.py"):
        repl.remove(path)
    for folder in repl.folders("watchword"):
        repl.remove(folder)
    repl.close()
    return pico_port


def test_a_board_with_micropython_alone_runs_watchword_after_a_flash(bare: str) -> None:
    progress: list[tuple[int, int]] = []
    report = flash(bare, progress=lambda done, total: progress.append((done, total)))
    assert report.firmware == __version__
    assert report.architecture == "armv6m"
    assert len(report.sent) == len(firmware.files("armv6m"))
    assert report.sent[-1] == "main.py"
    assert progress[-1] == (report.size, report.size)
    with Board.open(bare) as board:
        assert board.hello.native
        assert board.hello.target == "rp2040"


def test_a_board_in_bootsel_mode_gets_micropython_and_watchword(
    bare: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MicroPython's own image, on a folder as the drive; then the port comes of a board that runs the same."""
    monkeypatch.setattr(list_ports, "comports", list)
    port = SimpleNamespace(device=bare, vid=0x2E8A, pid=0x0005, product=None, description="n/a")
    drive = bootsel.plug_in(tmp_path / "media/RPI-RP2")
    file = tmp_path / "RPI_PICO.uf2"
    file.write_bytes(bootsel.image(build.pico().firmware.read_bytes()))
    got: list[bytes] = []

    def started(content: bytes) -> None:
        got.append(content)
        monkeypatch.setattr(list_ports, "comports", lambda: [port])

    bootsel.start_chip(drive, file.stat().st_size, started)
    report = flash(install_micropython(file, [drive]))
    assert got == [file.read_bytes()]
    assert (report.port, report.firmware) == (bare, __version__)


def test_a_second_flash_sends_nothing_and_the_app_runs(flashed: str) -> None:
    report = flash(flashed)
    assert (report.sent, report.removed, report.size) == ([], [], 0)
    assert report.firmware == __version__


def test_one_file_that_is_other_is_the_only_one_sent(flashed: str) -> None:
    execute(flashed, "f = open('/watchword/app.mpy', 'ab'); f.write(b'!'); f.close(); open('/watchword/app.py', 'w').close()")
    report = flash(flashed)
    assert report.sent == ["watchword/app.mpy"]
    assert report.removed == ["watchword/app.py"]
    assert report.firmware == __version__


def test_a_flash_that_is_broken_off_leaves_a_repl_and_the_next_one_finishes_it(flashed: str) -> None:
    def break_off(done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    execute(flashed, "import os; [os.remove('/watchword/' + name) for name in ('app.mpy', 'link.mpy', 'store.mpy')]")
    with pytest.raises(KeyboardInterrupt):
        flash(flashed, progress=break_off)
    assert "main.py'" not in execute(flashed, "import os; print(os.listdir('/'))")
    report = flash(flashed)
    assert "main.py" in report.sent
    assert report.firmware == __version__
    assert "main.py.new" not in execute(flashed, "import os; print(os.listdir('/'))")


def test_the_users_own_main_stays_or_stops_the_flash(flashed: str) -> None:
    mine = "import asyncio\nfrom watchword import app\nprint('mine')\nasyncio.run(app.run())\n"
    execute(flashed, f"f = open('/main.py', 'w'); f.write({mine!r}); f.close()")
    report = flash(flashed)
    assert report.kept == "main.py"
    assert report.firmware == __version__
    execute(flashed, "f = open('/main.py', 'w'); f.write('mine = 1'); f.close(); import os; os.remove('/watchword/link.mpy')")
    with pytest.raises(BoardError, match=r"a main.py of yours.*--force"):
        flash(flashed)
    assert execute(flashed, "import os; print(open('/main.py').read(), 'link.mpy' in os.listdir('/watchword'))").strip() == (
        "mine = 1 False"
    )
    assert flash(flashed, force=True).sent == ["watchword/link.mpy", "main.py"]


def test_a_main_that_starts_no_app_is_told_with_its_error(flashed: str) -> None:
    execute(flashed, "f = open('/main.py', 'w'); f.write('import watchword, nonsense'); f.close()")
    with pytest.raises(BoardError, match=r"says no hello: ImportError: no module named 'nonsense'; main.py is your own"):
        flash(flashed)


def test_an_app_in_the_middle_of_a_payload_is_interrupted_and_flashed(flashed: str) -> None:
    with Board.open(flashed) as board:
        board.push(small_program(target="rp2040"), scratch=True)
        board.link.request("stream")
        board.link.send("sound", bytes(600), codec="s16")
        board.link.transport.write(b'{"id":999,"do":"sound","codec":"s16","length":1280}\nAAAA')
    report = flash(flashed)
    assert (report.sent, report.firmware) == ([], __version__)


def test_a_micropython_that_is_too_old_is_refused_and_goes_on(flashed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flashing, "OLDEST", (1, 99))
    with pytest.raises(BoardError, match=r"runs MicroPython 1\.\d+\.\d+, and 1\.99 or later is needed"):
        flash(flashed)
    with Board.open(flashed) as board:
        assert board.hello.firmware == __version__


def test_a_full_flash_is_refused_before_anything_is_written(bare: str) -> None:
    fill = f"""
import os
s = os.statvfs('/')
f = open('/{FILLING}', 'wb')
b = bytes(4096)
for _ in range(s[3] - 8):
    f.write(b)
f.close()
"""
    execute(bare, fill)
    try:
        with pytest.raises(BoardError, match=r"flash is full: the firmware needs \d+ bytes more, and \d+ are free"):
            flash(bare)
        assert "watchword" not in execute(bare, "import os; print(os.listdir('/'))")
    finally:
        execute(bare, f"import os; os.remove('/{FILLING}')")


def test_ampy_flashes_what_mpremote_does(bare: str) -> None:
    if "://" in bare:
        pytest.skip("ampy opens terminal devices only")
    pytest.importorskip("ampy", reason="needs adafruit-ampy")
    assert len(flash(bare, tool="ampy").sent) == len(firmware.files("armv6m"))
    assert flash(bare, tool="mpremote").sent == []


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The URL of a web server with the packages for mip."""
    packages.write(tmp_path / "mip")
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "mip")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_mip_installs_the_same_files_and_the_app_starts(bare: str, server: str) -> None:
    mpremote(bare, "mip", "install", f"{server}/package-armv6m.json")
    with Board.open(bare) as board:
        assert board.hello.firmware == __version__
    assert flash(bare).sent == []


def test_the_doctor_sends_a_bare_board_to_be_flashed_and_finds_a_flashed_one_well(bare: str) -> None:
    def wrong() -> list[str]:
        return [f"{f.what}: {f.mend}" for f in doctor.examine(bare) if f.state == "wrong"]

    assert wrong() == [f"firmware on the board: watchword flash --on {bare}"]
    flash(bare)
    assert wrong() == []


def test_the_command_reports_as_json(flashed: str) -> None:
    command = [sys.executable, "-c", "from watchword.cli import main; main()", "flash", "--on", flashed, "--json"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    report = json.loads(result.stdout)
    assert report["sent"] == []
    assert report["firmware"] == __version__


def test_the_unix_board_is_not_flashed() -> None:
    command = [sys.executable, "-c", "from watchword.cli import main; main()", "flash", "--on", "unix"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert result.stderr.strip() == (
        "watchword: unix: nothing to flash: this virtual board runs the package's firmware as it is"
    )
