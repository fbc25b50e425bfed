"""Softmax in plain Python; as softmax_viper.py."""

from micropython import const

from watchword.kernels.fixedpoint_plain import divide, high, int8, int32s

# Parameters of kernels/softmax.py, written by `make parameters`:
_INPUT = const(0)
_OUTPUT = const(1)
_DEPTH = const(2)
_TABLE = const(3)


def softmax(p, arena, constants, rows):
    n = p[_DEPTH]
    table = int32s(constants, p[_TABLE], 256)
    for row in range(rows & 0xFFFF, rows >> 16):
        x = [int8(arena[p[_INPUT] + row * n + c]) for c in range(n)]
        greatest = max(x)
        exponentials = [table[greatest - v] for v in x]
        total = sum(divide(e, 12) for e in exponentials if e >= 0)
        bits = 0
        while total >> bits:
            bits += 1
        scale = _reciprocal((total << (32 - bits)) - (1 << 31))
        for c in range(n):
            e = exponentials[c]
            v = divide(high(scale, e), bits + 3) if e >= 0 else 0
            arena[p[_OUTPUT] + row * n + c] = min(max(v, 0), 255) ^ 128


def _reciprocal(x):
    """1 / (1 + x) in Q31 for x in 0..1 in Q31: gemmlowp's Newton's method in Q29."""
    half = (x + (1 << 31)) >> 1
    r = 1515870810 + high(half, -1010580540)  # 48/17 - 32/17 * half
    for _ in range(3):
        r += high(r, (1 << 29) - high(half, r)) << 2
    return min(r << 1, (1 << 31) - 1)
