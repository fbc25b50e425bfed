"""watchword: wake words and visual wake words on stock MicroPython.

    import watchword

    model = watchword.load("kws.tflite")
    with watchword.Board.open("unix") as board:
        board.push(model.compile(board.hello.target))
        for event in board.listen(samples):
            print(event["label"], event["time"])

`watchword.train.train` makes models, `watchword.evaluate.evaluate` judges them, `watchword.compile.compile` makes programs of
graphs. Errors that a user can mend are `watchword.errors.WatchwordError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchword.shipped import __version__

__all__ = ["Board", "Model", "__version__", "load"]

if TYPE_CHECKING:
    from watchword.board import Board
    from watchword.model import Model, load


def __getattr__(name: str) -> Any:
    # Loaded when they are asked for: `import watchword.errors` need not bring a serial port and a compiler with it.
    if name == "Board":
        from watchword.board import Board

        return Board
    if name in ("Model", "load"):
        from watchword import model

        return getattr(model, name)
    raise AttributeError(f"module 'watchword' has no attribute {name!r}")
