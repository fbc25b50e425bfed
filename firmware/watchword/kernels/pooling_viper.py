"""Pools and means in viper. Layouts of the parameters: kernels/__init__.py; on words and numbers: fixedpoint_viper.py."""

import micropython

from watchword.kernels.fixedpoint_viper import requantize


@micropython.viper
def average_pool(p: ptr32, arena: ptr8, constants: ptr8, first: int, last: int):
    """Mean over the places inside the input, rounded half away from zero."""
    height = p[9]
    width = p[10]
    channels = p[11]
    for y in range(first, last):
        top = y * p[17] - p[19]
        bottom = top + p[15]
        if top < 0:
            top = 0
        if bottom > height:
            bottom = height
        for x in range(p[13]):
            left = x * p[18] - p[20]
            right = left + p[16]
            if left < 0:
                left = 0
            if right > width:
                right = width
            count = (bottom - top) * (right - left)
            out = ptr8(uint(arena) + p[1] + (y * p[13] + x) * channels)
            for c in range(channels):
                s = 0
                for row in range(top, bottom):
                    source = ptr8(uint(arena) + p[0] + (row * width + left) * channels + c)
                    for _ in range(left, right):
                        s += (source[0] ^ 128) - 128
                        source = ptr8(uint(source) + channels)
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
def max_pool(p: ptr32, arena: ptr8, constants: ptr8, first: int, last: int):
    """The greatest value inside the input, clamped."""
    height = p[9]
    width = p[10]
    channels = p[11]
    for y in range(first, last):
        top = y * p[17] - p[19]
        bottom = top + p[15]
        if top < 0:
            top = 0
        if bottom > height:
            bottom = height
        for x in range(p[13]):
            left = x * p[18] - p[20]
            right = left + p[16]
            if left < 0:
                left = 0
            if right > width:
                right = width
            out = ptr8(uint(arena) + p[1] + (y * p[13] + x) * channels)
            for c in range(channels):
                greatest = p[2]  # the clamp's lower end
                for row in range(top, bottom):
                    source = ptr8(uint(arena) + p[0] + (row * width + left) * channels + c)
                    for _ in range(left, right):
                        v = source[0] ^ 128
                        if v > greatest:
                            greatest = v
                        source = ptr8(uint(source) + channels)
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
            _places(p, arena, p[0] + row * p[9] * n + start, count)
            requantize(p, 0, count, arena, constants, p[1] + row * n + start)
            start += count


@micropython.viper
def _places(p: ptr32, arena: ptr8, source: int, n: int):
    """Sums over all places of n neighbouring values, each plus 128."""
    sums = ptr32(uint(arena) + p[7])
    places = p[9]
    step = p[10]
    for c in range(n):
        x = ptr8(uint(arena) + source + c)
        s = 0
        for _ in range(places):
            s += x[0] ^ 128
            x = ptr8(uint(x) + step)
        sums[c] = s
