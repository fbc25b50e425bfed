"""The flash of a virtual Pico: MicroPython at its beginning, the LittleFS file system of the rp2 port at its end."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watchword.errors import BoardError, SetupError

if TYPE_CHECKING:
    from littlefs import LittleFS

SIZE = 2 * 1024 * 1024  # the Pico's flash chip
_STORAGE = 1408 * 1024  # of it, at the end, for files: MICROPY_HW_FLASH_STORAGE_BYTES of RPI_PICO
_BLOCK = 4096

# As the rp2 port formats and mounts it: rp2_flash.c, extmod/vfs_lfsx.c and _boot.py.
_GEOMETRY: dict[str, Any] = {
    "block_size": _BLOCK,
    "block_count": _STORAGE // _BLOCK,
    "read_size": 32,
    "prog_size": 256,
    "cache_size": 1024,
    "lookahead_size": 32,
    "block_cycles": 100,
    "disk_version": 0x00020001,
}


class _Unreadable(Exception):
    """There is no file system, or a damaged one."""


def write(path: Path, micropython: bytes, files: Mapping[str, bytes]) -> None:
    """A new image: MicroPython (firmware.bin of the rp2 port), and files by their paths on the board."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fs = _littlefs()
    _store(path, bytearray(b"\xff" * (SIZE - _STORAGE)), micropython, fs, files)


def update(path: Path, micropython: bytes, files: Mapping[str, bytes]) -> None:
    """Put the firmware (MicroPython and the host's `files`) on an image, which may hold an earlier one; other files stay.

    One whose firmware is this already is left as it is, and so is a main.py. Raises BoardError where the file is no such image.
    """
    if path.stat().st_size != SIZE:
        raise BoardError(f"{path}: no image of a Pico's flash: it has {path.stat().st_size} bytes, not {SIZE}")
    stamp = _stamp_file(path)
    if stamp.exists() and stamp.read_text() == _stamp(micropython, files):
        return
    image = bytearray(path.read_bytes())
    fs = _mount(bytes(image[-_STORAGE:]), str(path))
    for name in _paths(fs):
        if name.startswith("/watchword/") and name[1:] not in files:
            fs.remove(name)
    kept = {"main.py"} & set(fs.listdir("/"))
    _store(path, image[:-_STORAGE], micropython, fs, {name: data for name, data in files.items() if name not in kept})
    stamp.write_text(_stamp(micropython, files))


def read(path: Path) -> dict[str, bytes]:
    """All files on the image, by path."""
    fs = _mount(path.read_bytes()[-_STORAGE:], str(path))
    return {name: _read(fs, name) for name in _paths(fs)}


def _store(path: Path, rest: bytearray, micropython: bytes, fs: LittleFS, files: Mapping[str, bytes]) -> None:
    """Write the image: `rest` of the chip with MicroPython at its beginning, then the file system with `files` in it."""
    for name, data in files.items():
        folder = name.rpartition("/")[0]
        if folder:
            fs.makedirs(folder, exist_ok=True)
        with fs.open(name, "wb") as file:
            file.write(data)
    fs.unmount()
    rest[: len(micropython)] = micropython
    # In place when it is whole: a command that is broken off leaves the image as it was.
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.write_bytes(bytes(rest) + bytes(fs.context.buffer))
    temporary.replace(path)
    _stamp_file(path).unlink(missing_ok=True)


def _stamp_file(path: Path) -> Path:
    """Beside an image: what firmware `update` put on it."""
    return path.with_name(f"{path.name}.firmware")


def _stamp(micropython: bytes, files: Mapping[str, bytes]) -> str:
    sha = hashlib.sha256(micropython)
    for name, data in sorted(files.items()):
        sha.update(f"{name} {len(data)}\n".encode() + data)
    return sha.hexdigest()


def _littlefs(storage: bytes | None = None) -> LittleFS:
    """A file system on `storage`, mounted; None: a new and empty one."""
    try:
        from littlefs import LittleFS, LittleFSError
    except ImportError:
        raise SetupError("the virtual Pico needs littlefs-python: pip install littlefs-python") from None
    fs = LittleFS(mount=False, **_GEOMETRY)
    if storage is None:
        fs.format()
    else:
        fs.context.buffer[:] = storage
    try:
        fs.mount()
    except LittleFSError as error:
        raise _Unreadable(error) from None
    return fs


def _mount(storage: bytes, name: str) -> LittleFS:
    try:
        return _littlefs(storage)
    except _Unreadable as error:
        raise BoardError(f"{name}: its file system cannot be read ({error}): start with --fresh") from None


def _paths(fs: LittleFS) -> list[str]:
    return [f"{folder.rstrip('/')}/{name}" for folder, _, names in fs.walk("/") for name in names]


def _read(fs: LittleFS, name: str) -> bytes:
    with fs.open(name, "rb") as file:
        data: bytes = file.read()
    return data
