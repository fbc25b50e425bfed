"""Lists the files of folders as people have them: in natural order, without what systems leave in them."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from watchword.errors import DataError

_LEFT_BEHIND = frozenset(
    {"__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found", "thumbs.db", "desktop.ini"}
)
"""What archives, network drives and systems put beside people's files, in lower case; and all whose names begin with a dot."""


WILDCARDS = "*?["
"""What makes a pattern of a name."""


def natural(path: Path) -> tuple[object, ...]:
    """Sort key of paths by which 2 comes before 10, whatever the case; equal only for the same path."""
    return tuple(_natural(part) for part in path.parts), path.parts


def passed_over(name: str) -> bool:
    """Whether a file or folder is hidden or left behind by a system: `._a.wav`, `.DS_Store`, `Thumbs.db`, `__MACOSX`."""
    return name.startswith(".") or name.lower() in _LEFT_BEHIND


def find(folder: Path, suffixes: Collection[str], *, deep: bool = True) -> list[Path]:
    """Find the files in a folder that end in one of `suffixes` (lower case, any case counts), in natural order.

    deep: those in folders below it, too. Links to folders are followed, but not up, and each folder is entered once.
    DataError: no such folder, or one that may not be read.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    found = _below(folder) if deep else _inside(folder)
    return sorted((path for path in found if path.suffix.lower() in suffixes and path.is_file()), key=natural)


def sub_folders(folder: Path) -> list[Path]:
    """List the folders in a folder, in natural order. DataError: no such folder, or it may not be read."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    return sorted((path for path in _inside(folder) if path.is_dir()), key=natural)


def matching(pattern: Path) -> list[Path]:
    """List the files and folders that a pattern such as `clips/*.wav` names, in natural order. DataError: it is none."""
    try:
        found = list(Path(pattern.anchor or ".").glob(str(pattern.relative_to(pattern.anchor))))
    except (ValueError, NotImplementedError, OSError) as error:
        raise DataError(f"{pattern}: no pattern of files: {error}") from None
    given = next(i for i, part in enumerate((*pattern.parts, "*")) if set(part) & set(WILDCARDS))  # may be hidden
    return sorted((path for path in found if not any(map(passed_over, path.parts[given:]))), key=natural)


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    parts = re.findall(r"[0-9]+|[^0-9]+", name.casefold())
    return tuple((0, int(part), "") if part[0] in "0123456789" else (1, 0, part) for part in parts)


def _inside(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if not passed_over(path.name)]
    except OSError as error:
        raise _unreadable(error) from None


def _below(folder: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise _unreadable(error)

    # Links may lead round in a circle, or to a folder that was listed already; or up, to what is no part of the folder.
    entered = {_identity(upper) for upper in Path(os.path.realpath(folder)).parents}
    for inner, folders, names in os.walk(folder, followlinks=True, onerror=fail):
        if _identity(inner) in entered:
            folders.clear()
            continue
        entered.add(_identity(inner))
        folders[:] = sorted(name for name in folders if not passed_over(name))
        yield from (Path(inner, name) for name in names if not passed_over(name))


def _identity(folder: Path | str) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def _unreadable(error: OSError) -> DataError:
    return DataError(f"{error.filename}: cannot be read: {error.strerror}")
