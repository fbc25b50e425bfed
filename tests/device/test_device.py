"""The firmware's own tests, run by MicroPython.

Each module beside this one whose name ends in neither _data nor begins with test_ is MicroPython code with functions
test_*(). NAME_data.py, where there is one, writes the files that NAME.py reads from its working folder.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MODULES = sorted(p.stem for p in HERE.glob("*.py") if not p.stem.startswith(("test_", "run")) and not p.stem.endswith("_data"))


def make_data(module: str, folder: Path, shared: Path | None) -> None:
    path = HERE / f"{module}_data.py"
    if not path.exists():
        return
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    maker.make(folder, shared)


@pytest.mark.parametrize("module", MODULES)
def test_on_micropython(module: str, tmp_path: Path, root: Path, micropython: Path, shared_or_none: Path | None) -> None:
    make_data(module, tmp_path, shared_or_none)
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
