"""Words and things that a board is taught: shots of them, and its memory of all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from watchword.board.connection import Connection
from watchword.board.messages import Said


@dataclass(frozen=True)
class Taught(Said):
    """Words that were taught to the running model, each with the number of its shots.

    file: their memory on flash, None where the board is not ready to be taught. background: how many embeddings of background
    the program has. others: (file, words or None where it is damaged) of other models. dims, of an embedding, and samples, that
    a run of a model for sound covers: None where the board is not ready.
    """

    words: dict[str, int]
    file: str | None
    background: int
    others: tuple[tuple[str, dict[str, int] | None], ...]
    dims: int | None = None
    samples: int | None = None


@dataclass(frozen=True)
class Enrolled(Said):
    """shots: of the word. all: of all words, `most` at the most. like: a word that it might be taken for."""

    shots: int
    all: int
    most: int
    like: str | None


@dataclass(frozen=True)
class Shots(Said):
    """All shots of a model: (word, embedding), and the file that a board keeps them in, by which it knows the model."""

    file: str
    shots: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class _Shot(Said):
    word: str | None
    data: bytes


@dataclass(frozen=True)
class _Forgotten(Said):
    shots: int


class TaughtWords(Connection):
    """What a board was taught."""

    def taught(self, *, ready: bool = False) -> Taught:
        """What is known. ready: the board gets ready to be taught; BoardError: its program cannot be."""
        return self._ask(Taught, "taught", ready=ready)

    def enrol(self, word: str) -> Enrolled:
        """Make what the last `scores` or `look` was of a shot of a word. The board has to be ready, see `taught`.

        BoardError: it holds nothing, memory is full, or it is the same as a shot of another word; nothing has changed then.
        """
        return self._ask(Enrolled, "enrol", word=word)

    def forget(self, word: str) -> int:
        """Forget a taught word. Returns how many shots it had. BoardError: it was not taught."""
        return self._ask(_Forgotten, "forget", word=word).shots

    def embedding(self) -> NDArray[np.int8]:
        """That of the last `scores` or `look`, once the board is ready."""
        return np.frombuffer(self._ask(_Shot, "shot").data, np.int8)

    def export_taught(self) -> Shots:
        """All shots of the running model."""
        found = self.taught(ready=True)
        shots = [self._ask(_Shot, "shot", number=i) for i in range(sum(found.words.values()))]
        return Shots(str(found.file), tuple((str(shot.word), shot.data) for shot in shots))

    def import_taught(self, exported: Shots) -> int:
        """Add the shots that `export_taught` gave, on this or another board. Returns how many.

        BoardError: they are another model's, or one of them cannot be added; then none is.
        """
        self.taught(ready=True)
        for i, (word, data) in enumerate(exported.shots):
            self.link.request("enrol", data, word=word, key=exported.file, last=i == len(exported.shots) - 1)
        return len(exported.shots)
