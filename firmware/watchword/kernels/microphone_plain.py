"""Words of an I2S microphone to samples, in plain Python.

A word is a slot of the bus, 32 bits, as DMA writes it into a ring: the sample x is its upper 24 bits, signed. Of each

    y = x - (dc >> 7);  dc += y            a high-pass: -3 dB at 20 Hz of 16 kHz; it settles within 8 ms
    (y * gain + 8192) >> 14                rounded half up; at most 32767, at least -32768

so that a gain of 64 keeps the upper 16 bits, and one of 64 * 2^k shifts them by k. dc is 128 times the mean of x, and exact:
-2^30 to 2^30 - 1, whatever comes. watchword.features.microphone computes the same on the host.
"""

from micropython import const

# The state p of a source, array 'i'.
AT = const(0)  # where the oldest word is in the ring, in bytes
SIZE = const(1)  # bytes of the ring, a power of 2
GAIN = const(2)  # 1 to 65535
HIGH = const(3)  # the highest and the lowest y that give a sample which fits:
LOW = const(4)  # (2^29 - 8193) // gain and -((2^29 + 8192) // gain)
MEAN = const(5)  # dc
CLIPPED = const(6)  # how many samples did not fit; the owner begins with 0
LEAST = const(7)  # the least x; 2^23
GREATEST = const(8)  # the greatest x; -2^23 - 1
BITS = const(9)  # the bits that the lowest bytes had; 0
WAITING = const(10)  # how many words wait
LOST = const(11)  # how many were lost
COUNT = const(12)  # how many transfers DMA had left when it was last asked
FEW = const(13)  # with how few it is to begin again

MARGIN = const(32)  # words, 2 ms, for which the ring has room while others are taken


def arrived(p, count):
    """DMA has `count` transfers left: the number of words that wait; -1: it is to begin again.

    Those for which the ring had no room are lost, the oldest first.
    """
    waiting = p[WAITING] + p[COUNT] - count
    p[COUNT] = count
    lost = waiting - (p[SIZE] >> 2) + MARGIN
    if lost > 0:
        waiting -= lost
        p[LOST] += lost
        p[AT] = p[AT] + 4 * lost & p[SIZE] - 1
    p[WAITING] = waiting
    return -1 if count < p[FEW] else waiting


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
    p[AT] = at
    p[MEAN] = dc
    p[CLIPPED] = clipped
    p[LEAST] = least
    p[GREATEST] = greatest
    p[BITS] = bits
    p[WAITING] -= where >> 16
