"""How good a model for sound is: its decisions on labelled clips, on the reference or on a board."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from watchword import reference
from watchword.board import Board, Detection
from watchword.data import audio
from watchword.data.audio import RATE
from watchword.data.batch import Batch
from watchword.data.clips import Clip, Recordings, load
from watchword.data.labels import UNKNOWN, numbers
from watchword.evaluate.scores import Evaluation, score
from watchword.evaluate.streaming import detections, run_stream
from watchword.features.micro import features, to_int8
from watchword.features.tables import WINDOW
from watchword.model import Model


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
    progress: Callable[[int, int], None] | None = None,
    batch: Batch | None = None,
) -> Evaluation:
    """Accuracy and confusion of a sound model on labelled clips; board None: on the reference.

    The prediction is the greatest score of the one window that covers a clip. A model of one word, or one that keeps state,
    hears the whole clip instead, and the prediction is the first label that fires, else `_unknown_`. The board must run the
    model. progress: called with clips done and clips in all. batch: as for `data.clips.load`. Raises DataError
    as that does, ModelError as `Model.require_sound`.
    """
    description = model.require_sound()
    if len(description.labels) == 1 or model.graph.stateful:
        return _by_stream(model, clips, board, progress, batch or Batch("recordings"))
    recordings = load(clips, description.labels, clip_samples(model), batch)
    if board is None:
        outputs = reference.run(model.graph, inputs(model, recordings.signals))
        predicted: Iterable[int] = outputs.reshape(len(recordings.clips), -1).argmax(1).tolist()
    else:
        predicted = _on_board(board, recordings, progress)
    return score(description.labels, recordings.targets, predicted)


def _by_stream(
    model: Model,
    clips: Sequence[Clip],
    board: Board | None,
    progress: Callable[[int, int], None] | None,
    batch: Batch,
) -> Evaluation:
    """Each clip as a stream of its own: what fires first, or nothing, which is right for a clip of any other label."""
    labels = model.description.labels
    labels += () if UNKNOWN in labels else (UNKNOWN,)
    number = numbers(clips, labels)
    targets, predicted = [], []
    for i, samples, _ in batch.each([clip.path for clip in clips], audio.read):
        if board is None:
            heard = [detection.label for detection in detections(run_stream(model, samples), model.description)]
        else:
            heard = [event.label for event in board.listen(samples) if isinstance(event, Detection)]
        targets.append(number[i])
        predicted.append(labels.index(heard[0] if heard else UNKNOWN))
        if progress is not None:
            progress(i + 1, len(clips))
    return score(labels, targets, predicted)


def _on_board(board: Board, recordings: Recordings, progress: Callable[[int, int], None] | None) -> Iterable[int]:
    for i, signal in enumerate(recordings.signals):
        yield int(board.scores(signal).argmax())
        if progress is not None:
            progress(i + 1, len(recordings.signals))
