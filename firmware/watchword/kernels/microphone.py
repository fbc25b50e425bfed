"""The state of a source that hears an I2S microphone: what kernels/microphone_*.py and sources/i2s.py share, array 'i'.

No program names these kernels, so that there is no proof: the source makes the state itself.
"""

from watchword.kernels.contract import BYTE, COUNT, OFFSET, SIGNED

STATE = (
    ("at", OFFSET),  # where the oldest word is in the ring, in bytes
    ("size", COUNT),  # bytes of the ring, a power of 2
    ("gain", (1, 0xFFFF)),
    ("high", SIGNED),  # the highest and the lowest y that give a sample which fits:
    ("low", SIGNED),  # (2^29 - 8193) // gain and -((2^29 + 8192) // gain)
    ("mean", SIGNED),  # dc
    ("clipped", OFFSET),  # how many samples did not fit
    ("least", SIGNED),  # the least x; 2^23 before the first
    ("greatest", SIGNED),  # the greatest x; -2^23 - 1 before the first
    ("bits", BYTE),  # that the lowest bytes of the words had
    ("waiting", OFFSET),  # how many words wait
    ("lost", OFFSET),  # how many were lost, MOST_LOST at the most
    ("left", OFFSET),  # how many transfers DMA had left when it was last asked
    ("few", OFFSET),  # with how few it is to begin again
)

MARGIN = 32  # words, 2 ms, for which the ring has room while others are taken
MOST_LOST = (1 << 30) - 1  # that are counted, 18 hours: more would need heap, and twice as many have no place in 32 bits

WORDS = len(STATE)

LAYOUTS = (STATE,)
