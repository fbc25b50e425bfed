"""SVDF in viper. On words and numbers: fixedpoint_viper.py."""

import micropython
from micropython import const

from watchword.kernels.convolution_viper import dots
from watchword.kernels.fixedpoint_viper import rescale

# Parameters of kernels/svdf.py, written by `make parameters`:
_INPUT = const(0)
_OUTPUT = const(1)
_MINIMUM = const(2)
_MAXIMUM = const(3)
_ZERO_POINT = const(4)
_RESCALE = const(5)
_RESCALE_STEP = const(6)
_SUMS = const(7)
_INPUTS = const(9)
_UNITS = const(10)
_RANK = const(11)
_MEMORY = const(12)
_FEATURES = const(13)
_TIME = const(14)
_STATE = const(15)
_FEATURES_RESCALE = const(16)
_PATCH = const(17)
_PATCH_SIZE = const(18)


def svdf(p, arena, constants, rows):
    """One step: each filter's result over the input is remembered, then each unit's filters over what is remembered."""
    units = p[_UNITS]
    sums = p[_SUMS]
    patch = p[_PATCH]
    length = p[_PATCH_SIZE]
    total = _patch(p, arena)
    f = 0
    for _ in range(p[_RANK]):  # as many filters at once as there are units: so many sums have room
        dots(arena, constants, total, patch, length >> 3, p[_FEATURES] + f * length, sums, units)
        rescale(arena, constants, sums, p[_FEATURES_RESCALE] + 16 * f, 16, units)
        _remember(p, arena, f)
        f += units
    _time(arena, constants, p)
    rescale(arena, constants, sums, p[_RESCALE], p[_RESCALE_STEP], units)
    _finish(p, arena)


@micropython.viper
def _patch(p: ptr32, arena: ptr8) -> int:
    """The input plus 128, then zeros up to the patch's length; their sum."""
    x = ptr8(uint(arena) + p[_INPUT])
    patch = ptr8(uint(arena) + p[_PATCH])
    total = 0
    for i in range(p[_INPUTS]):
        v = x[i] ^ 128
        patch[i] = v
        total += v
    for i in range(p[_INPUTS], p[_PATCH_SIZE]):
        patch[i] = 0
    return total


@micropython.viper
def _remember(p: ptr32, arena: ptr8, f: int):
    """Move the state of the filters from f on one step, and add what the sums hold, clamped to int16."""
    steps = p[_MEMORY]
    sums = ptr32(uint(arena) + p[_SUMS])
    row = ptr16(uint(arena) + p[_STATE] + 2 * f * steps)
    top = 1
    top <<= 31
    last = steps - 1
    for i in range(p[_UNITS]):
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
    sums = ptr32(uint(state) + p[_SUMS])
    state = ptr16(uint(state) + p[_STATE])
    weights = ptr16(uint(weights) + p[_TIME])
    for unit in range(p[_UNITS]):
        s = 0
        n = p[_RANK] * p[_MEMORY]
        while n:
            s += ((state[0] ^ 32768) - 32768) * ((weights[0] ^ 32768) - 32768)
            state = ptr16(int(state) + 2)
            weights = ptr16(int(weights) + 2)
            n -= 1
        sums[unit] = s


@micropython.viper
def _finish(p: ptr32, arena: ptr8):
    """Rescaled sums to int8."""
    sums = ptr32(uint(arena) + p[_SUMS])
    out = ptr8(uint(arena) + p[_OUTPUT])
    top = 1
    top <<= 31
    for i in range(p[_UNITS]):
        v = (sums[i] ^ top) - top
        # before the zero point is added, which might not fit
        if v > 512:
            v = 512
        if v < -512:
            v = -512
        v += p[_ZERO_POINT]
        if v < p[_MINIMUM]:
            v = p[_MINIMUM]
        if v > p[_MAXIMUM]:
            v = p[_MAXIMUM]
        out[i] = v ^ 128
