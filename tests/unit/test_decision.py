"""The firmware's decision stage, run by CPython: the host uses the same file."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

TESTS = re.findall(r"^def test_(\w+)", (Path(__file__).parents[1] / "device/decision.py").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", TESTS)
def test_decision(name: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The host's package has the firmware's name: put only the one module in its place.
    for module, path in (
        ("watchword.decision", root / "firmware/watchword/decision.py"),
        ("watchword.presence", root / "firmware/watchword/presence.py"),
        ("device_decision", root / "tests/device/decision.py"),
    ):
        spec = importlib.util.spec_from_file_location(module, path)
        assert spec is not None
        assert spec.loader is not None
        loaded = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, module, loaded)
        spec.loader.exec_module(loaded)
    getattr(loaded, f"test_{name}")()
