"""How good a model for pictures is: its decisions on labelled pictures, on the reference or on a board."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from watchword import reference
from watchword.board import Board
from watchword.data import pictures
from watchword.data.batch import Batch, Report, silent
from watchword.data.clips import Clip
from watchword.data.labels import numbers
from watchword.evaluate.scores import Evaluation, Judged, label_scores
from watchword.features import frames
from watchword.model import Model


def inputs(model: Model, seen: Sequence[frames.Frame]) -> NDArray[np.int8]:
    """Frames -> what the model is fed, int8 (frames, *input shape without batch), as boards compute it."""
    rows, columns, channels = model.graph.input.shape[1:]
    values = frames.table(model.description.input.multiplier, model.description.input.offset)
    return np.stack([frames.to_tensor(frame, (rows, columns, channels), values) for frame in seen])


def colours(model: Model) -> bool:
    """Whether its frames have colours."""
    return model.graph.input.shape[3] == 3


def seen(model: Model, size: tuple[int, int], path: Path, report: Report = silent) -> frames.Frame:
    """Read a picture as a frame of `size` that the model can be shown. DataError: it cannot be read."""
    return frames.camera(pictures.fitted(pictures.read(path), size), colour=colours(model))


def evaluate(
    model: Model,
    clips: Sequence[Clip],
    board: Board | None = None,
    progress: Callable[[int, int], None] | None = None,
    batch: Batch | None = None,
    size: tuple[int, int] = pictures.QQVGA,
) -> Evaluation:
    """Accuracy and confusion of a picture model on labelled pictures, each as a frame of `size`; board None: on the reference.

    The prediction is the greatest score. The board must run the model. batch: counts the pictures that cannot be
    read, which are passed by. Raises DataError where none can be, or a label cannot be used, ModelError as
    `Model.require_picture`.
    """
    description = model.require_picture()
    true = numbers(clips, description.labels, by_number=True)
    if board is not None:
        board.view(*size)
    judged = []
    for i, frame, _ in (batch or Batch("pictures")).each([clip.path for clip in clips], partial(seen, model, size)):
        if board is None:
            outputs = reference.run(model.graph, inputs(model, [frame])).ravel()
        else:
            outputs, _ = board.look(frame)
        judged.append(Judged(clips[i], true[i], int(outputs.argmax()), label_scores(description.labels, outputs)))
        if progress is not None:
            progress(i + 1, len(clips))
    return Evaluation(tuple(description.labels), tuple(judged))
