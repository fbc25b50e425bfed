"""The kernels by number, as programs name them. Their bodies are loaded along with a program, and only those that it uses.

Every layer kernel has the same form, `kernel(p, arena, constants, first, last)`: `p` are its parameters (array 'i', one
layout per kernel, below), `arena` and `constants` the two buffers that offsets in `p` count from, and `first` to `last - 1`
the output rows to compute, so that the runtime can stop between rows. Nothing is checked here: `bounds.check` proves once,
before a program runs, that no kernel can leave its buffers. Of a step whose constants were read into the arena both buffers
are the arena.

Two bodies exist for each: viper, and plain Python for chips without the native emitter (and for tests, as a second
opinion). Both give the int8 results of LiteRT's reference kernels, bit for bit.
"""

from micropython import const

VERSION = 3  # of the layouts below; a program made for another one is refused

CONV = const(1)
DEPTHWISE = const(2)
AVERAGE_POOL = const(3)
SOFTMAX = const(4)
MAX_POOL = const(5)
MEAN = const(6)
ADD = const(7)
MULTIPLY = const(8)
LOOKUP = const(9)
COPY = const(10)
FILL = const(11)
SVDF = const(12)
READ = const(13)  # no arithmetic: the runtime's own step, which brings constants from the program's file
PAIRS = const(14)
DEPTHWISE_PAIRS = const(15)

# Parameters. Zero points, values, minimum and maximum are stored plus 128, so that no parameter is negative (viper zero-extends
# what it loads on 64-bit machines); only the steps of COPY from place to place may be.
#
# Every kernel:
#    0 input, 1 output: offsets in the arena
#
# Those that bring sums back to int8 (all but LOOKUP, COPY, FILL, SOFTMAX, READ; the pools use 2 and 3 only, the rest is 0):
#    2 minimum, 3 maximum of the output
#    4 output zero point
#    5 rescale: offset in the constants of four int32 for each output channel: bias, multiplier, left shift, right shift
#    6 bytes from one channel's four to the next's: 16, or 0 where all channels share them, as in ADD, MULTIPLY and MEAN
#    7 sums: offset in the arena of an int32 for each channel that is computed at once
#    8 rounding: 0 as of convolutions, 1 as of dense layers
#
#   CONV and DEPTHWISE                                    AVERAGE_POOL and MAX_POOL
#    9 input height, 10 width, 11 channels                 as left up to 20; a step computes all channels
#   12 output height, 13 width, 14 channels of this step
#   15 kernel height, 16 width                            MEAN, of `rows` times [places][values] to `rows` times [values]
#   17 stride down, 18 across                              9 places that the mean is over, 10 values in a place
#   19 padding at the top, 20 at the left                 11 values at once: what the sums have room for
#   21 dilation down, 22 across
#   23 input zero point                                   LOOKUP
#   24 weights: offset in the constants                    2 values in a row
#   25 patch: offset in the arena, 26 its length           3 table: offset in the constants, uint8[256] by input plus 128,
#   27 bytes from one input pixel to the next                of outputs as they are stored (int8)
#   28 bytes from one output pixel to the next
#                                                         SOFTMAX
#   ADD and MULTIPLY, of two inputs that broadcast         2 values in a row
#    9 other input: offset                                 3 table: offset in the constants
#   10 1 where the other lies in the constants             4 scratch: offset in the arena
#   11, 12, 13 sizes of the axes after the rows
#   14 to 17 bytes from place to place of the input       COPY, of an array of four axes, the first being the rows
#      along the rows and the three axes (0: broadcast)    0 input may lie in the constants: then 2 is 1
#   18 to 21 the same of the other                         3, 4, 5 sizes of the other axes
#   22, 23 ADD: offsets in the constants of int32[256],    6 to 9 bytes from place to place of the input
#      what each value of the input and of the other      10 to 13 the same of the output
#      adds; MULTIPLY: their zero points
#   24 values at once: what the sums have room for        FILL
#   The output is dense.                                   2 value, 3 bytes in a row (0 is unused)
#
#   SVDF, one row                                         READ
#    9 inputs, 10 units, 11 rank, 12 steps kept            0 offset in the program's weights, 1 in the arena, 2 bytes
#   13 features: offset in the constants, uint8 plus 128 [filter][patch]
#   14 time: offset in the constants, int16 [filter][step]
#   15 state: offset in the arena, int16 [filter][step], oldest first
#   16 rescale of the features: offset in the constants, four int32 per filter as of 5
#   17 patch: offset in the arena, 18 its length, a multiple of 8
#
#   PAIRS
#    2 shift s, 3 minimum, 4 maximum, 5 zero point
#    6 weights and factors: offset in the constants
#    7 taps of a segment, 8 segments, 9 columns
#   10, 11 bytes from one patch to the next, right and down
#   12 bytes from the last output of a pixel to the first of the next one, 13 from a row to the next
#   14 0 where a patch is one row of whole words; 1 where there is a table of its taps. 15, 16 are unused
#   17 sums between segments: offset in the arena of 24 bytes for each group
#   18 rounding: 0 as of convolutions, 1 as of dense layers
#   19 runs of groups; then, for each run:
#       body | chunks << 8 | ending << 16, groups. An ending is how many outputs the group lacks, and 6 more where factors are
#      coarse, 12 more where it is rescaled exactly
#      and then the table, if any: where in the patch each tap is, first | second << 16, an even number of them for each segment
#
#   DEPTHWISE_PAIRS, whose rows are channels
#    3 minimum, 4 maximum, 5 zero point (2 is unused)
#    6 records: offset in the constants; 28 bytes for each channel: 9 weights, shift s, 2 bytes more; 3 factors and a word, or
#      what an exact rescale takes
#    7 channels, 8 input zero point
#    9 plane: offset in the arena; 10 its words, the first of which is padding
#   11 bytes from there to the first window, 12 from behind a row of a window to the next row, 13 from behind a window back to
#      the next one, 14 all windows of a line, 15 from the end of these to the next line, 16 lines
#   17 bytes from output to output, 18 from a line's first output to the next line's, 19 from the lower half's to the upper's
#   20 groups of spans that are packed; then, for each group:
#      spans, words of a span, to: offset in the arena, bytes to the next span; of the lower half offset in the arena, bytes
#      from word to word and from span to span; of the upper half likewise; for both, 1 or, where it is padding, 0
#      and then, for each channel: its place among the outputs | loop << 16
LENGTHS = {  # the least, where there is more for each of several
    CONV: 29,
    DEPTHWISE: 29,
    AVERAGE_POOL: 21,
    MAX_POOL: 21,
    SOFTMAX: 5,
    MEAN: 12,
    ADD: 25,
    MULTIPLY: 25,
    LOOKUP: 4,
    COPY: 14,
    FILL: 4,
    SVDF: 19,
    READ: 3,
    PAIRS: 20,
    DEPTHWISE_PAIRS: 21,
}

