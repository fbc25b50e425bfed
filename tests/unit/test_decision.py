"""The firmware's decision stage, run by CPython: the host uses the same file."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    "name",
    [
        "it_fires_when_the_mean_reaches_the_cutoff",
        "one_loud_run_alone_does_not_fire",
        "background_never_fires",
        "the_greater_of_two_words_fires",
        "refractory_time_is_counted_in_the_stream",
        "reset_forgets",
        "int8_and_bytes_are_the_same",
        "what_is_seen_stays_until_it_is_well_below_the_cutoff",
        "one_label_takes_the_place_of_another",
        "presence_is_of_the_mean_and_forgets",
        "a_louder_word_below_its_own_cutoff_is_in_nobodys_way",
    ],
)
def test_decision(name: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The host's package has the firmware's name: put only the one module in its place.
    for module, path in (
        ("watchword.decision", root / "firmware/watchword/decision.py"),
        ("device_decision", root / "tests/device/decision.py"),
    ):
        spec = importlib.util.spec_from_file_location(module, path)
        assert spec is not None
        assert spec.loader is not None
        loaded = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, module, loaded)
        spec.loader.exec_module(loaded)
    getattr(loaded, f"test_{name}")()
