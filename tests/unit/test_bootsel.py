"""Putting MicroPython on a board in BOOTSEL mode: finding its drive, refusing what is not for it, copying, waiting."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from serial.tools import list_ports
from tests.bootsel import ABSOLUTE, RP2040, RP2350, STRANGE, image, plug_in, start_chip
from typer.testing import CliRunner

from watchword.board import bootsel, doctor, ports, uf2
from watchword.cli import app
from watchword.errors import LONGEST, BoardError, DataError, WatchwordError

PLACES = {
    "linux": ("media/anna/RPI-RP2", "media/RPI-RP2", "run/media/anna/RPI-RP2", "mnt/pico", "mnt"),
    "darwin": ("Volumes/RPI-RP2",),
    "win32": ("D:", "Z:"),
}


@pytest.fixture(autouse=True)
def no_ports(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """No board is plugged in before the returned function plugs one in."""
    monkeypatch.setattr(list_ports, "comports", list)
    monkeypatch.setattr(ports, "refusal", lambda port: None)
    monkeypatch.setattr(bootsel, "_LOOK", 0.01)

    def plug(device: str) -> None:
        port = SimpleNamespace(device=device, vid=0x2E8A, pid=0x0005, product=None, description="n/a")
        monkeypatch.setattr(list_ports, "comports", lambda: [port])

    return plug


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "RPI_PICO.uf2"
    path.write_bytes(image())
    return path


@pytest.mark.parametrize(("system", "place"), [(system, place) for system, all in PLACES.items() for place in all])
@pytest.mark.parametrize("family", [RP2040, RP2350])
def test_a_drive_is_found_where_the_system_has_it(tmp_path: Path, system: str, place: str, family: int) -> None:
    drive = plug_in(tmp_path / place, family)
    assert bootsel.drives(system, tmp_path) == [drive]
    for other in PLACES.keys() - {system}:
        assert bootsel.drives(other, tmp_path) == []


def test_other_drives_are_passed_by(tmp_path: Path) -> None:
    for name, info in (("stick", None), ("feather", "Board-ID: SAMD21G18A-Feather-v0"), ("strange", "\0\xff: :"), ("none", "")):
        (tmp_path / "media/me" / name).mkdir(parents=True)
        if info is not None:
            (tmp_path / "media/me" / name / "INFO_UF2.TXT").write_bytes(info.encode("latin-1"))
    assert bootsel.drives("linux", tmp_path) == []


def test_the_file_is_copied_and_the_port_that_comes_is_the_boards(
    tmp_path: Path, file: Path, no_ports: Callable[[str], None]
) -> None:
    drive = plug_in(tmp_path / "media/me/RPI-RP2")
    got: list[bytes] = []

    def started(content: bytes) -> None:
        got.append(content)
        no_ports("/dev/ttyACM7")

    said: list[str] = []
    chip = start_chip(drive, file.stat().st_size, started)
    assert bootsel.install(file, [drive], said.append) == "/dev/ttyACM7"
    chip.join()
    assert got == [file.read_bytes()]
    assert said == [f"copying RPI_PICO.uf2 to {drive.folder}", "waiting for MicroPython"]


def refused(path: Path, drives: list[bootsel.Drive]) -> str:
    """The line that a file gets; nothing is copied."""
    with pytest.raises(WatchwordError) as error:
        bootsel.install(path, drives)
    text = str(error.value)
    assert "\n" not in text
    assert len(text) <= LONGEST
    assert not any(list(drive.folder.glob("*.uf2")) for drive in drives)
    return text


def test_files_that_are_not_for_it_are_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # so that names are short, wherever tests run
    drive = plug_in(Path("media/me/RPI-RP2"))
    whole = image(b"MicroPython".ljust(2000))
    swapped = whole[:1024] + bytes(512) + whole[1536:]
    for content, reason in (
        (b"", "not a UF2 file"),
        (b"PK" + bytes(2000), "not a UF2 file: download the one that ends in .uf2, and unpack it"),
        (whole[:-100], f"damaged: it ends within a block, at byte {len(whole) - 512}: download it again"),
        (whole[:-512], "damaged: 7 of its 8 blocks are there"),
        (whole[:512], "damaged: 1 of its 8 blocks are there"),
        (whole + whole[:512], None),  # one twice does no harm, and this test sees that it is not refused for it
        (swapped, "damaged: at byte 1024"),
        (
            image(family=RP2350),
            f"is for RP2350, and {drive.folder} is RPI-RP2: download that of your board, from micropython.org",
        ),
        (image(family=STRANGE), f"is for another chip, and {drive.folder} is RPI-RP2"),
        (image(b"a blinking light"), "is another program than MicroPython"),
    ):
        path = Path("x.uf2")
        path.write_bytes(content)
        if reason is None:
            uf2.read(path)
        else:
            assert refused(path, [drive]).startswith(f"{path}: {reason}")
    assert "cannot be read: No such file" in refused(Path("none.uf2"), [drive])
    assert "cannot be read: Is a directory" in refused(Path("."), [drive])


def test_a_file_for_several_chips_is_for_each_of_them(tmp_path: Path) -> None:
    """The block of an absolute address, which those of RP2350s begin with, says that it is one of two."""
    path = tmp_path / "both.uf2"
    path.write_bytes(image(b"E10".ljust(300), ABSOLUTE)[:512] + image() + image(family=RP2350))
    assert {RP2040, RP2350} <= set(uf2.read(path).payloads)


def test_none_or_two_boards_are_refused(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # short names
    assert "no board in BOOTSEL mode: hold its BOOTSEL button while you plug it in" in refused(file, [])
    both = [plug_in(Path("media/me/RPI-RP2")), plug_in(Path("media/me/RPI-RP21"), RP2350)]
    assert refused(file, both).startswith(f"2 boards are in BOOTSEL mode, at {both[0].folder} and {both[1].folder}")


def test_a_drive_that_stays_or_cannot_be_written_is_told(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootsel, "_GONE", 0.0)
    monkeypatch.setattr(bootsel, "_LEFT", 0.0)
    drive = plug_in(tmp_path / "media/me/RPI-RP2")
    with pytest.raises(BoardError, match="has taken RPI_PICO.uf2, and does not start it"):
        bootsel.install(file, [drive])
    (drive.folder / "micropython.uf2").unlink()
    (drive.folder / "micropython.uf2").mkdir()
    with pytest.raises(BoardError, match="cannot be written: Is a directory: plug the board in again, BOOTSEL held"):
        bootsel.install(file, [drive])


def test_a_board_whose_port_does_not_come_is_told(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootsel, "_CAME", 0.0)
    drive = plug_in(tmp_path / "media/me/RPI-RP2")
    start_chip(drive, file.stat().st_size, lambda content: None)
    with pytest.raises(BoardError, match="the board has taken RPI_PICO.uf2, but no serial port has come: plug it in again"):
        bootsel.install(file, [drive])


def test_flash_says_what_a_board_without_micropython_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # short names
    drive = plug_in(Path("media/me/RPI-RP2"))
    monkeypatch.setattr(bootsel, "drives", lambda: [drive])
    error = CliRunner().invoke(app, ["flash"]).exception
    assert isinstance(error, BoardError)
    assert str(error) == (
        f"{drive.folder}: a board in BOOTSEL mode waits for MicroPython: download its .uf2 file from "
        "micropython.org/download/RPI_PICO (or your board's page there), then type `watchword flash --uf2 FILE`"
    )
    (found,) = [finding for finding in doctor.examine() if finding.what == str(drive.folder)]
    assert (found.state, found.found) == ("wrong", "RPI-RP2, in BOOTSEL mode")
    assert found.mend == "download its .uf2 file from micropython.org/download/RPI_PICO, then: watchword flash --uf2 FILE"
    bad = tmp_path / "bad.uf2"
    bad.write_bytes(b"")
    assert isinstance(CliRunner().invoke(app, ["flash", "--uf2", str(bad)]).exception, DataError)
    assert CliRunner().invoke(app, ["flash", "--uf2", str(bad), "--on", "COM3"]).exit_code == 2


def test_a_line_keeps_what_to_do_however_long_its_paths_are(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a" * 60] * 5)
    drive, path = plug_in(deep / "media/me/RPI-RP2"), deep / "x.uf2"
    path.write_bytes(image(family=RP2350))
    text = refused(path, [drive])
    assert text.startswith("…")
    assert "x.uf2: is for RP2350, and " in text
    assert "RPI-RP2 is RPI-RP2: download that of your board, from micropython.org" in text
