"""What the virtual Pico is made of: MicroPython's rp2 port, a boot ROM, and the emulator. Built or fetched once per user.

Firmware and boot ROM are compiled from Debian's sources and ours; the emulator's one package comes from npm, by the hash in its
lock file. Each part stands in the cache under a name that holds its version and a hash of what goes into it from here, and
beside it the SHA-256 that it had when it was made: a part that has another now is made anew.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from watchword.board.virtual import toolchain
from watchword.board.virtual.toolchain import Report
from watchword.board.virtual.unix_build import SUITE, VERSION
from watchword.errors import SetupError

_HERE = Path(__file__).resolve().parent
_COMPILER = ("gcc-arm-none-eabi",)
_PACKAGES = (
    *_COMPILER,
    *("libnewlib-arm-none-eabi", "libstdc++-arm-none-eabi-newlib", "cmake", "gcc", "g++", "libc6-dev", "make"),
    *("dpkg-dev", "xz-utils", "bzip2", "debian-archive-keyring"),
)
_NODE = 18  # the oldest version that does

# Of the stock firmware's frozen modules, those that Debian's source has: micropython-lib is left out there.
_MANIFEST = 'include("$(MPY_DIR)/extmod/asyncio")\nfreeze("$(PORT_DIR)/modules")\n'
_CONFIGURATION = (
    *("-DCMAKE_BUILD_TYPE=MinSizeRel", "-DMICROPY_BOARD=RPI_PICO"),
    *("-DPICO_BUILD_DOCS=0", "-DPICO_NO_PICOTOOL=1"),  # picotool would be fetched; it makes .uf2 files, which nobody wants here
)
_BOOTROM_FLAGS = (
    *("-mcpu=cortex-m0plus", "-mthumb", "-O2", "-ffreestanding", "-nostartfiles", "-nostdlib"),
    "-fno-tree-loop-distribute-patterns",  # no loop becomes a call of memset or memcpy, which are none of C's here
)

_Make = Callable[[Path, Path, Report, Path], None]
"""Makes a part: its place to be, a folder to work in, and where to report and to log."""


@dataclass(frozen=True)
class Parts:
    """node: the executable; emulator: the folder of main.mjs; firmware, bootrom: binary images."""

    node: Path
    emulator: Path
    firmware: Path
    bootrom: Path


def pico(report: Report = lambda line: None) -> Parts:
    """The parts of the virtual Pico, made now where they are missing. Raises SetupError in one line that says what to do."""
    toolchain.require_unix()
    cache = toolchain.cache()
    log = cache / "pico.log"
    firmware = cache / f"pico-micropython-{VERSION}-{_key(_MANIFEST, *_CONFIGURATION)}.bin"
    bootrom = cache / f"pico-bootrom-{_key(_digest(_HERE / 'bootrom'), *_BOOTROM_FLAGS)}.bin"
    emulator = cache / f"pico-emulator-{_key(_digest(_HERE / 'emulator'))}"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        node = _node(report, log)  # first: whoever lacks it need not wait for a build to be told
        makers: dict[Path, _Make] = {firmware: _firmware, bootrom: _bootrom, emulator: _emulator}
        if not all(map(_stands, makers)):
            with toolchain.locked(cache / "pico.lock", report):
                # Another process may have made them meanwhile.
                for part in [part for part in makers if not _stands(part)]:
                    _renew(part, makers[part], report, log)
    except OSError as error:
        raise SetupError(f"cannot build in {cache}: {error.strerror}; set WATCHWORD_CACHE to another folder") from error
    return Parts(node, emulator, firmware, bootrom)


def _stands(part: Path) -> bool:
    """Whether the part is there, and what it was when it was made."""
    record = _record(part)
    return part.exists() and record.exists() and record.read_text() == _digest(part)


def _renew(part: Path, make: _Make, report: Report, log: Path) -> None:
    """Make the part, and put it in its place when it is whole: whoever looks finds all of it or nothing."""
    work = part.with_name(f"{part.name}.build")
    shutil.rmtree(work, ignore_errors=True)  # of a build that was broken off
    work.mkdir()
    made = work / part.name
    make(made, work, report, log)
    _record(part).unlink(missing_ok=True)
    if part.is_dir():
        shutil.rmtree(part)
    os.replace(made, part)
    _record(part).write_text(_digest(part))
    shutil.rmtree(work)


def _record(part: Path) -> Path:
    return part.with_name(f"{part.name}.sha256")


def _digest(part: Path) -> str:
    """SHA-256 of a file, or of a folder's files and their names."""
    sha = hashlib.sha256()
    for file in sorted(part.rglob("*")) if part.is_dir() else [part]:
        if file.is_file():
            sha.update(f"{file.relative_to(part)}\n".encode() + file.read_bytes())
    return sha.hexdigest()


