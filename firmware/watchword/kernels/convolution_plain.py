"""Convolutions in plain Python; as convolution_viper.py."""

from watchword.kernels.fixedpoint_plain import requantize


def _window(p, y, x):
    """(offset in the input, or None for padding) of each tap under output (y, x)."""
    for i in range(p[15]):
        row = y * p[17] - p[19] + i * p[21]
        for j in range(p[16]):
            column = x * p[18] - p[20] + j * p[22]
            inside = 0 <= row < p[9] and 0 <= column < p[10]
            yield p[0] + (row * p[10] + column) * p[27] if inside else None


def conv(p, arena, constants, first, last):
    channels = p[11]
    for y in range(first, last):
        for x in range(p[13]):
            sums = [0] * p[14]
            for tap, at in enumerate(_window(p, y, x)):
                for c in range(channels):
                    v = p[23] if at is None else arena[at + c] ^ 128
                    for o in range(p[14]):
                        sums[o] += v * (constants[p[24] + o * p[26] + tap * channels + c] - 128)
            requantize(p, arena, constants, p[1] + (y * p[13] + x) * p[28], sums)


def depthwise(p, arena, constants, first, last):
    multiplier = p[14] // p[11]
    taps = p[15] * p[16]
    for y in range(first, last):
        for x in range(p[13]):
            sums = [0] * p[14]
            for tap, at in enumerate(_window(p, y, x)):
                for o in range(p[14]):
                    v = p[23] if at is None else arena[at + o // multiplier] ^ 128
                    sums[o] += v * (constants[p[24] + o * taps + tap] - 128)
            requantize(p, arena, constants, p[1] + (y * p[13] + x) * p[28], sums)
