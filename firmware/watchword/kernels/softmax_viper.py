"""Softmax in viper. On words and numbers: fixedpoint_viper.py."""

import micropython
from micropython import const

# Parameters of kernels/softmax.py, written by `make parameters`:
_INPUT = const(0)
_OUTPUT = const(1)
_DEPTH = const(2)
_TABLE = const(3)
_SCRATCH = const(4)

# Softmax works on Q31 numbers, which must not pass through Python (from 2^30 up they would be allocated). They stay in int32
# cells of the scratch buffer and are named by index: the exponentials from cell 4, before them what the reciprocal needs.
_HALF = const(0)
_X = const(1)
_T = const(2)
_SCALE = const(3)
_EXP = const(4)


@micropython.viper
def _multiply(arena: ptr8, base: int, i: int, j: int, to: int):
    """Cell `to` = cell i * cell j / 2^31, rounded as gemmlowp does. From pieces of 11 bits, so that 31 are enough."""
    w = ptr32(uint(arena) + base)
    top = 1
    top <<= 31
    a = (w[i] ^ top) - top
    b = (w[j] ^ top) - top
    negative = 0
    if a < 0:
        a = 0 - a
        negative = 1
    if b < 0:
        b = 0 - b
        negative = 1 - negative
    a0 = a & 2047
    a1 = (a >> 11) & 2047
    a2 = a >> 22
    b0 = b & 2047
    b1 = (b >> 11) & 2047
    b2 = b >> 22
    low = a0 * b0
    c1 = a0 * b1 + a1 * b0 + (low >> 11)
    c2 = a0 * b2 + a1 * b1 + a2 * b0 + (c1 >> 11)
    c3 = a1 * b2 + a2 * b1 + (c2 >> 11)
    high = a2 * b2 + (c3 >> 11)
    r = (high << 13) + ((c3 & 2047) << 2) + ((c2 & 2047) >> 9)
    if c2 & 256:  # the rest is a half or more; of negative products exactly a half goes towards zero
        if not (negative == 1 and c2 & 255 == 0 and c1 & 2047 == 0 and low & 2047 == 0):
            r += 1
    w[to] = 0 - r if negative else r


def softmax(p, arena, constants, rows):
    """TFLite's fixed-point softmax over each row of `depth` values, at most 2047: their sum is below 2^30.

    Table: int32[256], e^(-d * scale * beta) in Q31 for a value d below the greatest, or -1 where TFLite leaves it out.
    """
    base = p[_SCRATCH]
    for row in range(rows & 0xFFFF, rows >> 16):
        bits = _exponentials(p, arena, constants, row)
        # 1 / (1 + x) for x in 0..1 by Newton's method, three steps, from 48/17 - 32/17 * half the denominator
        _multiply(arena, base, _HALF, _T, _X)
        _correct(arena, base, 0)
        for _ in range(3):
            _multiply(arena, base, _HALF, _X, _T)
            _correct(arena, base, 1)
            _multiply(arena, base, _X, _T, _T)
            _correct(arena, base, 2)
        _correct(arena, base, 3)
        for c in range(_EXP, _EXP + p[_DEPTH]):
            _multiply(arena, base, _SCALE, c, c)
        _quantize(p, arena, row, bits + 3)


@micropython.viper
def _exponentials(p: ptr32, arena: ptr8, constants: ptr8, row: int) -> int:
    """Look the exponentials up, scale their sum to 1 + x with x in 0..1, and return its bit length."""
    n = p[_DEPTH]
    x = ptr8(uint(arena) + p[_INPUT] + row * n)
    table = ptr32(uint(constants) + p[_TABLE])
    w = ptr32(uint(arena) + p[_SCRATCH])
    greatest = 0
    for c in range(n):
        v = x[c] ^ 128
        if v > greatest:
            greatest = v
    total = 0
    top = 1
    top <<= 31
    for c in range(n):
        e = table[greatest - (x[c] ^ 128)]
        if e & top:  # -1: not in the sum, and 0 in the output
            e = 0
        w[_EXP + c] = e
        total += (e >> 12) + ((e >> 11) & 1)
    bits = 0
    v = total
    while v:
        v >>= 1
        bits += 1
    fraction = (total - (1 << (bits - 1))) << (31 - (bits - 1))  # x in Q31
    half = 1
    half <<= 30  # not a literal: from 2^30 up it would be an object on a board
    w[_HALF] = half + (fraction >> 1)
    w[_T] = 0 - 1010580540  # -32/17 in Q29
    return bits


@micropython.viper
def _correct(arena: ptr8, base: int, step: int):
    """The additions between the products of Newton's method; x and t in Q29."""
    w = ptr32(uint(arena) + base)
    if step == 0:
        v = 757935405  # 24/17: twice of it would not fit a literal
        w[_X] = w[_X] + v + v
    elif step == 1:
        w[_T] = (1 << 29) - w[_T]
    elif step == 2:
        w[_X] = w[_X] + (w[_T] << 2)
    elif w[_X] >> 30:  # 2 or more, half of which does not fit Q31
        top = 1
        top <<= 31
        w[_SCALE] = top - 1
    else:
        w[_SCALE] = w[_X] << 1


@micropython.viper
def _quantize(p: ptr32, arena: ptr8, row: int, shift: int):
    """Exponentials over their sum, to int8 of scale 1 / 256 and zero point -128."""
    n = p[_DEPTH]
    out = ptr8(uint(arena) + p[_OUTPUT] + row * n)
    w = ptr32(uint(arena) + p[_SCRATCH])
    for c in range(n):
        v = 0
        if shift < 32:  # a longer shift leaves nothing, and not every chip has one
            v = w[_EXP + c]
            v = (v >> shift) + ((v >> (shift - 1)) & 1)  # half up, without a sum that might exceed 31 bits
        if v > 255:
            v = 255
        out[c] = v ^ 128
