"""Tables that fit the terminal: what does not fit beside stands below, and long names keep their ends."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

from rich.cells import cell_len

_FIGURE = re.compile(r"-?\d+(\.\d+)?( (%|ms|bytes|KB|MB|GB))?|-")
_GAP = "  "
_NARROW = 16  # columns that the last cell needs beside the others, if it is a text
_INDENT = " " * 4
_SHORTEST = 6  # to what a name is cut


def lines(columns: Sequence[str], rows: Sequence[Sequence[object]], width: int) -> Iterator[str]:
    """The lines of a table, the first of them its head. Columns whose cells are figures stand to the right.

    width: of the terminal. Where it is too narrow, the last cell stands below the others, and the longest names are cut.
    """
    cells = [[f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    figures = [bool(cells) and all(_FIGURE.fullmatch(row[i]) for row in cells) for i in range(len(columns))]
    widths = [max(map(cell_len, column)) for column in zip(columns, *cells, strict=True)]
    beside = len(columns) if figures[-1] else len(columns) - 1  # columns that stay in one line
    _shrink(widths, figures, beside, width)
    room = width - sum(widths[:beside]) - len(_GAP) * beside
    for row in ([*columns], *cells):
        kept = _GAP.join(_fitted(row[i], widths[i], figures[i]) for i in range(beside))
        last = row[beside] if beside < len(columns) else ""
        if not beside or not last or cell_len(last) <= room:
            yield (kept + _GAP + last if beside else last).rstrip()
        elif room >= _NARROW:
            first, *more = textwrap.wrap(last, room)
            yield kept + _GAP + first
            yield from (" " * (width - room) + line for line in more)
        else:
            yield kept.rstrip()
            yield from textwrap.wrap(last, width, initial_indent=_INDENT, subsequent_indent=_INDENT)


def _shrink(widths: list[int], figures: Sequence[bool], beside: int, width: int) -> None:
    """Narrow the widest names until the columns that stay in one line fit."""
    names = [i for i in range(beside) if not figures[i]]
    while names and sum(widths[:beside]) + len(_GAP) * (beside - 1) > width:
        widest = max(names, key=widths.__getitem__)
        if widths[widest] <= _SHORTEST:
            return
        widths[widest] -= 1


def _fitted(text: str, width: int, figure: bool) -> str:
    if cell_len(text) > width:
        text = "…" + text[len(text) - width + 1 :]
    spaces = " " * (width - cell_len(text))
    return spaces + text if figure else text + spaces
