"""Pools and means in plain Python; as pooling_viper.py."""

from watchword.kernels.fixedpoint_plain import int8, requantize


def _pool(p, arena, first, last, reduce):
    """reduce: of the int8 values under a window, the one that stands for them."""
    for y in range(first, last):
        top = y * p[17] - p[19]
        rows = range(max(top, 0), min(top + p[15], p[9]))
        for x in range(p[13]):
            left = x * p[18] - p[20]
            columns = range(max(left, 0), min(left + p[16], p[10]))
            for c in range(p[11]):
                v = reduce([int8(arena[p[0] + (i * p[10] + j) * p[11] + c]) for i in rows for j in columns])
                arena[p[1] + (y * p[13] + x) * p[11] + c] = min(max(v + 128, p[2]), p[3]) ^ 128


def _average(values):
    s = sum(values)
    half = len(values) // 2
    return (s + half) // len(values) if s > 0 else -((half - s) // len(values))


def average_pool(p, arena, constants, first, last):
    _pool(p, arena, first, last, _average)


def max_pool(p, arena, constants, first, last):
    _pool(p, arena, first, last, max)


def mean(p, arena, constants, first, last):
    places, n, tile = p[9], p[10], p[11]
    for row in range(first, last):
        for start in range(0, n, tile):
            sums = [
                sum(arena[p[0] + (row * places + place) * n + c] ^ 128 for place in range(places))
                for c in range(start, min(start + tile, n))
            ]
            requantize(p, arena, constants, p[1] + row * n + start, sums)
