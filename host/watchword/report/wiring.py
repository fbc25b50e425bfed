"""Drawings of a microphone at a board: which wire goes from which pin to which. docs/how-to has those that `main` writes.

Path("wiring.svg").write_text(svg(MODULES["inmp441"], BOARDS["pico"]))
"""

from __future__ import annotations

import sys
from pathlib import Path
from xml.sax.saxutils import escape

from watchword.board.modules import MODULES, Module, Place, wires
from watchword.chips.boards import BOARDS, DevBoard, Pins
from watchword.errors import DataError

DRAWN = tuple(name for name, board in BOARDS.items() if board.left)
"""The boards of the guide, those whose pins have their places here, each with the module that most people buy."""

_PITCH = 24  # pixels between two pins of the board, and all other lengths
_TOP, _EDGE = 92, 24  # above the board, and around all
_BOARD, _GAP, _MODULE = 280, 230, 170  # widths
_ENDS = 56  # of the board, above its first pin and below its last
_STEP = 36  # between two pins of the module
# What a wire carries, by its place in `wires`: power, ground, clock, word select, data, select.
_COLOURS = ("#d62728", "#222222", "#e69f00", "#1f77b4", "#2ca02c", "#8c6bb1")
_FONT = "font-family='DejaVu Sans, Verdana, Arial, sans-serif'"


