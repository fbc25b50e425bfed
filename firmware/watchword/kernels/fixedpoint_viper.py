"""From int32 sums back to int8, in viper.

Machine words are 64 bits on a PC and 32 on a board: nothing relies on wrap-around that is not masked, and no product exceeds
31 bits. ptr32 loads are zero-extended on 64 bits; (v ^ top) - top, with only bit 31 in top, gives the sign back. From 2^30 up
a literal, or a number that passes through Python, would be an object on a board, and an allocation.
"""

import micropython


@micropython.viper
def requantize(p: ptr32, arena: ptr8, constants: ptr8, to: int, n: int):
    """The first n sums to int8 at arena + to: times multiplier / 2^31, rounded, then times 2^-right, half away from zero.

    Of dense layers LiteRT rounds the whole product once. Parameters 2 to 8: kernels/__init__.py. The compiler has proved that
    |sum + bias| << left is below 2^29.
    """
    sums = ptr32(uint(arena) + p[7])
    k = ptr32(uint(constants) + p[5])
    step = p[6]
    out = ptr8(uint(arena) + to)
    zero = p[4]
    least = p[2]
    most = p[3]
    once = p[8]
    top = 1
    top <<= 31
    for c in range(n):
        a = ((sums[c] ^ top) - top + (k[0] ^ top) - top) << k[2]
        m = k[1]
        negative = 0
        if a < 0:
            a = 0 - a
            negative = 1
        # a * m as high * 2^30 + (middle * 2^15 + low), from pieces of 15 and 16 bits
        ah = a >> 15
        al = a & 32767
        mh = m >> 15
        ml = m & 32767
        low = al * ml
        middle = (low >> 15) + ah * ml
        low &= 32767
        cross = al * mh
        high = ah * mh + (middle >> 15) + (cross >> 15)
        middle = (middle & 32767) + (cross & 32767)
        high += middle >> 15
        right = k[3]
        if once:
            high = (high + (1 << right)) >> (right + 1)
        else:
            # half up at bit 31; of negative products exactly a half goes the other way
            high += 1
            if negative and low == 0 and middle & 32767 == 0:
                high -= 1
            high = ((high >> 1) + ((1 << right) >> 1)) >> right
        v = zero - high if negative else zero + high
        if v < least:
            v = least
        if v > most:
            v = most
        out[c] = v ^ 128
        k = ptr32(uint(k) + step)


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
        a = ((((w[i] + k[0]) << (k[2] & 31)) & bits) ^ top) - top
        b = k[1]
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
        right = k[3] & 31
        if right:
            v = (v >> right) + ((v >> (right - 1)) & 1)  # half away from zero, without a sum beyond 31 bits
        w[i] = 0 - v if negative else v
        k = ptr32(uint(k) + step)
