"""A cache of decoded recordings and pictures: one file of equal rows on disk, read a batch at a time.

Training reads the same clips again and again, and decoding takes long. Rows lie in the user's cache folder and not in memory:
25,000 clips of a second are 800 MB. A row is used only where its source has still the size and the time of change that it had,
and where its CRC is right; else the source is decoded anew. The cache may be removed at any time.

A file: MAGIC; the rows; the index, JSON; a CRC for each row; FOOT, which says how long they are.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import shutil
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import platformdirs
from numpy.typing import NDArray

from watchword.data.batch import Batch, Report, silent
from watchword.errors import DataError

LIMIT = 4_000_000_000
"""Bytes that the cache may take; WATCHWORD_CLIPS_LIMIT: another number. The file in use stays, however large it is."""

MAGIC = b"wwclips1"
FOOT = struct.Struct("<QII8s")  # length of the index, its CRC, rows, MAGIC

Row = NDArray[Any]
Read = Callable[[Path, Report], Row]
"""Makes a row of a file, as `Batch.each` calls it: DataError where it cannot. One that pickle can send to another process."""


@dataclass(frozen=True)
class Form:
    """What a row is. kind: how it is made of its source, a name that changes where that does. shape, dtype: of the array."""

    kind: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def size(self) -> int:
        """Bytes of a row."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class _Entry:
    """What the index says of a source. size: -1 where it was not there. row: -1 where it could not be read."""

    path: str
    size: int
    changed: int
    row: int
    said: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, int, int]:
        return self.path, self.size, self.changed


@dataclass(frozen=True, eq=False)
class _Index:
    """The end of a file. checks: CRC-32 of each row, uint32 (rows,)."""

    entries: list[_Entry]
    checks: NDArray[np.uint32]


class Decoded:
    """Rows of decoded files, in order. May be sent to another process, which opens the file for itself."""

    def __init__(self, form: Form, sources: Sequence[Path], read: Read, *, file: Path | None = None, held: Row | None = None):
        """file: of the cache; or held: the rows themselves. read: makes a row anew where it is damaged in the file."""
        self.form, self.sources = form, tuple(sources)
        self._read, self._path, self._held = read, file, held
        self._file: BinaryIO | None = None
        self._checks = np.zeros(0, np.uint32)

    def __len__(self) -> int:
        return len(self.sources)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_file": None}

    def rows(self, numbers: Sequence[int] | NDArray[np.int64]) -> Row:
        """Read rows by their numbers: (n, *shape). DataError: one is damaged, and its source cannot be read any more."""
        if self._held is not None:
            return np.asarray(self._held[np.asarray(numbers, np.int64)])
        found = np.empty((len(numbers), *self.form.shape), self.form.dtype)
        for row, number in zip(found, numbers, strict=True):
            row[...] = self._row(int(number))
        return found

    def blocks(self, size: int = 256) -> Iterator[tuple[int, Row]]:
        """All rows in order, `size` at a time: (number of the first, rows)."""
        for start in range(0, len(self), size):
            yield start, self.rows(range(start, min(start + size, len(self))))

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _row(self, number: int) -> Row:
        try:
            if self._file is None:
                self._open()
            assert self._file is not None
            content = _content(self._file, self.form, number)
            if zlib.crc32(content) == self._checks[number] and len(content) == self.form.size:
                return np.frombuffer(content, self.form.dtype).reshape(self.form.shape)
        except (OSError, DataError):  # removed by somebody who needed the room, or damaged
            self.close()
        return self._read(self.sources[number], silent)

    def _open(self) -> None:
        assert self._path is not None
        file = self._path.open("rb")
        index = _index(file, self.form)
        if index is None or [entry.path for entry in index.entries if entry.row >= 0] != list(map(str, self.sources)):
            file.close()
            raise DataError(f"{self._path}: is damaged")
        self._file, self._checks = file, index.checks


