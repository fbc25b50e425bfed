"""Sums, products and functions of one value in plain Python; as elementwise_viper.py."""

from watchword.kernels.fixedpoint_plain import int32s, requantize


def _pairs(p, arena, constants, first, last):
    """(x, y) plus 128 for every output, in order."""
    other = constants if p[10] else arena
    for row in range(first, last):
        for i in range(p[11]):
            for j in range(p[12]):
                x = p[0] + row * p[14] + i * p[15] + j * p[16]
                y = p[9] + row * p[18] + i * p[19] + j * p[20]
                for k in range(p[13]):
                    yield arena[x + k * p[17]] ^ 128, other[y + k * p[21]] ^ 128


def _combine(p, arena, constants, first, last, function):
    """function(x, y): the sum to bring back to int8. A tile's inputs are read before its outputs are written."""
    to = p[1] + first * p[11] * p[12] * p[13]
    sums = []
    for x, y in _pairs(p, arena, constants, first, last):
        sums.append(function(x, y))
        if len(sums) == p[24]:
            requantize(p, arena, constants, to, sums)
            to += len(sums)
            sums = []
    requantize(p, arena, constants, to, sums)


def add(p, arena, constants, first, last):
    ours, others = int32s(constants, p[22], 256), int32s(constants, p[23], 256)
    _combine(p, arena, constants, first, last, lambda x, y: ours[x] + others[y])


def multiply(p, arena, constants, first, last):
    _combine(p, arena, constants, first, last, lambda x, y: (x - p[22]) * (y - p[23]))


def lookup(p, arena, constants, first, last):
    for i in range(first * p[2], last * p[2]):
        arena[p[1] + i] = constants[p[3] + (arena[p[0] + i] ^ 128)]
