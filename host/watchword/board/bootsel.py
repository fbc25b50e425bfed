"""A board without MicroPython, plugged in with BOOTSEL held: a USB drive that takes a UF2 file and starts what is in it.

    port = install(Path("RPI_PICO-20250415-v1.25.0.uf2"))
    flash(port)

The drive goes when the chip starts, and MicroPython's serial port comes.
"""

from __future__ import annotations

import os
import string
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from os.path import isfile
from pathlib import Path

from watchword.board import ports, uf2
from watchword.chips import CHIPS, Bootloader
from watchword.errors import BoardError, DataError

_INFO = "INFO_UF2.TXT"
_GONE = 30.0  # seconds within which a drive that has all goes: the chip writes as it receives
_LEFT = 3.0  # after an error, which its going may be the cause of
_CAME = 30.0  # seconds to the serial port: MicroPython formats its file system first
_LOOK = 0.2  # seconds between two looks

Report = Callable[[str], None]
"""Receives one short line of progress."""


@dataclass(frozen=True)
class Drive:
    """A board in BOOTSEL mode. folder: where the computer has its drive."""

    folder: Path
    bootloader: Bootloader


def drives(system: str = sys.platform, root: Path = Path("/")) -> list[Drive]:
    """The boards in BOOTSEL mode whose chip is known. system: as `sys.platform` names it. root: of all folders."""
    found = []
    for folder in _places(system, root):
        bootloader = _bootloader(folder / _INFO)
        if bootloader is not None:
            found.append(Drive(folder, bootloader))
    return found


def _places(system: str, root: Path) -> list[Path]:
    """Where drives that are plugged in are."""
    if system == "win32":
        return [root / f"{letter}:/" for letter in string.ascii_uppercase[2:]]  # A and B are floppy disks
    if system == "darwin":
        return sorted((root / "Volumes").glob("*"))
    return sorted(
        folder
        for pattern in ("media/*", "media/*/*", "run/media/*/*", "mnt", "mnt/*")
        for folder in root.glob(pattern)
        if os.access(folder, os.X_OK)
    )


def _bootloader(info: Path) -> Bootloader | None:
    """That of the chip whose drive holds this INFO_UF2.TXT; None where there is no such file, or it names another board."""
    if not isfile(info):
        return None
    try:
        with info.open(encoding="ascii", errors="replace") as file:
            text = file.read(1000)
    except OSError:  # it goes at this moment
        return None
    fields = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    known = {chip.bootloader.board_id: chip.bootloader for chip in CHIPS.values() if chip.bootloader}
    return known.get(fields.get("Board-ID", "").strip())


def advice(drive: Drive) -> str:
    """One line on what to do where a board waits for MicroPython."""
    return (
        f"{drive.folder}: a board in BOOTSEL mode waits for MicroPython: download its .uf2 file from {drive.bootloader.page} "
        "(or your board's page there), then type `watchword flash --uf2 FILE`"
    )


def install(path: Path, found: list[Drive] | None = None, report: Report = lambda line: None) -> str:
    """Copy the UF2 file of a MicroPython onto the board in BOOTSEL mode, and wait until it runs; its serial port.

    found: the boards to choose of; None: `drives()`. Raises DataError where the file is not MicroPython for that board,
    BoardError where there is no such board or more than one, or where it does not start.
    """
    image = uf2.read(path)
    drive = _the_one(drives() if found is None else found)
    _check(path, image, drive)
    before = set(ports.boards())
    report(f"copying {path.name} to {drive.folder}")
    failed = _copy(image.content, drive)
    if not _wait(lambda: not isfile(drive.folder / _INFO), _GONE if failed is None else _LEFT):
        if failed is not None:
            raise BoardError(f"{drive.folder}: cannot be written: {failed.strerror}: plug the board in again, BOOTSEL held")
        raise BoardError(f"{drive.folder}: has taken {path.name}, and does not start it: plug the board in again, BOOTSEL held")
    report("waiting for MicroPython")
    if not _wait(lambda: bool(set(ports.boards()) - before), _CAME):
        raise BoardError(
            f"the board has taken {path.name}, but no serial port has come: plug it in again; if that does not help, "
            "is the file that of your board?"
        )
    port = sorted(set(ports.boards()) - before)[0]
    _wait(lambda: ports.refusal(port) is None, 5.0)  # Linux lets a user open it a moment after it has come
    return port


def _the_one(found: list[Drive]) -> Drive:
    if not found:
        raise BoardError(
            "no board in BOOTSEL mode: hold its BOOTSEL button while you plug it in, until a drive named "
            f"{' or '.join(chip.bootloader.board_id for chip in CHIPS.values() if chip.bootloader)} shows; without a desktop, "
            "mount that first, below /mnt or /media"
        )
    if len(found) > 1:
        raise BoardError(
            f"{len(found)} boards are in BOOTSEL mode, at {' and '.join(str(drive.folder) for drive in found)}: "
            "leave one of them plugged in"
        )
    return found[0]


def _check(path: Path, image: uf2.Uf2, drive: Drive) -> None:
    """Raise DataError where the file is not MicroPython for the board at the drive."""
    wanted, page = drive.bootloader, drive.bootloader.page
    fit = wanted.families & set(image.payloads)
    if not fit:
        others = (chip.bootloader for chip in CHIPS.values() if chip.bootloader)
        names = [other.board_id for other in others if other.families & set(image.payloads)]
        of = names[0] if names else "another chip"
        raise DataError(
            f"{path}: is for {of}, and {drive.folder} is {wanted.board_id}: download that of your board, from {page}"
        )
    if not any(b"MicroPython" in image.payloads[family] for family in fit):
        raise DataError(f"{path}: is another program than MicroPython: download that, from {page}")


def _copy(content: bytes, drive: Drive) -> OSError | None:
    """Write the file. The error that came: the drive may go before the last write has returned, which is as it should be."""
    try:
        with (drive.folder / "micropython.uf2").open("wb", buffering=0) as file:
            view = memoryview(content)
            while view:
                view = view[file.write(view) :]
            os.fsync(file.fileno())
    except OSError as error:
        return error
    return None


def _wait(done: Callable[[], bool], seconds: float) -> bool:
    """Whether it is done within some seconds."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK)
    return True
