"""Writes the record that `watchword selftest` compares with: cycles of every kind of layer on the virtual Pico."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchword.board import Board, selftest


def test_record(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_STATE", str(tmp_path))
    with Board.open("pico") as board:
        board.push(selftest.program(board.hello.target), scratch=True)
        report = selftest.selftest(board)
    assert report.passed, report.block()
    (root / "host/watchword/board" / selftest.RECORD).write_text(selftest.write_record(board.hello.target, report.checks))
    print("\n" + report.block())
