"""The bars of `listen --scores`."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from watchword.board import Hearing, Score
from watchword.cli.meters import Meters

WORDS = ("yes", "no", "a_word_of_twenty_five_chars")


def meters(words: tuple[str, ...] = WORDS) -> Meters:
    cutoffs = dict.fromkeys((*words, "jarvis"), 0.5)
    return Meters(Hearing("i2s", ("_silence_", *words), ("jarvis",), cutoffs, 1.0, 0, False, None))


def run(*scores: float, peak: float = 0.1, taught: float = 0.0) -> Score:
    return Score(1.0, peak, (0.9, *scores), (taught,))


def drawn(shown: Meters, width: int, height: int = 24, encoding: str = "utf-8") -> list[str]:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    Console(file=file, width=width, height=height, force_terminal=True, color_system=None).print(shown, end="")
    file.flush()
    assert isinstance(file.buffer, io.BytesIO)
    return file.buffer.getvalue().decode(encoding).splitlines()


def test_a_bar_is_as_long_as_its_score_and_the_mark_is_at_the_cutoff() -> None:
    shown = meters()
    shown.take(run(0.25, 1.0, 0.0, taught=0.75))
    lines = drawn(shown, 80)
    assert [line.split()[0] for line in lines[1:]] == ["level", "yes", "no", "a_word_of_twenty_fi…", "jarvis"]
    bars = {line.split()[0]: line[22:69] for line in lines[2:]}
    width = len(bars["yes"].rstrip())
    assert bars["yes"].index("┃") == round(width / 2)
    assert bars["no"].count("━") == width - 1  # and the mark
    assert abs(bars["yes"].count("━") - width / 4) <= 1
    assert "━" not in bars["a_word_of_twenty_fi…"]
    assert lines[2].rstrip().endswith(" 0.25")
    assert lines[1].rstrip().endswith("-20 dB")


def test_a_bar_falls_slowly_and_its_number_at_once() -> None:
    shown = meters()
    shown.take(run(1.0, 0.0, 0.0))
    shown.take(run(0.0, 0.0, 0.0))
    line = drawn(shown, 80)[2]
    assert line.count("━") > 30
    assert line.rstrip().endswith(" 0.00")
    for _ in range(20):
        shown.take(run(0.0, 0.0, 0.0, peak=0.0))
    lines = drawn(shown, 80)
    assert "━" not in lines[2]
    assert lines[1].rstrip().endswith("quiet")


def test_what_reached_its_cutoff_is_lit_for_a_while() -> None:
    def bold() -> int:
        """How many parts of the row of the word are."""
        console = Console(width=80, height=24, file=io.StringIO(), force_terminal=True, color_system="truecolor")
        row = console.render_lines(shown)[2]
        return sum(1 for segment in row if segment.style is not None and segment.style.bold)

    shown = meters()
    shown.take(run(0.49, 0.0, 0.0))
    assert bold() == 0
    shown.take(run(0.5, 0.0, 0.0))
    for _ in range(5):
        shown.take(run(0.0, 0.0, 0.0))
    assert bold() >= 2  # its name and its bar
    for _ in range(10):
        shown.take(run(0.0, 0.0, 0.0))
    assert bold() == 0


@pytest.mark.parametrize("width", [1, 8, 20, 39, 40, 80, 200])
def test_no_line_is_longer_than_the_terminal_is_wide(width: int) -> None:
    shown = meters()
    shown.take(run(0.3, 0.6, 0.9, taught=0.2))
    lines = drawn(shown, max(width, 16))
    assert len(lines) == 6
    assert all(len(line) <= max(width, 16) for line in lines)


def test_where_rows_are_few_the_highest_are_shown_in_their_order() -> None:
    words = tuple(f"word{i}" for i in range(40))
    shown = meters(words)
    shown.take(run(*(0.9 if i in (7, 31) else 0.0 for i in range(40)), taught=0.8))
    lines = drawn(shown, 80, 9)
    assert [line.split()[0] for line in lines[1:5]] == ["level", "word7", "word31", "jarvis"]
    assert lines[5].split() == "and 38 more, which are lower".split()
    assert len(lines) <= 9


def test_a_terminal_without_such_characters_gets_others() -> None:
    shown = meters(("yes",))
    shown.take(run(0.25))
    lines = drawn(shown, 60, encoding="ascii")
    assert "=" in lines[2]
    assert "|" in lines[2]
