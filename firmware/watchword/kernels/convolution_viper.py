"""Convolutions in viper. On words and numbers: fixedpoint_viper.py.

Inside, values are unsigned (int8 plus 128), since viper loads bytes so. With x' = x + 128, w' = w + 128, z' = zero point + 128:

    sum (x - z) w  =  sum x' (w' - 128)  -  z' sum w

The first term is computed here; the last is folded into the bias by the compiler.
"""

import micropython
from micropython import const

from watchword.kernels.fixedpoint_viper import requantize

# Parameters of kernels/convolution.py, written by `make parameters`:
_INPUT = const(0)
_OUTPUT = const(1)
_SUMS = const(7)
_INPUT_HEIGHT = const(9)
_INPUT_WIDTH = const(10)
_INPUT_CHANNELS = const(11)
_OUTPUT_WIDTH = const(13)
_OUTPUT_CHANNELS = const(14)
_KERNEL_HEIGHT = const(15)
_KERNEL_WIDTH = const(16)
_STRIDE_Y = const(17)
_STRIDE_X = const(18)
_PADDING_TOP = const(19)
_PADDING_LEFT = const(20)
_DILATION_Y = const(21)
_DILATION_X = const(22)
_INPUT_ZERO_POINT = const(23)
_WEIGHTS = const(24)
_PATCH = const(25)
_PATCH_SIZE = const(26)
_INPUT_STEP = const(27)
_OUTPUT_STEP = const(28)


def convolution(p, arena, constants, rows):
    """2D convolution; pointwise and dense layers are convolutions of one tap.

    Weights: uint8 [output channel][tap], a row padded with zeros to the patch length, a multiple of 8.
    """
    sums = p[_SUMS]
    width = p[_OUTPUT_WIDTH]
    channels = p[_OUTPUT_CHANNELS]
    weights = p[_WEIGHTS]
    patch = p[_PATCH]
    eights = p[_PATCH_SIZE] >> 3
    step = p[_OUTPUT_STEP]
    to = p[_OUTPUT] + (rows & 0xFFFF) * width * step
    for y in range(rows & 0xFFFF, rows >> 16):
        for x in range(width):
            total = gather(arena, arena, p, y, x)
            dots(arena, constants, total, patch, eights, weights, sums, channels)
            requantize(p, 0, channels, arena, constants, to)
            to += step


@micropython.viper
def gather(source: ptr8, to: ptr8, p: ptr32, y: int, x: int) -> int:
    """Copy what output (y, x) sees into the patch, places outside the input as its zero point; return the sum.

    source, to: the arena.
    """
    pixels = uint(source) + p[_INPUT]
    to = ptr8(uint(to) + p[_PATCH])
    padding = p[_PATCH_SIZE] - p[_KERNEL_HEIGHT] * p[_KERNEL_WIDTH] * p[_INPUT_CHANNELS]
    height = p[_INPUT_HEIGHT]
    width = p[_INPUT_WIDTH]
    channels = p[_INPUT_CHANNELS]
    fill = p[_INPUT_ZERO_POINT]
    total = 0
    row = y * p[_STRIDE_Y] - p[_PADDING_TOP]
    for _ in range(p[_KERNEL_HEIGHT]):
        column = x * p[_STRIDE_X] - p[_PADDING_LEFT]
        for _ in range(p[_KERNEL_WIDTH]):
            n = channels
            if row >= 0 and row < height and column >= 0 and column < width:
                source = ptr8(pixels + (row * width + column) * p[_INPUT_STEP])
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
            column += p[_DILATION_X]
        row += p[_DILATION_Y]
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
