"""How good a model is: its decisions on labelled recordings or pictures, on the reference or on a board."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from watchword.board import Board
from watchword.data.batch import Batch
from watchword.data.clips import Clip
from watchword.evaluate import pictures, sound
from watchword.evaluate.scores import Evaluation
from watchword.evaluate.streaming import listen, listen_by_itself, listen_live
from watchword.model import Model

__all__ = ["Evaluation", "evaluate", "listen", "listen_by_itself", "listen_live"]


def evaluate(
    model: Model,
    clips: Sequence[Clip],
    board: Board | None = None,
    progress: Callable[[int, int], None] | None = None,
    batch: Batch | None = None,
) -> Evaluation:
    """Accuracy and confusion on labelled clips, by `sound.evaluate` or `pictures.evaluate`, whatever the model is for.

    batch: counts the files that cannot be used, which are passed by, and gets what is to be said of them.
    ModelError: it takes neither.
    """
    judge = pictures.evaluate if model.require_fed().kind == "picture" else sound.evaluate
    return judge(model, clips, board, progress, batch)
