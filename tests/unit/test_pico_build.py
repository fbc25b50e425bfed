"""When the parts of the virtual Pico are made, and what is said where they cannot be. Nothing here needs a network."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.machine import tool
from typer.testing import CliRunner

from watchword.board.virtual import toolchain
from watchword.board.virtual.pico import build
from watchword.cli import setup
from watchword.errors import SetupError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="virtual boards do not exist on Windows")

COMPILER = shutil.which("arm-none-eabi-gcc")
PARTS = ("firmware", "bootrom", "emulator")


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Debian with Node and nothing else; what tests put into the folder `bin` is on its PATH."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("WATCHWORD_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MIRROR", raising=False)
    tool(tmp_path / "bin/node", "echo v20.1.0")
    tool(tmp_path / "bin/dpkg-query", "printf installed")
    tool(tmp_path / "bin/apt-get", "exit 0")
    return tmp_path


class Makers:
    """Stand in for the builds themselves; the names, the records and the renaming are the real ones."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[str] = []
        for name in PARTS:
            monkeypatch.setattr(build, f"_{name}", self._maker(name))

    def _maker(self, name: str) -> Callable[[Path, Path, toolchain.Report, Path], None]:
        def make(made: Path, work: Path, report: toolchain.Report, log: Path) -> None:
            self.made.append(name)
            if name == "emulator":
                made.mkdir()
                made /= "main.mjs"
            made.write_text(f"{name}, build {len(self.made)}")

        return make


@pytest.fixture
def makers(monkeypatch: pytest.MonkeyPatch) -> Makers:
    return Makers(monkeypatch)


def error() -> str:
    with pytest.raises(SetupError) as caught:
        build.pico()
    message = str(caught.value)
    assert "\n" not in message
    return message


# ---- when parts are made


def test_each_part_is_made_once(machine: Path, makers: Makers) -> None:
    parts = build.pico()
    assert makers.made == ["firmware", "bootrom", "emulator"]
    assert parts.firmware.read_text() == "firmware, build 1"
    assert (parts.emulator / "main.mjs").is_file()
    assert parts.node == machine / "bin/node"
    assert build.pico() == parts
    assert len(makers.made) == 3
    assert not list((machine / "cache").glob("*.build"))


def test_what_stands_is_taken_while_another_process_builds(machine: Path, makers: Makers) -> None:
    parts = build.pico()
    with toolchain.locked(machine / "cache/pico.lock", pytest.fail):
        assert build.pico(pytest.fail) == parts


@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_is_not_what_it_was_is_made_anew_and_no_other(makers: Makers, name: str) -> None:
    part: Path = getattr(build.pico(), name)
    damaged = part / "main.mjs" if part.is_dir() else part
    damaged.write_text("damaged")
    assert getattr(build.pico(), name) == part
    assert makers.made[3:] == [name]
    assert damaged.read_text() == f"{name}, build 4"


def test_a_part_without_a_record_is_made_anew(makers: Makers) -> None:
    part = build.pico().bootrom
    part.with_name(f"{part.name}.sha256").unlink()
    build.pico()
    assert makers.made[3:] == ["bootrom"]


@pytest.mark.parametrize("name", ["bootrom", "emulator"])
def test_a_change_of_our_sources_makes_the_part_anew_beside_the_old(
    machine: Path, monkeypatch: pytest.MonkeyPatch, makers: Makers, name: str
) -> None:
    for folder in ("bootrom", "emulator"):
        (machine / "sources" / folder).mkdir(parents=True)
    monkeypatch.setattr(build, "_HERE", machine / "sources")
    before = build.pico()
    (machine / "sources" / name / "new.c").write_text("new")
    after = build.pico()
    assert makers.made[3:] == [name]
    assert getattr(after, name) != getattr(before, name)
    assert getattr(before, name).exists()


@pytest.mark.parametrize(
    ("setting", "name"), [("_CONFIGURATION", "firmware"), ("_MANIFEST", "firmware"), ("_BOOTROM_FLAGS", "bootrom")]
)
def test_a_change_of_settings_makes_the_part_anew(
    monkeypatch: pytest.MonkeyPatch, makers: Makers, setting: str, name: str
) -> None:
    build.pico()
    monkeypatch.setattr(build, setting, getattr(build, setting)[1:])
    build.pico()
    assert makers.made[3:] == [name]


