"""Level and scores as bars that move in the terminal."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import groupby

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

from watchword.board import Hearing, Score

QUIETEST = -60.0  # dBFS, where the bar of the level begins
LOUD = -3.0  # from which on it clips before long
_FALL = 0.08  # of a bar, how far it falls in a run,
_LIT = 12  # and for how many runs it is lit after its cutoff was reached: so that what fired is seen
_NARROW = 40  # columns, below which a bar has no number

_DIM = Style(color="bright_black")
_TRACK = Style(color="grey35")
_MARK = Style(color="grey70")
_LEVEL = {"quiet": Style(color="cyan"), "loud": Style(color="red", bold=True)}
_SCORE = {True: Style(color="green", bold=True), False: Style(color="blue")}


@dataclass
class Meters:
    """What the last run of the model gave, to be drawn: a bar for the level, and one for each label that fires.

    Bars fall slowly, and are lit for a second where they reached their cutoff, which has a mark. Where there are more labels
    than rows, the highest are shown.
    """

    hearing: Hearing
    level: float = -math.inf
    scores: dict[str, float] = field(default_factory=dict)
    bars: dict[str, float] = field(default_factory=dict)
    lit: dict[str, int] = field(default_factory=dict)

    def take(self, event: Score) -> None:
        """A run of the model."""
        fallen = max(-math.inf, self.level - _FALL * -QUIETEST)
        self.level = max(event.level, fallen)
        self.scores = by_label(event, self.hearing)
        self.bars = {label: max(score, self.bars.get(label, 0.0) - _FALL) for label, score in self.scores.items()}
        cutoffs = self.hearing.cutoffs
        reached = {label for label, score in self.scores.items() if score >= cutoffs.get(label, math.inf)}
        self.lit = {label: _LIT if label in reached else self.lit.get(label, 0) - 1 for label in self.scores}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rows = max(1, options.size.height - 5)
        firing = [label for label in self.scores if label in self.hearing.cutoffs]
        if len(firing) > rows:  # in their order, so that they stay where they are
            highest = sorted(firing, key=lambda label: -self.bars.get(label, 0.0))[: rows - 1]
            shown = [label for label in firing if label in highest]
        else:
            shown = firing
        width = options.max_width
        name = min(max([5, *map(len, shown)]), max(5, width // 4))
        number = 8 if width >= _NARROW else 0
        bar = max(4, width - name - number - 3)
        plain = options.ascii_only
        yield Segment("\n")
        yield from self._level(name, bar, number, plain)
        for label in shown:
            yield from self._score(label, name, bar, number, plain)
        if hidden := len(firing) - len(shown):
            yield Segment(f"{'':{name}}  and {hidden} more, which are lower\n"[: width + 1], _DIM)

    def _level(self, name: int, bar: int, number: int, plain: bool) -> RenderResult:
        part = (max(self.level, QUIETEST) - QUIETEST) / -QUIETEST
        yield Segment(f"{'level':{name}}  ")
        yield from _bar(part, bar, _LEVEL["loud" if self.level >= LOUD else "quiet"], plain)
        if number:
            yield Segment(f" {self.level:4.0f} dB" if self.level > QUIETEST else "  quiet ", _DIM)
        yield Segment("\n")

    def _score(self, label: str, name: int, bar: int, number: int, plain: bool) -> RenderResult:
        score, cutoff = self.scores[label], self.hearing.cutoffs[label]
        shown = label if len(label) <= name else f"{label[: name - 1]}…"
        fires = self.lit.get(label, 0) > 0
        yield Segment(f"{shown:{name}}  ", _SCORE[True] if fires else None)
        yield from _bar(self.bars.get(label, 0.0), bar, _SCORE[fires], plain, cutoff)
        if number:
            yield Segment(f"  {score:.2f}  ", _SCORE[True] if score >= cutoff else _DIM)
        yield Segment("\n")


def by_label(event: Score, hearing: Hearing) -> dict[str, float]:
    """The scores of a run by their labels, taught words after the model's own."""
    return dict(zip((*hearing.labels, *hearing.taught), (*event.scores, *event.taught), strict=False))


def _bar(part: float, width: int, style: Style, plain: bool, mark: float | None = None) -> RenderResult:
    """A bar of `width` columns as a line, with a mark at a part of it. plain: in ASCII."""
    full, half = divmod(round(min(max(part, 0.0), 1.0) * width * 2), 2)
    line, end, beyond, cut = "=->|" if plain else "━╸─┃"
    cells = [(line, style)] * full + [(end, style)] * half
    cells += [(" " if plain else beyond, _TRACK)] * (width - len(cells))
    if mark is not None:
        cells[min(width - 1, round(mark * width))] = cut, _MARK
    for same, run in groupby(cells, lambda cell: cell[1]):
        yield Segment("".join(text for text, _ in run), same)
