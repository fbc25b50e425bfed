"""Where the stages of the front end find their buffers, tables and numbers."""

from micropython import const

from watchword.kernels.frontend_numbers_thumb import number

# The words of `places`, which `Frontend.give` fills: watchword/frontend.py.
TABLES = const(0)
Z = const(4)
F = const(8)
SIGNAL = const(12)
ESTIMATE = const(16)
FEATURES = const(20)
INPUT = const(24)
ORDER = const(28)
BITS = const(32)
REMAINING = const(36)
REMAINING_SHIFT = const(40)
MULTIPLIER = const(44)
PCAN = const(48)
LOG = const(52)
SIZE = const(56)  # bytes of INPUT, a ring,
NEXT = const(60)  # and the one at which the next frame goes

# Where the parts of the tables begin, as there.
TWIDDLE = const(960)
SPLIT = const(1728)
FILTERS = const(2224)
GAIN_TABLE = const(2778)
LOG_TABLE = const(3028)

# On the stack.
P = const(0)
SHIFT = const(4)
AT = const(8)
END = const(12)
BASE = const(16)
STEP = const(20)  # bytes from one input of a butterfly to the next
ACROSS = const(24)  # from its twiddle to the one that is squared
GROUP_END = const(28)
PARTS = const(32)  # the four re of a butterfly's inputs, then their im
SAMPLES = const(64)  # the next frame's first,
HOP = const(68)  # bytes from there to those of the one after it,
LEFT = const(72)  # how many frames are left,
FIRST = const(76)  # and the first sample of all
FRAME = const(80)


@macro
def part(to, offset):
    """to: the address of a part of the tables; r4 is `places` afterwards. Uses r5."""
    number(to, offset >> 8, 8)
    add(to, offset & 255)
    ldr(r4, [sp, P])
    ldr(r5, [r4, TABLES])
    add(to, to, r5)