def _key(*ingredients: str) -> str:
    return hashlib.sha256("\n".join(ingredients).encode()).hexdigest()[:12]


def _need_debian(what: str) -> None:
    if not toolchain.on_debian():
        raise SetupError(f"{what} can be had on Debian and Ubuntu only: use the virtual board unix, or a container of Debian")


def _firmware(made: Path, work: Path, report: Report, log: Path) -> None:
    """MicroPython for the board RPI_PICO, as stock, with USB serial. Debian leaves the libraries out that others package."""
    _need_debian("the virtual Pico's firmware")
    toolchain.check_folder(toolchain.cache())
    toolchain.install(_PACKAGES, report=report, log=log)
    source = toolchain.fetch_source("micropython", SUITE, work, report=report, log=log)
    libraries = {
        "mbedtls": toolchain.fetch_source("mbedtls", SUITE, work, report=report, log=log),
        "pico-sdk": toolchain.fetch_package("pico-sdk-source", SUITE, work, report=report, log=log) / "usr/src/pico-sdk",
        "tinyusb": toolchain.fetch_package("tinyusb-source", SUITE, work, report=report, log=log) / "usr/src/tinyusb",
    }
    for name, tree in libraries.items():
        (source / "lib" / name).rmdir()  # Debian's source has it empty
        (source / "lib" / name).symlink_to(tree)
    # The SDK's package links to TinyUSB where it would be installed.
    link = libraries["pico-sdk"] / "lib" / "tinyusb"
    if link.is_symlink():
        link.unlink()
        link.symlink_to(libraries["tinyusb"])
    library, manifest = work / "lib", work / "manifest.py"
    library.mkdir()
    (library / "README.md").touch()  # the port's build looks for micropython-lib's
    manifest.write_text(_MANIFEST)
    what = f"building MicroPython {VERSION} (rp2 port)"
    report(f"{what}: a few minutes")
    port, build = source / "ports" / "rp2", work / "rp2"
    places = {
        "MICROPY_BOARD_DIR": port / "boards" / "RPI_PICO",
        "MICROPY_LIB_DIR": library,
        "MICROPY_FROZEN_MANIFEST": manifest,
        "Python3_EXECUTABLE": sys.executable,
    }
    configure: list[str | Path] = ["cmake", "-S", port, "-B", build, *_CONFIGURATION]
    configure += [f"-D{name}={place}" for name, place in places.items()]
    toolchain.run(toolchain.make(), folder=source / "mpy-cross", log=log, what=what)
    toolchain.run(configure, log=log, what=what)
    toolchain.run(["make", f"-j{os.cpu_count() or 1}", "firmware"], folder=build, log=log, what=what)
    toolchain.run(["arm-none-eabi-objcopy", "-O", "binary", build / "firmware.elf", made], log=log, what=what)


def _bootrom(made: Path, work: Path, report: Report, log: Path) -> None:
    _need_debian("the compiler of the virtual Pico's boot ROM")
    toolchain.install(_COMPILER, report=report, log=log)
    what = "building the boot ROM"
    report(what)
    elf, sources = work / "bootrom.elf", _HERE / "bootrom"
    inputs: list[str | Path] = ["-T", sources / "rom.ld", *sorted(sources.glob("*.[Sc]")), "-lgcc"]
    toolchain.run(["arm-none-eabi-gcc", *_BOOTROM_FLAGS, "-o", elf, *inputs], log=log, what=what)
    toolchain.run(["arm-none-eabi-objcopy", "-O", "binary", elf, made], log=log, what=what)


def _emulator(made: Path, work: Path, report: Report, log: Path) -> None:
    if shutil.which("npm") is None:
        _need_debian("npm, which fetches the emulator,")
        toolchain.install(["npm"], report=report, log=log)
    what = "fetching the emulator from npm"
    report(what)
    shutil.copytree(_HERE / "emulator", made, ignore=shutil.ignore_patterns("node_modules"))
    try:
        toolchain.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], folder=made, log=log, what=what)
    except SetupError as error:
        raise SetupError(f"{error}; is there a network?") from error


def _node(report: Report, log: Path) -> Path:
    found = shutil.which("node")
    if found is None and toolchain.on_debian():
        toolchain.install(["nodejs"], report=report, log=log)
        found = shutil.which("node")
    if found is None:
        raise SetupError(f"the virtual Pico needs Node {_NODE} or later, and none is on PATH: install it, then again")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    number = re.match(r"v(\d+)\.", version)
    if number is None or int(number[1]) < _NODE:
        said = f"is {version}" if version else "says no version"
        raise SetupError(f"the virtual Pico needs Node {_NODE} or later, and {found} {said}: install one, first on PATH")
    return Path(found)
