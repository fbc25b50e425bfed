"""From int32 sums back to int8, in plain Python. Written from TFLite's definition, with integers of any size.

All plain kernels also run on CPython. They are for chips without the native emitter, and a second opinion on the viper
kernels; they are slow, and they allocate.
"""

from array import array

from micropython import const

# Parameters of kernels/contract.py, written by `make parameters`:
_RESCALE = const(5)
_MINIMUM = const(2)
_MAXIMUM = const(3)
_ZERO_POINT = const(4)
_RESCALE_STEP = const(6)
_ROUND_ONCE = const(8)


def int8(v):
    """A byte of a buffer as the number that it stands for."""
    return v - 256 if v > 127 else v


def int32s(buffer, offset, n):
    return array("i", bytes(memoryview(buffer)[offset : offset + 4 * n]))


def divide(x, exponent):
    """x / 2^exponent, rounded half away from zero (RoundingDivideByPOT)."""
    half = (1 << exponent) >> 1
    return (x + half) >> exponent if x >= 0 else -((half - x) >> exponent)


def high(a, b):
    """a * b / 2^31, halves rounded up (SaturatingRoundingDoublingHighMul)."""
    return (a * b + (1 << 30)) >> 31


def wrap(x):
    """What C keeps of x in an int32."""
    return ((x + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)


def rescale(total, bias, multiplier, left, right, once=False):
    """A sum times multiplier * 2^(left - right - 31), rounded twice, or once as of dense layers.

    Shifts above 31, which no compiler writes, must not cost memory.
    """
    total = wrap(wrap(total + bias) << (left & 31))
    right &= 31
    return divide(total * multiplier, 31 + right) if once else divide(high(total, multiplier), right)


def requantize(p, arena, constants, to, sums):
    """Sums, one for each channel, to the int8 outputs at arena + to."""
    step = p[_RESCALE_STEP] // 4
    k = int32s(constants, p[_RESCALE], step * len(sums) or 4)
    for c, total in enumerate(sums):
        i = c * step
        v = rescale(total, k[i], k[i + 1], k[i + 2], k[i + 3], p[_ROUND_ONCE]) + p[_ZERO_POINT]
        arena[to + c] = min(max(v, p[_MINIMUM]), p[_MAXIMUM]) ^ 128
