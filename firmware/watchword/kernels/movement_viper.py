"""Moving bytes in viper. Layouts of the parameters: kernels/__init__.py."""

import micropython


def copy(p, arena, constants, first, last):
    """An array of four axes from any places to any places, from the front: where the two overlap, `to` is before `source`."""
    source = constants if p[2] else arena
    for row in range(first, last):
        for i in range(p[3]):
            _plane(source, arena, p, p[0] + row * p[6] + i * p[7], p[1] + row * p[10] + i * p[11])


@micropython.viper
def _plane(x: ptr8, y: ptr8, p: ptr32, at: int, to: int):
    """The last two axes. x: the source's buffer, y: the arena."""
    source = uint(x) + at
    target = uint(y) + to
    columns = p[5]
    top = 1
    top <<= 31
    down = (p[8] ^ top) - top  # parameters are zero-extended on 64 bits, and steps may be negative
    across = (p[9] ^ top) - top
    to_down = (p[12] ^ top) - top
    to_across = (p[13] ^ top) - top
    for _ in range(p[4]):
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
def fill(p: ptr32, arena: ptr8, constants: ptr8, first: int, last: int):
    """One value in all places."""
    v = p[2] ^ 128
    n = (last - first) * p[3]
    arena = ptr8(uint(arena) + p[1] + first * p[3])
    while n:
        arena[0] = v
        arena = ptr8(int(arena) + 1)
        n -= 1