def test_a_build_broken_off_leaves_nothing_that_passes_for_a_part(
    machine: Path, monkeypatch: pytest.MonkeyPatch, makers: Makers
) -> None:
    def broken_off(made: Path, work: Path, report: toolchain.Report, log: Path) -> None:
        made.write_text("half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(build, "_firmware", broken_off)
        with pytest.raises(KeyboardInterrupt):
            build.pico()
    assert not list((machine / "cache").glob("*.bin"))
    assert build.pico().firmware.read_text() == "firmware, build 1"


def _build_slowly(machine: Path, name: str) -> None:
    make = build._firmware

    def slowly(made: Path, work: Path, report: toolchain.Report, log: Path) -> None:
        with (machine / "builds").open("a") as file:
            print(name, file=file)
        time.sleep(0.3)
        make(made, work, report, log)

    build._firmware = slowly
    build.pico()


def test_two_at_once_build_once(machine: Path, makers: Makers) -> None:
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=_build_slowly, args=(machine, name)) for name in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert len((machine / "builds").read_text().splitlines()) == 1


# ---- what is said where they cannot be made


def test_a_machine_without_node_is_told_before_anything_is_built(
    machine: Path, monkeypatch: pytest.MonkeyPatch, makers: Makers
) -> None:
    (machine / "bin/node").unlink()
    monkeypatch.setattr(toolchain, "on_debian", lambda: False)
    assert error() == "the virtual Pico needs Node 18 or later, and none is on PATH: install it, then again"
    assert makers.made == []


@pytest.mark.parametrize(
    ("says", "told"),
    [("echo v12.22.9", "is v12.22.9"), ("echo v8.0.0; exit 1", "is v8.0.0"), ("exit 1", "says no version")],
)
def test_an_old_node_is_named_before_anything_is_built(machine: Path, makers: Makers, says: str, told: str) -> None:
    node = tool(machine / "bin/node", says)
    assert f"needs Node 18 or later, and {node} {told}: " in error()
    assert makers.made == []


def test_node_comes_from_debian_where_there_is_none(machine: Path, monkeypatch: pytest.MonkeyPatch, makers: Makers) -> None:
    (machine / "bin/node").unlink()
    installed: list[str] = []

    def install(packages: list[str], **where: object) -> None:
        installed.extend(packages)
        tool(machine / "bin/node", "echo v18.0.0")

    monkeypatch.setattr(toolchain, "install", install)
    assert build.pico().node == machine / "bin/node"
    assert installed == ["nodejs"]


