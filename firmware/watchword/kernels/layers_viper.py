"""int8 layers in viper. Layouts of the parameters: kernels/__init__.py.

Inside, values are unsigned (int8 plus 128), since viper loads bytes so. With x' = x + 128, w' = w + 128, z' = zero point + 128:

    sum (x - z) w  =  sum x' w'  -  128 sum x'  -  z' sum w

The first two terms are computed here; the last is folded into the bias by the compiler.

Machine words are 64 bits on a PC and 32 on a board: nothing relies on wrap-around, and no product exceeds 31 bits.
"""

import micropython
from micropython import const


def conv(p, arena, constants, first, last):
    """2D convolution; pointwise and dense layers are convolutions of one tap.

    Weights: uint8 [output channel][tap], a row padded with zeros to the patch length, a multiple of 8.
    """
    width = p[6]
    for y in range(first, last):
        for x in range(width):
            _dots(p, arena, constants, _gather(p, arena, y, x))
            _requantize(p, arena, constants, y * width + x)


def depthwise(p, arena, constants, first, last):
    """Depthwise convolution with any multiplier. Weights: uint8 [output channel][tap]."""
    width = p[6]
    for y in range(first, last):
        for x in range(width):
            _gather(p, arena, y, x)
            _taps(p, arena, constants)
            _requantize(p, arena, constants, y * width + x)


@micropython.viper
def _gather(p: ptr32, arena: ptr8, y: int, x: int) -> int:
    """Copy what output (y, x) sees into the patch, places outside the input as its zero point; return the sum."""
    height = p[2]
    width = p[3]
    channels = p[4]
    fill = p[18]
    to = ptr8(uint(arena) + p[22])
    row = y * p[10] - p[12]
    total = 0
    n = 0
    for i in range(p[8]):
        column = x * p[11] - p[13]
        for j in range(p[9]):
            if row >= 0 and row < height and column >= 0 and column < width:
                source = ptr8(uint(arena) + p[0] + (row * width + column) * channels)
                for c in range(channels):
                    v = source[c] ^ 128
                    to[n] = v
                    total += v
                    n += 1
            else:
                for c in range(channels):
                    to[n] = fill
                    n += 1
                total += fill * channels
            column += p[17]
        row += p[16]
    for n in range(n, p[23]):
        to[n] = 0
    return total


@micropython.viper
def _dots(p: ptr32, arena: ptr8, constants: ptr8, total: int):
    """The patch times the weights of every output channel, less 128 times its own sum."""
    eights = p[23] >> 3
    patch = uint(arena) + p[22]
    w = ptr8(uint(constants) + p[20])
    sums = ptr32(uint(arena) + p[24])
    for c in range(p[7]):
        x = ptr8(patch)
        s = 0 - (total << 7)
        for i in range(eights):
            s += x[0] * w[0] + x[1] * w[1] + x[2] * w[2] + x[3] * w[3]
            s += x[4] * w[4] + x[5] * w[5] + x[6] * w[6] + x[7] * w[7]
            x = ptr8(uint(x) + 8)
            w = ptr8(uint(w) + 8)
        sums[c] = s


@micropython.viper
def _taps(p: ptr32, arena: ptr8, constants: ptr8):
    """As _dots, but output channel c sees input channel c // multiplier only."""
    channels = p[4]
    multiplier = p[7] // channels
    taps = p[8] * p[9]
    w = ptr8(uint(constants) + p[20])
    sums = ptr32(uint(arena) + p[24])
    n = 0
    for c in range(channels):
        for m in range(multiplier):
            x = ptr8(uint(arena) + p[22] + c)
            s = 0
            total = 0
            for i in range(taps):
                v = x[0]
                s += v * w[i]
                total += v
                x = ptr8(uint(x) + channels)
            w = ptr8(uint(w) + taps)
            sums[n] = s - (total << 7)
            n += 1


@micropython.viper
def _requantize(p: ptr32, arena: ptr8, constants: ptr8, pixel: int):
    """Sums to int8 outputs: times multiplier / 2^31, rounded, then times 2^-right, rounded half away from zero.

    Of dense layers LiteRT rounds the whole product once. Channel constants: four int32 (bias, multiplier, left, right). The
    compiler has proved |sum| << left below 2^29.
    """
    channels = p[7]
    sums = ptr32(uint(arena) + p[24])
    k = ptr32(uint(constants) + p[21])
    out = ptr8(uint(arena) + p[1] + pixel * channels)
    zero = p[19]
    least = p[14]
    most = p[15]
    once = p[25]
    top = 1
    top <<= 31
    for c in range(channels):
        a = ((sums[c] ^ top) - top + (k[0] ^ top) - top) << k[2]  # ptr32 loads are zero-extended on 64 bits
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
        k = ptr32(uint(k) + 16)


@micropython.viper
def average_pool(p: ptr32, arena: ptr8, constants: ptr8, first: int, last: int):
    """Mean over the places inside the input, rounded half away from zero."""
    height = p[2]
    width = p[3]
    channels = p[4]
    for y in range(first, last):
        top = y * p[10] - p[12]
        bottom = top + p[8]
        if top < 0:
            top = 0
        if bottom > height:
            bottom = height
        for x in range(p[6]):
            left = x * p[11] - p[13]
            right = left + p[9]
            if left < 0:
                left = 0
            if right > width:
                right = width
            count = (bottom - top) * (right - left)
            out = ptr8(uint(arena) + p[1] + (y * p[6] + x) * channels)
            for c in range(channels):
                s = 0
                for row in range(top, bottom):
                    source = ptr8(uint(arena) + p[0] + (row * width + left) * channels + c)
                    for column in range(left, right):
                        s += (source[0] ^ 128) - 128
                        source = ptr8(uint(source) + channels)
                if s < 0:
                    s = 128 - ((count >> 1) - s) // count
                else:
                    s = 128 + ((count >> 1) + s) // count
                if s < p[14]:
                    s = p[14]
                if s > p[15]:
                    s = p[15]
                out[c] = s ^ 128


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


def softmax(p, arena, constants, first, last):
    """TFLite's fixed-point softmax over each row of p[2] values.

    Table: int32[256], e^(-d * scale * beta) in Q31 for a value d below the greatest, or -1 where TFLite leaves it out.
    """
    base = p[4]
    for row in range(first, last):
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
        for c in range(_EXP, _EXP + p[2]):
            _multiply(arena, base, _SCALE, c, c)
        _quantize(p, arena, row, bits + 3)


@micropython.viper
def _exponentials(p: ptr32, arena: ptr8, constants: ptr8, row: int) -> int:
    """Look the exponentials up, scale their sum to 1 + x with x in 0..1, and return its bit length."""
    n = p[2]
    x = ptr8(uint(arena) + p[0] + row * n)
    table = ptr32(uint(constants) + p[3])
    w = ptr32(uint(arena) + p[4])
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
    n = p[2]
    out = ptr8(uint(arena) + p[1] + row * n)
    w = ptr32(uint(arena) + p[4])
    for c in range(n):
        v = w[_EXP + c]
        v = (v >> shift) + ((v >> (shift - 1)) & 1)  # half up, without a sum that might exceed 31 bits
        if v > 255:
            v = 255
        out[c] = v ^ 128
