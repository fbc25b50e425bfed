"""Moving bytes in plain Python; as movement_viper.py."""

from micropython import const

# Parameters of kernels/movement.py, written by `make parameters`:
_INPUT = const(0)
_OUTPUT = const(1)
_INPUT_IS_CONSTANT = const(2)
_PLANES = const(3)
_LINES = const(4)
_VALUES = const(5)
_INPUT_ROW_STEP = const(6)
_INPUT_PLANE_STEP = const(7)
_INPUT_LINE_STEP = const(8)
_INPUT_VALUE_STEP = const(9)
_OUTPUT_ROW_STEP = const(10)
_OUTPUT_PLANE_STEP = const(11)
_OUTPUT_LINE_STEP = const(12)
_OUTPUT_VALUE_STEP = const(13)
_VALUE = const(2)
_ROW_SIZE = const(3)


def copy(p, arena, constants, rows):
    source = constants if p[_INPUT_IS_CONSTANT] else arena
    for row in range(rows & 0xFFFF, rows >> 16):
        for i in range(p[_PLANES]):
            for j in range(p[_LINES]):
                at = p[_INPUT] + row * p[_INPUT_ROW_STEP] + i * p[_INPUT_PLANE_STEP] + j * p[_INPUT_LINE_STEP]
                to = p[_OUTPUT] + row * p[_OUTPUT_ROW_STEP] + i * p[_OUTPUT_PLANE_STEP] + j * p[_OUTPUT_LINE_STEP]
                for k in range(p[_VALUES]):
                    arena[to + k * p[_OUTPUT_VALUE_STEP]] = source[at + k * p[_INPUT_VALUE_STEP]]


def fill(p, arena, constants, rows):
    for i in range(p[_OUTPUT] + (rows & 0xFFFF) * p[_ROW_SIZE], p[_OUTPUT] + (rows >> 16) * p[_ROW_SIZE]):
        arena[i] = p[_VALUE] ^ 128
