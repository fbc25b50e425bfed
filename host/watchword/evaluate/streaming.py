"""What a model does on a stream: every run of it, and the events that follow, as on a board."""

from __future__ import annotations

import dataclasses
import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from watchword import reference, shipped
from watchword.board import Detection, modules
from watchword.board.streams import PAD, Codec, quiet
from watchword.board.summary import Highest, rounded
from watchword.board.virtual import wires
from watchword.data import audio
from watchword.data.adpcm import Adpcm, coded
from watchword.description import Description
from watchword.features.micro import MicroFrontend, to_int8
from watchword.features.microphone import Microphone
from watchword.features.tables import CHANNELS, RATE, WINDOW
from watchword.model import Model


@dataclass(frozen=True)
class Runs:
    """Every run of a model on one stream.

    outputs: int8 (runs, labels). times: ms of the stream at each run, (runs,). begin: ms of the stream at which the recording
    begins, from which events count. ends: ms at which it ends, where silence of the host's making follows; else None.
    """

    outputs: NDArray[np.int8]
    times: NDArray[np.int64]
    begin: int = 1000
    ends: int | None = None


@dataclass(frozen=True)
class Heard:
    """What fires on a stream. highest: as `board.Stream` has it."""

    events: list[Detection]
    highest: Highest


def listen(model: Model, samples: NDArray[np.int16], codec: Codec = "s16", pad: float = PAD) -> list[Detection]:
    """What `Board.listen` yields of int16 samples (16 kHz) on a board that runs the model: the same events, without the board.

    ModelError: as `Model.require_sound`; DataError: `pad` is no time.
    """
    return detections(run_stream(model, samples, codec, pad), model.description)


def listen_by_itself(model: Model, samples: NDArray[np.int16], part: str, gain: float | None = None) -> list[Detection]:
    """What a virtual Pico tells that hears int16 samples (16 kHz) by its own microphone: `Board.hear`, without the board.

    Sample k of the recording is sample k of the board's stream, which both begin with the microphone's clock; silence follows.
    Times count from there. part: as `board.virtual.wires` names it; gain: in dB, by default the module's. The board has lost no
    sound, has the model's own cutoffs, and was taught nothing. BoardError: there is no such part; DataError: the gain;
    ModelError: as `Model.require_sound`.
    """
    return detections(run_by_itself(model, samples, part, gain), model.description)


def listen_live(model: Model, blocks: Iterable[NDArray[np.int16]], codec: Codec = "s16", pad: float = PAD) -> Listening:
    """What `Board.listen_live` yields of int16 blocks (16 kHz) as they come.

    Of samples that all are there `listen` gives the same, and what follows in the silence after them. ModelError: as
    `Model.require_sound`; DataError: `pad` is no time.
    """
    return Listening(model, blocks, codec, pad)


class Listening(Iterator[Detection]):
    """The events of `listen_live`."""

    def __init__(self, model: Model, blocks: Iterable[NDArray[np.int16]], codec: Codec, pad: float) -> None:
        self._description = model.require_sound()
        silence = quiet(pad)
        self._stage = _Stage(self._description, _ms(len(silence)))
        self._events = self._listen(model, itertools.chain([silence], blocks), codec)

    @property
    def highest(self) -> Highest:
        """So far, as `board.Stream` has it."""
        return self._stage.highest

    def __next__(self) -> Detection:
        return next(self._events)

    def _listen(self, model: Model, blocks: Iterable[NDArray[np.int16]], codec: Codec) -> Iterator[Detection]:
        description = self._description
        front_end = MicroFrontend(description.frontend)
        coder, decoder = Adpcm(), Adpcm()
        stride, multiplier = description.decision.stride, description.input.multiplier
        times: deque[int] = deque()

        def windows() -> Iterator[NDArray[np.int8]]:
            history = np.full((model.frames, CHANNELS), -128, np.int8)
            count = 0
            for block in blocks:
                heard = decoder.decode(coder.encode(block)) if codec == "adpcm" else block
                for row in to_int8(front_end.process(heard), multiplier):
                    history = np.concatenate([history[1:], row[np.newaxis]])
                    count += 1
                    if count % stride == 0:
                        times.append(_time(description, count))
                        yield history.reshape(model.graph.input.shape[1:])

        for outputs in reference.stream(model.graph, windows()):
            found = self._stage.take(outputs.ravel().tolist(), times.popleft())
            if found is not None:
                yield found


def run_stream(model: Model, samples: NDArray[np.int16], codec: Codec = "s16", pad: float = PAD) -> Runs:
    """Run the model over a recording with `pad` seconds of silence before and after it, every `decision.stride` frames.

    codec: as sound travels to a board. A model that keeps state starts as after a reset. ModelError: as `Model.require_sound`;
    DataError: `pad` is no time.
    """
    silence = quiet(pad)
    stream = np.concatenate([silence, samples, silence])
    return _run(model, coded(stream) if codec == "adpcm" else stream, len(silence), len(silence) + len(samples))


