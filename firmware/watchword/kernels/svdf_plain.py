"""SVDF in plain Python; as svdf_viper.py."""

from micropython import const

from watchword.kernels.fixedpoint_plain import int32s, requantize, rescale

# Parameters of kernels/svdf.py, written by `make parameters`:
_INPUT = const(0)
_OUTPUT = const(1)
_INPUTS = const(9)
_UNITS = const(10)
_RANK = const(11)
_MEMORY = const(12)
_FEATURES = const(13)
_TIME = const(14)
_STATE = const(15)
_FEATURES_RESCALE = const(16)
_PATCH_SIZE = const(18)


def _int16(buffer, at):
    v = buffer[at] | buffer[at + 1] << 8
    return v - 65536 if v > 32767 else v


def svdf(p, arena, constants, rows):
    units, rank, steps = p[_UNITS], p[_RANK], p[_MEMORY]
    x = [arena[p[_INPUT] + i] ^ 128 for i in range(p[_INPUTS])]
    for f in range(units * rank):
        row = p[_STATE] + 2 * f * steps
        for i in range(row, row + 2 * steps - 2):
            arena[i] = arena[i + 2]
        weights = p[_FEATURES] + f * p[_PATCH_SIZE]
        total = sum(v * (constants[weights + i] - 128) for i, v in enumerate(x))
        v = rescale(total, *int32s(constants, p[_FEATURES_RESCALE] + 16 * f, 4))
        v = min(max(v, -32768), 32767)
        arena[row + 2 * steps - 2] = v & 255
        arena[row + 2 * steps - 1] = v >> 8 & 255
    sums = []
    for unit in range(units):
        # the filters of a unit are neighbours, and so are their steps
        places = range(unit * rank * steps, (unit + 1) * rank * steps)
        sums.append(sum(_int16(arena, p[_STATE] + 2 * i) * _int16(constants, p[_TIME] + 2 * i) for i in places))
    requantize(p, arena, constants, p[_OUTPUT], sums)
