"""The command line in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from watchword.cli import main


@dataclass(frozen=True)
class Done:
    """What a command printed."""

    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line that a mistake gets."""
        lines = [line for line in self.err.splitlines() if line.startswith("watchword: ")]
        assert len(lines) == 1, self.err
        assert len(lines[0]) <= 300
        return lines[0].removeprefix("watchword: ")


Command = Callable[..., Done]


def command_of(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """A function that runs a command, which is to end with a status."""

    def run(*arguments: object, status: int = 0) -> Done:
        monkeypatch.setattr(sys, "argv", ["watchword", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert (ended.value.code or 0) == status, said.out + said.err
        return Done(said.out, said.err)

    return run
