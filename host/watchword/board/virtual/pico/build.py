"""What the virtual Pico is made of: MicroPython's rp2 port, a boot ROM, and the emulator. Built or fetched once per user.

Firmware and boot ROM are compiled from Debian's sources and ours; the emulator's one package comes from npm, by the hash in its
lock file. Each part stands in the cache under a name that holds its versions, or a hash of our sources that go into it, and
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


@dataclass(frozen=True)
class Parts:
    """node: the executable; emulator: the folder of main.mjs; firmware, bootrom: binary images."""

    node: Path
    emulator: Path
    firmware: Path
    bootrom: Path


def pico(report: Report = lambda line: None) -> Parts:
    """The parts of the virtual Pico, made now where they are missing. Raises SetupError in one line that says what to do."""
    cache = toolchain.cache()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        log = cache / "pico.log"
        with toolchain.locked(cache / "pico.lock", report):
            firmware = _made(cache / f"pico-micropython-{VERSION}.bin", _firmware, report, log)
            bootrom = _made(cache / f"pico-bootrom-{_key(_HERE / 'bootrom')}.bin", _bootrom, report, log)
            node = _node(report, log)
            emulator = _made(cache / f"pico-emulator-{_key(_HERE / 'emulator')}", _emulator, report, log)
    except OSError as error:
        raise SetupError(f"cannot build in {cache}: {error.strerror}; set WATCHWORD_CACHE to another folder") from error
    return Parts(node, emulator, firmware, bootrom)


def _made(part: Path, make: Callable[[Path, Path, Report, Path], None], report: Report, log: Path) -> Path:
    """The part, made by make(part, work folder, report, log) where it is missing or not what it was."""
    record = part.with_name(f"{part.name}.sha256")
    if part.exists() and record.exists() and record.read_text() == _digest(part):
        return part
    work = part.with_name(f"{part.name}.build")
    shutil.rmtree(work, ignore_errors=True)  # of a build that was broken off
    work.mkdir()
    made = work / part.name
    make(made, work, report, log)
    record.unlink(missing_ok=True)
    if part.is_dir():
        shutil.rmtree(part)
    os.replace(made, part)  # when it is whole: whoever looks finds all of it or nothing
    record.write_text(_digest(part))
    shutil.rmtree(work)
    return part


def _digest(part: Path) -> str:
    sha = hashlib.sha256()
    for file in sorted(part.rglob("*")) if part.is_dir() else [part]:
        if file.is_file():
            sha.update(f"{file.relative_to(part)}\n".encode() + file.read_bytes())
    return sha.hexdigest()


def _key(folder: Path) -> str:
    return _digest(folder)[:12]


def _need_debian(what: str) -> None:
    if not toolchain.on_debian():
        raise SetupError(f"{what} can be had on Debian and Ubuntu only: use the virtual board unix, or a container of Debian")


def _firmware(made: Path, work: Path, report: Report, log: Path) -> None:
    """MicroPython for the board RPI_PICO, as stock, with USB serial. Debian leaves the libraries out that others package."""
    _need_debian("the virtual Pico's firmware")
    if any(character.isspace() for character in str(work)):
        raise SetupError(f"make cannot build in a folder with a space in its name, {work}: set WATCHWORD_CACHE to another")
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
    (library / "README.md").touch()
    manifest.write_text('include("$(MPY_DIR)/extmod/asyncio")\nfreeze("$(PORT_DIR)/modules")\n')
    what = f"building MicroPython {VERSION} (rp2 port)"
    report(f"{what}: a few minutes")
    jobs = f"-j{os.cpu_count() or 1}"
    port, build = source / "ports" / "rp2", work / "rp2"
    configure: list[str | Path] = [
        *("cmake", "-S", port, "-B", build, "-DCMAKE_BUILD_TYPE=MinSizeRel", "-DPICO_BUILD_DOCS=0", "-DPICO_NO_PICOTOOL=1"),
        *("-DMICROPY_BOARD=RPI_PICO", f"-DMICROPY_BOARD_DIR={port}/boards/RPI_PICO"),
        *(f"-DMICROPY_LIB_DIR={library}", f"-DMICROPY_FROZEN_MANIFEST={manifest}"),
    ]
    cross = ["make", jobs, f"PYTHON={sys.executable}", "CFLAGS_EXTRA=-Wno-error"]
    toolchain.run(cross, folder=source / "mpy-cross", log=log, what=what)
    toolchain.run(configure, log=log, what=what)
    toolchain.run(["make", jobs, "firmware"], folder=build, log=log, what=what)
    toolchain.run(["arm-none-eabi-objcopy", "-O", "binary", build / "firmware.elf", made], log=log, what=what)


def _bootrom(made: Path, work: Path, report: Report, log: Path) -> None:
    _need_debian("the compiler of the virtual Pico's boot ROM")
    toolchain.install(_COMPILER, report=report, log=log)
    elf, rom = work / "bootrom.elf", _HERE / "bootrom"
    flags = ["-mcpu=cortex-m0plus", "-mthumb", "-O2", "-ffreestanding", "-fno-tree-loop-distribute-patterns"]
    link: list[str | Path] = [
        "-nostartfiles",
        "-nostdlib",
        "-T",
        rom / "rom.ld",
        "-o",
        elf,
        rom / "rom.S",
        rom / "rom.c",
        "-lgcc",
    ]
    toolchain.run(["arm-none-eabi-gcc", *flags, *link], log=log, what="building the boot ROM")
    toolchain.run(["arm-none-eabi-objcopy", "-O", "binary", elf, made], log=log, what="building the boot ROM")


def _emulator(made: Path, work: Path, report: Report, log: Path) -> None:
    if shutil.which("npm") is None:
        _need_debian("npm, which fetches the emulator,")
        toolchain.install(["npm"], report=report, log=log)
    report("fetching the emulator from npm")
    shutil.copytree(_HERE / "emulator", made)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    toolchain.run(command, folder=made, log=log, what="fetching the emulator")


def _node(report: Report, log: Path) -> Path:
    found = shutil.which("node")
    if found is None and toolchain.on_debian():
        toolchain.install(["nodejs"], report=report, log=log)
        found = shutil.which("node")
    if found is None:
        raise SetupError(f"the virtual Pico needs Node {_NODE} or later: install it, then again")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    number = re.match(r"v(\d+)\.", version)
    if number is None or int(number[1]) < _NODE:
        raise SetupError(f"the virtual Pico needs Node {_NODE} or later, and {found} is {version or 'none'}")
    return Path(found)
