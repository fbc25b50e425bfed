"""How good a model for pictures is: its decisions on labelled pictures, on the reference or on a board."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from watchword import reference
from watchword.board import Board
from watchword.data import pictures
from watchword.data.clips import Clip
from watchword.data.labels import numbers
from watchword.evaluate.scores import Evaluation, score
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


def evaluate(
    model: Model,
    clips: Sequence[Clip],
    board: Board | None = None,
    progress: Callable[[int, int], None] | None = None,
    size: tuple[int, int] = pictures.QQVGA,
) -> Evaluation:
    """Accuracy and confusion of a picture model on labelled pictures, each as a frame of `size`; board None: on the reference.

    The prediction is the greatest score. The board must run the model. Raises DataError where a picture or a label cannot be
    used, ModelError as `Model.require_picture`.
    """
    description = model.require_picture()
    true = numbers(clips, description.labels, by_number=True)
    if board is not None:
        board.view(*size)
    predicted = []
    for i, clip in enumerate(clips):
        frame = frames.camera(pictures.fitted(pictures.read(clip.path), size), colour=colours(model))
        if board is None:
            outputs = reference.run(model.graph, inputs(model, [frame])).ravel()
        else:
            outputs, _ = board.look(frame)
        predicted.append(int(outputs.argmax()))
        if progress is not None:
            progress(i + 1, len(clips))
    return score(description.labels, true, predicted)
