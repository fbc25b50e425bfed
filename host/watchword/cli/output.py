"""What the commands print: results on stdout, notes and progress on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from watchword.board import Event, Log

# A table in a pipe is as wide as it needs.
_stdout = Console(highlight=False, emoji=False, soft_wrap=True, width=None if sys.stdout.isatty() else 1000)
_stderr = Console(stderr=True, highlight=False, emoji=False)


def say(text: str = "") -> None:
    """A line of the result."""
    _stdout.print(text, markup=False)


def in_order(event: Event) -> dict[str, Any]:
    """An event of a board, in the order that `--json` has for all of them."""
    fields = event.as_dict()
    first = {key: fields[key] for key in ("event", "label", "score", "time", "taught") if key in fields}
    return first | fields


def of_file(event: Event, file: Path) -> dict[str, Any]:
    """The same, with the file that it tells of."""
    return in_order(event) | {"file": str(file)}


def say_event(event: Event, target: str) -> None:
    """A line beside the result, for an event that is none."""
    note(f"{target}: {event.text if isinstance(event, Log) else event.as_dict()}")


def say_json(value: Any) -> None:
    """One line of JSON, at once: a reader may be waiting for it."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """A line beside the result."""
    _stderr.print(text, markup=False, soft_wrap=True)


def say_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table; columns whose cells are numbers stand to the right."""
    table = Table(box=None, pad_edge=False)
    for i, column in enumerate(columns):
        number = bool(rows) and all(isinstance(row[i], int | float) for row in rows)
        table.add_column(column, justify="right" if number else "left")
    for row in rows:
        table.add_row(*(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row))
    _stdout.print(table)


def percent(share: float) -> str:
    """As `91.2 %`."""
    return f"{100 * share:.1f} %"


def rate(share: float, interval: tuple[float, float]) -> str:
    """A rate with its 95 % interval, as `91.2 % (89.9 to 92.4)`."""
    return f"{percent(share)} ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})"


def short(name: str) -> str:
    """The last part of a tensor's name, which converters make of all that they joined."""
    last = name.split(";")[-1] or name
    return last if len(last) <= 40 else "…" + last[-39:]


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A function to call with what is done and what there is in all; silent off a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_stderr, transient=True, disable=not _stderr.is_terminal) as progress:
        task = progress.add_task(title, total=None)

        def update(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield update


@contextmanager
def live(rate: int) -> Iterator[Live | None]:
    """Something drawn again and again, so many times a second, at the foot of the terminal; None off a terminal.

    Lines of the result and beside it go by above it.
    """
    if not _stdout.is_terminal:
        yield None
        return
    with Live(console=_stdout, refresh_per_second=rate, transient=True) as drawn:
        yield drawn
