"""SVDF in viper. Layout of the parameters: kernels/__init__.py; on words and numbers: fixedpoint_viper.py."""

import micropython

from watchword.kernels.convolution_viper import dots
from watchword.kernels.fixedpoint_viper import rescale


def svdf(p, arena, constants, first, last):
    """One step: each filter's result over the input is remembered, then each unit's filters over what is remembered."""
    units = p[10]
    sums = p[7]
    patch = p[17]
    length = p[18]
    total = _patch(p, arena)
    f = 0
    for _ in range(p[11]):  # as many filters at once as there are units: so many sums have room
        dots(arena, constants, total, patch, length >> 3, p[13] + f * length, sums, units)
        rescale(arena, constants, sums, p[16] + 16 * f, 16, units)
        _remember(p, arena, f)
        f += units
    _time(arena, constants, p)
    rescale(arena, constants, sums, p[5], p[6], units)
    _finish(p, arena)


@micropython.viper
def _patch(p: ptr32, arena: ptr8) -> int:
    """The input plus 128, then zeros up to the patch's length; their sum."""
    x = ptr8(uint(arena) + p[0])
    patch = ptr8(uint(arena) + p[17])
    total = 0
    for i in range(p[9]):
        v = x[i] ^ 128
        patch[i] = v
        total += v
    for i in range(p[9], p[18]):
        patch[i] = 0
    return total


@micropython.viper
def _remember(p: ptr32, arena: ptr8, f: int):
    """Move the state of the filters from f on one step, and add what the sums hold, clamped to int16."""
    steps = p[12]
    sums = ptr32(uint(arena) + p[7])
    row = ptr16(uint(arena) + p[15] + 2 * f * steps)
    top = 1
    top <<= 31
    last = steps - 1
    for i in range(p[10]):
        for k in range(last):
            row[k] = row[k + 1]
        v = (sums[i] ^ top) - top
        if v < -32768:
            v = -32768
        if v > 32767:
            v = 32767
        row[last] = v
        row = ptr16(uint(row) + 2 * steps)


@micropython.viper
def _time(state: ptr16, weights: ptr16, p: ptr32):
    """Each unit's state times its weights of time, all int16. The filters of a unit are neighbours, and so are their steps.

    state: the arena; weights: the constants. The sums wrap at 32 bits: by themselves on a board, on a PC where they are stored.
    """
    sums = ptr32(uint(state) + p[7])
    state = ptr16(uint(state) + p[15])
    weights = ptr16(uint(weights) + p[14])
    for unit in range(p[10]):
        s = 0
        n = p[11] * p[12]
        while n:
            s += ((state[0] ^ 32768) - 32768) * ((weights[0] ^ 32768) - 32768)
            state = ptr16(int(state) + 2)
            weights = ptr16(int(weights) + 2)
            n -= 1
        sums[unit] = s


@micropython.viper
def _finish(p: ptr32, arena: ptr8):
    """Rescaled sums to int8."""
    sums = ptr32(uint(arena) + p[7])
    out = ptr8(uint(arena) + p[1])
    top = 1
    top <<= 31
    for i in range(p[10]):
        v = (sums[i] ^ top) - top
        # before the zero point is added, which might not fit
        if v > 512:
            v = 512
        if v < -512:
            v = -512
        v += p[4]
        if v < p[2]:
            v = p[2]
        if v > p[3]:
            v = p[3]
        out[i] = v ^ 128
