"""Depthwise convolutions in plain Python; as depthwise_viper.py."""

from micropython import const

from watchword.kernels.convolution_plain import window
from watchword.kernels.fixedpoint_plain import requantize

# Parameters of kernels/depthwise.py, written by `make parameters`:
_OUTPUT = const(1)
_INPUT_CHANNELS = const(11)
_OUTPUT_WIDTH = const(13)
_OUTPUT_CHANNELS = const(14)
_KERNEL_HEIGHT = const(15)
_KERNEL_WIDTH = const(16)
_INPUT_ZERO_POINT = const(23)
_WEIGHTS = const(24)
_OUTPUT_STEP = const(28)


def depthwise(p, arena, constants, rows):
    multiplier = p[_OUTPUT_CHANNELS] // p[_INPUT_CHANNELS]
    taps = p[_KERNEL_HEIGHT] * p[_KERNEL_WIDTH]
    for y in range(rows & 0xFFFF, rows >> 16):
        for x in range(p[_OUTPUT_WIDTH]):
            sums = [0] * p[_OUTPUT_CHANNELS]
            for tap, at in enumerate(window(p, y, x)):
                for o in range(p[_OUTPUT_CHANNELS]):
                    v = p[_INPUT_ZERO_POINT] if at is None else arena[at + o // multiplier] ^ 128
                    sums[o] += v * (constants[p[_WEIGHTS] + o * taps + tap] - 128)
            requantize(p, arena, constants, p[_OUTPUT] + (y * p[_OUTPUT_WIDTH] + x) * p[_OUTPUT_STEP], sums)
