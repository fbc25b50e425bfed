"""Moving bytes in plain Python; as movement_viper.py."""


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
