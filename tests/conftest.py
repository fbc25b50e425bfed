"""Fixtures for all tests."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from watchword.board.virtual import unix_build
from watchword.errors import SetupError

ROOT = Path(__file__).resolve().parent.parent


# What tests decode stays out of the user's cache.
os.environ.setdefault("WATCHWORD_CLIPS", tempfile.mkdtemp(prefix="watchword-clips-"))

BUILT = {"micropython", "wheel"}  # fixtures


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make check` leaves out."""
    for item in items:
        if BUILT.intersection(getattr(item, "fixturenames", ())) or item.path.name in ("test_emulator.py", "test_processor.py"):
            item.add_marker("built")


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_or_none() -> Path | None:
    """Recordings and models for tests, where they are: in WATCHWORD_DATA, or in shared/data beside the repository."""
    moved = os.environ.get("WATCHWORD_DATA")
    path = Path(moved) if moved else ROOT.parent / "shared/data"
    return path if path.is_dir() else None


@pytest.fixture(scope="session")
def shared_data(shared_or_none: Path | None) -> Path:
    """The same, for tests that cannot do without."""
    if shared_or_none is None:
        pytest.skip("needs recordings and models that are not part of the repository: WATCHWORD_DATA names their folder")
    return shared_or_none


@pytest.fixture(scope="session")
def micropython() -> Path:
    """MicroPython's unix port, built if need be. Without it half of the product is untested, so its lack is a failure."""
    try:
        return unix_build.micropython()
    except SetupError as error:
        pytest.fail(str(error), pytrace=False)
