"""Tables fit the terminal, whatever its width, and lose no figure."""

from __future__ import annotations

import pytest

from watchword.cli import tables
from watchword.cli.output import percent, rate, size

COLUMNS = ("", "layer", "share", "note")
ROWS = [
    ("*", "MobilenetV1/Conv2d_1_pointwise/Relu6", "9.5 %", "reads 435712 bytes of weights from flash at each run"),
    ("", "MobilenetV1/Conv2d_2", "10.5 %", ""),
    ("", "x", "100.0 %", "short"),
]


def table(width: int) -> list[str]:
    return list(tables.lines(COLUMNS, ROWS, width))


def test_a_wide_terminal_has_a_row_in_a_line() -> None:
    assert table(1000) == [
        "   layer                                   share  note",
        "*  MobilenetV1/Conv2d_1_pointwise/Relu6    9.5 %  reads 435712 bytes of weights from flash at each run",
        "   MobilenetV1/Conv2d_2                   10.5 %",
        "   x                                     100.0 %  short",
    ]


def test_a_narrower_one_wraps_the_last_cell_beside_the_others() -> None:
    assert table(80)[1:4] == [
        "*  MobilenetV1/Conv2d_1_pointwise/Relu6    9.5 %  reads 435712 bytes of weights",
        "                                                  from flash at each run",
        "   MobilenetV1/Conv2d_2                   10.5 %",
    ]


def test_a_narrow_one_has_it_below_and_cuts_long_names_at_their_beginning() -> None:
    assert table(30) == [
        "   layer                 share",
        "    note",
        "*  …1_pointwise/Relu6    9.5 %",
        "    reads 435712 bytes of",
        "    weights from flash at each",
        "    run",
        "   …ilenetV1/Conv2d_2   10.5 %",
        "   x                   100.0 %",
        "    short",
    ]


@pytest.mark.parametrize("width", range(24, 120))
def test_every_line_fits_and_every_figure_is_there(width: int) -> None:
    lines = table(width)
    assert max(map(len, lines)) <= width
    for *_, share, _ in ROWS:
        assert sum(share in line for line in lines) >= 1
    assert "weights" in " ".join(lines)


def test_figures_stand_to_the_right_and_names_to_the_left() -> None:
    assert list(tables.lines(("name", "n"), [("a", 1), ("bb", 100), ("c", "-")], 80)) == [
        "name    n",
        "a       1",
        "bb    100",
        "c       -",
    ]


def test_wide_characters_count_as_two() -> None:
    assert list(tables.lines(("word", "n"), [("你好", 1), ("x", 2)], 80)) == ["word  n", "你好  1", "x     2"]


def test_a_table_without_rows_is_its_head() -> None:
    assert list(tables.lines(("a", "b"), [], 80)) == ["a  b"]


def test_sizes_and_rates() -> None:
    assert [size(n) for n in (0, 999, 1000, 9949, 64384, 10**6, 1441792, 5 * 10**9)] == [
        "0 bytes",
        "999 bytes",
        "1.0 KB",
        "9.9 KB",
        "64 KB",
        "1.0 MB",
        "1.4 MB",
        "5.0 GB",
    ]
    assert percent(1) == "100.0 %"
    assert rate(0.912, (0.8989, 0.9241)) == "91.2 % (89.9 to 92.4)"
