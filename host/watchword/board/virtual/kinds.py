"""The kinds of virtual boards. A new one (another chip, under QEMU) is one more class here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from watchword import shipped
from watchword.board.virtual import unix_build, wires
from watchword.board.virtual.pico import build, image
from watchword.board.virtual.process import Command
from watchword.board.virtual.toolchain import Report
from watchword.chips.rp2040 import RP2040
from watchword.errors import BoardError
from watchword.firmware import files

CORES = {  # of the virtual Pico, and what a report says of those that are not the usual one
    "fast": "",
    "corrected": " by rp2040js's own processor, its faults corrected",
    "stock": " by rp2040js's own processor as it is, faults included",
}
RESTART = 75  # exit status by which the firmware asks MicroPython's unix port to be started anew


@dataclass(frozen=True)
class Hardware:
    """What can be chosen of an emulated chip.

    xip: count what misses of the cache before its flash cost. wires: microphones at its pins, as wires.read_wire reads them.
    sound: a WAV file of 16 bits that each of them hears from the moment on in which the board begins to listen to it. uid: the
    8 bytes of `machine.unique_id()`, in hexadecimal. core: which emulated processor, one of CORES. real_time: emulated time
    keeps to the wall's clock, else it passes as fast as it can.
    """

    xip: bool = False
    wires: tuple[str, ...] = ()
    sound: Path | None = None
    uid: str | None = None
    core: str = "fast"
    real_time: bool = False


class Kind(Protocol):
    """What makes one kind of virtual board.

    suffix: of the file that is its flash; empty where that is a folder. repl: its MicroPython has the REPL that mpremote needs.
    patience: by how much it may be slower than a real board, on a busy machine too.
    """

    name: str
    suffix: str
    repl: bool
    patience: float

    def command(self, flash: Path, report: Report, hardware: Hardware, *, fresh: bool, bare: bool) -> Command:
        """How to start it; its flash is made where there is none, and the firmware on it is the host's.

        fresh: empty the flash first. bare: put MicroPython alone on it. Builds what is missing, or raises SetupError;
        raises BoardError where the kind has not the hardware.
        """

    def modelled(self, hardware: Hardware) -> str:
        """What its times and cycles are worth: every report that shows them says so."""


class Unix:
    """MicroPython's unix port: quick. Its flash is a folder, and it runs the firmware where it lies on the host."""

    name = "unix"
    suffix = ""
    repl = False
    patience = 1.0

    def command(self, flash: Path, report: Report, hardware: Hardware, *, fresh: bool, bare: bool) -> Command:
        if hardware != Hardware():
            raise BoardError("unix: has no cache model, wires, id, processor or real time to choose: pico has")
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

    def modelled(self, hardware: Hardware) -> str:
        return "times are this computer's; no chip is modelled"


class Pico:
    """A Raspberry Pi Pico: MicroPython's rp2 firmware on an emulated RP2040. Its flash is a file."""

    name = "pico"
    suffix = ".img"
    repl = True
    patience = 10.0

    def command(self, flash: Path, report: Report, hardware: Hardware, *, fresh: bool, bare: bool) -> Command:
        options = self._options(hardware)
        parts = build.pico(report)
        micropython = parts.firmware.read_bytes()
        if fresh or not flash.exists():
            image.write(flash, micropython, {})
        if not bare:
            image.update(flash, micropython, files(RP2040.architecture))
        return Command(
            [parts.node, parts.emulator / "main.mjs", "--flash", flash, "--bootrom", parts.bootrom, *options],
            control=True,
            endings={
                3: "its power was cut",
                4: "its processor ran into a breakpoint",
                5: "it cannot start on this computer",
                6: "its processor locked up",
            },
        )

    def _options(self, hardware: Hardware) -> list[str | Path]:
        if hardware.core not in CORES:
            raise BoardError(f"{hardware.core}: no processor of the virtual Pico; known: {', '.join(CORES)}")
        options: list[str | Path] = ["--core", hardware.core]
        options += ["--xip"] if hardware.xip else []
        options += ["--real-time"] if hardware.real_time else []
        if hardware.uid is not None:
            if len(hardware.uid) != 16 or not set(hardware.uid) <= set("0123456789abcdefABCDEF"):
                raise BoardError(f"{hardware.uid}: a unique id has 16 hexadecimal digits")
            options += ["--uid", hardware.uid]
        return [*options, *wires.options(hardware.wires, hardware.sound)]

    def modelled(self, hardware: Hardware) -> str:
        cache = "misses of the XIP cache are counted" if hardware.xip else "no misses of the XIP cache: less than silicon takes"
        return (
            f"emulated{CORES[hardware.core]}: instructions as the Cortex-M0+ manual counts them, "
            f"erasing and programming flash as a W25Q16, {cache}; "
            "no bus contention or exception entry"
        )


KINDS: dict[str, Kind] = {kind.name: kind for kind in (Unix(), Pico())}
