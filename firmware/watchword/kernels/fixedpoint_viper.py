"""From int32 sums back to int8, in viper.

Machine words are 64 bits on a PC and 32 on a board: nothing relies on wrap-around that is not masked, and no product exceeds
31 bits. ptr32 loads are zero-extended on 64 bits; (v ^ top) - top, with only bit 31 in top, gives the sign back. From 2^30 up
a literal, or a number that passes through Python, would be an object on a board, and an allocation.

Of a viper function's variables only the two first, arguments included, have registers. In the hot loops of these kernels they
are pointers into the buffers, or a pointer and the sum; so some functions take a buffer twice, or a 0. A loop that counts down
is the shortest.
"""

import micropython
from micropython import const

# Parameters of kernels/contract.py, written by `make parameters`:
_RESCALE = const(5)
_MINIMUM = const(2)
_MAXIMUM = const(3)
_ZERO_POINT = const(4)
_RESCALE_STEP = const(6)
_SUMS = const(7)
_ROUND_ONCE = const(8)
_BIAS = const(0)
_MULTIPLIER = const(1)
_LEFT = const(2)
_RIGHT = const(3)


@micropython.viper
def requantize(p: ptr32, v: int, n: int, arena: ptr8, constants: ptr8, to: int):
    """n sums to int8 outputs at arena + to: times multiplier / 2^31, rounded half up, then times 2^-right, half away from 0.

    Of dense layers LiteRT rounds the whole product once, half away from 0. v: 0. The
    compiler has proved that |sum + bias| << left is below 2^29.
    """
    sums = ptr32(uint(arena) + p[_SUMS])
    out = ptr8(uint(arena) + to)
    zero = p[_ZERO_POINT]
    least = p[_MINIMUM]
    most = p[_MAXIMUM]
    once = p[_ROUND_ONCE]
    step = p[_RESCALE_STEP]
    up = 1
    up = 32 if up << 31 > 0 else 0  # what is above 32 bits
    offset = 1
    offset <<= 30
    p = ptr32(uint(constants) + p[_RESCALE])
    while n:
        # v times the multiplier, of 30 and 32 bits with their signs, as v * 2^31 + middle * 2^15 + low, from pieces of 15 and
        # 16 bits; middle is less 2^30, or it might not fit
        v = ((sums[0] + p[_BIAS]) << (up + p[_LEFT])) >> up
        vh = v >> 15
        vl = v & 32767
        v = ptr16(p)[2 * _MULTIPLIER]
        low = vl * v
        middle = vh * v - offset + (low >> 15)
        v = ptr16(p)[2 * _MULTIPLIER + 1]
        middle += vl * v << 1
        v = vh * v
        right = p[_RIGHT]
        if once:
            v = (v << 1) + 32768 + (middle >> 15)
            if v < 0 and (low | middle) & 32767 == 0:
                v -= 1
            v = (v + (1 << right)) >> (right + 1)
        else:
            v += 16384 + ((middle + 32768) >> 16)
            if right:
                if v < 0:
                    v -= 1
                v = (v + (1 << (right - 1))) >> right
        v += zero
        if v < least:
            v = least
        if v > most:
            v = most
        out[0] = v ^ 128
        sums = ptr32(uint(sums) + 4)
        out = ptr8(uint(out) + 1)
        p = ptr32(uint(p) + step)
        n -= 1


@micropython.viper
def rescale(arena: ptr8, constants: ptr8, sums: int, four: int, step: int, n: int):
    """n int32 sums at arena + sums, whatever they are, to sum * multiplier * 2^(left - right - 31), rounded twice, in place.

    bias, multiplier, left and right shift: int32 at constants + four, `step` bytes from one sum's to the next's. Sums and left
    shifts wrap at 32 bits as in C. The product is made of pieces of 11 bits, so that 31 are enough.
    """
    w = ptr32(uint(arena) + sums)
    k = ptr32(uint(constants) + four)
    top = 1
    top <<= 31
    bits = (top << 1) - 1
    for i in range(n):
        a = ((((w[i] + k[_BIAS]) << (k[_LEFT] & 31)) & bits) ^ top) - top
        b = k[_MULTIPLIER]
        negative = 0
        if a < 0:
            a = 0 - a  # of -2^31 it is -2^31 again on 32 bits, whose pieces are the right ones
            negative = 1
        a0 = a & 2047
        a1 = (a >> 11) & 2047
        a2 = (a >> 22) & 1023
        b0 = b & 2047
        b1 = (b >> 11) & 2047
        b2 = (b >> 22) & 1023
        low = a0 * b0
        c1 = a0 * b1 + a1 * b0 + (low >> 11)
        c2 = a0 * b2 + a1 * b1 + a2 * b0 + (c1 >> 11)
        c3 = a1 * b2 + a2 * b1 + (c2 >> 11)
        v = ((a2 * b2 + (c3 >> 11)) << 13) + ((c3 & 2047) << 2) + ((c2 & 2047) >> 9)
        if c2 & 256:  # the rest is a half or more; of negative products exactly a half goes towards zero
            if not (negative == 1 and c2 & 255 == 0 and c1 & 2047 == 0 and low & 2047 == 0):
                v += 1
        right = k[_RIGHT] & 31
        if right:
            v = (v >> right) + ((v >> (right - 1)) & 1)  # half away from zero, without a sum beyond 31 bits
        w[i] = 0 - v if negative else v
        k = ptr32(uint(k) + step)
