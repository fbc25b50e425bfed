"""What the commands print: results on stdout, notes and progress on stderr."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn
from rich.table import Column, Table
from rich.text import Text

from watchword.board import Event, Log
from watchword.board.summary import Summary
from watchword.cli import tables

# A table in a pipe is as wide as it needs.
_stdout = Console(highlight=False, emoji=False, soft_wrap=True, width=None if sys.stdout.isatty() else 1000)
_stderr = Console(stderr=True, highlight=False, emoji=False)

PATIENCE = 0.5  # seconds after which work shows a bar


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


def say_summary(found: Summary, json: bool, file: Path | None = None, notes: Sequence[str] = ()) -> None:
    """The last line of listening. file: of which it tells; notes: what was said of it, for JSON."""
    if json:
        fields = in_order(found) if file is None else of_file(found, file)
        say_json(fields | ({"notes": list(notes)} if notes else {}))
    else:
        say(f"{found}" if file is None else f"{file}  {found}")


def say_json(value: Any) -> None:
    """One line of JSON, at once: a reader may be waiting for it."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """A line beside the result."""
    _stderr.print(text, markup=False, soft_wrap=True)


def say_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table as `tables.lines` lays it out."""
    head, *others = tables.lines(columns, rows, _stdout.width)
    _stdout.print(Text(head, style="bold"))
    for line in others:
        _stdout.print(Text(line))


def say_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Names, and beside each what there is to say of it."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, text in facts:
        table.add_row(Text(name), Text(text))
    _stdout.print(table)


def size(count: int) -> str:
    """Bytes, as `53 KB` of 1000, which the docs count in."""
    for unit, bytes_ in (("GB", 10**9), ("MB", 10**6), ("KB", 1000)):
        if count >= bytes_:
            return f"{count / bytes_:.1f} {unit}" if count < 10 * bytes_ else f"{count / bytes_:.0f} {unit}"
    return f"{count} bytes"


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


class _Time(ProgressColumn):
    """How long it will take, once that is known; before, how long it has taken."""

    def render(self, task: Task) -> Text:
        left = task.time_remaining if task.total else None
        seconds = int(task.elapsed or 0) if left is None else int(left)
        return Text(f"{seconds // 60}:{seconds % 60:02}{' left' if left is not None else ''}", style="dim")


class Told(Protocol):
    """Is told how far work has come, of how much, and what it is called by now."""

    def __call__(self, done: int, total: int, title: str = "") -> None: ...


@contextmanager
def progress_bar(title: str) -> Iterator[Told]:
    """Work that may take longer than a moment: a bar on stderr then, which goes with it; none off a terminal.

    The function that this gives is called with what is done and what there is in all, and with a title where that changes;
    until then the bar just moves. Lines of `note` go by above it. One at a time, and nothing is said on stdout meanwhile.
    """
    if not _stderr.is_interactive:
        yield lambda done, total, title="": None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        _Time(Column(no_wrap=True)),
    )
    progress = Progress(*columns, console=_stderr, transient=True, redirect_stdout=False, redirect_stderr=False)
    task = progress.add_task(title, total=None)
    begin = threading.Timer(PATIENCE, progress.start)
    begin.daemon = True
    begin.start()

    def update(done: int, total: int, title: str = "") -> None:
        progress.update(task, completed=done, total=total, description=title or None)

    try:
        yield update
    finally:
        begin.cancel()
        begin.join()
        progress.stop()


T = TypeVar("T")


def awaited(title: str, items: Iterable[T]) -> Iterator[T]:
    """Items that take their time, with a bar while the next one is waited for and none while it is looked at."""
    waiting = iter(items)
    while True:
        with progress_bar(title):
            try:
                item = next(waiting)
            except StopIteration:
                return
        yield item


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
