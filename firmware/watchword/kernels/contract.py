"""What a kernel takes, and when it stays in its buffers: the terms in which each family's contract is written.

A contract (convolution.py, pooling.py, ...) has for each kernel of a family its number, the names of its parameters in their
order with the range of each, and the proof that a step stays in its buffers and ends, whatever these hold. Bodies check
nothing: a program comes from outside, may be damaged or made to do harm, and is proved once before any of it runs. What its
constants and inputs hold cannot hurt, since no kernel takes an offset, a size or a count from data.

All bodies are called alike, body(p, arena, constants, rows):
    p          the parameters, array 'i'
    arena      the buffer of all tensors, in which most offsets count
    constants  the buffer of weights and tables; the arena itself, for a step whose constants were paged into it
    rows       first | last << 16: compute the output rows first to last - 1, so that the runtime can stop between rows
They give the int8 results of LiteRT's reference kernels, bit for bit, whatever language they are written in.

The host packs by the same files. Bodies reach parameters by constants that `make parameters` writes into them from here.
"""

from collections import namedtuple

# Ranges. No parameter is negative (viper zero-extends what it loads on 64-bit machines), but for SIGNED ones.
OFFSET = (0, 0x3FFFFFFF)  # in a buffer, or a number of bytes
BYTE = (0, 255)  # a zero point or an activation, plus 128
FLAG = (0, 1)
SIZE = (1, 0x7FFF)  # far above what layers have; a product of two of them and a row's number fits a machine word
PADDING = (0, 0x7FFF)
COUNT = (1, 0x3FFFFFFF)
SIGNED = (-0x3FFFFFFF, 0x3FFFFFFF)
UNUSED = (0, 0)

# What the parameters of all kernels that bring sums back to int8 begin with.
REQUANTIZE = (
    ("input", OFFSET),
    ("output", OFFSET),
    ("minimum", BYTE),  # of the output
    ("maximum", BYTE),
    ("zero_point", BYTE),  # of the output
    ("rescale", OFFSET),  # in the constants: RESCALE of each channel
    ("rescale_step", (0, 16)),  # bytes from one channel's four to the next's; 0: all share them
    ("sums", OFFSET),  # in the arena: room for an int32 for each channel that is computed at once
    ("round_once", FLAG),  # as dense layers do, where convolutions round twice
)

# What REQUANTIZE's `rescale` has for each channel, int32.
RESCALE = (
    ("bias", SIGNED),  # added to the sum, which is then multiplied by multiplier * 2^(left - right - 31)
    ("multiplier", SIGNED),
    ("left", (0, 31)),
    ("right", (0, 31)),
)

# How a window slides over a picture, from the parameter `input_height` on.
WINDOW = (
    ("input_height", COUNT),
    ("input_width", COUNT),
    ("input_channels", COUNT),
    ("output_height", COUNT),
    ("output_width", COUNT),
    ("output_channels", COUNT),  # of this step
    ("kernel_height", SIZE),
    ("kernel_width", SIZE),
    ("stride_y", SIZE),
    ("stride_x", SIZE),
    ("padding_top", PADDING),
    ("padding_left", PADDING),
)

# What the parameters of convolutions with several weights in a word begin with: their patches and what becomes of those.
PATCHES = (
    ("input", OFFSET),  # where the first patch begins
    ("output", OFFSET),
    ("shift", (1, 31)),  # of all rescales by factors
    ("minimum", BYTE),
    ("maximum", BYTE),
    ("zero_point", BYTE),
    ("stream", OFFSET),  # in the constants: weights and factors
    ("taps", SIZE),  # of a patch, or of one of its segments
    ("columns", SIZE),
    ("input_column_step", OFFSET),  # bytes from one patch to the next
    ("input_row_step", OFFSET),
    ("output_gap", OFFSET),  # bytes from the last output of a pixel to the first of the next one
    ("output_row_step", OFFSET),
    ("has_table", FLAG),  # of where its taps are; else a patch is one row of whole words
    ("round_once", FLAG),  # as dense layers do, where convolutions round twice
    ("runs", SIZE),  # of groups of outputs
)

