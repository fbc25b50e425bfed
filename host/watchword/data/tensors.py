"""Raw tensors in NumPy's files: .npy holds one array, .npz arrays by name."""

from __future__ import annotations

import contextlib
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from watchword.errors import DataError, WatchwordError

_SHOWN = 5  # names of arrays, in an error

_OTHERWISE = "is no .npy or .npz file, or a damaged one: write it with np.save or np.savez"


@contextlib.contextmanager
def opened(path: Path, otherwise: str) -> Iterator[Any]:
    """What np.load gives of a file, an array or arrays by name, in a `with` in which it is read. Nothing is ever unpickled.

    DataError: it cannot be read, or is not what its reader expects; `otherwise`: what is said then of the file.
    """
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers as Python 2 wrote them
            yield np.load(file, allow_pickle=False)
    except WatchwordError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:  # numpy lets through whatever its parser, zipfile and zlib raise of a damaged file
        if "Object arrays" in str(error):
            raise DataError(f"{path}: holds Python objects, which are never unpickled: save numbers, as np.float32") from None
        raise DataError(f"{path}: {otherwise}") from None


def read(path: Path, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Read the samples for an input: (samples, *shape), of any dtype of numbers, at least one sample, every value finite.

    name: of the array in a .npz; of one that holds a single array the name does not matter. shape: of the input without its
    batch axis of 1, which the file may have. Nothing is ever unpickled. DataError: there is no such array.
    """
    empty = path.is_file() and not path.stat().st_size
    otherwise = "is empty; a .npy or .npz file is expected" if empty else _OTHERWISE
    with opened(path, otherwise) as held:
        x = held if isinstance(held, np.ndarray) else held[_chosen(held.files, path, name)]
    if not isinstance(x, np.ndarray):  # numpy gives what in a .npz is no array as it is
        raise DataError(f"{path}: holds no array: write it with np.savez")
    if x.shape[1:] not in ((1, *shape), shape):
        raise DataError(f"{path}: has the shape {_by(x.shape)}; samples x {_by(shape)} is expected")
    if not len(x):
        raise DataError(f"{path}: holds no samples")
    if np.issubdtype(x.dtype, np.inexact) and not np.isfinite(x).all():
        where = np.argwhere(~np.isfinite(x))[0]
        raise DataError(f"{path}: holds NaN or infinity, first in sample {where[0]}, where every value has to be a number")
    return x.reshape(len(x), *shape)


def write(path: Path, arrays: Sequence[tuple[str, NDArray[Any]]]) -> None:
    """Write arrays by their names as .npz where the path ends so, else the only one as .npy.

    DataError: the file cannot be written.
    """
    try:
        if path.suffix == ".npz":
            with zipfile.ZipFile(path, "w") as file:
                for name, y in arrays:
                    with file.open(f"{name}.npy", "w") as member:
                        np.lib.format.write_array(member, y, allow_pickle=False)
        else:
            ((_, y),) = arrays
            with path.open("wb") as plain:  # given a path, numpy would add .npy to its name
                np.save(plain, y)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from None


def distinct(names: Sequence[str]) -> list[str]:
    """Names for the arrays of one file: where one is given twice, or is empty, its place in the list is added."""
    found: list[str] = []
    for place, name in enumerate(names):
        new = name or "output"
        while new in found or (new != name and new in names):
            new = f"{new}_{place}"
        found.append(new)
    return found


def _chosen(names: list[str], path: Path, name: str) -> str:
    """Which array of a .npz is the input's."""
    if name in names:
        return name
    if len(names) == 1:
        return names[0]
    held = f"{', '.join(one[:40] for one in names[:_SHOWN])}{', …' if len(names) > _SHOWN else ''}" if names else "no array"
    raise DataError(
        f"{path}: holds {held}; the model's input is {name[:60]!r}: give its array that name, or leave it there alone"
    )


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "of a single number"
