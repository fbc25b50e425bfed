"""Convolutions in viper. Layouts of the parameters: kernels/__init__.py; on words and numbers: fixedpoint_viper.py.

Inside, values are unsigned (int8 plus 128), since viper loads bytes so. With x' = x + 128, w' = w + 128, z' = zero point + 128:

    sum (x - z) w  =  sum x' (w' - 128)  -  z' sum w

The first term is computed here; the last is folded into the bias by the compiler.
"""

import micropython

from watchword.kernels.fixedpoint_viper import requantize


def conv(p, arena, constants, first, last):
    """2D convolution; pointwise and dense layers are convolutions of one tap.

    Weights: uint8 [output channel][tap], a row padded with zeros to the patch length, a multiple of 8.
    """
    sums = p[7]
    width = p[13]
    channels = p[14]
    weights = p[24]
    patch = p[25]
    eights = p[26] >> 3
    step = p[28]
    to = p[1] + first * width * step
    for y in range(first, last):
        for x in range(width):
            total = gather(arena, arena, p, y, x)
            dots(arena, constants, total, patch, eights, weights, sums, channels)
            requantize(p, 0, channels, arena, constants, to)
            to += step


def depthwise(p, arena, constants, first, last):
    """Depthwise convolution with any multiplier. Weights: uint8 [output channel][tap]."""
    width = p[13]
    channels = p[14]
    step = p[28]
    to = p[1] + first * width * step
    for y in range(first, last):
        for x in range(width):
            gather_channels(arena, arena, p, y, x)
            taps(arena, constants, p)
            requantize(p, 0, channels, arena, constants, to)
            to += step


@micropython.viper
def gather(source: ptr8, to: ptr8, p: ptr32, y: int, x: int) -> int:
    """Copy what output (y, x) sees into the patch, places outside the input as its zero point; return the sum.

    source, to: the arena.
    """
    pixels = uint(source) + p[0]
    to = ptr8(uint(to) + p[25])
    padding = p[26] - p[15] * p[16] * p[11]
    height = p[9]
    width = p[10]
    channels = p[11]
    fill = p[23]
    total = 0
    row = y * p[17] - p[19]
    for _ in range(p[15]):
        column = x * p[18] - p[20]
        for _ in range(p[16]):
            n = channels
            if row >= 0 and row < height and column >= 0 and column < width:
                source = ptr8(pixels + (row * width + column) * p[27])
                while n:
                    v = source[0] ^ 128
                    to[0] = v
                    total += v
                    source = ptr8(int(source) + 1)
                    to = ptr8(int(to) + 1)
                    n -= 1
            else:
                total += fill * channels
                while n:
                    to[0] = fill
                    to = ptr8(int(to) + 1)
                    n -= 1
            column += p[22]
        row += p[21]
    while padding:
        to[0] = 0
        to = ptr8(int(to) + 1)
        padding -= 1
    return total


@micropython.viper
def dots(x: ptr8, w: ptr8, total: int, patch: int, eights: int, weights: int, sums: int, n: int):
    """A patch times the weights of each of n output channels, less 128 times its own sum, which is `total`.

    x: the arena; w: the constants. patch, sums: offsets in the arena; weights: in the constants.
    """
    start = uint(x) + patch
    out = ptr32(uint(x) + sums)
    w = ptr8(uint(w) + weights)
    total <<= 7
    for c in range(n):
        x = ptr8(start)
        s = 0 - total
        left = eights
        while left:
            s += x[0] * w[0] + x[1] * w[1] + x[2] * w[2] + x[3] * w[3] + x[4] * w[4] + x[5] * w[5] + x[6] * w[6] + x[7] * w[7]
            x = ptr8(int(x) + 8)
            w = ptr8(int(w) + 8)
            left -= 1
        out[c] = s


@micropython.viper
def gather_channels(source: ptr8, to: ptr8, p: ptr32, y: int, x: int):
    """Copy what output (y, x) sees into the patch as [channel][tap]. source, to: the arena."""
    pixels = uint(source) + p[0]
    patch = uint(to) + p[25]
    height = p[9]
    width = p[10]
    channels = p[11]
    taps = p[15] * p[16]
    fill = p[23]
    signs = 0x01010101
    signs <<= 7  # of four values
    row = y * p[17] - p[19]
    for _ in range(p[15]):
        column = x * p[18] - p[20]
        for _ in range(p[16]):
            to = ptr8(patch)
            n = channels
            if row >= 0 and row < height and column >= 0 and column < width:
                source = ptr8(pixels + (row * width + column) * p[27])
                if (int(source) | channels) & 3 == 0:
                    while n:
                        v = ptr32(source)[0] ^ signs
                        to[0] = v
                        to = ptr8(int(to) + taps)
                        to[0] = v >> 8
                        to = ptr8(int(to) + taps)
                        to[0] = v >> 16
                        to = ptr8(int(to) + taps)
                        to[0] = v >> 24
                        to = ptr8(int(to) + taps)
                        source = ptr8(int(source) + 4)
                        n -= 4
                while n:
                    to[0] = source[0] ^ 128
                    to = ptr8(int(to) + taps)
                    source = ptr8(int(source) + 1)
                    n -= 1
            while n:
                to[0] = fill
                to = ptr8(int(to) + taps)
                n -= 1
            column += p[22]
            patch += 1
        row += p[21]


@micropython.viper
def taps(x: ptr8, w: ptr8, p: ptr32):
    """The taps of each channel times the weights of each output channel that sees it. x: the arena; w: the constants."""
    start = uint(x) + p[25]
    out = uint(x) + p[7]
    w = ptr8(uint(w) + p[24])
    multiplier = p[14] // p[11]
    threes = p[15] * p[16] // 3
    rest = p[15] * p[16] - threes * 3
    left = p[14]
    same = multiplier
    while left:
        x = ptr8(start)
        s = 0
        n = threes
        while n:
            s += x[0] * (w[0] - 128) + x[1] * (w[1] - 128) + x[2] * (w[2] - 128)
            x = ptr8(int(x) + 3)
            w = ptr8(int(w) + 3)
            n -= 1
        n = rest
        while n:
            s += x[0] * (w[0] - 128)
            x = ptr8(int(x) + 1)
            w = ptr8(int(w) + 1)
            n -= 1
        ptr32(out)[0] = s
        out += 4
        left -= 1
        same -= 1
        if same == 0:  # the next output sees the next channel
            same = multiplier
            start = uint(x)
