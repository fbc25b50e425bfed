"""Reads lists that people keep as text, whatever wrote them: their lines, in any of the usual encodings."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from watchword.data.batch import Report
from watchword.errors import DataError

MOST = 100_000_000
"""Limit of a list: bytes, of a million files or more."""

LONGEST = 65_536
"""Limit of a line: characters."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as UTF-16's does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_NO_TEXT = re.compile(r"[\0-\x08\x0e-\x1f]")


def read_lines(path: Path, report: Report = lambda line: None) -> list[str]:
    """Read the lines of a text: UTF-8, UTF-16 or UTF-32, else as Latin-1, which is reported.

    DataError: it cannot be read, is no text, or is larger than a list can be.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST + 1)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise DataError(f"{path}: is a folder, where a list of files is expected") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > MOST:
        raise DataError(f"{path}: has more than {MOST // 10**6} MB: a list has a file and its label on each line")
    if content.startswith(b"PK\3\4"):
        raise DataError(f"{path}: is a ZIP file or a workbook of a spreadsheet: export it as CSV")
    lines = re.split(r"\r\n|\n|\r", _decoded(path, content, report))
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST:
            raise DataError(
                f"{path}: line {number} has {len(line)} characters, at most {LONGEST} are read: "
                "a list has a file and its label on each line"
            )
        if found := _NO_TEXT.search(line):
            raise DataError(
                f"{path}: line {number} holds a byte that no text has (0x{ord(found[0]):02x}): save it as UTF-8 text"
            )
    return lines


def _decoded(path: Path, content: bytes, report: Report) -> str:
    encoding = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), None) or _without_mark(content)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise DataError(
                f"{path}: begins as {encoding.upper()} and is damaged at byte {error.start}: save it as UTF-8"
            ) from None
    report(f"{path}: is not UTF-8 and is read as Latin-1; if names look wrong, save it as UTF-8")
    return content.decode("latin-1")


def _without_mark(content: bytes) -> str:
    """Tell UTF-16 without a byte order mark by the zeros beside Latin letters, which are most of a list."""
    head = content[:1000]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) < len(head) / 8 or max(even, odd) < 4 * min(even, odd):
        return "utf-8"
    return "utf-16-le" if odd > even else "utf-16-be"
