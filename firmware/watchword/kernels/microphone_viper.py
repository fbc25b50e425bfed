"""Words of an I2S microphone to samples, in viper. What it computes: microphone_plain.py.

On 64-bit machines a word is loaded without its sign, which two shifts bring back: by 32 there, else by 0.
"""

import micropython
from micropython import const

# Parameters of kernels/microphone.py, written by `make parameters`:
_MARGIN = const(32)
_MOST_LOST = const(1073741823)
_AT = const(0)
_SIZE = const(1)
_GAIN = const(2)
_HIGH = const(3)
_LOW = const(4)
_MEAN = const(5)
_CLIPPED = const(6)
_LEAST = const(7)
_GREATEST = const(8)
_BITS = const(9)
_WAITING = const(10)
_LOST = const(11)
_LEFT = const(12)
_FEW = const(13)


@micropython.viper
def arrived(p: ptr32, count: int) -> int:
    waiting = p[_WAITING] + p[_LEFT] - count
    p[_LEFT] = count
    lost = waiting - (p[_SIZE] >> 2) + _MARGIN
    if lost > 0:
        waiting -= lost
        counted = p[_LOST] + lost
        if counted > _MOST_LOST:
            counted = _MOST_LOST
        p[_LOST] = counted
        p[_AT] = p[_AT] + (lost << 2) & p[_SIZE] - 1
    p[_WAITING] = waiting
    if count < p[_FEW]:
        return -1
    return waiting


@micropython.viper
def convert(p: ptr32, ring: ptr8, samples: ptr8, where: int):
    up = 1 << 16
    if up << 16:
        up = 32
    else:
        up = 0
    at = p[_AT]
    dc = p[_MEAN] << up >> up
    n = where >> 16
    p[_WAITING] -= n
    where &= 0xFFFF
    while n:
        # As far as the ring's end, or less.
        part = (p[_SIZE] - at) >> 2
        if part > n:
            part = n
        dc = int(_stretch(0, dc, p, int(ring) + at, part, int(samples) + where, up))
        n -= part
        where += part << 1
        at += part << 2
        if at == p[_SIZE]:
            at = 0
    p[_AT] = at
    p[_MEAN] = dc


@micropython.viper
def _stretch(x: int, dc: int, p: ptr32, word: ptr32, n: int, to: ptr16, up: int) -> int:
    """n words without an end of the ring; dc afterwards. x and dc, the first of all variables, have registers."""
    gain = p[_GAIN]
    high = p[_HIGH]
    low = p[_LOW] << up >> up
    least = p[_LEAST] << up >> up
    greatest = p[_GREATEST] << up >> up
    bits = p[_BITS]
    down = up + 8
    n = int(word) + (n << 2)
    while int(word) < n:
        x = word[0]
        word = ptr32(int(word) + 4)
        bits |= x
        x = x << up >> down
        if x < least:
            least = x
        if x > greatest:
            greatest = x
        x -= dc >> 7
        dc += x
        if x > high:
            p[_CLIPPED] += 1
            x = 32767
        elif x < low:
            p[_CLIPPED] += 1
            x = -32768
        else:
            x = (x * gain + 8192) >> 14
        to[0] = x
        to = ptr16(int(to) + 2)
    p[_LEAST] = least
    p[_GREATEST] = greatest
    p[_BITS] = bits & 255
    return dc