def svg(module: Module, board: DevBoard, pins: Pins | None = None, right: bool = False) -> str:
    """The drawing as the text of an SVG file. Arguments as of `modules.wiring`. DataError: where a pin is, is not known."""
    found = wires(module, board, pins, right)
    places = [place for _, _, place in found if place is not None]
    if len(places) < len(found):
        raise DataError(f"{board.title}: it is not known here where its pins are, so there is no drawing")
    mirrored = not places[2][0]  # the clock's pin is on the left, and the module beside it
    height = (len(board.left) - 1) * _PITCH + 2 * _ENDS
    board_x = _EDGE + (_MODULE + _GAP if mirrored else 0)
    module_x = _EDGE if mirrored else _EDGE + _BOARD + _GAP
    width = 2 * _EDGE + _BOARD + _GAP + _MODULE

    def at(place: Place) -> tuple[int, int]:
        side, row = place
        return board_x + (_BOARD - 12 if side else 12), _TOP + _ENDS + row * _PITCH

    # Pins of the module stand in the order of the board's, so that no two wires cross.
    order = sorted(range(len(found)), key=lambda i: (places[i][1], i))
    middle = sum(at(place)[1] for place in places) // len(places)
    module_height = (len(found) + 1) * _STEP
    module_y = min(max(middle - module_height // 2, _TOP), _TOP + height - module_height)
    pad_x = module_x + (_MODULE - 14 if mirrored else 14)
    pads = {i: (pad_x, module_y + (n + 1) * _STEP) for n, i in enumerate(order)}

    return "\n".join(
        [
            f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{_TOP + height + _EDGE}' {_FONT}>",
            f"<title>{escape(f'{module.title} to {board.title}')}</title>",
            "<rect width='100%' height='100%' fill='#ffffff'/>",
            _text(_EDGE, 40, f"{module.title} to {board.title}", 22, "#222222", bold=True),
            _text(_EDGE, 66, "go by the names at the pins: their order differs from module to module", 13, "#666666"),
            *_board(board, board_x, height, {place: _COLOURS[i] for i, place in reversed(list(enumerate(places)))}),
            *_module(module, module_x, module_y, module_height, mirrored),
            *(_wire(at(places[i]), pads[i], _COLOURS[i], mirrored) for i in order),
            *(_pad(*at(places[i]), _COLOURS[i]) for i in reversed(range(len(found)))),
            *(_pad(*pads[i], _COLOURS[i]) for i in order),
            *(_label(pads[i], theirs, mirrored) for i, (theirs, _, _) in enumerate(found)),
            "</svg>\n",
        ]
    )


def _board(board: DevBoard, x: int, height: int, used: dict[Place, str]) -> list[str]:
    """Outline, USB connector, chip, and all pins; those in use with their colour."""
    back = "#1b7a4b" if board.numbered else "#2b2f36"
    drawn = [f"<rect x='{x}' y='{_TOP}' width='{_BOARD}' height='{height}' rx='10' fill='{back}'/>"]
    usb = _TOP - 10 if board.usb_at_top else _TOP + height - 28
    drawn += [
        f"<rect x='{x + _BOARD // 2 - 34}' y='{usb}' width='68' height='38' rx='5' fill='#c8ccd0' stroke='#8a9096'/>",
        _text(x + _BOARD // 2, usb + 24, "USB", 12, "#444444", middle=True),
    ]
    size, centre = 76, x + _BOARD // 2
    chip = _TOP + (height * 2 // 5 - size // 2 if board.usb_at_top else _ENDS + 2 * _PITCH)
    square = f"x='{centre - size // 2}' y='{chip}' width='{size}' height='{size}' rx='5'"
    drawn += [
        f"<rect {square} fill='#15181c' stroke='#4a4f55'/>",
        _text(centre, chip + size // 2 + 5, board.chip.name.upper(), 13, "#dddddd", middle=True),
    ]
    for n, part in enumerate(board.title.removeprefix("Raspberry Pi ").split(" ", 1)):
        drawn.append(_text(centre, chip + size + 34 + 20 * n, part, 15, "#ffffff", middle=True, bold=True))
    for right, labels in ((False, board.left), (True, board.right)):
        away = -1 if right else 1  # from the edge
        edge = x + (_BOARD if right else 0)
        for row, label in enumerate(labels):
            y = _TOP + _ENDS + row * _PITCH
            colour = used.get((right, row))
            at = edge + 28 * away
            drawn.append(_pad(edge + 12 * away, y, colour or "#d9b44a", 8 if colour else 6))
            if board.numbered:
                drawn.append(_text(at, y + 4, str(board.number(right, row)), 11, "#ffffff", end=right, faint=not colour))
                at += 22 * away
            drawn.append(_text(at, y + 4, label, 12, "#ffffff", end=right, bold=bool(colour), faint=not colour))
    return drawn


def _module(module: Module, x: int, y: int, height: int, mirrored: bool) -> list[str]:
    centre = x + _MODULE // 2
    hole = x + (48 if mirrored else _MODULE - 48)
    return [
        f"<rect x='{x}' y='{y}' width='{_MODULE}' height='{height}' rx='14' fill='#3b3f8f'/>",
        f"<circle cx='{hole}' cy='{y + height // 2}' r='22' fill='#d9d9d9' stroke='#9a9a9a'/>",
        f"<circle cx='{hole}' cy='{y + height // 2}' r='5' fill='#222222'/>",
        _text(centre, y - 12, module.title, 15, "#222222", middle=True, bold=True),
    ]


def _wire(start: tuple[int, int], end: tuple[int, int], colour: str, mirrored: bool) -> str:
    """A smooth wire, level at both ends."""
    bend = (_GAP // 2) * (-1 if mirrored else 1)
    (x1, y1), (x2, y2) = start, end
    path = f"M{x1} {y1} C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
    return (
        f"<path d='{path}' fill='none' stroke='#ffffff' stroke-width='8'/>"
        f"<path d='{path}' fill='none' stroke='{colour}' stroke-width='4.5' stroke-linecap='round'/>"
    )


def _label(pad: tuple[int, int], name: str, mirrored: bool) -> str:
    x, y = pad
    return _text(x + (-18 if mirrored else 18), y + 5, name, 14, "#ffffff", end=mirrored, bold=True)


def _pad(x: int, y: int, colour: str, radius: int = 8) -> str:
    return f"<circle cx='{x}' cy='{y}' r='{radius}' fill='{colour}' stroke='#ffffff' stroke-width='1.5'/>"


def _text(
    x: int,
    y: int,
    text: str,
    size: int,
    colour: str,
    *,
    middle: bool = False,
    end: bool = False,
    bold: bool = False,
    faint: bool = False,
) -> str:
    anchor = " text-anchor='middle'" if middle else " text-anchor='end'" if end else ""
    more = " font-weight='bold'" * bold + " opacity='0.65'" * faint
    return f"<text x='{x}' y='{y}' font-size='{size}' fill='{colour}'{anchor}{more}>{escape(text)}</text>"


def main(folder: Path) -> None:
    """Write the drawings of the guide into a folder."""
    for name in DRAWN:
        (folder / f"wiring-{name}.svg").write_text(svg(MODULES["inmp441"], BOARDS[name]), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
