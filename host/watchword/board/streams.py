"""Streams of sound to a board, and what it hears in them."""

from __future__ import annotations

import dataclasses
import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from watchword.board.connection import Connection
from watchword.board.events import Detection, Event
from watchword.board.messages import Said
from watchword.board.summary import Highest, rounded
from watchword.data.adpcm import Adpcm
from watchword.data.audio import RATE
from watchword.errors import DataError

Codec = Literal["s16", "adpcm"]
PAD = 1.0  # seconds of silence before a recording and after it, as the keyword model was trained with
LONGEST_PAD = 60  # seconds
_CHUNK_SAMPLES = {"s16": 768, "adpcm": 768}  # of sound in one request; two of them at least fit into a board's credit


@dataclass(frozen=True)
class Stream(Said):
    """What a board did in a stream. time: seconds of it, up to the end of the last frame. link_us: what the board spent on the
    line. gaps, gap_ms: how often and how long flash or a long request kept it from hearing. highest: of all that may fire the
    highest mean score, the second of the recording at which it was, and the cutoff."""

    frames: int = 0
    runs: int = 0
    time: float = 0.0
    link_us: int = 0
    gaps: int = 0
    gap_ms: int = 0
    highest: Highest = field(default_factory=dict)


@dataclass(frozen=True)
class _Begun(Said):
    credit: int


@dataclass(frozen=True)
class _Scores(Said):
    scores: NDArray[np.int8]


class Streams(Connection):
    """What a board hears. last_stream: the one that ended last."""

    last_stream = Stream()

    def _stream(self, blocks: Iterable[NDArray[np.int16]], codec: Codec, **fields: Any) -> Iterator[Event]:
        """Begin a stream and send blocks of samples as the board's credit allows; yields the events that come meanwhile."""
        self.link.events.clear()
        credit = self._ask(_Begun, "stream", **fields).credit
        waiting: deque[tuple[int, int]] = deque()
        adpcm = Adpcm()
        for chunk in _chunks(blocks, _CHUNK_SAMPLES[codec]):
            payload = adpcm.encode(chunk) if codec == "adpcm" else chunk.astype("<i2").tobytes()
            while waiting and (credit < len(chunk) or self.link.answered(waiting[0][0])):
                request, taken = waiting.popleft()
                self.link.wait(request)
                credit += taken
            waiting.append((self.link.send("sound", payload, codec=codec), len(chunk)))
            credit -= len(chunk)
            yield from self._events()
        for request, _ in waiting:
            self.link.wait(request)
        yield from self._events()

    def listen(self, samples: NDArray[np.int16], codec: Codec = "s16", pad: float = PAD) -> Iterator[Event]:
        """Stream int16 samples (16 kHz) with `pad` seconds of silence before and after; yields events as they come.

        `time` of a Detection is in seconds from the first sample; a stream starts with everything forgotten. By the silence
        after the recording alone nothing is heard: docs/protocol.md, "Sound". codec: how sound travels; adpcm takes a quarter
        of the line, a third of the board's work, and is heard as `adpcm.coded` gives it. After the last event `last_stream`
        tells of it. DataError: `pad` is no time.
        """
        silence = quiet(pad)
        samples = np.asarray(samples, np.int16)
        ends = len(silence) + len(samples)
        yield from self._heard([silence, samples, silence], codec, len(silence), ends=ends)

    def listen_live(self, blocks: Iterable[NDArray[np.int16]], codec: Codec = "s16", pad: float = PAD) -> Iterator[Event]:
        """The same of blocks of samples that come by and by, as of `data.microphone.Microphone`; without the silence after."""
        silence = quiet(pad)
        yield from self._heard(itertools.chain([silence], blocks), codec, len(silence))

    def _heard(self, blocks: Iterable[NDArray[np.int16]], codec: Codec, begin: int, **fields: Any) -> Iterator[Event]:
        """What comes of a stream that begins with so many samples of silence; times count from its end."""
        for event in self._events_of(blocks, codec, **fields):
            if isinstance(event, Detection):
                event = dataclasses.replace(event, time=round(event.time - begin / RATE, 3), score=round(event.score, 3))
            yield event
        self.last_stream = dataclasses.replace(self.last_stream, highest=rounded(self.last_stream.highest, begin / RATE))

    def _events_of(self, blocks: Iterable[NDArray[np.int16]], codec: Codec, **fields: Any) -> Iterator[Event]:
        yield from self._stream(blocks, codec, **fields)
        self.last_stream = self._ask(Stream, "end")
        yield from self._events()

    def scores(self, samples: NDArray[np.int16], codec: Codec = "s16") -> NDArray[np.int8]:
        """The model's outputs for the one window that ends with the last sample, after a second of silence; int8 (labels,)."""
        for _ in self._stream([np.zeros(RATE, np.int16), samples], codec, stride=0):
            pass
        scores = self._ask(_Scores, "scores").scores
        self.last_stream = self._ask(Stream, "end")
        return scores


def quiet(pad: float) -> NDArray[np.int16]:
    """So many seconds of digital silence, in whole milliseconds, as int16 samples. DataError: it is no time."""
    if not 0 <= pad <= LONGEST_PAD:
        raise DataError(f"pad is {pad:g}: it is 0 to {LONGEST_PAD} seconds of silence before and after a recording")
    return np.zeros(round(1000 * pad) * RATE // 1000, np.int16)


def _chunks(blocks: Iterable[NDArray[np.int16]], size: int) -> Iterator[NDArray[np.int16]]:
    """Blocks cut and joined to chunks of `size` samples; what is left over at the end."""
    held = np.zeros(0, np.int16)
    for block in blocks:
        held = np.concatenate([held, block]) if len(held) else block
        whole = len(held) // size * size
        for start in range(0, whole, size):
            yield held[start : start + size]
        held = held[whole:]
    if len(held):
        yield held
