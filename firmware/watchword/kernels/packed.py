"""Convolutions with two weights in a word: what the kernel takes, and the proof that it stays in its buffers.

docs/formats.md shows the stream of weights; packed_thumb.py computes.
"""

from watchword.kernels.contract import (
    COUNT,
    EXACTLY,
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

PACKED = PATCHES + (
    ("segments", SIZE),
    ("sums", OFFSET),  # in the arena, between segments: 24 bytes for each group
)

RUN = (  # of groups with the same body and ending
    ("kind", COUNT),  # body | chunks << 8 | ending << 16. ending: how many of GROUP outputs a group lacks, plus GROUP * how
    ("groups", SIZE),  # sums are rescaled: 0 by factors, 1 by coarse ones, 2 exactly
)

GROUP = 6  # outputs of a group
MOST_RUNS = 9
SLOTS = 66  # activations that the kernel's frame holds at once: those of a segment, and what fills its first chunk

# Outputs at once, taps from split to split (a chunk), and how many chunks there are of it, by number.
BODIES = ((6, 8, 8), (6, 6, 11), (6, 5, 13), (6, 4, 16), (6, 3, 22), (6, 2, 32), (4, 4, 16), (4, 2, 32))


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
        patch = reach(more, table)
        whole = p.taps % 2 == 0
    else:
        patch = p.segments * p.taps
        whole = (p.taps | p.input | p.input_column_step | p.input_row_step) % 4 == 0
    return (
        whole
        and p.taps <= SLOTS
        and patches_fit(p, patch, outputs, size, rows, sizes)
        and (p.segments == 1 or words(p.sums, GROUP * groups, sizes.arena))
    )


CONTRACTS = (Contract("packed", PACKED, _packed, (("run", RUN), ("table", TABLE))),)
