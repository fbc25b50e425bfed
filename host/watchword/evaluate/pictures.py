"""How good a model for pictures is: its decisions on labelled pictures, on the reference or on a board."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from watchword import reference
from watchword.board import Board
from watchword.data import pictures
from watchword.data.clips import Clip
from watchword.errors import DataError
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


def targets(clips: Sequence[Clip], labels: Sequence[str]) -> list[int]:
    """The number of each picture's label, which a manifest may give by name or by number. DataError: it is neither."""
    known = {str(i): i for i in range(len(labels))} | {label: i for i, label in enumerate(labels)}
    for clip in clips:
        if clip.label not in known:
            raise DataError(f"{clip.path}: label {clip.label!r} is neither among {', '.join(labels)} nor one of their numbers")
    return [known[clip.label] for clip in clips]


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
    true = targets(clips, description.labels)
    if board is not None:
        board.view(*size)
    judged = []
    for i, clip in enumerate(clips):
        frame = frames.camera(pictures.fitted(pictures.read(clip.path), size), colour=colours(model))
        if board is None:
            outputs = reference.run(model.graph, inputs(model, [frame])).ravel()
        else:
            outputs, _ = board.look(frame)
        judged.append(Judged(clip, true[i], int(outputs.argmax()), label_scores(description.labels, outputs)))
        if progress is not None:
            progress(i + 1, len(clips))
    return Evaluation(tuple(description.labels), tuple(judged))
