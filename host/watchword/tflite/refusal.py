"""Why a `.tflite` cannot be run, in one line: what it is and what to do, or what stops it."""

from __future__ import annotations

from collections import Counter

from watchword.errors import Stop, one_line
from watchword.tflite.survey import Survey, hint

_ROOM = 160  # characters that the reasons have, however long the file's name is


def refusal(found: Survey, stops: list[Stop], room: int) -> str:
    """Why a model cannot be run: by how it is quantized, else by what stops it. room: characters, if that is enough."""
    room = max(_ROOM, room)
    lacks = Counter(stop.operation for stop in stops if stop.lacking)
    if found.verdict is not None:
        what, advice = found.verdict
        text = f"it {what}: {advice}"
        missing = _lacking(lacks, room - len(text) - len("; "))
        return f"{text}; {missing}" if missing else text
    head = "watchword cannot run this model: "
    hints = dict.fromkeys(found_hint for name in lacks if (found_hint := hint(name)))
    tail = "".join(f": {text}" for text in list(hints)[:1])
    full = head + "; ".join(map(str, stops)) + tail
    if len(full) <= room:
        return full
    if lacks:
        return head + _lacking(lacks, room - len(head) - len(tail)) + tail
    first, more = str(stops[0]), f"; and {len(stops) - 1} more: `watchword inspect` lists them" if len(stops) > 1 else ""
    return head + one_line(first, room - len(head) - len(more)) + more


def _lacking(lacks: Counter[str], room: int) -> str:
    """The operations that watchword does not have, as many by name as there is room for; empty where there is none at all."""
    names = [f"{name}" if count == 1 else f"{count} {name}" for name, count in lacks.most_common()]
    for kept in range(len(names), 0, -1):
        rest = lacks.most_common()[kept:]
        more = f" and {sum(count for _, count in rest)} more of {len(rest)} kinds" if rest else ""
        text = f"it has {', '.join(names[:kept])}{more}, which watchword lacks"
        if len(text) <= room:
            return text
    short = f"it has {sum(lacks.values())} operations of {len(lacks)} kinds that watchword lacks"
    return short if lacks and len(short) <= room else ""
