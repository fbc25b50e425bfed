"""Boards: real ones on a serial line, and virtual ones.

    with Board.open("unix") as board:
        board.push(compiled)
        for event in board.listen(samples):
            print(event)

`Board` is all that most callers need; `link` and `transport` lie below it.
"""

from watchword.board.board import Board, Hello

__all__ = ["Board", "Hello"]
