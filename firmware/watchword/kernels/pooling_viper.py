"""Pools and means in viper. Layouts of the parameters: kernels/__init__.py; on words and numbers: fixedpoint_viper.py."""

import micropython

from watchword.kernels.fixedpoint_viper import requantize


def average_pool(p, arena, constants, first, last):
    """Mean over the places inside the input, rounded half away from zero."""
    for y in range(first, last):
        for x in range(p[13]):
            _average(arena, 0, p, y, x)


def max_pool(p, arena, constants, first, last):
    """The greatest value inside the input, clamped."""
    for y in range(first, last):
        for x in range(p[13]):
            _greatest(arena, 0, p, y, x)


@micropython.viper
def _average(x: ptr8, s: int, p: ptr32, y: int, column: int):
    """All channels of output (y, column). x: the arena; s: 0."""
    out = ptr8(uint(x) + p[1] + (y * p[13] + column) * p[11])
    top = y * p[17] - p[19]
    bottom = top + p[15]
    if top < 0:
        top = 0
    if bottom > p[9]:
        bottom = p[9]
    left = column * p[18] - p[20]
    right = left + p[16]
    if left < 0:
        left = 0
    if right > p[10]:
        right = p[10]
    first = uint(x) + p[0] + (top * p[10] + left) * p[11]
    row = p[10] * p[11]
    channels = p[11]
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
        if s < p[2]:
            s = p[2]
        if s > p[3]:
            s = p[3]
        out[c] = s ^ 128


@micropython.viper
def _greatest(x: ptr8, v: int, p: ptr32, y: int, column: int):
    """As _average."""
    out = ptr8(uint(x) + p[1] + (y * p[13] + column) * p[11])
    top = y * p[17] - p[19]
    bottom = top + p[15]
    if top < 0:
        top = 0
    if bottom > p[9]:
        bottom = p[9]
    left = column * p[18] - p[20]
    right = left + p[16]
    if left < 0:
        left = 0
    if right > p[10]:
        right = p[10]
    first = uint(x) + p[0] + (top * p[10] + left) * p[11]
    row = p[10] * p[11]
    channels = p[11]
    width = right - left
    for c in range(channels):
        start = first + c
        greatest = p[2]  # the lower end of the clamp
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
        if greatest > p[3]:
            greatest = p[3]
        out[c] = greatest ^ 128


def mean(p, arena, constants, first, last):
    """Over p[9] places of p[10] values each; the compiler folds the zero point into the bias."""
    n = p[10]
    tile = p[11]
    for row in range(first, last):
        start = 0
        while start < n:
            count = min(tile, n - start)
            _places(arena, 0, p, p[0] + row * p[9] * n + start, count)
            requantize(p, 0, count, arena, constants, p[1] + row * n + start)
            start += count


@micropython.viper
def _places(x: ptr8, s: int, p: ptr32, at: int, n: int):
    """Sums over all places of n neighbouring values, each plus 128. x: the arena, s: 0."""
    start = uint(x) + at
    sums = ptr32(uint(x) + p[7])
    step = p[10]
    for c in range(n):
        x = ptr8(start + c)
        s = 0
        left = p[9]
        while left:
            s += x[0] ^ 128
            x = ptr8(int(x) + step)
            left -= 1
        sums[c] = s