SEVERAL = (PAIRS, DEPTHWISE_PAIRS)  # which may have more

# Where the bodies are: module (with _viper or _plain after it) and function.
BODIES = {
    CONV: ("convolution", "conv"),
    DEPTHWISE: ("convolution", "depthwise"),
    AVERAGE_POOL: ("pooling", "average_pool"),
    MAX_POOL: ("pooling", "max_pool"),
    SOFTMAX: ("softmax", "softmax"),
    MEAN: ("pooling", "mean"),
    ADD: ("elementwise", "add"),
    MULTIPLY: ("elementwise", "multiply"),
    LOOKUP: ("elementwise", "lookup"),
    COPY: ("movement", "copy"),
    FILL: ("movement", "fill"),
    SVDF: ("svdf", "svdf"),
}

# Where the Thumb bodies are: module (with _thumb after it) and function. They take the same parameters, and are called as
# kernel(p, arena, constants, first | last << 16). Kernels that are only here exist on no other chip.
THUMB_BODIES = {
    PAIRS: ("pairs", "pairs"),
    DEPTHWISE_PAIRS: ("depthwise", "depthwise_pairs"),
    COPY: ("movement", "copy"),
    FILL: ("movement", "fill"),
    AVERAGE_POOL: ("pooling", "average_pool"),
    MAX_POOL: ("pooling", "max_pool"),
    MEAN: ("pooling", "mean"),
    CONV: ("convolution", "conv"),
    DEPTHWISE: ("convolution", "depthwise"),
    ADD: ("elementwise", "add"),
    MULTIPLY: ("elementwise", "multiply"),
    LOOKUP: ("elementwise", "lookup"),
    SOFTMAX: ("softmax", "softmax"),
}

try:
    from watchword.kernels import buffers_viper as buffers
except (ImportError, SyntaxError, ValueError):  # no native emitter here, or an .mpy of another architecture
    from watchword.kernels import buffers_plain as buffers

try:
    from watchword.kernels.walk_thumb import walk
except (ImportError, SyntaxError, ValueError):  # no Thumb code here
    walk = None

NATIVE = buffers.__name__.endswith("viper")  # else they are plain Python, and slow
copy = buffers.copy
unmask = buffers.unmask
decode_base64 = buffers.decode_base64
decode_adpcm = buffers.decode_adpcm
