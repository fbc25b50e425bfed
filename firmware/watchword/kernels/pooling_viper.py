"""Pools and means in viper. On words and numbers: fixedpoint_viper.py."""

import micropython
from micropython import const

from watchword.kernels.fixedpoint_viper import requantize

# Parameters of kernels/pooling.py, written by `make parameters`:
_INPUT = const(0)
_OUTPUT = const(1)
_MINIMUM = const(2)
_MAXIMUM = const(3)
_INPUT_HEIGHT = const(4)
_INPUT_WIDTH = const(5)
_INPUT_CHANNELS = const(6)
_OUTPUT_WIDTH = const(8)
_KERNEL_HEIGHT = const(10)
_KERNEL_WIDTH = const(11)
_STRIDE_Y = const(12)
_STRIDE_X = const(13)
_PADDING_TOP = const(14)
_PADDING_LEFT = const(15)
_SUMS = const(7)
_PLACES = const(9)
_DEPTH = const(10)
_TILE = const(11)


def average_pool(p, arena, constants, rows):
    """Mean over the places inside the input, rounded half away from zero."""
    for y in range(rows & 0xFFFF, rows >> 16):
        for x in range(p[_OUTPUT_WIDTH]):
            _average(arena, 0, p, y, x)


def max_pool(p, arena, constants, rows):
    """The greatest value inside the input, clamped."""
    for y in range(rows & 0xFFFF, rows >> 16):
        for x in range(p[_OUTPUT_WIDTH]):
            _greatest(arena, 0, p, y, x)


@micropython.viper
def _average(x: ptr8, s: int, p: ptr32, y: int, column: int):
    """All channels of output (y, column). x: the arena; s: 0."""
    out = ptr8(uint(x) + p[_OUTPUT] + (y * p[_OUTPUT_WIDTH] + column) * p[_INPUT_CHANNELS])
    top = y * p[_STRIDE_Y] - p[_PADDING_TOP]
    bottom = top + p[_KERNEL_HEIGHT]
    if top < 0:
        top = 0
    if bottom > p[_INPUT_HEIGHT]:
        bottom = p[_INPUT_HEIGHT]
    left = column * p[_STRIDE_X] - p[_PADDING_LEFT]
    right = left + p[_KERNEL_WIDTH]
    if left < 0:
        left = 0
    if right > p[_INPUT_WIDTH]:
        right = p[_INPUT_WIDTH]
    first = uint(x) + p[_INPUT] + (top * p[_INPUT_WIDTH] + left) * p[_INPUT_CHANNELS]
    row = p[_INPUT_WIDTH] * p[_INPUT_CHANNELS]
    channels = p[_INPUT_CHANNELS]
    width = right - left
    count = (bottom - top) * width
    for c in range(channels):
        start = first + c
        s = 0
        for _ in range(top, bottom):
            x = ptr8(start)
            n = width
            while n:
                s += x[0] ^ 128
                x = ptr8(int(x) + channels)
                n -= 1
            start += row
        s -= count << 7
        if s < 0:
            s = 128 - ((count >> 1) - s) // count
        else:
            s = 128 + ((count >> 1) + s) // count
        if s < p[_MINIMUM]:
            s = p[_MINIMUM]
        if s > p[_MAXIMUM]:
            s = p[_MAXIMUM]
        out[c] = s ^ 128


@micropython.viper
def _greatest(x: ptr8, v: int, p: ptr32, y: int, column: int):
    """As _average."""
    out = ptr8(uint(x) + p[_OUTPUT] + (y * p[_OUTPUT_WIDTH] + column) * p[_INPUT_CHANNELS])
    top = y * p[_STRIDE_Y] - p[_PADDING_TOP]
    bottom = top + p[_KERNEL_HEIGHT]
    if top < 0:
        top = 0
    if bottom > p[_INPUT_HEIGHT]:
        bottom = p[_INPUT_HEIGHT]
    left = column * p[_STRIDE_X] - p[_PADDING_LEFT]
    right = left + p[_KERNEL_WIDTH]
    if left < 0:
        left = 0
    if right > p[_INPUT_WIDTH]:
        right = p[_INPUT_WIDTH]
    first = uint(x) + p[_INPUT] + (top * p[_INPUT_WIDTH] + left) * p[_INPUT_CHANNELS]
    row = p[_INPUT_WIDTH] * p[_INPUT_CHANNELS]
    channels = p[_INPUT_CHANNELS]
    width = right - left
    for c in range(channels):
        start = first + c
        greatest = p[_MINIMUM]  # the lower end of the clamp
        for _ in range(top, bottom):
            x = ptr8(start)
            n = width
            while n:
                v = x[0] ^ 128
                if v > greatest:
                    greatest = v
                x = ptr8(int(x) + channels)
                n -= 1
            start += row
        if greatest > p[_MAXIMUM]:
            greatest = p[_MAXIMUM]
        out[c] = greatest ^ 128


def mean(p, arena, constants, rows):
    """Over `places` places of `depth` values each; the compiler folds the zero point into the bias."""
    n = p[_DEPTH]
    tile = p[_TILE]
    for row in range(rows & 0xFFFF, rows >> 16):
        start = 0
        while start < n:
            count = min(tile, n - start)
            _places(arena, 0, p, p[_INPUT] + row * p[_PLACES] * n + start, count)
            requantize(p, 0, count, arena, constants, p[_OUTPUT] + row * n + start)
            start += count


@micropython.viper
def _places(x: ptr8, s: int, p: ptr32, at: int, n: int):
    """Sums over all places of n neighbouring values, each plus 128. x: the arena, s: 0."""
    start = uint(x) + at
    sums = ptr32(uint(x) + p[_SUMS])
    step = p[_DEPTH]
    for c in range(n):
        x = ptr8(start + c)
        s = 0
        left = p[_PLACES]
        while left:
            s += x[0] ^ 128
            x = ptr8(int(x) + step)
            left -= 1
        sums[c] = s