def test_a_missing_compiler_is_named_to_one_who_cannot_install_it(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    tool(machine / "bin/dpkg-query", 'case "$*" in *arm-none-eabi|*cmake) ;; *) printf installed;; esac')
    wanted = "gcc-arm-none-eabi libnewlib-arm-none-eabi cmake"
    assert f"run 'sudo apt-get install {wanted}', then again" in error()


def test_off_debian_the_other_virtual_board_is_named(machine: Path) -> None:
    (machine / "bin/apt-get").unlink()
    assert error() == (
        "the virtual Pico's firmware can be had on Debian and Ubuntu only: use the virtual board unix, or a container of Debian"
    )


def test_no_mirror(machine: Path) -> None:
    assert "set MIRROR to the address of one" in error()


def test_a_folder_that_make_cannot_build_in(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_CACHE", str(machine / "a cache"))
    assert "set WATCHWORD_CACHE to another" in error()


def test_a_folder_that_cannot_be_made(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / "file").touch()
    monkeypatch.setenv("WATCHWORD_CACHE", str(machine / "file/cache"))
    assert "Not a directory; set WATCHWORD_CACHE to another folder" in error()


# ---- how they are made


def test_the_firmware_is_built_with_the_libraries_that_debian_packages_apart(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = machine / "micropython"
    for library in ("mbedtls", "pico-sdk", "tinyusb"):
        (source / "lib" / library).mkdir(parents=True)
    commands: list[str] = []

    def fetch_source(package: str, suite: str, folder: Path, **where: object) -> Path:
        return source if package == "micropython" else machine / package

    def fetch_package(package: str, suite: str, folder: Path, **where: object) -> Path:
        sdk = machine / package / "usr/src" / package.removesuffix("-source") / "lib"
        sdk.mkdir(parents=True)
        (sdk / "tinyusb").symlink_to("../../tinyusb")
        return machine / package

    def run(command: list[object], **where: object) -> None:
        commands.append(" ".join(map(str, command)))
        if "objcopy" in commands[-1]:
            Path(str(command[-1])).write_bytes(b"firmware")

    for fake in (fetch_source, fetch_package, run):
        monkeypatch.setattr(toolchain, fake.__name__, fake)
    work = machine / "work"
    work.mkdir()
    build._firmware(work / "made.bin", work, lambda line: None, machine / "log")
    assert (work / "made.bin").read_bytes() == b"firmware"
    libraries = {name: (source / "lib" / name).resolve() for name in ("mbedtls", "pico-sdk", "tinyusb")}
    assert libraries == {
        "mbedtls": machine / "mbedtls",
        "pico-sdk": machine / "pico-sdk-source/usr/src/pico-sdk",
        "tinyusb": machine / "tinyusb-source/usr/src/tinyusb",
    }
    assert (libraries["pico-sdk"] / "lib/tinyusb").resolve() == libraries["tinyusb"]
    [configure] = [command for command in commands if command.startswith("cmake")]
    assert "-DMICROPY_BOARD=RPI_PICO" in configure


def test_the_emulator_is_a_copy_that_npm_completes_by_its_lock_file(machine: Path) -> None:
    tool(
        machine / "bin/npm",
        'PATH=/usr/bin:/bin; test -f package-lock.json && mkdir node_modules && echo "$*" > node_modules/npm',
    )
    (machine / "work").mkdir()
    made = machine / "work/emulator"
    build._emulator(made, machine / "work", lambda line: None, machine / "log")
    assert (made / "main.mjs").is_file()
    assert (made / "node_modules/npm").read_text().startswith("ci ")
    assert not (build._HERE / "emulator/node_modules").exists()


def test_no_network_for_npm(machine: Path) -> None:
    tool(machine / "bin/npm", "echo could not resolve; exit 1")
    (machine / "work").mkdir()
    with pytest.raises(SetupError, match="fetching the emulator from npm failed; the end of .* says why; is there a network"):
        build._emulator(machine / "work/emulator", machine / "work", lambda line: None, machine / "log")
    assert "could not resolve" in (machine / "log").read_text()


def test_the_lock_file_pins_every_package_by_hash_and_names_no_registry() -> None:
    lock = json.loads((build._HERE / "emulator/package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert all(entry["integrity"].startswith("sha512-") and "resolved" not in entry for entry in packages.values())


# ---- the boot ROM

CODES = "P3 R3 L3 T3 MS S4 MC C4 IF EX RE RP FC CX UB WV DT DE"


@pytest.fixture
def bootrom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    if COMPILER is None:
        pytest.skip("compiles the boot ROM, and arm-none-eabi-gcc is not on PATH: watchword setup pico brings it")
    monkeypatch.setenv("PATH", str(Path(COMPILER).parent))
    monkeypatch.setattr(toolchain, "install", lambda packages, **where: None)
    (tmp_path / "rom").mkdir()
    build._bootrom(tmp_path / "rom/made.bin", tmp_path / "rom", lambda line: None, tmp_path / "log")
    return (tmp_path / "rom/made.bin").read_bytes()


def rows(rom: bytes, header: int) -> dict[str, int]:
    """A table of the ROM, whose address stands in its header: codes and addresses."""
    [at] = struct.unpack_from("<H", rom, header)
    found = {}
    while rom[at] or rom[at + 1]:
        code, address = struct.unpack_from("<2sH", rom, at)
        found[code.decode()] = address
        at += 4
    return found


def test_the_boot_rom_has_the_header_and_the_tables_that_firmware_looks_into(bootrom: bytes) -> None:
    assert len(bootrom) <= 16384
    assert bootrom[0x10:0x14] == b"Mu\x01\x02"
    functions, data = rows(bootrom, 0x14), rows(bootrom, 0x16)
    assert " ".join(functions) == CODES
    # Code is entered in Thumb state.
    assert all(address & 1 and address < len(bootrom) for address in functions.values())
    for table in ("SF", "SD"):
        assert data[table] % 4 == 0
        assert bootrom[data[table] - 2] == 32
        entries = struct.unpack_from("<32I", bootrom, data[table])
        assert all(entry & 1 and entry < len(bootrom) for entry in entries)


# ---- the command


def test_setup_pico_tells_where_the_parts_are(makers: Makers) -> None:
    import typer

    app = typer.Typer()
    app.command()(setup.setup)
    result = CliRunner().invoke(app, ["pico"])
    parts = build.pico()
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"MicroPython (rp2): {parts.firmware}",
        f"emulator: {parts.emulator}, on {parts.node}",
    ]
