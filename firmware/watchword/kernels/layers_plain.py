"""int8 layers in plain Python: for chips without the native emitter, and as a second opinion on the viper kernels.

Written from TFLite's definition, with integers of any size; slow, and it allocates. Also runs on CPython.
"""

from array import array


def _int8(v):
    return v - 256 if v > 127 else v


def _divide(x, exponent):
    """x / 2^exponent, rounded half away from zero."""
    half = (1 << exponent) >> 1
    return (x + half) >> exponent if x >= 0 else -((half - x) >> exponent)


def _high(a, b):
    """a * b / 2^31, rounded half up in magnitude; of negative products exactly a half goes towards zero."""
    product = a * b
    return (product + (1 << 30)) >> 31 if product >= 0 else -((-product + (1 << 30) - 1) >> 31)


def _words(buffer, offset, n):
    return array("i", bytes(memoryview(buffer)[offset : offset + 4 * n]))


def _window(p, y, x):
    """(offset in the input or None for padding) of each tap under output (y, x)."""
    for i in range(p[8]):
        row = y * p[10] - p[12] + i * p[16]
        for j in range(p[9]):
            column = x * p[11] - p[13] + j * p[17]
            inside = 0 <= row < p[2] and 0 <= column < p[3]
            yield p[0] + (row * p[3] + column) * p[4] if inside else None


def _finish(p, arena, constants, pixel, sums):
    k = _words(constants, p[21], 4 * p[7])
    for c in range(p[7]):
        bias, multiplier, left, right = k[4 * c], k[4 * c + 1], k[4 * c + 2], k[4 * c + 3]
        total = (sums[c] + bias) << left
        # a dense layer's product is rounded once
        v = _divide(total * multiplier, 31 + right) if p[25] else _divide(_high(total, multiplier), right)
        v += p[19]
        arena[p[1] + pixel * p[7] + c] = min(max(v, p[14]), p[15]) ^ 128


def conv(p, arena, constants, first, last):
    channels = p[4]
    for y in range(first, last):
        for x in range(p[6]):
            sums = [0] * p[7]
            for tap, at in enumerate(_window(p, y, x)):
                for c in range(channels):
                    v = p[18] if at is None else arena[at + c] ^ 128
                    for o in range(p[7]):
                        sums[o] += v * (constants[p[20] + o * p[23] + tap * channels + c] - 128)
            _finish(p, arena, constants, y * p[6] + x, sums)


def depthwise(p, arena, constants, first, last):
    multiplier = p[7] // p[4]
    taps = p[8] * p[9]
    for y in range(first, last):
        for x in range(p[6]):
            sums = [0] * p[7]
            for tap, at in enumerate(_window(p, y, x)):
                for o in range(p[7]):
                    v = p[18] if at is None else arena[at + o // multiplier] ^ 128
                    sums[o] += v * (constants[p[20] + o * taps + tap] - 128)
            _finish(p, arena, constants, y * p[6] + x, sums)


def average_pool(p, arena, constants, first, last):
    for y in range(first, last):
        top = y * p[10] - p[12]
        rows = range(max(top, 0), min(top + p[8], p[2]))
        for x in range(p[6]):
            left = x * p[11] - p[13]
            columns = range(max(left, 0), min(left + p[9], p[3]))
            count = len(rows) * len(columns)
            for c in range(p[4]):
                s = 0
                for row in rows:
                    for column in columns:
                        s += _int8(arena[p[0] + (row * p[3] + column) * p[4] + c])
                s = (s + count // 2) // count if s > 0 else -((count // 2 - s) // count)
                arena[p[1] + (y * p[6] + x) * p[4] + c] = min(max(s + 128, p[14]), p[15]) ^ 128


def softmax(p, arena, constants, first, last):
    n = p[2]
    table = _words(constants, p[3], 256)
    for row in range(first, last):
        x = [_int8(arena[p[0] + row * n + c]) for c in range(n)]
        greatest = max(x)
        exponentials = [table[greatest - v] for v in x]
        total = sum(_divide(e, 12) for e in exponentials if e >= 0)
        bits = 0
        while total >> bits:
            bits += 1
        scale = _reciprocal((total << (32 - bits)) - (1 << 31))
        for c in range(n):
            e = exponentials[c]
            v = _divide(_high(scale, e), bits + 3) if e >= 0 else 0
            arena[p[1] + row * n + c] = min(v, 255) ^ 128


def _reciprocal(x):
    """1 / (1 + x) in Q31 for x in 0..1 in Q31: gemmlowp's Newton's method in Q29."""
    half = (x + (1 << 31)) >> 1
    r = 1515870810 + _high(half, -1010580540)  # 48/17 - 32/17 * half
    for _ in range(3):
        r += _high(r, (1 << 29) - _high(half, r)) << 2
    return min(r << 1, (1 << 31) - 1)
