"""Convolutions with four weights in a word: what the kernel takes, and the proof that it stays in its buffers.

Half the bytes of packed.py. docs/formats.md shows the stream of weights, and packed_bytes_thumb.py computes.
"""

from watchword.kernels.contract import BYTE, COUNT, FLAG, OFFSET, SIZE, Contract, inside, words

PACKED_BYTES = (
    ("input", OFFSET),  # where the first patch begins
    ("output", OFFSET),
    ("shift", (1, 31)),  # of all rescales by factors
    ("minimum", BYTE),
    ("maximum", BYTE),
    ("zero_point", BYTE),
    ("stream", OFFSET),  # in the constants: weights and factors
    ("taps", SIZE),  # of a patch, a multiple of four
    ("columns", SIZE),
    ("input_column_step", OFFSET),  # bytes from one patch to the next
    ("input_row_step", OFFSET),
    ("output_gap", OFFSET),  # bytes from the last output of a pixel to the first of the next one
    ("output_row_step", OFFSET),
    ("has_table", FLAG),  # of where its taps are; else a patch is one row of whole words
    ("window", OFFSET),  # in the arena: an int32 for each tap
    ("round_once", FLAG),  # as dense layers do, where convolutions round twice
    ("runs", SIZE),
)

RUN = (  # of groups with the same ending
    ("kind", (0, 11)),  # how many of GROUP outputs a group lacks, at its front, plus GROUP * how sums are rescaled:
    ("groups", COUNT),  # 0 by factors, 1 by coarse ones, 2 exactly
)

TABLE = (("places", OFFSET),)  # of two taps in the patch, first | second << 16

GROUP = 4  # outputs of a group

EXACTLY = 2  # how sums are rescaled where no factors are proved: by what stands for REQUANTIZE's `rescale`
FACTORS = (12, 12, 16)  # bytes that the stream has for each output, by how sums are rescaled


def _packed_bytes(p, more, rows, sizes):
    table = 2 * p.runs
    if p.taps % 4 or len(more) != table + p.has_table * (p.taps >> 1):
        return False
    outputs = size = 0
    for i in range(0, table, 2):
        kind, count = more[i], more[i + 1]
        if not 0 <= kind < GROUP * len(FACTORS) or not SIZE[0] <= count <= SIZE[1]:
            return False
        present = GROUP - kind % GROUP
        outputs += present * count
        size += (GROUP * p.taps + present * FACTORS[kind // GROUP]) * count
    patch = 1 if p.has_table else p.taps
    if p.has_table:
        for i in range(table, len(more)):
            if more[i] < 0:
                return False
            patch = max(patch, (more[i] & 0xFFFF) + 1, (more[i] >> 16) + 1)
    elif (p.input | p.input_column_step | p.input_row_step) % 4:
        return False
    return (
        p.minimum <= p.maximum
        and inside(p.input, (rows - 1) * p.input_row_step + (p.columns - 1) * p.input_column_step + patch, sizes.arena)
        and inside(p.output, (rows - 1) * p.output_row_step + (p.columns - 1) * (outputs + p.output_gap) + outputs, sizes.arena)
        and p.stream % 4 == 0
        and inside(p.stream, size, sizes.constants)
        and words(p.window, p.taps, sizes.arena)
    )


CONTRACTS = (Contract("packed_bytes", PACKED_BYTES, _packed_bytes, (("run", RUN), ("table", TABLE))),)
