"""Which of a model's labels a clip has: never another one silently, where only case or blanks differ."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from watchword.data.clips import Clip
from watchword.errors import DataError
from watchword.settings import listed, shown

UNKNOWN = "_unknown_"
SILENCE = "_silence_"

_SHARE = 0.1  # of the clips with labels that a model does not know, from which it is told


def numbers(clips: Sequence[Clip], labels: Sequence[str], *, by_number: bool = False) -> list[int]:
    """Find the index in `labels` of each clip's label; one that is not among them counts as `_unknown_`.

    by_number: an index instead of a label counts too. DataError: a label differs from one of `labels` only by case, blanks or
    the like; or it is another and there is no `_unknown_` among `labels`. The clip is named, by the line of its manifest.
    """
    known = {_composed(label): index for index, label in enumerate(labels)}
    if by_number:
        known = {str(index): index for index in range(len(labels))} | known
    alike = {_plain(label): label for label in labels}
    wrong = [clip for clip in clips if _composed(clip.label) not in known]
    near = [clip for clip in wrong if _plain(clip.label) in alike]
    if near:
        first = near[0]
        more = f" {len(near) - 1} more clips have such labels" if len(near) > 1 else ""
        raise DataError(f"{first.place}: {shown(first.label)}: did you mean {shown(alike[_plain(first.label)])}?{more}")
    if wrong and UNKNOWN not in labels:
        kinds = "is neither among {} nor one of their numbers" if by_number else f"is not among {{}}, and there is no {UNKNOWN}"
        raise DataError(f"{wrong[0].place}: label {shown(wrong[0].label)} " + kinds.format(listed(labels)))
    return [known.get(_composed(clip.label), known.get(UNKNOWN, -1)) for clip in clips]


def strangers(clips: Sequence[Clip], labels: Sequence[str]) -> str:
    """Tell in a line which labels a model does not know, where more than a tenth of the clips have such; else nothing."""
    known = {_plain(label) for label in (*labels, UNKNOWN)}  # those that only nearly are labels are refused
    count = Counter(clip.label for clip in clips if _plain(clip.label) not in known)
    if count.total() <= _SHARE * len(clips):
        return ""
    which = listed([f"{shown(label)} ({n})" for label, n in count.most_common()])
    return f"{count.total()} of {len(clips)} clips have labels that the model does not, and count as {UNKNOWN}: {which}"


def require_distinct(clips: Sequence[Clip]) -> None:
    """DataError: two labels of clips differ only by case, blanks or the like."""
    first: dict[str, Clip] = {}
    for clip in clips:
        other = first.setdefault(_plain(clip.label), clip)
        if other.label != clip.label:
            raise DataError(f"{clip.place}: {shown(clip.label)}: did you mean {shown(other.label)}, as in {other.place}?")


def _composed(label: str) -> str:
    """The label as most systems write it: macOS takes the accents of file names apart."""
    return unicodedata.normalize("NFC", label)


def _plain(label: str) -> str:
    """What is left of a label without case, blanks, `_` and `-`, by which a slip is told from another word."""
    folded = _composed(label).casefold()
    return re.sub(r"[\s_-]", "", folded) or folded
