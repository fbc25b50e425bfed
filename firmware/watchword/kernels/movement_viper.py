"""Moving bytes in viper."""

import micropython
from micropython import const

# Parameters of kernels/movement.py, written by `make parameters`:
_INPUT = const(0)
_OUTPUT = const(1)
_INPUT_IS_CONSTANT = const(2)
_PLANES = const(3)
_LINES = const(4)
_VALUES = const(5)
_INPUT_ROW_STEP = const(6)
_INPUT_PLANE_STEP = const(7)
_INPUT_LINE_STEP = const(8)
_INPUT_VALUE_STEP = const(9)
_OUTPUT_ROW_STEP = const(10)
_OUTPUT_PLANE_STEP = const(11)
_OUTPUT_LINE_STEP = const(12)
_OUTPUT_VALUE_STEP = const(13)
_VALUE = const(2)
_ROW_SIZE = const(3)


def copy(p, arena, constants, rows):
    """An array of four axes from any places to any places, from the front: where the two overlap, `to` is before `source`."""
    source = constants if p[_INPUT_IS_CONSTANT] else arena
    for row in range(rows & 0xFFFF, rows >> 16):
        for i in range(p[_PLANES]):
            _plane(
                source,
                arena,
                p,
                p[_INPUT] + row * p[_INPUT_ROW_STEP] + i * p[_INPUT_PLANE_STEP],
                p[_OUTPUT] + row * p[_OUTPUT_ROW_STEP] + i * p[_OUTPUT_PLANE_STEP],
            )


@micropython.viper
def _plane(x: ptr8, y: ptr8, p: ptr32, at: int, to: int):
    """The last two axes. x: the source's buffer, y: the arena."""
    source = uint(x) + at
    target = uint(y) + to
    columns = p[_VALUES]
    top = 1
    top <<= 31
    down = (p[_INPUT_LINE_STEP] ^ top) - top  # parameters are zero-extended on 64 bits, and steps may be negative
    across = (p[_INPUT_VALUE_STEP] ^ top) - top
    to_down = (p[_OUTPUT_LINE_STEP] ^ top) - top
    to_across = (p[_OUTPUT_VALUE_STEP] ^ top) - top
    for _ in range(p[_LINES]):
        x = ptr8(source)
        y = ptr8(target)
        n = columns
        if across == 1 and to_across == 1:
            if (int(x) | int(y) | n) & 3 == 0:
                while n:
                    ptr32(y)[0] = ptr32(x)[0]
                    x = ptr8(int(x) + 4)
                    y = ptr8(int(y) + 4)
                    n -= 4
            while n:
                y[0] = x[0]
                x = ptr8(int(x) + 1)
                y = ptr8(int(y) + 1)
                n -= 1
        else:
            while n:
                y[0] = x[0]
                x = ptr8(int(x) + across)
                y = ptr8(int(y) + to_across)
                n -= 1
        source += down
        target += to_down


@micropython.viper
def fill(p: ptr32, arena: ptr8, constants: ptr8, rows: int):
    """One value in all places."""
    v = p[_VALUE] ^ 128
    first = rows & 0xFFFF
    n = ((rows >> 16) - first) * p[_ROW_SIZE]
    arena = ptr8(uint(arena) + p[_OUTPUT] + first * p[_ROW_SIZE])
    while n:
        arena[0] = v
        arena = ptr8(int(arena) + 1)
        n -= 1
