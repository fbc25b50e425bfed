"""watchword: wake words and visual wake words on stock MicroPython.

    import watchword

    model = watchword.load("kws.tflite")
    with watchword.Board.open("unix") as board:
        board.push(model.compile(board.hello.target))
        for event in board.listen(samples):
            if isinstance(event, watchword.Detection):
                print(event.label, event.time)

Every name in `__all__` is there after `import watchword`, and loaded when it is first used. One with a capital is a class and
`load` a function; every other one is a package or a module, whatever was imported before. So `watchword.compile` is the package
with the compiler, and `watchword.compile.compile` its function; in the same way `watchword.train.train` makes models and
`watchword.evaluate.evaluate` judges them. Errors that a user can mend are `watchword.errors.WatchwordError`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from watchword.shipped import __version__

__all__ = [
    "Board",
    "Detection",
    "Model",
    "__version__",
    "board",
    "chips",
    "compile",
    "errors",
    "evaluate",
    "features",
    "graph",
    "load",
    "reference",
    "tflite",
    "train",
]

_ORIGINS = {"Board": "board", "Detection": "board", "Model": "model", "load": "model"}  # of names that are no modules

if TYPE_CHECKING:
    from watchword import board, chips, compile, errors, evaluate, features, graph, reference, tflite, train
    from watchword.board import Board, Detection
    from watchword.model import Model, load
else:  # or every name there is not would have a type

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'watchword' has no attribute {name!r}")
        if name in _ORIGINS:
            return getattr(import_module(f"watchword.{_ORIGINS[name]}"), name)
        return import_module(f"watchword.{name}")  # which makes it an attribute


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
