"""Reads and writes manifests: CSV files that list recordings or pictures, as spreadsheets, scripts and data sets write them."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from watchword.data import audio, pictures
from watchword.data.batch import Report
from watchword.data.clips import Clip, speaker_of
from watchword.data.lines import read_lines
from watchword.data.splits import KINDS, kind, select
from watchword.errors import DataError
from watchword.settings import listed, shown

FILE = ("file", "path", "filename", "file_name", "filepath", "file_path", "wav", "audio", "image")
LABEL = ("label", "word", "class", "category", "target")
SPEAKER = ("speaker", "speaker_id", "client_id")
SPLIT = ("split", "fold", "subset")
"""Usual names of the columns; of several in one manifest the first counts."""

_SEPARATORS = ",;\t"
_HEAD = 10  # lines that have something in them, among which a header is looked for
_SUFFIXES = audio.SUFFIXES | pictures.SUFFIXES

_BLANKS = " \t\xa0\u3000\ufeff"

_Line = tuple[int, str]  # its number, from 1; its text


@dataclass(frozen=True)
class _Table:
    """The rows of a manifest. header: names of its columns in lower case; empty where it has none. rows: lines below it."""

    separator: str
    header: list[str]
    rows: list[_Line]


def read_manifest(
    path: Path,
    *,
    label_column: str | None = None,
    split: str | None = None,
    split_column: str | None = None,
    labelled: bool = True,
    report: Report = lambda line: None,
) -> list[Clip]:
    """Read the clips of a manifest; with `split`, only those of that split, and all where it names none.

    Files are relative to the manifest; those that are not there are left out, which is reported. Separator, encoding, columns
    are found. label_column, split_column: others than the usual ones. labelled: else labels are not needed, and are empty. One
    without a header has two columns, or a third with splits. DataError: no such file, no CSV file, a column, all files or a
    cell is missing, no clip has that split.
    """
    lines = list(enumerate(read_lines(path, report), 1))
    table = _table(path, lines)
    rows = list(_rows(path, table))
    if not rows:
        raise DataError(f"{path}: has a header and no clips below it" if table.header else f"{path}: is empty")
    if table.header:
        file = _column(path, table.header, FILE, None)
        label = _column(path, table.header, LABEL, label_column) if labelled else None
        speaker = _first(table.header, SPEAKER)
        part = _first(table.header, SPLIT) if split_column is None else _column(path, table.header, (), split_column)
    else:
        file, label, part = _without_header(path, rows, labelled)
        speaker = None
    clips = []
    for number, cells in rows:
        if not cells[file]:
            raise DataError(f"{path}: line {number} names no file")
        clips.append(
            Clip(
                found := _located(path.parent, cells[file]),
                cells[label] if label is not None else "",
                (cells[speaker] if speaker is not None else "") or speaker_of(found),
                cells[part] if part is not None else "",
                f"{path}: line {number}",
            )
        )
    return _checked(path, select(clips, split, str(path), report), labelled, report)


def write_manifest(path: Path, clips: Sequence[Clip]) -> None:
    """Write a manifest that `read_manifest` reads, with the files named relative to it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("file", "label", "speaker"))
        for clip in clips:
            relative = Path(os.path.relpath(clip.path.resolve(), path.parent.resolve()))
            table.writerow((relative.as_posix(), clip.label, clip.speaker))


# ---- from lines to rows


def _table(path: Path, lines: Sequence[_Line]) -> _Table:
    """Find the separator and the header. DataError: it is empty, or nothing in its head is a header or a file."""
    full = [(number, text) for number, text in lines if text.strip()]
    if not full:
        raise DataError(f"{path}: is empty")
    separators = _SEPARATORS
    if told := re.fullmatch(r'"?sep=([,;\t|])"?', full[0][1].strip(" ")):  # spreadsheets understand this line, and write it
        separators, full = told[1], full[1:]
        if not full:
            raise DataError(f"{path}: is empty")
    head = full[:_HEAD]
    first = next((place for place, (_, text) in enumerate(head) if _separated(path.parent, text, separators)), len(head))
    # A header stands before the first file; it may be a comment, where no other line is one.
    for comments in (False, True):
        for place, (_, text) in enumerate(head[:first]):
            for separator in separators if _is_comment(text) == comments else "":
                names = [_name(cell) for cell in _cells(text, separator)]
                if set(names) & set(FILE):
                    return _Table(separator, names, full[place + 1 :])
    for number, text in head[:first]:
        if all(_is_open(_cells(text, separator)) for separator in separators):
            raise _opened(path, number)
    if first < len(head):
        return _Table(_separated(path.parent, head[first][1], separators), [], full[first:])
    begins = next((text for _, text in head if not _is_comment(text)), "") or full[0][1]
    raise DataError(f"{path}: has no column of files ({', '.join(FILE[:4])}, …): it begins with {shown(begins.strip())}")


def _separated(folder: Path, text: str, separators: str) -> str:
    """Tell by which separator a line names a file, better one that is there; empty: by none, or it is a comment."""
    named = {separator: next(filter(_names_file, _cells(text, separator)), "") for separator in separators}
    fit = [separator for separator in separators if named[separator] and not _is_comment(text)]
    return max(fit, key=lambda by: (_exists(_located(folder, named[by])), sum(map(bool, _cells(text, by)))), default="")


