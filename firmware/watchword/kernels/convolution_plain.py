"""Convolutions in plain Python; as convolution_viper.py."""

from watchword.kernels.fixedpoint_plain import requantize


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
