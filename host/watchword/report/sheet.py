"""Pictures with what was seen in them: one, or many on a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

_SIDE = 900  # pixels of a picture that stands alone, at the most
_CELL = (220, 165)  # width and height of one on a sheet
_COLUMNS = 6
_BAR = 30  # height of the line below it
_SEEN, _NOTHING, _BACK, _INK = "#146c43", "#495057", "#f1f3f5", "white"


@dataclass(frozen=True)
class Seen:
    """A picture, RGB. label, score: of the greatest output, 0..1. present: whether the label counts as seen."""

    picture: Image.Image
    name: str
    label: str
    score: float
    present: bool


def sheet(seen: Sequence[Seen]) -> Image.Image:
    """One picture as it is, or all of them in rows, each with its label and score below."""
    from PIL import Image

    if len(seen) == 1:
        return _captioned(seen[0], _fitting(seen[0].picture.size, (_SIDE, _SIDE)))
    columns = min(_COLUMNS, len(seen))
    width, height = _CELL[0] + 8, _CELL[1] + _BAR + 8
    page = Image.new("RGB", (columns * width + 8, -(-len(seen) // columns) * height + 8), "white")
    for i, one in enumerate(seen):
        page.paste(_captioned(one, _CELL), (8 + i % columns * width, 8 + i // columns * height))
    return page


def _captioned(one: Seen, size: tuple[int, int]) -> Image.Image:
    from PIL import Image, ImageDraw, ImageFont

    made = Image.new("RGB", (size[0], size[1] + _BAR), _BACK)
    shown = one.picture.resize(_fitting(one.picture.size, size))
    made.paste(shown, ((size[0] - shown.width) // 2, (size[1] - shown.height) // 2))
    draw = ImageDraw.Draw(made)
    draw.rectangle((0, size[1], *made.size), fill=_SEEN if one.present else _NOTHING)
    font, small = ImageFont.load_default(16), ImageFont.load_default(10)
    text = f"{one.label} {one.score:.2f}"
    draw.text((6, size[1] + 5), text, fill=_INK, font=font)
    left = 12 + draw.textlength(text, font=font)
    name = one.name
    while name and left + draw.textlength(name, font=small) > size[0] - 6:
        name = name[1:]
    draw.text((size[0] - 6, size[1] + 10), name, fill=_INK, font=small, anchor="ra")
    return made


def _fitting(size: tuple[int, int], room: tuple[int, int]) -> tuple[int, int]:
    """The sides of a picture that fills a room, in its own proportions."""
    factor = min(room[0] / size[0], room[1] / size[1])
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
