"""Frames brought to a model's input. Boards' kernels are compared with this code in tests/device."""

from __future__ import annotations

import numpy as np
import pytest

from watchword.errors import DataError
from watchword.features import frames

PLAIN = frames.table(1 << 16, -128)


def test_an_output_is_the_mean_of_its_area() -> None:
    """To within what weights of 1/256 allow."""
    rng = np.random.default_rng(1)
    for height, width, rows, columns in ((120, 160, 96, 96), (31, 97, 20, 28), (15, 20, 33, 21), (7, 5, 3, 2)):
        frame = rng.integers(0, 256, (height, width)).astype(np.uint8)
        across, down = frames.crop(width, height, columns, rows)
        part = frame[down.start : down.start + down.size, across.start : across.start + across.size].astype(float)
        # each pixel as rows x columns equal ones: whole ones make up every output
        fine = part.repeat(rows, 0).repeat(columns, 1).reshape(rows, down.size, columns, across.size).mean((1, 3))
        found = frames.to_tensor(frame, (rows, columns, 1), PLAIN)[..., 0].astype(int) + 128
        assert np.abs(found - fine).max() <= 2


def test_a_frame_of_the_input_size_comes_through_unchanged() -> None:
    frame = np.arange(96 * 96).reshape(96, 96).astype(np.uint8)
    assert np.array_equal(frames.to_tensor(frame, (96, 96, 1), PLAIN)[..., 0], (frame ^ 128).view(np.int8))


@pytest.mark.parametrize("value", [0, 1, 127, 128, 255])
def test_one_colour_stays_one_colour(value: int) -> None:
    for size in ((1, 1), (3, 640), (97, 96)):
        found = frames.to_tensor(np.full(size, value, np.uint8), (10, 12, 1), PLAIN)
        assert (found == value - 128).all()


def test_colours_come_in_their_order() -> None:
    red = np.full((8, 8), 31 << 11, np.uint16)
    assert frames.to_tensor(red, (4, 4, 3), PLAIN)[0, 0].tolist() == [127, -128, -128]
    assert frames.from_rgb565(np.array([0xFFFF, 0, 0x07E0], np.uint16)).tolist() == [[255] * 3, [0] * 3, [0, 255, 0]]
    pixels = np.random.default_rng(0).integers(0, 256, (50, 3)).astype(np.uint8)
    again = frames.from_rgb565(frames.to_rgb565(pixels))
    assert np.abs(again.astype(int) - pixels).max() <= 7
    assert np.array_equal(frames.to_rgb565(again), frames.to_rgb565(pixels))


@pytest.mark.parametrize("size", [1, 2, 95, 96, 97, 120, 640])
@pytest.mark.parametrize("outputs", [1, 2, 7, 96])
def test_stretches(size: int, outputs: int) -> None:
    table = frames.segments(size, outputs)
    assert (table & 1).sum() == size
    assert (table >> 1 & 1).sum() == outputs
    ends = np.flatnonzero(table & 2)
    assert np.add.reduceat(table >> 2, [0, *(ends[:-1] + 1)]).tolist() == [256] * outputs


def test_the_middle_is_taken() -> None:
    assert frames.crop(160, 120, 96, 96) == (frames.Window(20, 120), frames.Window(0, 120))
    assert frames.crop(120, 160, 96, 96) == (frames.Window(0, 120), frames.Window(20, 120))
    assert frames.crop(1, 640, 96, 96) == (frames.Window(0, 1), frames.Window(319, 1))
    assert frames.crop(160, 120, 64, 48) == (frames.Window(0, 160), frames.Window(0, 120))


def test_scaling() -> None:
    assert frames.table(1 << 16, -128).tolist() == list(range(-128, 128))
    assert frames.table(1 << 20, -128).max() == 127
    assert frames.table(32768, 0).tolist()[:4] == [0, 1, 1, 2]


def test_what_no_board_takes() -> None:
    with pytest.raises(DataError, match="641x4 pixels: sides of 1 to 640"):
        frames.to_tensor(np.zeros((4, 641), np.uint8), (4, 4, 1), PLAIN)
    with pytest.raises(DataError, match="grey uint8"):
        frames.to_tensor(np.zeros((4, 4), np.uint8), (4, 4, 3), PLAIN)
    with pytest.raises(DataError, match="0x4"):
        frames.camera(np.zeros((4, 0, 3), np.uint8), colour=True)