def decode(
    paths: Sequence[Path], form: Form, read: Read, batch: Batch | None = None, report: Report = silent
) -> tuple[Decoded, list[int]]:
    """Decode files, or take from the cache what it has of them: (rows, the numbers of the files that could be read).

    batch: counts the files that cannot be read, and what is said of the others, also of those in the cache. report: is told
    where the cache cannot be used; the rows are held in memory then. DataError: none of the files can be read.
    """
    batch = batch or Batch("files")
    cache = folder()
    names = [repr(form), *map(str, paths)]
    target = cache / f"{hashlib.sha256(json.dumps(names).encode()).hexdigest()[:24]}.clips"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if (index := _current(target, paths, form)) is None:
            index = _write(target, paths, form, read, batch)
            _keep_to_limit(cache, target)
        else:
            _count(index, batch)
            os.utime(target)  # so that what is used last goes last
    except OSError as error:
        report(f"{cache}: the cache of decoded clips cannot be used ({error.strerror}): they are held in memory")
        return _hold(paths, form, read, batch)
    numbers = [number for number, entry in enumerate(index.entries) if entry.row >= 0]
    return Decoded(form, [paths[number] for number in numbers], read, file=target), numbers


def folder() -> Path:
    """The folder of the cache; WATCHWORD_CLIPS moves it."""
    moved = os.environ.get("WATCHWORD_CLIPS")
    return Path(moved).absolute() if moved else platformdirs.user_cache_path("watchword") / "clips"


def limit() -> int:
    """Bytes that the cache may take. DataError: WATCHWORD_CLIPS_LIMIT is no number."""
    given = os.environ.get("WATCHWORD_CLIPS_LIMIT", "")
    if given and not given.isdecimal():
        raise DataError(f"WATCHWORD_CLIPS_LIMIT is {given!r}: a number of bytes is expected, such as {LIMIT}")
    return int(given or LIMIT)


def _current(target: Path, paths: Sequence[Path], form: Form) -> _Index | None:
    """The index of a file that holds all that can be read of these sources as they are; None: it has to be made anew."""
    with contextlib.suppress(OSError), target.open("rb") as file:
        index = _index(file, form)
        # What could not be read before may be readable now: soundfile was installed, say.
        if index and all(e.row >= 0 for e in index.entries) and [e.key for e in index.entries] == [_key(p) for p in paths]:
            return index
    return None


def _count(index: _Index, batch: Batch) -> None:
    """Say once more what was said of the sources when they were decoded."""
    sources = [Path(entry.path) for entry in index.entries]
    said = dict(zip(sources, (entry.said for entry in index.entries), strict=True))

    def use(path: Path, report: Report) -> None:
        for line in said[path]:
            report(line)

    for _ in batch.each(sources, use):
        pass


def _write(target: Path, paths: Sequence[Path], form: Form, read: Read, batch: Batch) -> _Index:
    """Write the file of these sources, whole or not at all. OSError: the disk is full, or the like."""
    if shutil.disk_usage(target.parent).free < len(paths) * (form.size + 300):
        raise OSError(28, "the disk is too full")
    keys = [_key(path) for path in paths]
    entries = [_Entry(*key, row=-1) for key in keys]
    checks: list[int] = []
    handle, temporary = tempfile.mkstemp(dir=target.parent, suffix=".part")
    try:
        with open(handle, "wb") as file, _Former(target, form) as former:
            file.write(MAGIC)

            def use(path: Path, report: Report) -> tuple[Row, list[str]]:
                known = former.row(_key(path))
                said: list[str] = [] if known is None else list(known[1])
                row = read(path, said.append) if known is None else known[0]
                for line in said:
                    report(line)
                return row, said

            for number, (row, said), _ in batch.each(paths, use):
                content = np.ascontiguousarray(row, form.dtype).tobytes()
                file.write(content)
                entries[number] = _Entry(*keys[number], row=len(checks), said=tuple(said))
                checks.append(zlib.crc32(content))
            table = np.array(checks, "<u4")
            fields = [[e.path, e.size, e.changed, e.row, e.said] for e in entries]
            index = json.dumps({"form": repr(form), "entries": fields}).encode()
            file.write(index + table.tobytes())
            file.write(FOOT.pack(len(index), zlib.crc32(index + table.tobytes()), len(checks), MAGIC))
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    return _Index(entries, table.astype(np.uint32))


