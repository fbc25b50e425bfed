"""A terminal in place of stderr, and the bars that were shown on it."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable

import pytest
from rich.console import Console
from rich.progress import Progress

from watchword.cli import output


class Bars:
    """A terminal, and the bars that were shown on it: their titles, and what there was in all. now: how many are shown."""

    def __init__(self) -> None:
        self.text = io.StringIO()
        self.shown: list[tuple[str, float | None]] = []
        self.now = 0


def bars_of(monkeypatch: pytest.MonkeyPatch) -> Bars:
    """stderr is a terminal of 60 columns, on which bars show at once."""
    found = Bars()

    class Counted(Progress):
        def start(self) -> None:
            found.now += 1
            assert found.now == 1, f"{self.tasks[0].description} begins while another bar is shown"
            super().start()

        def stop(self) -> None:
            super().stop()
            found.shown.append((self.tasks[0].description, self.tasks[0].total))
            found.now -= 1

    class AtOnce:
        def __init__(self, seconds: float, begin: Callable[[], None]) -> None:
            self.start = begin

        def cancel(self) -> None: ...
        def join(self) -> None: ...

    terminal = Console(file=found.text, force_terminal=True, force_interactive=True, width=60, highlight=False, emoji=False)
    monkeypatch.setattr(output, "_stderr", terminal)
    monkeypatch.setattr(output, "Progress", Counted)
    monkeypatch.setattr(threading, "Timer", AtOnce)
    return found
