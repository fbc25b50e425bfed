"""Words of an I2S microphone to samples, in plain Python.

A word is a slot of the bus, 32 bits, as DMA writes it into a ring: the sample x is its upper 24 bits, signed. Of each

    y = x - (dc >> 7);  dc += y            a high-pass: -3 dB at 20 Hz of 16 kHz; it settles within 8 ms
    (y * gain + 8192) >> 14                rounded half up; at most 32767, at least -32768

so that a gain of 64 keeps the upper 16 bits, and one of 64 * 2^k shifts them by k. dc is 128 times the mean of x, and exact:
-2^30 to 2^30 - 1, whatever comes. watchword.features.microphone computes the same on the host.
"""

from micropython import const

# Parameters of kernels/microphone.py, written by `make parameters`:
_MARGIN = const(32)
_MOST_LOST = const(1073741823)
_AT = const(0)
_SIZE = const(1)
_MEAN = const(5)
_CLIPPED = const(6)
_LEAST = const(7)
_GREATEST = const(8)
_BITS = const(9)
_WAITING = const(10)
_LOST = const(11)
_LEFT = const(12)
_FEW = const(13)


def arrived(p, count):
    """DMA has `count` transfers left: the number of words that wait; -1: it is to begin again.

    Those for which the ring had no room are lost, the oldest first, and counted up to _MOST_LOST.
    """
    waiting = p[_WAITING] + p[_LEFT] - count
    p[_LEFT] = count
    lost = waiting - (p[_SIZE] >> 2) + _MARGIN
    if lost > 0:
        waiting -= lost
        p[_LOST] = p[_LOST] + lost if lost < _MOST_LOST - p[_LOST] else _MOST_LOST
        p[_AT] = p[_AT] + 4 * lost & p[_SIZE] - 1
    p[_WAITING] = waiting
    return -1 if count < p[_FEW] else waiting


def convert(p, ring, samples, where):
    """Take the n oldest words into samples, array 'h', from byte `at` on (even). where: at + n * 65536."""
    at, size, gain, high, low, dc, clipped, least, greatest, bits, _, _, _, _ = p
    to = (where & 0xFFFF) >> 1
    for i in range(to, to + (where >> 16)):
        x = ((ring[at + 1] | ring[at + 2] << 8 | ring[at + 3] << 16) ^ 0x800000) - 0x800000
        bits |= ring[at]
        at += 4
        if at == size:
            at = 0
        if x < least:
            least = x
        if x > greatest:
            greatest = x
        y = x - (dc >> 7)
        dc += y
        if y > high:
            clipped += 1
            samples[i] = 32767
        elif y < low:
            clipped += 1
            samples[i] = -32768
        else:
            samples[i] = (y * gain + 8192) >> 14
    p[_AT] = at
    p[_MEAN] = dc
    p[_CLIPPED] = clipped
    p[_LEAST] = least
    p[_GREATEST] = greatest
    p[_BITS] = bits
    p[_WAITING] -= where >> 16