def run_by_itself(model: Model, samples: NDArray[np.int16], part: str, gain: float | None = None) -> Runs:
    """Run the model as `listen_by_itself`: over a recording and a second of silence, from a cold start."""
    words = wires.part(part).words(np.concatenate([samples, np.zeros(RATE, np.int16)]))
    return _run(model, Microphone(modules.named(part).gain if gain is None else gain).process(words), 0)


def _run(model: Model, stream: NDArray[np.int16], begin: int, ends: int | None = None) -> Runs:
    """Run the model over a whole stream. begin: the sample from which times count; ends: `Runs.ends`, in samples."""
    description = model.require_sound()
    rows = MicroFrontend(description.frontend).process(stream)
    history = np.concatenate([np.full((model.frames, CHANNELS), -128, np.int8), to_int8(rows, description.input.multiplier)])
    counts = np.arange(description.decision.stride, len(rows) + 1, description.decision.stride)
    windows = np.array([history[count : count + model.frames] for count in counts], np.int8)
    outputs = reference.run(model.graph, windows.reshape(len(counts), *model.graph.input.shape[1:]))
    return Runs(
        outputs.reshape(len(counts), len(description.labels)),
        _time(description, counts),
        _ms(begin),
        None if ends is None else _ms(ends),
    )


def detections(runs: Runs, description: Description, cutoff: float | None = None) -> list[Detection]:
    """What fires on a stream of `run_stream`, by the board's own decision stage. cutoff: instead of the description's."""
    return heard(runs, description, cutoff).events


def heard(runs: Runs, description: Description, cutoff: float | None = None) -> Heard:
    """The same, and how near the rest came."""
    stage = _Stage(description, runs.begin, runs.ends, cutoff)
    found = [stage.take(outputs, time) for outputs, time in zip(runs.outputs.tolist(), runs.times.tolist(), strict=True)]
    return Heard([detection for detection in found if detection is not None], stage.highest)


T = TypeVar("T", int, NDArray[np.int64])


def _ms(samples: int) -> int:
    return samples * 1000 // RATE


def _time(description: Description, count: T) -> T:
    """ms of the stream at the end of a frame, by how many there were."""
    return ((count - 1) * description.frontend.hop + WINDOW) * 1000 // RATE


class _Stage:
    """The board's own decision stage on one stream. begin, ends: as in `Runs`. cutoff: instead of the description's."""

    def __init__(self, description: Description, begin: int, ends: int | None = None, cutoff: float | None = None) -> None:
        settings = description.decision if cutoff is None else dataclasses.replace(description.decision, cutoff=cutoff)
        firmware = shipped.firmware_module("decision")
        self._labels, self._begin = description.labels, begin
        self._decision = firmware.Decision(
            description.labels, description.background, settings.cutoff, settings.window, settings.refractory
        )
        self._decision.reset(firmware.NO_END if ends is None else ends)

    def take(self, outputs: list[int], time: int) -> Detection | None:
        """What fires at a run of the model, `time` ms into the stream."""
        decision = self._decision
        index = decision.update(outputs, time)
        return None if index < 0 else Detection(self._labels[index], decision.score(index), self._second(decision.time))

    @property
    def highest(self) -> Highest:
        found = {label: (score, time, cutoff) for label, (score, time, cutoff) in self._decision.highest().items()}
        return rounded(found, self._begin / 1000)

    def _second(self, ms: int) -> float:
        return (ms - self._begin) / 1000


@dataclass(frozen=True)
class OperatingPoint:
    """What a cutoff does. hit_rate: share of the words that their label alone answers. false_accepts_per_hour: on speech
    without any of the words; wrong_rate: share of the words that another label answers."""

    cutoff: float
    hit_rate: float
    wrong_rate: float
    false_accepts_per_hour: float


def operating_points(
    model: Model, words: Iterable[tuple[Path, str]], others: Sequence[Path], cutoffs: Sequence[float]
) -> list[OperatingPoint]:
    """Measure cutoffs on recordings of words (path, label) and on recordings in which nothing should fire."""
    description = model.description
    spoken = [(run_stream(model, audio.read(path)), label) for path, label in words if label not in description.background]
    hours = 0.0
    background = []
    for path in others:
        samples = audio.read(path)
        hours += len(samples) / RATE / 3600
        background.append(run_stream(model, samples))
    points = []
    for cutoff in cutoffs:
        heard = [({d.label for d in detections(runs, description, cutoff)}, label) for runs, label in spoken]
        false = sum(len(detections(runs, description, cutoff)) for runs in background)
        points.append(
            OperatingPoint(
                cutoff,
                sum(found == {label} for found, label in heard) / max(len(heard), 1),
                sum(bool(found - {label}) for found, label in heard) / max(len(heard), 1),
                false / hours if hours else 0.0,
            )
        )
    return points
