"""Convolutions with four weights in a word: what the kernel takes, and the proof that it stays in its buffers.

Half the bytes of packed.py. docs/formats.md shows the stream of weights, and packed_bytes_thumb.py computes.
"""

from watchword.kernels.contract import (
    COUNT,
    FACTORS,
    OFFSET,
    PATCHES,
    SIZE,
    TABLE,
    Contract,
    patches_fit,
    reach,
    words,
)

# The taps of a patch are a multiple of four.
PACKED_BYTES = PATCHES + (("window", OFFSET),)  # in the arena: an int32 for each tap

RUN = (  # of groups with the same ending
    ("kind", (0, 11)),  # how many of GROUP outputs a group lacks, at its front, plus GROUP * how sums are rescaled:
    ("groups", COUNT),  # 0 by factors, 1 by coarse ones, 2 exactly
)

GROUP = 4  # outputs of a group


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
    if p.has_table:
        patch = reach(more, table)
    else:
        patch = 0 if (p.input | p.input_column_step | p.input_row_step) % 4 else p.taps
    return patches_fit(p, patch, outputs, size, rows, sizes) and words(p.window, p.taps, sizes.arena)


CONTRACTS = (Contract("packed_bytes", PACKED_BYTES, _packed_bytes, (("run", RUN), ("table", TABLE))),)
