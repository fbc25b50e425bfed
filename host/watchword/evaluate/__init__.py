"""How good a model is: its decisions on labelled recordings or pictures, on the reference or on a board."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from watchword.board import Board
from watchword.data.batch import Batch
from watchword.data.clips import Clip
from watchword.evaluate import pictures, sound
from watchword.evaluate.origin import origin
from watchword.evaluate.scores import Evaluation, write_scores
from watchword.evaluate.streaming import listen, listen_by_itself, listen_live
from watchword.model import Model

__all__ = ["Evaluation", "evaluate", "listen", "listen_by_itself", "listen_live", "write_scores"]


def evaluate(
    model: Model,
    clips: Sequence[Clip],
    board: Board | None = None,
    progress: Callable[[int, int], None] | None = None,
    batch: Batch | None = None,
) -> Evaluation:
    """What a model makes of labelled clips, by `sound.evaluate` or `pictures.evaluate`, whatever the model is for.

    With the `origin` of the result. batch: counts the files that cannot be used, which are passed by, and gets what is to be
    said of them. ModelError: the model takes neither.
    """
    judge = pictures.evaluate if model.require_fed().kind == "picture" else sound.evaluate
    result = judge(model, clips, board, progress, batch)
    return replace(result, origin=origin(model, [judged.clip for judged in result.judged]))
