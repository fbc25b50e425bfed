"""Depthwise convolutions in viper. On signs: convolution_viper.py; on words and numbers: fixedpoint_viper.py."""

import micropython
from micropython import const

from watchword.kernels.fixedpoint_viper import requantize

# Parameters of kernels/depthwise.py, written by `make parameters`:
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
_INPUT_STEP = const(27)
_OUTPUT_STEP = const(28)


def depthwise(p, arena, constants, rows):
    """Depthwise convolution with any multiplier. Weights: uint8 [output channel][tap]."""
    width = p[_OUTPUT_WIDTH]
    channels = p[_OUTPUT_CHANNELS]
    step = p[_OUTPUT_STEP]
    to = p[_OUTPUT] + (rows & 0xFFFF) * width * step
    for y in range(rows & 0xFFFF, rows >> 16):
        for x in range(width):
            gather_channels(arena, arena, p, y, x)
            taps(arena, constants, p)
            requantize(p, 0, channels, arena, constants, to)
            to += step


@micropython.viper
def gather_channels(source: ptr8, to: ptr8, p: ptr32, y: int, x: int):
    """Copy what output (y, x) sees into the patch as [channel][tap]. source, to: the arena."""
    pixels = uint(source) + p[_INPUT]
    patch = uint(to) + p[_PATCH]
    height = p[_INPUT_HEIGHT]
    width = p[_INPUT_WIDTH]
    channels = p[_INPUT_CHANNELS]
    taps = p[_KERNEL_HEIGHT] * p[_KERNEL_WIDTH]
    fill = p[_INPUT_ZERO_POINT]
    signs = 0x01010101
    signs <<= 7  # of four values
    row = y * p[_STRIDE_Y] - p[_PADDING_TOP]
    for _ in range(p[_KERNEL_HEIGHT]):
        column = x * p[_STRIDE_X] - p[_PADDING_LEFT]
        for _ in range(p[_KERNEL_WIDTH]):
            to = ptr8(patch)
            n = channels
            if row >= 0 and row < height and column >= 0 and column < width:
                source = ptr8(pixels + (row * width + column) * p[_INPUT_STEP])
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
            column += p[_DILATION_X]
            patch += 1
        row += p[_DILATION_Y]


@micropython.viper
def taps(x: ptr8, w: ptr8, p: ptr32):
    """The taps of each channel times the weights of each output channel that sees it. x: the arena; w: the constants."""
    start = uint(x) + p[_PATCH]
    out = uint(x) + p[_SUMS]
    w = ptr8(uint(w) + p[_WEIGHTS])
    multiplier = p[_OUTPUT_CHANNELS] // p[_INPUT_CHANNELS]
    threes = p[_KERNEL_HEIGHT] * p[_KERNEL_WIDTH] // 3
    rest = p[_KERNEL_HEIGHT] * p[_KERNEL_WIDTH] - threes * 3
    left = p[_OUTPUT_CHANNELS]
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
