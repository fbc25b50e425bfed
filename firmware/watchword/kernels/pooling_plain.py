"""Pools and means in plain Python; as pooling_viper.py."""

from micropython import const

from watchword.kernels.fixedpoint_plain import int8, requantize

# Parameters of kernels/pooling.py, written by `make parameters`:
_INPUT = const(0)
_OUTPUT = const(1)
_MINIMUM = const(2)
_MAXIMUM = const(3)
_INPUT_HEIGHT = const(4)
_INPUT_WIDTH = const(5)
_INPUT_CHANNELS = const(6)
_OUTPUT_WIDTH = const(8)
_KERNEL_HEIGHT = const(10)
_KERNEL_WIDTH = const(11)
_STRIDE_Y = const(12)
_STRIDE_X = const(13)
_PADDING_TOP = const(14)
_PADDING_LEFT = const(15)
_PLACES = const(9)
_DEPTH = const(10)
_TILE = const(11)


def _pool(p, arena, rows, reduce):
    """reduce: of the int8 values under a window, the one that stands for them."""
    for y in range(rows & 0xFFFF, rows >> 16):
        top = y * p[_STRIDE_Y] - p[_PADDING_TOP]
        rows = range(max(top, 0), min(top + p[_KERNEL_HEIGHT], p[_INPUT_HEIGHT]))
        for x in range(p[_OUTPUT_WIDTH]):
            left = x * p[_STRIDE_X] - p[_PADDING_LEFT]
            columns = range(max(left, 0), min(left + p[_KERNEL_WIDTH], p[_INPUT_WIDTH]))
            for c in range(p[_INPUT_CHANNELS]):
                v = reduce(
                    [int8(arena[p[_INPUT] + (i * p[_INPUT_WIDTH] + j) * p[_INPUT_CHANNELS] + c]) for i in rows for j in columns]
                )
                arena[p[_OUTPUT] + (y * p[_OUTPUT_WIDTH] + x) * p[_INPUT_CHANNELS] + c] = (
                    min(max(v + 128, p[_MINIMUM]), p[_MAXIMUM]) ^ 128
                )


def _average(values):
    s = sum(values)
    half = len(values) // 2
    return (s + half) // len(values) if s > 0 else -((half - s) // len(values))


def average_pool(p, arena, constants, rows):
    _pool(p, arena, rows, _average)


def max_pool(p, arena, constants, rows):
    _pool(p, arena, rows, max)


def mean(p, arena, constants, rows):
    places, n, tile = p[_PLACES], p[_DEPTH], p[_TILE]
    for row in range(rows & 0xFFFF, rows >> 16):
        for start in range(0, n, tile):
            sums = [
                sum(arena[p[_INPUT] + (row * places + place) * n + c] ^ 128 for place in range(places))
                for c in range(start, min(start + tile, n))
            ]
            requantize(p, arena, constants, p[_OUTPUT] + row * n + start, sums)
