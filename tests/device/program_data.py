"""The cases of layers.py, which are small: see layers_data.py."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def make(folder: Path, shared: Path | None, target: str) -> None:
    spec = importlib.util.spec_from_file_location("layers_data", Path(__file__).with_name("layers_data.py"))
    assert spec is not None
    assert spec.loader is not None
    layers = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(layers)
    layers.make(folder, None, target)
