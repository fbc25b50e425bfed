"""What travels with the package: its version, the files that go on a board, and the models."""

from __future__ import annotations

from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

__version__ = "0.1.0"  # of the package and of the firmware that it carries

_PACKAGE = Path(__file__).resolve().parent


def firmware() -> Path:
    """The folder with `main.py` and `watchword/` for the board."""
    return _folder("firmware")


def models() -> Path:
    """The folder with one folder per model: `.tflite`, description and card."""
    return _folder("models")


def _folder(name: str) -> Path:
    # An installed wheel has the folder inside the package; a checkout has it at the root, two levels up.
    installed = _PACKAGE / f"_{name}"
    return installed if installed.is_dir() else _PACKAGE.parents[1] / name


@cache
def firmware_module(name: str) -> ModuleType:
    """A module of the firmware that is written to run on CPython too: `decision`, `feeds`, `knn`, `sources` or `trial`."""
    path = firmware() / "watchword" / name
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    spec = spec_from_file_location(f"watchword_firmware_{name}", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
