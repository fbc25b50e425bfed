"""Convolutions with two weights in a word: what the kernel takes, and the proof that it stays in its buffers.

docs/formats.md shows the stream of weights; packed_thumb.py computes.
"""

from watchword.kernels.contract import BYTE, COUNT, FLAG, OFFSET, SIZE, Contract, inside, words

PACKED = (
    ("input", OFFSET),  # where the first patch begins
    ("output", OFFSET),
    ("shift", (1, 31)),  # of all rescales by factors
    ("minimum", BYTE),
    ("maximum", BYTE),
    ("zero_point", BYTE),
    ("stream", OFFSET),  # in the constants: weights and factors
    ("taps", SIZE),  # of a segment
    ("segments", SIZE),
    ("columns", SIZE),
    ("input_column_step", OFFSET),  # bytes from one patch to the next
    ("input_row_step", OFFSET),
    ("output_gap", OFFSET),  # bytes from the last output of a pixel to the first of the next one
    ("output_row_step", OFFSET),
    ("has_table", FLAG),  # of where its taps are; else a patch is one row of whole words
    ("sums", OFFSET),  # in the arena, between segments: 24 bytes for each group
    ("round_once", FLAG),  # as dense layers do, where convolutions round twice
    ("runs", SIZE),
)

RUN = (  # of groups with the same body and ending
    ("kind", COUNT),  # body | chunks << 8 | ending << 16. ending: how many of GROUP outputs a group lacks, plus GROUP * how
    ("groups", SIZE),  # sums are rescaled: 0 by factors, 1 by coarse ones, 2 exactly
)

TABLE = (("places", OFFSET),)  # of two taps in the patch, first | second << 16; an even number of taps in each segment

GROUP = 6  # outputs of a group
MOST_RUNS = 9
SLOTS = 66  # activations that the kernel's frame holds at once: those of a segment, and what fills its first chunk

# Outputs at once, taps from split to split (a chunk), and how many chunks there are of it, by number.
BODIES = ((6, 8, 8), (6, 6, 11), (6, 5, 13), (6, 4, 16), (6, 3, 22), (6, 2, 32), (4, 4, 16), (4, 2, 32))

EXACTLY = 2  # how sums are rescaled where no factors are proved: by what stands for REQUANTIZE's `rescale`
FACTORS = (12, 12, 16)  # bytes that the stream has for each output, by how sums are rescaled


def _packed(p, more, rows, sizes):
    table = 2 * p.runs
    if p.runs > MOST_RUNS or len(more) != table + p.has_table * (p.taps * p.segments >> 1):
        return False
    outputs = groups = size = 0
    for i in range(0, table, 2):
        kind, count = more[i], more[i + 1]
        body, chunks, lacking, how = kind & 255, kind >> 8 & 255, (kind >> 16) % GROUP, (kind >> 16) // GROUP
        if kind < 0 or body >= len(BODIES) or how > EXACTLY or not SIZE[0] <= count <= SIZE[1]:
            return False
        at_once, chunk, most = BODIES[body]
        if not 0 < chunks <= most or lacking < GROUP - at_once:
            return False
        outputs += (GROUP - lacking) * count
        groups += count
        size += (p.segments * chunks * chunk * at_once * 2 + (GROUP - lacking) * FACTORS[how]) * count
    if p.has_table:
        patch = 1
        for i in range(table, len(more)):
            if more[i] < 0:
                return False
            patch = max(patch, (more[i] & 0xFFFF) + 1, (more[i] >> 16) + 1)
        whole = p.taps % 2 == 0
    else:
        patch = p.segments * p.taps
        whole = (p.taps | p.input | p.input_column_step | p.input_row_step) % 4 == 0
    return (
        whole
        and p.taps <= SLOTS
        and p.minimum <= p.maximum
        and inside(p.input, (rows - 1) * p.input_row_step + (p.columns - 1) * p.input_column_step + patch, sizes.arena)
        and inside(p.output, (rows - 1) * p.output_row_step + (p.columns - 1) * (outputs + p.output_gap) + outputs, sizes.arena)
        and p.stream % 4 == 0
        and inside(p.stream, size, sizes.constants)
        and (p.segments == 1 or words(p.sums, GROUP * groups, sizes.arena))
    )


CONTRACTS = (Contract("packed", PACKED, _packed, (("run", RUN), ("table", TABLE))),)