def _hold(paths: Sequence[Path], form: Form, read: Read, batch: Batch) -> tuple[Decoded, list[int]]:
    """The same without a file."""
    held = np.zeros((len(paths), *form.shape), form.dtype)
    numbers: list[int] = []
    for number, row, _ in batch.each(paths, read):
        held[len(numbers)] = row
        numbers.append(number)
    return Decoded(form, [paths[number] for number in numbers], read, held=held[: len(numbers)]), numbers


class _Former:
    """All rows of a form that are in the cache, whatever they were decoded for."""

    def __init__(self, target: Path, form: Form) -> None:
        """target: the file that is to be made, whose former self is looked into first."""
        self._form = form
        self._paths = sorted(target.parent.glob("*.clips"), key=lambda path: (path != target, path))
        self._found: dict[tuple[str, int, int], tuple[BinaryIO, _Entry, int]] = {}
        self._files = contextlib.ExitStack()

    def __enter__(self) -> _Former:
        for path in self._paths:
            with contextlib.suppress(OSError):
                file = self._files.enter_context(path.open("rb"))
                if index := _index(file, self._form):
                    for entry in index.entries:
                        if entry.row >= 0:
                            self._found.setdefault(entry.key, (file, entry, int(index.checks[entry.row])))
        return self

    def __exit__(self, *reason: object) -> None:
        self._files.close()

    def row(self, key: tuple[str, int, int]) -> tuple[Row, tuple[str, ...]] | None:
        """The row of a source and what was said of it; None where there is none, or a damaged one."""
        if key not in self._found:
            return None
        file, entry, check = self._found[key]
        try:
            content = _content(file, self._form, entry.row)
        except OSError:
            return None
        if len(content) != self._form.size or zlib.crc32(content) != check:
            return None
        return np.frombuffer(content, self._form.dtype).reshape(self._form.shape), entry.said


def _index(file: BinaryIO, form: Form) -> _Index | None:
    """Read the end of a file; None: it is of another form, or damaged. OSError: it cannot be read."""
    file.seek(0, os.SEEK_END)
    whole = file.tell()
    if whole < FOOT.size:
        return None
    file.seek(whole - FOOT.size)
    length, check, rows, magic = FOOT.unpack(file.read(FOOT.size))
    if magic != MAGIC or len(MAGIC) + rows * (form.size + 4) + length + FOOT.size != whole:
        return None
    file.seek(whole - FOOT.size - 4 * rows - length)
    content = file.read(length + 4 * rows)
    if len(content) != length + 4 * rows or zlib.crc32(content) != check:
        return None
    try:
        table = json.loads(content[:length])
        if table["form"] != repr(form):
            return None
        entries = [_Entry(path, size, changed, row, tuple(said)) for path, size, changed, row, said in table["entries"]]
    except (ValueError, KeyError, TypeError):
        return None
    if sorted(entry.row for entry in entries if entry.row >= 0) != list(range(rows)):
        return None
    return _Index(entries, np.frombuffer(content, "<u4", rows, length).astype(np.uint32))


def _content(file: BinaryIO, form: Form, row: int) -> bytes:
    file.seek(len(MAGIC) + row * form.size)
    return file.read(form.size)


def _key(path: Path) -> tuple[str, int, int]:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return str(path), -1, 0
    return str(path), status.st_size, status.st_mtime_ns


def _keep_to_limit(cache: Path, kept: Path) -> None:
    """Remove files that were not used for long, until the cache keeps to its limit, and what was left half-written."""
    files = []
    for path in cache.iterdir():
        with contextlib.suppress(OSError):
            if path != kept and path.suffix in (".clips", ".part"):
                files.append((path.stat().st_mtime, path, path.stat().st_size))
    room = limit() - kept.stat().st_size
    for changed, path, size in sorted(files, reverse=True):
        room -= size
        if room < 0 or (path.suffix == ".part" and changed < kept.stat().st_mtime - 86_400):
            with contextlib.suppress(OSError):
                path.unlink()
