"""What travels with the package is found in a checkout and in an installed wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from watchword import shipped


def test_checkout_has_them_at_its_root(root: Path) -> None:
    assert shipped.firmware() == root / "firmware"
    assert shipped.models() == root / "models"


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # The build back end itself: `python -m build` would fetch it from the network first.
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=root, check=True)
    [path] = folder.glob("*.whl")
    return path


def _relative(folder: Path, *endings: str) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in endings}


def test_wheel_carries_the_package_the_firmware_and_the_models(root: Path, wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = {
        f"watchword/{name}" for name in _relative(root / "host/watchword", ".py", ".typed", ".mjs", ".json", ".S", ".c", ".ld")
    }
    expected |= {f"watchword/_firmware/{name}" for name in _relative(root / "firmware", ".py")}
    expected |= {f"watchword/_models/{name}" for name in _relative(root / "models", ".tflite", ".toml", ".md", ".wav")}
    assert names == expected


def test_installed_package_finds_them_inside_itself(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    script = "from watchword import shipped; print(shipped.firmware(), shipped.models(), sep='\\n')"
    found = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    firmware, models = map(Path, found.stdout.splitlines())
    assert firmware == tmp_path / "watchword/_firmware"
    assert (firmware / "main.py").is_file()
    assert models == tmp_path / "watchword/_models"
    assert any(models.rglob("*.tflite"))
