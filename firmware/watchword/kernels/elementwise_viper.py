"""Sums, products and functions of one value in viper. Layouts: kernels/__init__.py; on words: fixedpoint_viper.py."""

import micropython

from watchword.kernels.fixedpoint_viper import requantize


def add(p, arena, constants, first, last):
    """A value of the one table and a value of the other; Subtract differs in the tables only."""
    _walk(p, arena, constants, first, last, _sums)


def multiply(p, arena, constants, first, last):
    """(x - its zero point) * (y - its zero point)."""
    _walk(p, arena, constants, first, last, _products)


@micropython.viper
def _walk(p, arena, constants, first: int, last: int, combine):
    """Tiles of outputs, across the ends of axes: first all their sums, since the output may take the place of an input."""
    q = ptr32(p)
    other = arena
    if q[10]:
        other = constants
    tile = q[24]
    to = q[1] + first * q[11] * q[12] * q[13]
    n = 0
    for row in range(first, last):
        for i in range(q[11]):
            for j in range(q[12]):
                x = q[0] + row * q[14] + i * q[15] + j * q[16]
                y = q[9] + row * q[18] + i * q[19] + j * q[20]
                left = q[13]
                while left:
                    run = tile - n
                    if run > left:
                        run = left
                    combine(arena, other, x, y, run, n, p, constants)
                    x += run * q[17]
                    y += run * q[21]
                    left -= run
                    n += run
                    if n == tile:
                        requantize(p, 0, n, arena, constants, to)
                        to += n
                        n = 0
    requantize(p, 0, n, arena, constants, to)


@micropython.viper
def _sums(x: ptr8, y: ptr8, at: int, other: int, n: int, place: int, p: ptr32, constants: ptr8):
    """n sums from number `place` on. x: the arena, from `at` on; y: the buffer of the other input, from `other` on."""
    sums = ptr32(uint(x) + p[7] + (place << 2))
    x = ptr8(uint(x) + at)
    y = ptr8(uint(y) + other)
    table = ptr32(uint(constants) + p[22])
    other_table = ptr32(uint(constants) + p[23])
    step = p[17]
    other_step = p[21]
    while n:
        sums[0] = table[x[0] ^ 128] + other_table[y[0] ^ 128]
        sums = ptr32(int(sums) + 4)
        x = ptr8(int(x) + step)
        y = ptr8(int(y) + other_step)
        n -= 1


@micropython.viper
def _products(x: ptr8, y: ptr8, at: int, other: int, n: int, place: int, p: ptr32, constants: ptr8):
    """As _sums."""
    sums = ptr32(uint(x) + p[7] + (place << 2))
    x = ptr8(uint(x) + at)
    y = ptr8(uint(y) + other)
    zero = p[22]
    other_zero = p[23]
    step = p[17]
    other_step = p[21]
    while n:
        sums[0] = ((x[0] ^ 128) - zero) * ((y[0] ^ 128) - other_zero)
        sums = ptr32(int(sums) + 4)
        x = ptr8(int(x) + step)
        y = ptr8(int(y) + other_step)
        n -= 1


def lookup(p, arena, constants, first, last):
    """The table's value for every input; may be done in place."""
    at = first * p[2]
    _look_up(arena, arena, p[0] + at, p[1] + at, (last - first) * p[2], constants, p[3])


@micropython.viper
def _look_up(x: ptr8, y: ptr8, at: int, to: int, n: int, constants: ptr8, table: int):
    """x, y: the arena."""
    x = ptr8(uint(x) + at)
    y = ptr8(uint(y) + to)
    constants = ptr8(uint(constants) + table)
    while n:
        y[0] = constants[x[0] ^ 128]
        x = ptr8(int(x) + 1)
        y = ptr8(int(y) + 1)
        n -= 1