def _rows(path: Path, table: _Table) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line with a clip. DataError: a quote is open, or there are too many cells."""
    width = len(table.header)
    for number, text in table.rows:
        cells = _cells(text, table.separator)
        if _is_comment(text) and not _exists(_located(path.parent, cells[0])):
            continue
        if _is_open(cells):
            raise _opened(path, number)
        if not any(cells) or [_name(cell) for cell in cells] == table.header:  # of manifests that were joined
            continue
        width = width or len(cells)
        if any(cells[width:]):
            raise DataError(
                f"{path}: line {number} has {len(cells)} cells and its table {width}: "
                f"a name with {'a tab' if table.separator == chr(9) else repr(table.separator)} in it stands in double quotes"
            )
        yield number, cells[:width] + [""] * (width - len(cells))


def _cells(text: str, separator: str) -> list[str]:
    """Cut a line into cells, without the blanks round them. In the last one a quote may be open: it ends in the line's end."""
    [cells] = csv.reader([text + "\n"], delimiter=separator, skipinitialspace=separator != "\t")
    return [cell.strip(_BLANKS) for cell in cells]


def _is_open(cells: Sequence[str]) -> bool:
    return cells[-1].endswith("\n")


def _opened(path: Path, number: int) -> DataError:
    return DataError(f'{path}: line {number} opens a quote (") and does not close it')


def _is_comment(text: str) -> bool:
    return text.lstrip().startswith("#")


def _name(cell: str) -> str:
    """The name of a column as it is compared."""
    return re.sub(r"[\s-]+", "_", cell.lstrip("# ").casefold())


def _names_file(cell: str) -> bool:
    return os.path.splitext(cell)[1].lower() in _SUFFIXES


# ---- from rows to clips


def _column(path: Path, header: Sequence[str], usual: Sequence[str], wanted: str | None) -> int:
    found = _first(header, usual if wanted is None else (_name(wanted.strip()),))
    if found is None:
        hint = f": {usual[0]}_column names another one" if wanted is None and usual is LABEL else ""
        raise DataError(f"{path}: has no column {usual[0] if wanted is None else wanted!r}, only {listed(header)}{hint}")
    return found


def _first(header: Sequence[str], names: Sequence[str]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _without_header(path: Path, rows: Sequence[tuple[int, list[str]]], labelled: bool) -> tuple[int, int | None, int | None]:
    """Find the columns of files, labels and splits by what stands in them. DataError: more than one could be the labels."""
    number, cells = rows[0]
    file = next(i for i, cell in enumerate(cells) if _names_file(cell))
    others = [i for i in range(len(cells)) if i != file and any(row[i] for _, row in rows)]
    # Where there is one column besides files, it is that of labels, even if they are called like splits.
    parts = [i for i in others if len(others) > 1 and {kind(row[i]) for _, row in rows} <= KINDS]
    left = [i for i in others if i not in parts]
    if not labelled or (len(left) == 1 and len(parts) <= 1):
        return file, left[0] if labelled else None, parts[0] if parts else None
    raise DataError(
        f"{path}: which of its {len(others) + 1} columns has the labels is not known: "
        f"put a line with their names above line {number}, such as file,label"
    )


def _located(folder: Path, name: str) -> Path:
    """Find a file of a manifest, where there is one by its name on Windows too."""
    path = folder / name
    return folder / name.replace("\\", "/") if "\\" in name and not _exists(path) else path


def _exists(path: Path) -> bool:
    return os.path.isfile(path)  # which is false of names that no file can have, where Path.is_file raises


def _checked(path: Path, clips: Sequence[Clip], labelled: bool, report: Report) -> list[Clip]:
    """Leave out files that are not there. DataError: none is, or a label is empty."""
    there: list[Clip] = []
    missing: list[Clip] = []
    for clip in clips:
        (there if _exists(clip.path) else missing).append(clip)
    if missing:
        which = f"the first: {shown(str(missing[0].path))}, {missing[0].place.rpartition(': ')[2]}"
        if not there:
            raise DataError(f"{path}: none of its {len(clips)} files is there ({which}); they are relative to its folder")
        report(f"{path}: {len(missing)} of {len(clips)} files are not there and are left out, {which}")
    empty = [clip for clip in there if not clip.label] if labelled else []
    if empty:
        more = f", and {len(empty) - 1} more lines have none" if len(empty) > 1 else ""
        raise DataError(f"{empty[0].place} has no label{more}")
    _report_twofold(path, there, report)
    return there


def _report_twofold(path: Path, clips: Sequence[Clip], report: Report) -> None:
    """Report files that have several labels."""
    named: dict[str, dict[str, str]] = {}
    for clip in clips:
        named.setdefault(os.path.normpath(clip.path), {}).setdefault(clip.label, clip.place.rpartition(" ")[2])
    twofold = {file: of for file, of in named.items() if len(of) > 1}
    for file, of in list(twofold.items())[:1]:
        places = listed([f"{shown(label)} in line {line}" for label, line in of.items()])
        report(f"{path}: {len(twofold)} files have more than one label, the first: {shown(file)}, {places}")
