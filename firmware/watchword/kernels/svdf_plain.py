"""SVDF in plain Python; as svdf_viper.py."""

from watchword.kernels.fixedpoint_plain import int32s, requantize, rescale


def _int16(buffer, at):
    v = buffer[at] | buffer[at + 1] << 8
    return v - 65536 if v > 32767 else v


def svdf(p, arena, constants, first, last):
    units, rank, steps = p[10], p[11], p[12]
    x = [arena[p[0] + i] ^ 128 for i in range(p[9])]
    for f in range(units * rank):
        row = p[15] + 2 * f * steps
        for i in range(row, row + 2 * steps - 2):
            arena[i] = arena[i + 2]
        weights = p[13] + f * p[18]
        total = sum(v * (constants[weights + i] - 128) for i, v in enumerate(x))
        v = rescale(total, *int32s(constants, p[16] + 16 * f, 4))
        v = min(max(v, -32768), 32767)
        arena[row + 2 * steps - 2] = v & 255
        arena[row + 2 * steps - 1] = v >> 8 & 255
    sums = []
    for unit in range(units):
        # the filters of a unit are neighbours, and so are their steps
        places = range(unit * rank * steps, (unit + 1) * rank * steps)
        sums.append(sum(_int16(arena, p[15] + 2 * i) * _int16(constants, p[14] + 2 * i) for i in places))
    requantize(p, arena, constants, p[1], sums)
