"""Pictures to a board, and what it sees in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from watchword.board.connection import Connection
from watchword.board.events import Detection, Event, FrameLabel, Gone
from watchword.board.messages import Said
from watchword.features.frames import Frame


@dataclass(frozen=True)
class _View(Said):
    """pixel: bytes of one. rows: of a frame, that go in one band."""

    pixel: int
    rows: int


@dataclass(frozen=True)
class _Seen(Said):
    scores: NDArray[np.int8] | None = None


class Pictures(Connection):
    """What a board sees."""

    _rows = 0  # of a frame, that go in one band

    def see(self, frames: Iterable[Frame], every: float = 1.0) -> Iterator[Event]:
        """Send frames, all with the same sides, as `look` takes them; yields events as they come.

        FrameLabel says what each shows, Detection that a label is seen from now on, Gone that it is no longer. time: seconds
        since the first frame; every: from one to the next.
        """
        for i, frame in enumerate(frames):
            if i == 0:
                self.view(frame.shape[1], frame.shape[0])
            yield from self.look(frame, i * every)[1]

    def view(self, width: int, height: int) -> bool:
        """Begin a run of frames: what was seen before is forgotten. Returns whether they are to have colours.

        BoardError: no picture program runs, or no board takes such sides.
        """
        self.link.events.clear()
        view = self._ask(_View, "view", width=width, height=height)
        self._rows = max(1, view.rows)
        return view.pixel == 2

    def look(self, frame: Frame, time: float = 0.0) -> tuple[NDArray[np.int8], list[Event]]:
        """Send one frame. Returns the model's outputs, int8 (labels,), and the events that say what it shows.

        time: what these say, seconds. Where the model runs on every nth frame only, the others give no outputs.
        """
        data = frame.astype(">u2" if frame.dtype == np.uint16 else np.uint8)
        seen = _Seen()
        for row in range(0, len(data), self._rows):
            band = data[row : row + self._rows].tobytes()
            seen = self._ask(_Seen, "frame", band, row=row, ms=round(time * 1000), timeout=60.0)
        events = [
            dataclasses.replace(event, score=round(event.score, 3))
            if isinstance(event, FrameLabel | Detection | Gone)
            else event
            for event in self._events()
        ]
        return np.array((), np.int8) if seen.scores is None else seen.scores, events
