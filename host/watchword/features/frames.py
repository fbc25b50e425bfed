"""A camera's frame to a model's input: cropped, resized and quantized in integers, bit for bit as boards do it.

The middle of the frame that has the input's sides is taken. An output pixel is the mean of what its area covers, pixels at its
edges counting in part: down and across one after the other, in weights of 1/256.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from watchword import shipped
from watchword.errors import DataError

LONGEST: int = shipped.firmware_module("sources").LONGEST
"""Pixels that a side of a frame may have: what a row of sums holds on a board, and its line to the host."""


@dataclass(frozen=True)
class Window:
    """A stretch of pixels in the middle, of `start` to `start + size - 1`."""

    start: int
    size: int


def crop(width: int, height: int, columns: int, rows: int) -> tuple[Window, Window]:
    """(across, down): the largest part of a frame of width x height whose sides are as columns to rows, from its middle."""
    across = max(1, min(width, height * columns // rows))
    down = max(1, min(height, width * rows // columns))
    return Window((width - across) // 2, across), Window((height - down) // 2, down)


def segments(size: int, outputs: int) -> NDArray[np.uint16]:
    """How `size` pixels become `outputs`: stretches that lie in one of each, in order, as weight << 2 | ends.

    ends: 1 where the pixel ends with the stretch, 2 where the output does. The weights of an output add up to 256.
    """
    edges = np.union1d(np.arange(size + 1) * outputs, np.arange(outputs + 1) * size)  # a pixel is `outputs` long
    begins, ends = edges[:-1], edges[1:]
    covered = begins // size * size
    weights = ((ends - covered) * 512 + size) // (2 * size) - ((begins - covered) * 512 + size) // (2 * size)
    flags = (ends % outputs == 0) + 2 * (ends % size == 0)
    return np.asarray(weights << 2 | flags, np.uint16)


def table(multiplier: int, offset: int) -> NDArray[np.int8]:
    """The int8 of each pixel value, (256,): (v * multiplier + 2^15 >> 16) + offset, at most 127."""
    values: NDArray[np.int64] = (np.arange(256) * multiplier + 32768 >> 16) + offset
    return np.minimum(values, 127).astype(np.int8)


Frame = NDArray[np.uint8] | NDArray[np.uint16]
"""(height, width): grey, or RGB565."""


def to_tensor(frame: Frame, shape: tuple[int, int, int], values: NDArray[np.int8]) -> NDArray[np.int8]:
    """A frame -> the int8 input of a model, (rows, columns, channels).

    values: of `table`. DataError: a side is longer than LONGEST, or the frame has other colours than the model.
    """
    return np.asarray(values[pixels(frame, shape)])


def pixels(frame: Frame, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A frame -> what a model sees of it before it is quantized, uint8 (rows, columns, channels). DataError: as `to_tensor`."""
    rows, columns, channels = shape
    height, width = frame.shape
    check(width, height)
    if frame.dtype != (np.uint8 if channels == 1 else np.uint16):
        raise DataError(f"a frame of {frame.dtype}: models of one channel take grey uint8, of three RGB565 in uint16")
    seen = frame[..., None] if channels == 1 else from_rgb565(frame)
    across, down = crop(width, height, columns, rows)
    part = seen[down.start : down.start + down.size, across.start : across.start + across.size]
    # Whole numbers below 2^53 are exact in float64, whose products are many times as fast.
    lines = np.tensordot(_matrix(across.size, columns), part.astype(np.float64), (1, 1))  # columns, down, channels
    sums = np.tensordot(_matrix(down.size, rows), lines, (1, 1))  # rows, columns, channels
    return (sums.astype(np.int64) + 32768 >> 16).astype(np.uint8)


def check(width: int, height: int) -> None:
    """DataError where a frame has such sides as no board takes."""
    if not (1 <= width <= LONGEST and 1 <= height <= LONGEST):
        raise DataError(f"a frame of {width}x{height} pixels: sides of 1 to {LONGEST} are taken")


@cache
def _matrix(size: int, outputs: int) -> NDArray[np.float64]:
    """(outputs, size) weights of `segments`."""
    found = np.zeros((outputs, size))
    pixel = output = 0
    for segment in segments(size, outputs).tolist():
        found[output, pixel] += segment >> 2
        pixel += segment & 1
        output += segment >> 1 & 1
    return found


def camera(pixels: NDArray[np.uint8], *, colour: bool) -> Frame:
    """RGB, uint8 (height, width, 3), as a camera gives it. DataError: sides that no board takes."""
    check(pixels.shape[1], pixels.shape[0])
    if colour:
        return to_rgb565(pixels)
    grey: NDArray[np.int64] = pixels.astype(np.int64) @ np.array([77, 150, 29])
    return np.asarray(grey + 128 >> 8, np.uint8)


def to_rgb565(pixels: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """uint8 (..., 3) -> uint16 (...): 5, 6 and 5 bits of red, green and blue, as cameras give them."""
    red, green, blue = (pixels[..., i].astype(np.uint16) for i in range(3))
    return np.asarray(red >> 3 << 11 | green >> 2 << 5 | blue >> 3, np.uint16)


def from_rgb565(pixels: Frame) -> NDArray[np.uint8]:
    """The other way round; the highest bits fill the lowest, so that white is 255."""
    red, green, blue = pixels >> 11, pixels >> 5 & 63, pixels & 31
    return np.stack([red << 3 | red >> 2, green << 2 | green >> 4, blue << 3 | blue >> 2], axis=-1).astype(np.uint8)
