"""The drawings of the guide show the wires that the package says."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from watchword.board.modules import MODULES, Module, wiring
from watchword.chips.boards import BOARDS, Pins
from watchword.errors import DataError
from watchword.report.wiring import DRAWN, svg

SVG = "{http://www.w3.org/2000/svg}"
Point = tuple[int, int]


def wires(drawing: str) -> list[tuple[Point, Point]]:
    """From where to where the coloured wires go."""
    found = []
    for path in ElementTree.fromstring(drawing).iter(f"{SVG}path"):
        if path.get("stroke") != "#ffffff":
            x1, y1, *_, x2, y2 = map(int, re.findall(r"-?\d+", path.get("d") or ""))
            found.append(((x1, y1), (x2, y2)))
    return found


def test_the_table_of_the_guide_is_the_wiring(root: Path) -> None:
    lines = (root / "docs/how-to/microphone.md").read_text("utf-8").splitlines()
    (first,) = (number for number, line in enumerate(lines) if line.startswith("| INMP441 | SPH0645 |"))
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[first + 2 : first + 8]]
    columns = list(zip(*cells, strict=True))
    for column, module in enumerate(("inmp441", "sph0645", "ics43434")):
        assert list(columns[column]) == [theirs for theirs, _ in wiring(MODULES[module], BOARDS["pico"])]
    for column, names in ((3, ("pico", "picow", "pico2")), (4, ("esp32",)), (5, ("esp32s3", "esp32c3"))):
        for name in names:
            assert list(columns[column]) == [ours for _, ours in wiring(MODULES["inmp441"], BOARDS[name])]


def beside(drawing: str, point: Point) -> list[str]:
    """The texts in the row of a point, the nearest first."""
    texts = [
        text for text in ElementTree.fromstring(drawing).iter(f"{SVG}text") if abs(int(text.get("y") or 0) - 4 - point[1]) <= 1
    ]
    return [text.text or "" for text in sorted(texts, key=lambda text: abs(int(text.get("x") or 0) - point[0]))]


@pytest.mark.parametrize("name", DRAWN)
def test_the_guide_has_the_drawing_that_is_made(name: str, root: Path) -> None:
    committed = (root / f"docs/how-to/wiring-{name}.svg").read_text("utf-8")
    assert committed == svg(MODULES["inmp441"], BOARDS[name]), "`make drawings` writes them"


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_each_wire_ends_at_the_pins_that_the_table_says(name: str, right: bool, module: Module) -> None:
    board = BOARDS[name]
    drawing = svg(module, board, right=right)
    drawn = set()
    for start, end in wires(drawing):
        theirs = beside(drawing, end)[0]
        nearest = beside(drawing, start)
        drawn.add((theirs, f"{nearest[1]} (pin {nearest[0]})" if board.numbered else nearest[0]))
    assert drawn == set(wiring(module, board, right=right))


def test_no_two_wires_cross() -> None:
    for name in DRAWN:
        ends = sorted(wires(svg(MODULES["inmp441"], BOARDS[name])), key=lambda wire: (wire[0][1], wire[1][1]))
        assert [end[1] for _, end in ends] == sorted(end[1] for _, end in ends)


def test_a_board_whose_pins_are_anywhere_has_no_drawing() -> None:
    with pytest.raises(DataError, match="ESP32-C3: it is not known here where its pins are"):
        svg(MODULES["i2s"], BOARDS["esp32c3"])
    with pytest.raises(DataError, match="not known here where its pins are"):
        svg(MODULES["i2s"], BOARDS["pico"], Pins(16, 17, 24))  # which no pin of the edge is
