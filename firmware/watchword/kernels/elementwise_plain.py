"""Sums, products and functions of one value in plain Python; as elementwise_viper.py."""

from micropython import const

from watchword.kernels.fixedpoint_plain import int32s, requantize

# Parameters of kernels/elementwise.py, written by `make parameters`:
_LOOKED_UP = const(65536)
_INPUT = const(0)
_OUTPUT = const(1)
_OTHER = const(9)
_OTHER_IS_CONSTANT = const(10)
_PLANES = const(11)
_LINES = const(12)
_VALUES = const(13)
_INPUT_ROW_STEP = const(14)
_INPUT_PLANE_STEP = const(15)
_INPUT_LINE_STEP = const(16)
_INPUT_VALUE_STEP = const(17)
_OTHER_ROW_STEP = const(18)
_OTHER_PLANE_STEP = const(19)
_OTHER_LINE_STEP = const(20)
_OTHER_VALUE_STEP = const(21)
_TILE = const(22)
_INPUT_TABLE = const(23)
_OTHER_TABLE = const(24)
_INPUT_ZERO_POINT = const(23)
_OTHER_ZERO_POINT = const(24)
_DEPTH = const(2)
_TABLE = const(3)
_POSITIVE_TABLE = const(25)


def _pairs(p, arena, constants, rows):
    """(x, y) plus 128 for every output, in order."""
    other = constants if p[_OTHER_IS_CONSTANT] else arena
    for row in range(rows & 0xFFFF, rows >> 16):
        for i in range(p[_PLANES]):
            for j in range(p[_LINES]):
                x = p[_INPUT] + row * p[_INPUT_ROW_STEP] + i * p[_INPUT_PLANE_STEP] + j * p[_INPUT_LINE_STEP]
                y = p[_OTHER] + row * p[_OTHER_ROW_STEP] + i * p[_OTHER_PLANE_STEP] + j * p[_OTHER_LINE_STEP]
                for k in range(p[_VALUES]):
                    yield arena[x + k * p[_INPUT_VALUE_STEP]] ^ 128, other[y + k * p[_OTHER_VALUE_STEP]] ^ 128


def _combine(p, arena, constants, rows, function, finish=requantize):
    """function(x, y): the sum to bring back to int8. A tile's inputs are read before its outputs are written."""
    to = p[_OUTPUT] + (rows & 0xFFFF) * p[_PLANES] * p[_LINES] * p[_VALUES]
    sums = []
    for x, y in _pairs(p, arena, constants, rows):
        sums.append(function(x, y))
        if len(sums) == p[_TILE]:
            finish(p, arena, constants, to, sums)
            to += len(sums)
            sums = []
    finish(p, arena, constants, to, sums)


def add(p, arena, constants, rows):
    ours, others = int32s(constants, p[_INPUT_TABLE], 256), int32s(constants, p[_OTHER_TABLE], 256)
    _combine(p, arena, constants, rows, lambda x, y: ours[x] + others[y])


def multiply(p, arena, constants, rows):
    _combine(p, arena, constants, rows, lambda x, y: (x - p[_INPUT_ZERO_POINT]) * (y - p[_OTHER_ZERO_POINT]))


def prelu(p, arena, constants, rows):
    zero, other_zero = p[_INPUT_ZERO_POINT], p[_OTHER_ZERO_POINT]

    def total(x, y):
        return (x - zero) * (y - other_zero) if x < zero else _LOOKED_UP + x - zero

    _combine(p, arena, constants, rows, total, _slope_outputs)


def _slope_outputs(p, arena, constants, to, sums):
    requantize(p, arena, constants, to, sums)
    for i, total in enumerate(sums):
        if total >= _LOOKED_UP:
            arena[to + i] = constants[p[_POSITIVE_TABLE] + total - _LOOKED_UP]


def lookup(p, arena, constants, rows):
    for i in range((rows & 0xFFFF) * p[_DEPTH], (rows >> 16) * p[_DEPTH]):
        arena[p[_OUTPUT] + i] = constants[p[_TABLE] + (arena[p[_INPUT] + i] ^ 128)]
