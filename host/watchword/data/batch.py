"""Many files, one after another: those that cannot be used are passed by and counted, and what is said of the others too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from watchword.errors import BoardError, DataError, LinkError

T = TypeVar("T")

Report = Callable[[str], None]
"""Is called with what is to be said beside the result, a line each."""

TOLD = 5  # files are named for each thing that is to be said; the others are counted


def silent(line: str) -> None:
    """A report to nobody."""


class Batch:
    """What becomes of files that are used one after another.

    skipped: how many could not be used. notes: what was said of the others, with the number of files.
    """

    def __init__(self, kind: str, report: Report = silent, done: str = "read") -> None:
        """kind, done: what the files are and what is done with them, to say. report: gets the lines."""
        self._kind, self._report, self._done = kind, report, done
        self.skipped = 0
        self.notes: Counter[str] = Counter()

    def as_dict(self) -> dict[str, Any]:
        """Return the fields of the command line's JSON."""
        return {"skipped": self.skipped, "notes": dict(self.notes)}

    def each(self, files: Sequence[Path], use: Callable[[Path, Report], T]) -> Iterator[tuple[int, T, list[str]]]:
        """(number, what `use` makes of the file, what was said of it). use: raises DataError or BoardError where it can make
        nothing of it, and reports what else is to be said.

        Of several files, those that cannot be used are passed by. DataError: none of them can be.
        """
        skipped, notes, first = 0, Counter[str](), ""
        for number, file in enumerate(files):
            heard: list[str] = []
            try:
                made = use(file, heard.append)
            except LinkError:
                raise
            except (DataError, BoardError) as error:
                text = str(error) if str(file) in str(error) else f"{file}: {error}"
                if len(files) == 1:
                    raise type(error)(text) from None
                skipped += 1
                first = first or text
                if skipped <= TOLD:
                    self._report(text)
                continue
            said = list(dict.fromkeys(heard))
            for text in said:
                notes[text] += 1
                if notes[text] <= TOLD:
                    self._report(f"{file}: {text}")
            yield number, made, said
        self.skipped += skipped
        self.notes += notes
        for text, count in notes.items():
            if count > TOLD:
                self._report(f"{count} of {len(files)} {self._kind}: {text}")
        if files and skipped == len(files):
            raise DataError(f"none of {len(files)} {self._kind} can be {self._done}; the first: {first}")
        if skipped:
            self._report(f"{skipped} of {len(files)} {self._kind} were skipped")
