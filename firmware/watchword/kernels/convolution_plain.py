"""Convolutions in plain Python; as convolution_viper.py."""

from micropython import const

from watchword.kernels.fixedpoint_plain import requantize

# Parameters of kernels/convolution.py, written by `make parameters`:
_INPUT = const(0)
_OUTPUT = const(1)
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
_PATCH_SIZE = const(26)
_INPUT_STEP = const(27)
_OUTPUT_STEP = const(28)


def window(p, y, x):
    """(offset in the input, or None for padding) of each tap under output (y, x)."""
    for i in range(p[_KERNEL_HEIGHT]):
        row = y * p[_STRIDE_Y] - p[_PADDING_TOP] + i * p[_DILATION_Y]
        for j in range(p[_KERNEL_WIDTH]):
            column = x * p[_STRIDE_X] - p[_PADDING_LEFT] + j * p[_DILATION_X]
            inside = 0 <= row < p[_INPUT_HEIGHT] and 0 <= column < p[_INPUT_WIDTH]
            yield p[_INPUT] + (row * p[_INPUT_WIDTH] + column) * p[_INPUT_STEP] if inside else None


def convolution(p, arena, constants, rows):
    channels = p[_INPUT_CHANNELS]
    for y in range(rows & 0xFFFF, rows >> 16):
        for x in range(p[_OUTPUT_WIDTH]):
            sums = [0] * p[_OUTPUT_CHANNELS]
            for tap, at in enumerate(window(p, y, x)):
                for c in range(channels):
                    v = p[_INPUT_ZERO_POINT] if at is None else arena[at + c] ^ 128
                    for o in range(p[_OUTPUT_CHANNELS]):
                        sums[o] += v * (constants[p[_WEIGHTS] + o * p[_PATCH_SIZE] + tap * channels + c] - 128)
            requantize(p, arena, constants, p[_OUTPUT] + (y * p[_OUTPUT_WIDTH] + x) * p[_OUTPUT_STEP], sums)
