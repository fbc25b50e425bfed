"""Sums, products and functions of one value in viper. On words: fixedpoint_viper.py."""

import micropython
from micropython import const

from watchword.kernels.fixedpoint_viper import requantize

# Parameters of kernels/elementwise.py, written by `make parameters`:
_LOOKED_UP = const(65536)
_INPUT = const(0)
_OUTPUT = const(1)
_SUMS = const(7)
_OTHER = const(9)
_OTHER_IS_CONSTANT = const(10)
_PLANES = const(11)
_LINES = const(12)
_VALUES = const(13)
_INPUT_ROW_STEP = const(14)
_INPUT_PLANE_STEP = const(15)
_INPUT_LINE_STEP = const(16)
_INPUT_VALUE_STEP = const(17)
_OTHER_ROW_STEP = const(18)
_OTHER_PLANE_STEP = const(19)
_OTHER_LINE_STEP = const(20)
_OTHER_VALUE_STEP = const(21)
_TILE = const(22)
_INPUT_TABLE = const(23)
_OTHER_TABLE = const(24)
_INPUT_ZERO_POINT = const(23)
_OTHER_ZERO_POINT = const(24)
_DEPTH = const(2)
_TABLE = const(3)
_POSITIVE_TABLE = const(25)


def add(p, arena, constants, rows):
    """A value of the one table and a value of the other; Subtract differs in the tables only."""
    _tiles(p, arena, constants, rows, _sums, requantize)


def multiply(p, arena, constants, rows):
    """(x - its zero point) * (y - its zero point)."""
    _tiles(p, arena, constants, rows, _products, requantize)


def prelu(p, arena, constants, rows):
    """(x - its zero point) * (y - its zero point), or what the table has for x."""
    _tiles(p, arena, constants, rows, _slopes, _slope_outputs)


@micropython.viper
def _tiles(p, arena, constants, rows: int, combine, finish):
    """Tiles of outputs, across the ends of axes: first all their sums, since the output may take the place of an input."""
    q = ptr32(p)
    other = arena
    if q[_OTHER_IS_CONSTANT]:
        other = constants
    tile = q[_TILE]
    to = q[_OUTPUT] + (rows & 0xFFFF) * q[_PLANES] * q[_LINES] * q[_VALUES]
    n = 0
    for row in range(rows & 0xFFFF, rows >> 16):
        for i in range(q[_PLANES]):
            for j in range(q[_LINES]):
                x = q[_INPUT] + row * q[_INPUT_ROW_STEP] + i * q[_INPUT_PLANE_STEP] + j * q[_INPUT_LINE_STEP]
                y = q[_OTHER] + row * q[_OTHER_ROW_STEP] + i * q[_OTHER_PLANE_STEP] + j * q[_OTHER_LINE_STEP]
                left = q[_VALUES]
                while left:
                    run = tile - n
                    if run > left:
                        run = left
                    combine(arena, other, x, y, run, n, p, constants)
                    x += run * q[_INPUT_VALUE_STEP]
                    y += run * q[_OTHER_VALUE_STEP]
                    left -= run
                    n += run
                    if n == tile:
                        finish(p, 0, n, arena, constants, to)
                        to += n
                        n = 0
    finish(p, 0, n, arena, constants, to)


@micropython.viper
def _sums(x: ptr8, y: ptr8, at: int, other: int, n: int, place: int, p: ptr32, constants: ptr8):
    """n sums from number `place` on. x: the arena, from `at` on; y: the buffer of the other input, from `other` on."""
    sums = ptr32(uint(x) + p[_SUMS] + (place << 2))
    x = ptr8(uint(x) + at)
    y = ptr8(uint(y) + other)
    table = ptr32(uint(constants) + p[_INPUT_TABLE])
    other_table = ptr32(uint(constants) + p[_OTHER_TABLE])
    step = p[_INPUT_VALUE_STEP]
    other_step = p[_OTHER_VALUE_STEP]
    while n:
        sums[0] = table[x[0] ^ 128] + other_table[y[0] ^ 128]
        sums = ptr32(int(sums) + 4)
        x = ptr8(int(x) + step)
        y = ptr8(int(y) + other_step)
        n -= 1


@micropython.viper
def _products(x: ptr8, y: ptr8, at: int, other: int, n: int, place: int, p: ptr32, constants: ptr8):
    """As _sums."""
    sums = ptr32(uint(x) + p[_SUMS] + (place << 2))
    x = ptr8(uint(x) + at)
    y = ptr8(uint(y) + other)
    zero = p[_INPUT_ZERO_POINT]
    other_zero = p[_OTHER_ZERO_POINT]
    step = p[_INPUT_VALUE_STEP]
    other_step = p[_OTHER_VALUE_STEP]
    while n:
        sums[0] = ((x[0] ^ 128) - zero) * ((y[0] ^ 128) - other_zero)
        sums = ptr32(int(sums) + 4)
        x = ptr8(int(x) + step)
        y = ptr8(int(y) + other_step)
        n -= 1


@micropython.viper
def _slopes(x: ptr8, y: ptr8, at: int, other: int, n: int, place: int, p: ptr32, constants: ptr8):
    """As _sums."""
    sums = ptr32(uint(x) + p[_SUMS] + (place << 2))
    x = ptr8(uint(x) + at)
    y = ptr8(uint(y) + other)
    zero = p[_INPUT_ZERO_POINT]
    other_zero = p[_OTHER_ZERO_POINT]
    step = p[_INPUT_VALUE_STEP]
    other_step = p[_OTHER_VALUE_STEP]
    while n:
        v = (x[0] ^ 128) - zero
        if v < 0:
            sums[0] = v * ((y[0] ^ 128) - other_zero)
        else:
            sums[0] = _LOOKED_UP + v
        sums = ptr32(int(sums) + 4)
        x = ptr8(int(x) + step)
        y = ptr8(int(y) + other_step)
        n -= 1


@micropython.viper
def _slope_outputs(p, v: int, n: int, arena, constants, to: int):
    """As requantize, of sums that _slopes made."""
    requantize(p, v, n, arena, constants, to)
    _positive_outputs(p, n, arena, constants, to)


@micropython.viper
def _positive_outputs(p: ptr32, n: int, arena: ptr8, constants: ptr8, to: int):
    sums = ptr32(uint(arena) + p[_SUMS])
    out = ptr8(uint(arena) + to)
    constants = ptr8(uint(constants) + p[_POSITIVE_TABLE])
    while n:
        if sums[0] >> 8 == _LOOKED_UP >> 8:
            out[0] = constants[sums[0] & 255]
        sums = ptr32(int(sums) + 4)
        out = ptr8(int(out) + 1)
        n -= 1


def lookup(p, arena, constants, rows):
    """The table's value for every input; may be done in place."""
    first = rows & 0xFFFF
    at = first * p[_DEPTH]
    _look_up(arena, arena, p[_INPUT] + at, p[_OUTPUT] + at, ((rows >> 16) - first) * p[_DEPTH], constants, p[_TABLE])


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
