"""The kernels by number, as programs name them; layers.py has their bodies, which are loaded only along with a program.

Every layer kernel has the same form, `kernel(p, arena, constants, first, last)`: `p` are its parameters (array 'i', one
layout per kernel, below), `arena` and `constants` the two buffers that offsets in `p` count from, and `first` to `last - 1`
the output rows to compute, so that the runtime can stop between rows. Nothing is checked here: `program.check` proves once,
before a program runs, that no kernel can leave its buffers.

Two bodies exist for each: viper, and plain Python for chips without the native emitter (and for tests, as a second
opinion). Both give the int8 results of LiteRT's reference kernels, bit for bit.
"""

from micropython import const

VERSION = 1  # of the layouts below; a program made for another one is refused

CONV = const(1)
DEPTHWISE = const(2)
AVERAGE_POOL = const(3)
SOFTMAX = const(4)

# Parameters. Zero points, minimum and maximum are stored plus 128, so that no parameter is negative: viper zero-extends what
# it loads on 64-bit machines.
#
#   CONV and DEPTHWISE                                    AVERAGE_POOL
#    0 input, 1 output: offsets in the arena              as left up to 15; no constants, scratch or zero points:
#    2 input height, 3 width, 4 channels                  2, 3 unused are 0
#    5 output height, 6 width, 7 channels
#    8 kernel height, 9 width                             SOFTMAX
#   10 stride down, 11 across                              0 input, 1 output: offsets in the arena
#   12 padding at the top, 13 at the left                  2 values in a row
#   14 minimum, 15 maximum of the output                   3 table: offset in the constants
#   16 dilation down, 17 across                            4 scratch: offset in the arena
#   18 input zero point, 19 output zero point
#   20 weights, 21 channel constants: offsets in the constants
#   22 patch: offset in the arena, 23 its length
#   24 sums: offset in the arena
#   25 rounding: 0 as of convolutions, 1 as of dense layers
LENGTHS = {CONV: 26, DEPTHWISE: 26, AVERAGE_POOL: 16, SOFTMAX: 5}

try:
    from watchword.kernels import buffers_viper as buffers
except (ImportError, SyntaxError, ValueError):  # no native emitter here, or an .mpy of another architecture
    from watchword.kernels import buffers_plain as buffers

NATIVE = buffers.__name__.endswith("viper")  # else they are plain Python, and slow
copy = buffers.copy
unmask = buffers.unmask
decode_base64 = buffers.decode_base64
decode_adpcm = buffers.decode_adpcm
