"""Fixtures for tests of the host."""

from __future__ import annotations

import pytest
from tests.unit.command import Command, command_of


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command in this process, which is to end with a status."""
    return command_of(monkeypatch, capsys)
