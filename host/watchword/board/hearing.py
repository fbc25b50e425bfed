"""What a board hears by itself, through its own microphone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from watchword.board.connection import Connection
from watchword.board.events import Event, Hello, Score
from watchword.board.messages import Said, read
from watchword.board.summary import Highest, rounded
from watchword.errors import LinkError

_LEASE = 10  # seconds for which a board goes on to send scores
_RENEWED = 4.0  # after so many seconds; a board that is gone is noticed by it, too
_PAUSE = 0.25  # the longest that nothing is looked at


@dataclass(frozen=True)
class Hearing(Said):
    """How a board hears.

    source: i2s, wav, …; None: by none now, as one that is mute does. labels: all outputs of the model, in order. taught: taught
    words. cutoffs: of all that fires. time: seconds since the microphone began. lost: samples that went by unheard since then.
    fault: what is wrong with the microphone, in a line; None: nothing. peak: the greatest sample since it was asked before, of
    full scale; None: of a firmware that does not say it. highest: as `Stream` has it, since it was asked for before.
    """

    source: str | None
    labels: tuple[str, ...]
    taught: tuple[str, ...]
    cutoffs: dict[str, float]
    time: float
    lost: int
    mute: bool
    fault: str | None
    peak: float | None = None
    highest: Highest = field(default_factory=dict)


@dataclass(frozen=True)
class Load(Said):
    """How a board that hears by itself spent its time: microseconds.

    us: all of it. idle: waiting. measuring: what the taking of time took, which is in none of the others. lost: samples that
    went by unheard. ring: bytes of sound that can wait. hz: of the processor, None where it is not known.
    """

    us: int
    source: int
    features: int
    model: int
    decision: int
    link: int
    idle: int
    measuring: int
    lost: int
    ring: int
    hz: int | None


class Ears(Connection):
    """A board that hears by itself. heard_by: how it does, as it said when `hear` asked last; None before that.

    loudest: the greatest sample since `hear` began, of full scale, as far as the board has said; None: it hears nothing.
    """

    heard_by: Hearing | None = None
    loudest: float | None = None
    _hears = False

    def hearing(self) -> Hearing:
        """How the board hears now."""
        return self._attached(self.link.send("hear"))

    def load(self, seconds: int) -> Load:
        """How the board spends its time, for so many seconds (1 to 60) from soon on. BoardError: it does not hear by itself."""
        return self._ask(Load, "live", seconds=seconds, timeout=seconds + 20.0)

    def hear(self, *, scores: bool = False, seconds: float | None = None) -> Iterator[Event]:
        """Yields what the board tells while it hears: `Detection`, `Lost`, `Microphone`, `Failed`, and with `scores` a `Score`
        for each run of the model.

        Ends after so many seconds of the host's clock, without them never, or soon after `hear_no_more`. First comes what was
        told since the board was opened; the board is asked at the first step. One that starts anew meanwhile says `Hello`, and
        is heard on. `nearest` tells in the end what it heard nothing of. LinkError: it is gone.
        """
        self._hears = True
        end = None if seconds is None else time.monotonic() + seconds
        asked = self._attach(scores, highest=True)
        self.heard_by = self._attached(asked)
        self.loudest = None
        renewed = time.monotonic()
        waiting: int | None = None
        while self._hears and (end is None or time.monotonic() < end):
            if waiting is None and time.monotonic() > renewed + _RENEWED:
                waiting, renewed = self._attach(scores), time.monotonic()
            late = time.monotonic() > renewed + _LEASE * self.link.patience
            if waiting is not None and (late or self.link.answered(waiting)):
                self.heard_by = self._attached(waiting, 1.0)
                waiting = None
            left = _PAUSE if end is None else end - time.monotonic()
            try:
                self.link.pump(max(0.0, min(_PAUSE, left)))
            except LinkError:
                yield from self._events()  # its last words
                raise
            for event in self._events():
                if isinstance(event, Hello):  # it knows nothing of who listened before
                    self.hello, waiting, renewed = event, self._attach(scores), time.monotonic()
                elif isinstance(event, Score):
                    self._louder(event.peak)
                yield event

    def hear_no_more(self) -> None:
        """Let `hear` end, from a handler of signals or another thread."""
        self._hears = False

    def nearest(self) -> Highest:
        """The highest scores since `hear` began, or since the board started anew; `loudest` is up to now then, too."""
        self.heard_by = self._attached(self._attach(False, highest=True))
        return self.heard_by.highest

    def _attach(self, scores: bool, highest: bool = False) -> int:
        return self.link.send("hear", scores=scores, seconds=_LEASE, highest=highest)

    def _attached(self, request: int, timeout: float = 10.0) -> Hearing:
        said = read(Hearing, self.link.wait(request, timeout), f"{self.target}: its reply to hear")
        peak = None if said.peak is None else round(said.peak / 32768, 5)
        if said.source is not None:
            self._louder(peak)
        return replace(said, peak=peak, highest=rounded(said.highest))

    def _louder(self, peak: float | None) -> None:
        if peak is not None:
            self.loudest = max(self.loudest or 0.0, peak)
