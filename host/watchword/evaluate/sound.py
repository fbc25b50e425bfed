"""How good a model for sound is: its decisions on labelled clips, on the reference or on a board."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from watchword import reference
from watchword.board import Board, Detection
from watchword.data import audio
from watchword.data.audio import RATE
from watchword.data.batch import Batch
from watchword.data.clips import Clip
from watchword.data.labels import UNKNOWN, numbers
from watchword.data.recordings import load
from watchword.evaluate.scores import Evaluation, Judged, label_scores
from watchword.evaluate.streaming import heard, run_stream
from watchword.features.micro import features, to_int8
from watchword.features.tables import WINDOW
from watchword.model import Model

Progress = Callable[[int, int], None]
"""Called with clips done and clips in all."""

_BATCH = 64  # clips


def clip_samples(model: Model) -> int:
    """Length of the clips that the model judges: the whole seconds that hold its window."""
    span = (model.frames - 1) * model.description.frontend.hop + WINDOW
    return -(-span // RATE) * RATE


def inputs(model: Model, signals: NDArray[np.int16]) -> NDArray[np.int8]:
    """What the model is fed for clips (clips, samples): the one window that covers each, after a second of silence.

    int8 (clips, *input shape without batch), as the board computes it.
    """
    description = model.description
    streams = np.pad(signals, ((0, 0), (RATE, 0)))
    rows = features(streams, description.frontend)[:, -model.frames :]
    return to_int8(rows, description.input.multiplier).reshape(len(signals), *model.graph.input.shape[1:])


def evaluate(
    model: Model,
    clips: Sequence[Clip],
    board: Board | None = None,
    progress: Progress | None = None,
    batch: Batch | None = None,
) -> Evaluation:
    """What a sound model makes of labelled clips; board None: on the reference.

    The prediction is the greatest score of the one window that covers a clip. A model of one word, or one that keeps state,
    hears the whole clip instead, and the prediction is the first label that fires, else `_unknown_`. The board must run the
    model. batch: as for `data.clips.load`. Raises DataError as that does, ModelError as `Model.require_sound`.
    """
    description = model.require_sound()
    if len(description.labels) == 1 or model.graph.stateful:
        return _by_stream(model, clips, board, progress, batch or Batch("recordings"))
    return _by_window(model, clips, board, progress, batch)


def _by_window(
    model: Model, clips: Sequence[Clip], board: Board | None, progress: Progress | None, batch: Batch | None
) -> Evaluation:
    """The one window that covers each clip."""
    labels = model.description.labels
    recordings = load(clips, labels, clip_samples(model), batch)
    clips = recordings.clips
    judged: list[Judged] = []
    at_once = _BATCH if board is None else 1
    for begin in range(0, len(clips), at_once):
        signals = recordings.signals.rows(range(begin, min(begin + at_once, len(clips))))
        if board is None:
            outputs = reference.run(model.graph, inputs(model, signals)).reshape(len(signals), -1)
        else:
            outputs = board.scores(signals[0])[np.newaxis]
        for i, scores in enumerate(outputs, start=begin):
            judged.append(Judged(clips[i], int(recordings.targets[i]), int(scores.argmax()), label_scores(labels, scores)))
        if progress is not None:
            progress(len(judged), len(clips))
    return Evaluation(tuple(labels), tuple(judged))


def _by_stream(model: Model, clips: Sequence[Clip], board: Board | None, progress: Progress | None, batch: Batch) -> Evaluation:
    """Each clip as a stream of its own: what fires first, or nothing, which is right for a clip of any other label."""
    labels = model.description.labels
    labels += () if UNKNOWN in labels else (UNKNOWN,)
    number = numbers(clips, labels)
    judged = []
    for i, samples, _ in batch.each([clip.path for clip in clips], audio.read):
        if board is None:
            stream = heard(run_stream(model, samples), model.description)
            fired, highest = stream.events, stream.highest
        else:
            # Words that the board was taught are not the model's.
            fired = [event for event in board.listen(samples) if isinstance(event, Detection) and not event.taught]
            highest = board.last_stream.highest
        score = max((highest[label][0] for label in model.description.labels if label in highest), default=0.0)
        label, time = (fired[0].label, fired[0].time) if fired else (UNKNOWN, None)
        found = {"fired": int(bool(fired)), "score": score, "time": time}
        judged.append(Judged(clips[i], number[i], labels.index(label), found))
        if progress is not None:
            progress(i + 1, len(clips))
    return Evaluation(tuple(labels), tuple(judged))
