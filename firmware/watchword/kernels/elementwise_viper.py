"""Sums, products and functions of one value in viper. Layouts: kernels/__init__.py; on words: fixedpoint_viper.py."""

import micropython

from watchword.kernels.fixedpoint_viper import requantize


def add(p, arena, constants, first, last):
    """A value of the one table and a value of the other; Subtract differs in the tables only."""
    _combine(p, arena, constants, first, last, False)


def multiply(p, arena, constants, first, last):
    """(x - its zero point) * (y - its zero point)."""
    _combine(p, arena, constants, first, last, True)


@micropython.viper
def _combine(p, arena, constants, first: int, last: int, product: bool):
    """Tiles of outputs, across the ends of axes: first all their sums, since the output may take the place of an input."""
    q = ptr32(p)
    base = uint(ptr8(arena))
    sums = ptr32(base + q[7])
    others = base
    if q[10]:
        others = uint(ptr8(constants))
    # the tables of a sum, or the zero points of a product
    table = ptr32(uint(ptr8(constants)) + q[22])
    other_table = ptr32(uint(ptr8(constants)) + q[23])
    zero = q[22]
    other_zero = q[23]
    step = q[17]
    other_step = q[21]
    tile = q[24]
    to = q[1] + first * q[11] * q[12] * q[13]
    n = 0
    for row in range(first, last):
        for i in range(q[11]):
            for j in range(q[12]):
                x = ptr8(base + q[0] + row * q[14] + i * q[15] + j * q[16])
                y = ptr8(others + q[9] + row * q[18] + i * q[19] + j * q[20])
                for _ in range(q[13]):
                    if product:
                        sums[n] = ((x[0] ^ 128) - zero) * ((y[0] ^ 128) - other_zero)
                    else:
                        sums[n] = table[x[0] ^ 128] + other_table[y[0] ^ 128]
                    x = ptr8(int(x) + step)
                    y = ptr8(int(y) + other_step)
                    n += 1
                    if n == tile:
                        requantize(p, 0, n, arena, constants, to)
                        to += n
                        n = 0
    requantize(p, 0, n, arena, constants, to)


@micropython.viper
def lookup(p: ptr32, arena: ptr8, constants: ptr8, first: int, last: int):
    """The table's value for every input; may be done in place."""
    n = p[2]
    table = ptr8(uint(constants) + p[3])
    to = ptr8(uint(arena) + p[1] + first * n)
    constants = ptr8(uint(arena) + p[0] + first * n)
    end = int(constants) + (last - first) * n
    while int(constants) < end:
        to[0] = table[constants[0] ^ 128]
        to = ptr8(int(to) + 1)
        constants = ptr8(int(constants) + 1)
