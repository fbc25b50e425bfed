"""Pictures of all kinds, whole and broken."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from watchword.data import pictures
from watchword.errors import DataError


def pixels(path: Path) -> np.ndarray:
    return np.asarray(pictures.read(path)).astype(int)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F"])
def test_modes(mode: str, tmp_path: Path) -> None:
    """White and black stay what they are, whatever says so."""
    white = Image.new("L", (6, 4), 255)
    if mode in ("I;16", "I"):
        made = Image.fromarray(np.full((4, 6), 65535, np.uint16 if mode == "I;16" else np.int32))
    else:
        made = white.convert("RGB").convert(mode) if mode in ("CMYK", "YCbCr", "P", "RGBA") else white.convert(mode)
    path = tmp_path / ("x.tif" if mode in ("CMYK", "YCbCr", "F", "I") else "x.png")
    made.save(path)
    assert pictures.read(path).size == (6, 4)
    assert pixels(path).min() == 255


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 256, 32768, 65535]], np.uint16)).save(tmp_path / "x.png")
    assert pixels(tmp_path / "x.png")[0, :, 0].tolist() == [0, 1, 128, 255]


def test_what_is_transparent_becomes_white(tmp_path: Path) -> None:
    Image.new("RGBA", (2, 2), (255, 0, 0, 0)).save(tmp_path / "x.png")
    assert pixels(tmp_path / "x.png").min() == 255


def test_exif_turns_it(tmp_path: Path) -> None:
    made = Image.new("RGB", (4, 2), "black")
    made.paste("white", (0, 0, 2, 2))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned to the right
    made.save(tmp_path / "x.png", exif=exif)
    found = pixels(tmp_path / "x.png")
    assert found.shape == (4, 2, 3)
    assert found[:2].min() == 255
    assert found[2:].max() == 0


def test_sizes(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), "white").save(tmp_path / "one.png")
    assert pictures.fitted(pictures.read(tmp_path / "one.png")).shape == (120, 160, 3)
    Image.new("L", (8000, 6300), 200).save(tmp_path / "large.png")  # 50 megapixels
    assert pictures.fitted(pictures.read(tmp_path / "large.png"), (33, 21)).shape == (21, 33, 3)
    Image.new("L", (8000, 6300), 200).save(tmp_path / "large.jpg")
    assert max(pictures.read(tmp_path / "large.jpg").size) <= 8000
    Image.new("1", (20000, 8000)).save(tmp_path / "huge.png")
    with pytest.raises(DataError, match=r"huge.png: has 20000x8000 pixels, at most 150 million"):
        pictures.read(tmp_path / "huge.png")
    Image.new("1", (40000, 16000)).save(tmp_path / "bomb.png")
    with pytest.raises(DataError, match=r"bomb.png: has more than 150 million pixels"):
        pictures.read(tmp_path / "bomb.png")


def test_what_cannot_be_read_is_told_in_one_line(tmp_path: Path) -> None:
    made = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(made, "JPEG")
    whole = made.getvalue()
    cases = {"cut.jpg": whole[: len(whole) // 2], "empty.png": b"", "text.png": b"hello", "head.jpg": whole[:20]}
    made = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(made, "PNG")
    whole = made.getvalue()
    cases |= {"cut.png": whole[:-500], "flipped.png": whole[:100] + bytes([whole[100] ^ 255]) + whole[101:]}
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError) as raised:
            pictures.read(tmp_path / name)
        assert name in str(raised.value)
        assert "\n" not in str(raised.value)
    with pytest.raises(DataError, match="no such file"):
        pictures.read(tmp_path / "none.png")
    with pytest.raises(DataError, match="no such file"):
        pictures.read(tmp_path)


def test_find(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "c.txt"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in pictures.find(tmp_path)] == ["a.png", "b.JPG"]
    with pytest.raises(DataError, match="no such folder"):
        pictures.find(tmp_path / "none")


def test_without_pillow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(DataError, match=r"pip install pillow"):
        pictures.read(tmp_path)
