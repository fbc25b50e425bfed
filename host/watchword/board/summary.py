"""What became of a recording, or of some time of listening: what was heard, how loud it was, and how near the rest came.

Made on the host of what a board or the reference says at the end, so that nothing heard is not told by nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from watchword.board.events import Detection, Event

Highest = dict[str, tuple[float, float, float]]
"""Of each label that may fire: its highest mean score (0..1), the second at which it was, and its cutoff (0..1)."""


def rounded(highest: Highest, begin: float = 0.0) -> Highest:
    """Highest scores as a board sends them, whose floats may have 32 bits. begin: the second of the stream that counts as 0."""
    return {
        label: (round(score, 3), max(0.0, round(time - begin, 3)), round(cutoff, 4))
        for label, (score, time, cutoff) in highest.items()
    }


SILENCE = -120.0  # dBFS that stand for digital silence
_FAINT = -30.0  # dBFS of the peak: talk close by has more
_CLIPPED = -0.1


@dataclass
class Loudness:
    """How loud sound is that comes by and by: peak, and root of the mean square, as dBFS; a full-scale square wave has 0."""

    _peak: float = 0.0
    _squares: float = 0.0
    _count: int = 0

    def take(self, samples: NDArray[np.int16]) -> None:
        """Take int16 samples."""
        if len(samples):
            real = samples.astype(np.float64) / 32768
            self._peak = max(self._peak, float(np.abs(real).max()))
            self._squares += float(real @ real)
            self._count += len(samples)

    def all(self, blocks: Iterable[NDArray[np.int16]]) -> Iterable[NDArray[np.int16]]:
        """Yield blocks of int16 samples as they come, and take them."""
        for block in blocks:
            self.take(block)
            yield block

    @property
    def peak(self) -> float:
        return dbfs(self._peak)

    @property
    def rms(self) -> float:
        return dbfs(math.sqrt(self._squares / self._count) if self._count else 0.0)


def dbfs(level: float) -> float:
    """A level, 1 being full scale, in dB, to a tenth; `SILENCE` at the least."""
    return max(SILENCE, round(20 * math.log10(level), 1)) if level > 0 else SILENCE


@dataclass(frozen=True)
class Best:
    """The highest mean score of a label, and its cutoff, 0..1. time: seconds, as events have it."""

    score: float
    time: float
    cutoff: float


@dataclass(frozen=True)
class Summary(Event):
    """heard: how often each label was that was. highest: of all that may fire, the nearest to its cutoff first.

    peak, rms: dBFS, None where it is not known: of what a board hears by itself only the peak is.
    """

    event: str = field(default="summary", init=False)
    heard: dict[str, int]
    peak: float | None
    rms: float | None
    highest: dict[str, Best]

    def as_dict(self) -> dict[str, Any]:
        fields = super().as_dict()
        fields["highest"] = {label: asdict(best) for label, best in self.highest.items()}
        return fields

    def __str__(self) -> str:
        """One line: what was heard, how near the rest came, how loud it was, and what helps."""
        if self.heard:
            counts = (label if times == 1 else f"{label} {times} times" for label, times in self.heard.items())
            text = f"heard {', '.join(counts)}"
        else:
            text = "heard nothing"
        if self.highest:
            text += f": {self._nearness}"
        levels = [f"{name} {level:.0f} dBFS" for name, level in (("peak", self.peak), ("RMS", self.rms)) if level is not None]
        text += f"; {', '.join(levels)}" if levels else ""
        return text + (f": {self._advice}" if self._advice else "")

    @property
    def _nearness(self) -> str:
        """How near each label came to its cutoff."""
        (first, best), *others = self.highest.items()
        text = f"{first}'s highest score was {best.score:.2f} at {best.time:.1f} s, cutoff {best.cutoff:.2f}"
        for label, other in others:
            cutoff = "" if other.cutoff == best.cutoff else f", cutoff {other.cutoff:.2f}"
            text += f"; {label} {other.score:.2f} at {other.time:.1f} s{cutoff}"
        return text

    @property
    def _advice(self) -> str:
        if self.peak is None:
            return ""
        if self.peak == SILENCE:
            return "that is digital silence"
        if self.peak >= _CLIPPED:
            return "too loud, it is clipped: less gain"
        if not self.heard and self.peak < _FAINT:
            return "speak louder or nearer"
        return ""


def summary(events: Iterable[Event], highest: Highest, peak: float | None, rms: float | None) -> Summary:
    """The summary of what was told, and of what a board or the reference says at the end."""
    heard = Counter(event.label for event in events if isinstance(event, Detection))
    nearest = sorted(highest.items(), key=lambda item: item[1][2] - item[1][0])
    return Summary(heard=dict(heard), peak=peak, rms=rms, highest={label: Best(*values) for label, values in nearest})
