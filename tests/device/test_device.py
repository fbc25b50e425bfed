"""The firmware's own tests, run by MicroPython: on the unix port, and on the virtual Pico.

Each module beside this one with functions test_*() is MicroPython code. NAME_data.py, where there is one,
writes the files that NAME.py reads from its working folder.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.device.repl import Repl

from watchword import firmware
from watchword.board import Board, virtual
from watchword.board.flash import flash, install
from watchword.board.repl import MpremoteRepl
from watchword.board.transport import SerialTransport, Transport
from watchword.board.virtual import Hardware
from watchword.board.virtual.pico import build, image

PORT = os.environ.get("WATCHWORD_PORT")
HERE = Path(__file__).parent
FIRMWARE = HERE.parents[1] / "firmware/watchword"
OURS = ("run", "repl", "programs", "standins")  # not modules of tests
MODULES = sorted(
    p.stem
    for p in HERE.glob("*.py")
    if not p.stem.startswith(("test_", "__")) and not p.stem.endswith(("_data", "_thumb")) and p.stem not in OURS
)


def make_data(module: str, folder: Path, shared: Path | None, target: str) -> None:
    path = HERE / f"{module}_data.py"
    if not path.exists():
        return
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    maker.make(folder, shared, target)


@pytest.mark.parametrize("module", MODULES)
def test_on_unix(module: str, tmp_path: Path, root: Path, micropython: Path, shared_or_none: Path | None) -> None:
    make_data(module, tmp_path, shared_or_none, "unix")
    path = os.pathsep.join((str(HERE), str(root / "firmware"), ".frozen"))
    done = subprocess.run(
        [str(micropython), "-X", "heapsize=1M", str(HERE / "run.py"), module],
        cwd=tmp_path,
        env={**os.environ, "MICROPYPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok test_" in done.stdout


@pytest.mark.real_board
@pytest.mark.parametrize("module", MODULES)
def test_on_board(module: str, tmp_path: Path, shared_or_none: Path | None) -> None:
    """The same on a chip with 32-bit numbers, native code and little heap: the virtual Pico, or the board at WATCHWORD_PORT."""
    with real(PORT) if PORT else emulated(tmp_path / "pico.img") as (put, target):
        data = tmp_path / "data"
        data.mkdir()
        make_data(module, data, shared_or_none, target)
        transport = put(files_of(module, data))
        try:
            run(module, transport)
        finally:
            transport.close()


def files_of(module: str, data: Path) -> dict[str, bytes]:
    """What a board needs beside the firmware to run a module, whose data were made in a folder. Other chips' files, too."""
    others = [
        *(FIRMWARE / "kernels").glob("*_plain.py"),
        *(FIRMWARE / "sources" / f"{name}.py" for name in ("machine_i2s", "wav")),
    ]
    plain = {path.relative_to(FIRMWARE.parent).as_posix(): path for path in others}
    sources = (HERE / "run.py", HERE / "programs.py", HERE / "standins.py", HERE / f"{module}.py", *data.iterdir())
    return {name: path.read_bytes() for name, path in (plain | {f"tests/{path.name}": path for path in sources}).items()}


def run(module: str, transport: Transport, timeout: float = 600) -> None:
    """Run a module's tests on a board with MicroPython's REPL."""
    start = f"import os, sys; os.chdir('/tests'); sys.path.append('/'); import run; run.run({module!r})"
    out, error = Repl(transport).run(start, timeout)
    assert not error, out + error
    assert "ok test_" in out


Put = Callable[[dict[str, bytes]], Transport]  # files go on the board beside the firmware; returns the line to its REPL


@contextmanager
def emulated(image_file: Path, hardware: Hardware | None = None) -> Iterator[tuple[Put, str]]:
    def put(more: dict[str, bytes]) -> Transport:
        files = firmware.files("armv6m")
        del files["main.py"]  # the REPL is wanted
        image.write(image_file, build.pico(print).firmware.read_bytes(), files | more)
        board = virtual.find("pico", image_file, hardware)
        assert board is not None
        return board.start(print, bare=True)

    yield put, "rp2040"


@contextmanager
def real(port: str) -> Iterator[tuple[Put, str]]:
    """What was put there is away afterwards, and the app runs again."""
    flash(port, force=True)
    with Board.open(port) as board:
        target = str(board.hello.target)

    def put(more: dict[str, bytes]) -> Transport:
        repl = MpremoteRepl(port)
        repl.mkdir("tests")
        for path, content in more.items():
            repl.write(path, content)
        repl.remove("main.py")
        repl.restart()
        repl.close()
        return SerialTransport(port)

    try:
        yield put, target
    finally:
        repl = MpremoteRepl(port)
        for path in repl.files("tests"):
            repl.remove(path)
        for folder in repl.folders("tests"):
            repl.remove(folder)
        install(repl, force=True)
        repl.restart()
        repl.close()
