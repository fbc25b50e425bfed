"""The flash image of the virtual Pico: files where the rp2 port finds them, and what a new firmware replaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchword.board.virtual.pico import image
from watchword.errors import BoardError

MICROPYTHON = b"\x01\x02" * 1000


@pytest.fixture
def flash(tmp_path: Path) -> Path:
    path = tmp_path / "board.img"
    image.write(path, MICROPYTHON, {})
    return path


def test_files_are_read_back(flash: Path) -> None:
    files = {"main.py": b"import x", "watchword/kernels/a.mpy": bytes(range(256)) * 40, "empty": b""}
    image.write(flash, MICROPYTHON, files)
    assert image.read(flash) == {f"/{name}": data for name, data in files.items()}
    assert flash.stat().st_size == image.SIZE
    assert flash.read_bytes()[: len(MICROPYTHON)] == MICROPYTHON


def test_a_new_firmware_replaces_its_files_and_leaves_all_others(flash: Path) -> None:
    image.write(flash, MICROPYTHON, {"main.py": b"mine", "watchword/old.mpy": b"1", "ww/state.json": b"{}"})
    image.update(flash, b"\x03" * 10, {"main.py": b"theirs", "watchword/app.mpy": b"2"})
    assert image.read(flash) == {"/main.py": b"mine", "/watchword/app.mpy": b"2", "/ww/state.json": b"{}"}
    assert flash.read_bytes()[:12] == b"\x03" * 10 + MICROPYTHON[10:12]


def test_a_new_board_gets_a_main(flash: Path) -> None:
    image.update(flash, MICROPYTHON, {"main.py": b"theirs"})
    assert image.read(flash) == {"/main.py": b"theirs"}


def test_an_image_that_is_up_to_date_is_left_alone(flash: Path) -> None:
    image.update(flash, MICROPYTHON, {"main.py": b"1"})
    before = flash.stat()
    image.update(flash, MICROPYTHON, {"main.py": b"1"})
    assert flash.stat().st_mtime_ns == before.st_mtime_ns
    assert flash.stat().st_ino == before.st_ino


def test_what_is_no_image_is_refused(flash: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.img"
    small.write_bytes(b"x")
    with pytest.raises(BoardError, match="it has 1 bytes, not 2097152"):
        image.update(small, MICROPYTHON, {})
    flash.write_bytes(bytes(image.SIZE))
    with pytest.raises(BoardError, match="its file system cannot be read"):
        image.update(flash, MICROPYTHON, {})
