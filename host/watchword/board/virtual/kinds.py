"""The kinds of virtual boards. A new one (another chip, under QEMU) is one more class here."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from watchword import shipped
from watchword.board.firmware import files
from watchword.board.virtual import unix_build
from watchword.board.virtual.pico import build, image
from watchword.board.virtual.process import Command
from watchword.board.virtual.toolchain import Report

RESTART = 75  # exit status by which the firmware asks MicroPython's unix port to be started anew


class Kind(Protocol):
    """What makes one kind of virtual board.

    suffix: of the file that is its flash; empty where that is a folder. repl: its MicroPython has the REPL that mpremote needs.
    """

    name: str
    suffix: str
    repl: bool

    def command(self, flash: Path, report: Report, *, fresh: bool, bare: bool) -> Command:
        """How to start it; its flash is made where there is none, and the firmware on it is the host's.

        fresh: empty the flash first. bare: put MicroPython alone on it. Builds what is missing, or raises SetupError.
        """


class Unix:
    """MicroPython's unix port: quick. Its flash is a folder, and it runs the firmware where it lies on the host."""

    name = "unix"
    suffix = ""
    repl = False

    def command(self, flash: Path, report: Report, *, fresh: bool, bare: bool) -> Command:
        micropython = unix_build.micropython(report)
        programs = flash / "ww"
        if fresh and programs.is_dir():
            for file in programs.iterdir():
                file.unlink()
        programs.mkdir(parents=True, exist_ok=True)
        firmware = shipped.firmware()
        return Command(
            [micropython, "-X", "heapsize=4M", firmware / "main.py"],
            folder=flash,
            environment={"MICROPYPATH": f"{firmware}:.frozen"},
            restart=RESTART,
        )


class Pico:
    """A Raspberry Pi Pico: MicroPython's rp2 firmware on an emulated RP2040. Its flash is a file."""

    name = "pico"
    suffix = ".img"
    repl = True

    def command(self, flash: Path, report: Report, *, fresh: bool, bare: bool) -> Command:
        parts = build.pico(report)
        micropython = parts.firmware.read_bytes()
        if fresh or not flash.exists():
            image.write(flash, micropython, {})
        if not bare:
            image.update(flash, micropython, files("armv6m"))
        return Command(
            [parts.node, parts.emulator / "main.mjs", "--flash", flash, "--bootrom", parts.bootrom],
            control=True,
            endings={3: "its power was cut", 4: "its processor ran into a breakpoint"},
        )


KINDS: dict[str, Kind] = {kind.name: kind for kind in (Unix(), Pico())}
