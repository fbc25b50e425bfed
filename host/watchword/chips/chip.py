"""What is known of a chip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from watchword.compile.lower import Portable
from watchword.compile.schedule import Lowering
from watchword.graph import Graph

SOURCE = "source"  # for a MicroPython that loads no .mpy


def portable(graph: Graph) -> Lowering:
    """For chips without kernels of their own: the calls of those that run on every chip, whose cycles are not known."""
    return Portable()


@dataclass(frozen=True)
class Bootloader:
    """The USB drive that a chip is when it starts with its BOOTSEL button held: it takes a UF2 file, and runs it.

    board_id: the drive's, in its INFO_UF2.TXT, and its label. families: the numbers in UF2 files that the chip starts. page: of
    MicroPython's site, where the files are.
    """

    board_id: str
    families: frozenset[int]
    page: str


@dataclass(frozen=True)
class Chip:
    """A chip with stock MicroPython, and what that leaves a program beside the app.

    name: as boards and programs tell it, at most 8 letters and digits: `target` in firmware/watchword/program.py. ram: bytes of
    heap for a program's buffers. flash: bytes for its file, of the file system that stock firmware makes. architecture: of its
    .mpy files, as mpy-cross names it, or SOURCE. kernels: the sets that it can run, by the ending of their
    files in firmware/watchword/kernels. microphones: the files in firmware/watchword/sources by which it hears one. loaded:
    bytes of heap that kernels, and what feeds a program, take once one is loaded. lowering: makes the calls of its kernels for
    one graph, with what they cost. hz: clock by which their cycles become time. bootloader: None of a chip that is no drive.
    """

    name: str
    ram: int
    flash: int
    architecture: str
    kernels: tuple[str, ...] = ("viper",)
    microphones: tuple[str, ...] = ()
    loaded: int = 55_000
    lowering: Callable[[Graph], Lowering] = portable
    hz: int | None = None
    bootloader: Bootloader | None = None
