"""The firmware's own tests, run by MicroPython: on the unix port, and on the virtual Pico.

Each module beside this one with functions test_*() is MicroPython code. NAME_data.py, where there is one,
writes the files that NAME.py reads from its working folder.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path

import pytest
from tests.device.repl import Repl

from watchword.board import firmware, virtual
from watchword.board.virtual.pico import build, image

HERE = Path(__file__).parent
FIRMWARE = HERE.parents[1] / "firmware/watchword"
OURS = ("run", "repl")  # not modules of tests
MODULES = sorted(
    p.stem
    for p in HERE.glob("*.py")
    if not p.stem.startswith(("test_", "__")) and not p.stem.endswith("_data") and p.stem not in OURS
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
        [str(micropython), "-X", "heapsize=8M", str(HERE / "run.py"), module],
        cwd=tmp_path,
        env={**os.environ, "MICROPYPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok test_" in done.stdout


@pytest.mark.parametrize("module", MODULES)
def test_on_pico(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared_or_none: Path | None) -> None:
    """The same on the rp2 port: 32-bit numbers, native code of the Cortex-M0+, 240 KB of heap."""
    data = tmp_path / "data"
    data.mkdir()
    make_data(module, data, shared_or_none, "rp2040")
    files = firmware.files("armv6m")
    del files["main.py"]  # the REPL is wanted
    files |= {f"watchword/kernels/{path.name}": path.read_bytes() for path in (FIRMWARE / "kernels").glob("*_plain.py")}
    files |= {f"tests/{path.name}": path.read_bytes() for path in (HERE / "run.py", HERE / f"{module}.py")}
    files |= {f"tests/{path.name}": path.read_bytes() for path in data.iterdir()}
    flash = tmp_path / "pico.img"
    image.write(flash, build.pico(print).firmware.read_bytes(), files)
    board = virtual.find("pico", flash)
    assert board is not None
    transport = board.start(print, bare=True)
    try:
        start = f"import os, sys; os.chdir('/tests'); sys.path.append('/'); import run; run.run({module!r})"
        out, error = Repl(transport).run(start, timeout=600)
    finally:
        transport.close()
    assert not error, out + error
    assert "ok test_" in out
