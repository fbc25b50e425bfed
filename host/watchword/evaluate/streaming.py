"""What a model does on a stream: every run of it, and the events that follow, as on a board."""

from __future__ import annotations

import dataclasses
import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from watchword import reference, shipped
from watchword.board import Detection, modules
from watchword.board.streams import Codec
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

    outputs: int8 (runs, labels). times: ms of the stream at each run, (runs,). begin: ms of the stream from which events count.
    """

    outputs: NDArray[np.int8]
    times: NDArray[np.int64]
    begin: int = 1000


def listen(model: Model, samples: NDArray[np.int16], codec: Codec = "s16") -> list[Detection]:
    """What `Board.listen` yields of int16 samples (16 kHz) on a board that runs the model: the same events, without the board.

    ModelError: as `Model.require_sound`.
    """
    return detections(run_stream(model, samples, codec), model.description)


def listen_by_itself(model: Model, samples: NDArray[np.int16], part: str, gain: float | None = None) -> list[Detection]:
    """What a virtual Pico tells that hears int16 samples (16 kHz) by its own microphone: `Board.hear`, without the board.

    Sample k of the recording is sample k of the board's stream, which both begin with the microphone's clock; silence follows.
    Times count from there. part: as `board.virtual.wires` names it; gain: in dB, by default the module's. The board has lost no
    sound, has the model's own cutoffs, and was taught nothing. BoardError: there is no such part; DataError: the gain;
    ModelError: as `Model.require_sound`.
    """
    return detections(run_by_itself(model, samples, part, gain), model.description)


def listen_live(model: Model, blocks: Iterable[NDArray[np.int16]], codec: Codec = "s16") -> Iterator[Detection]:
    """What `Board.listen_live` yields of int16 blocks (16 kHz) as they come. ModelError: as `Model.require_sound`.

    Of samples that all are there `listen` gives the same, and what follows in the silence after them.
    """
    description = model.require_sound()
    front_end = MicroFrontend(description.frontend)
    coder, decoder = Adpcm(), Adpcm()
    stride, multiplier = description.decision.stride, description.input.multiplier
    times: deque[int] = deque()

    def windows() -> Iterator[NDArray[np.int8]]:
        history = np.full((model.frames, CHANNELS), -128, np.int8)
        count = 0
        for block in itertools.chain([np.zeros(RATE, np.int16)], blocks):
            heard = decoder.decode(coder.encode(block)) if codec == "adpcm" else block
            for row in to_int8(front_end.process(heard), multiplier):
                history = np.concatenate([history[1:], row[np.newaxis]])
                count += 1
                if count % stride == 0:
                    times.append(_time(description, count))
                    yield history.reshape(model.graph.input.shape[1:])

    stage = _stage(description)
    for outputs in reference.stream(model.graph, windows()):
        found = _fired(stage, description, outputs.ravel().tolist(), times.popleft())
        if found is not None:
            yield found


def run_stream(model: Model, samples: NDArray[np.int16], codec: Codec = "s16") -> Runs:
    """Run the model over a recording with a second of silence before and after it, every `decision.stride` frames.

    codec: as sound travels to a board. A model that keeps state starts as after a reset. ModelError: as `Model.require_sound`.
    """
    silence = np.zeros(RATE, np.int16)
    stream = np.concatenate([silence, samples, silence])
    return _run(model, coded(stream) if codec == "adpcm" else stream, RATE)


def run_by_itself(model: Model, samples: NDArray[np.int16], part: str, gain: float | None = None) -> Runs:
    """Run the model as `listen_by_itself`: over a recording and a second of silence, from a cold start."""
    words = wires.part(part).words(np.concatenate([samples, np.zeros(RATE, np.int16)]))
    return _run(model, Microphone(modules.named(part).gain if gain is None else gain).process(words), 0)


def _run(model: Model, stream: NDArray[np.int16], begin: int) -> Runs:
    """Run the model over a whole stream. begin: the sample from which times count."""
    description = model.require_sound()
    rows = MicroFrontend(description.frontend).process(stream)
    history = np.concatenate([np.full((model.frames, CHANNELS), -128, np.int8), to_int8(rows, description.input.multiplier)])
    counts = np.arange(description.decision.stride, len(rows) + 1, description.decision.stride)
    windows = np.array([history[count : count + model.frames] for count in counts], np.int8)
    outputs = reference.run(model.graph, windows.reshape(len(counts), *model.graph.input.shape[1:]))
    return Runs(outputs.reshape(len(counts), len(description.labels)), _time(description, counts), begin * 1000 // RATE)


def detections(runs: Runs, description: Description, cutoff: float | None = None) -> list[Detection]:
    """What fires on a stream of `run_stream`, by the board's own decision stage. cutoff: instead of the description's."""
    stage = _stage(description, cutoff)
    found = (
        _fired(stage, description, outputs, time, runs.begin)
        for outputs, time in zip(runs.outputs.tolist(), runs.times.tolist(), strict=True)
    )
    return [detection for detection in found if detection is not None]


def highest_score(runs: Runs, description: Description) -> float:
    """The highest score, 0..1, that a label which can fire has on a stream of `run_stream`, whatever it is enough for."""
    stage = _stage(description)
    fires = [index for index, label in enumerate(description.labels) if label not in description.background]
    highest = 0.0
    for outputs, time in zip(runs.outputs.tolist(), runs.times.tolist(), strict=True):
        stage.update(outputs, time)
        highest = max(highest, *(stage.score(index) for index in fires))
    return highest


T = TypeVar("T", int, NDArray[np.int64])


def _time(description: Description, count: T) -> T:
    """ms of the stream at the end of a frame, by how many there were."""
    return ((count - 1) * description.frontend.hop + WINDOW) * 1000 // RATE


def _stage(description: Description, cutoff: float | None = None) -> Any:
    """The board's own decision stage. cutoff: instead of the description's."""
    settings = description.decision if cutoff is None else dataclasses.replace(description.decision, cutoff=cutoff)
    decision = shipped.firmware_module("decision").Decision
    return decision(description.labels, description.background, settings.cutoff, settings.window, settings.refractory)


def _fired(stage: Any, description: Description, outputs: list[int], time: int, begin: int = 1000) -> Detection | None:
    """What fires at a run of the model, `time` ms into a stream. begin: ms of it from which events count."""
    index = stage.update(outputs, time)
    if index < 0:
        return None
    return Detection(description.labels[index], stage.score(index), (time - begin) / 1000)


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