# What follows, after the runs, for every two taps of a patch.
TABLE = (("places", OFFSET),)  # of two taps in the patch, first | second << 16

EXACTLY = 2  # how sums are rescaled where no factors are proved: by what stands for REQUANTIZE's `rescale`
FACTORS = (12, 12, 16)  # bytes that the stream has for each output, by how sums are rescaled

LAYOUTS = REQUANTIZE, RESCALE  # which bodies may name, beside those of contracts

Sizes = namedtuple("Sizes", ("arena", "constants", "weights"))  # of the buffers, and of the section that READ reads from


class Contract:
    """Of one kernel. name: of its body, a function of the family's modules. fields: (name, range) of each parameter, in order.

    records: names of what may follow them, again and again, and the fields of each. proof(p, more, rows, sizes): whether a
    step of `rows` output rows stays in its buffers, p having the parameters by name, `more` the rest as an array.
    """

    def __init__(self, name, fields, proof, records=()):
        self.name = name
        self.fields = fields
        self.proof = proof
        self.records = records
        self.parameters = namedtuple(name, [field for field, _ in fields])

    def holds(self, rows, p, sizes):
        """Whether a step with these parameters (array 'i') can do no harm. sizes: as of Sizes."""
        n = len(self.fields)
        if not 1 <= rows <= SIZE[1] or len(p) < n or (len(p) > n and not self.records):
            return False
        for value, (_, (least, greatest)) in zip(p, self.fields):
            if not least <= value <= greatest:
                return False
        return self.proof(self.parameters(*p[:n]), p[n:], rows, Sizes(*sizes))


def inside(offset, size, buffer):
    """Whether `size` bytes from an offset on lie in a buffer of so many."""
    return size > 0 and offset + size <= buffer


def words(offset, n, buffer):
    """Whether n int32 lie in a buffer, and on words: a Cortex-M0+ stops at one that does not."""
    return offset % 4 == 0 and inside(offset, 4 * n, buffer)


def halves(offset, n, buffer):
    """The same of n int16."""
    return offset % 2 == 0 and inside(offset, 2 * n, buffer)


def strided(offset, sizes, steps, buffer):
    """Whether all places of an array lie in a buffer, from the least to the greatest; steps may be negative."""
    least = greatest = offset
    for size, step in zip(sizes, steps):
        reach = (size - 1) * step
        if reach < 0:
            least += reach
        else:
            greatest += reach
    return least >= 0 and greatest < buffer


def requantizes(p, n, sizes):
    """Whether n sums at once can be brought back to int8."""
    return (
        p.minimum <= p.maximum
        and p.rescale_step in (0, 16)
        and words(p.rescale, 4 * n if p.rescale_step else 4, sizes.constants)
        and words(p.sums, n, sizes.arena)
    )


def reach(more, table):
    """Bytes of the largest patch in which the places of a table are, which begins at more[table]; 0: one is negative."""
    patch = 1
    for i in range(table, len(more)):
        if more[i] < 0:
            return 0
        patch = max(patch, (more[i] & 0xFFFF) + 1, (more[i] >> 16) + 1)
    return patch


def patches_fit(p, patch, outputs, stream, rows, sizes):
    """Whether patches of so many bytes, the outputs of all pixels and the bytes of the stream lie in their buffers."""
    return (
        patch > 0
        and p.minimum <= p.maximum
        and inside(p.input, (rows - 1) * p.input_row_step + (p.columns - 1) * p.input_column_step + patch, sizes.arena)
        and inside(p.output, (rows - 1) * p.output_row_step + (p.columns - 1) * (outputs + p.output_gap) + outputs, sizes.arena)
        and p.stream % 4 == 0
        and inside(p.stream, stream, sizes.constants)
    )
