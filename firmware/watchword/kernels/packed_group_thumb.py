"""A group of outputs of the packed convolution, in Thumb code: its sums, and what becomes of them. packed_thumb.py calls it."""

from micropython import const

from watchword.kernels.macros_thumb import requantize
from watchword.kernels.packed_rows_thumb import CLAMPER, OUT, OWN, coarse, in_full

# Parameters of kernels/packed.py, written by `make parameters`:
_SLOTS = const(66)

# The frame, from where packed_rows_thumb.py leaves it. First the activations of one pixel, a word each: the last tap of a
# segment is in the last of them. Bodies reach them by sp, which leaves all low registers to sums and weights.
WORDS_END = const(OWN + 4 * _SLOTS)  # 312
SEGMENT = const(312)  # how many are left
ENTRY = const(316)  # of the run's body
SUMS = const(320)  # where the next group's sums are between segments
PATCH = const(324)  # where the segment's activations begin, of several
SCRATCH = const(328)  # where sums are between segments
BETWEEN = const(332)  # what comes after a body instead of its run's ending, which comes AFTER; 0: nothing
AFTER = const(336)
FIRST = const(340)  # what BETWEEN is in the first of several segments, in others and in the last one
MIDDLE = const(344)
FINAL_ONE = const(348)
TOTALS = const(352)  # six sums, apart
RUNS = const(376)  # for each run, 9 at most: entry, finish, groups; after the last one three words more
TABLES = const(496)  # where the patch's table begins
TABLE = const(500)  # and where the segment's part does
FRAME = const(504)  # as far as sp moves at once

S = (r8, r9, r10)  # of the three pairs
B = (r11, r12, lr)
PRODUCTS = (r1, r2, r3)
WORDS = (r4, r5, r6)


@macro
def body(pairs, chunk, chunks):
    """All chunks of a segment, unrolled; a segment that has fewer enters later. pairs: 3, or the 2 last ones.

    r7: weights, as [tap][pair]. A chunk's first products begin the pairs' sums, so that they need no zero.
    """
    for c in range(chunks):
        for i in range(chunk):
            ldr(r0, [sp, WORDS_END - 4 * (chunks * chunk - chunk * c - i)])
            if i == 0:
                if pairs == 3:
                    ldmia(r7, {r1, r2, r3})
                else:
                    ldmia(r7, {r2, r3})
                for j in range(3 - pairs, 3):
                    mul(PRODUCTS[j], r0)
            else:
                if pairs == 3:
                    ldmia(r7, {r4, r5, r6})
                else:
                    ldmia(r7, {r5, r6})
                for j in range(3 - pairs, 3):
                    mul(WORDS[j], r0)
                for j in range(3 - pairs, 3):
                    add(PRODUCTS[j], PRODUCTS[j], WORDS[j])
        for j in range(3 - pairs, 3):
            add(S[j], PRODUCTS[j])
        mov(r0, 0)
        for j in range(3 - pairs, 3):
            asr(PRODUCTS[j], PRODUCTS[j], 16)
            adc(PRODUCTS[j], r0)
            add(B[j], PRODUCTS[j])


@macro
def take():
    """Add what a group's sums were before this segment. r5: behind them."""
    ldr(r5, [sp, SUMS])
    ldmia(r5, {r0, r1, r2, r3, r4, r6})
    for low, high in ((r0, r8), (r1, r9), (r2, r10), (r3, r11), (r4, r12), (r6, lr)):
        add(high, low)


@macro
def begin(skipped):
    """What outputs need: r5 where they go, r6 the clamper. The first `skipped` of six are none: they stand before the place."""
    ldr(r5, [sp, OUT])
    if skipped:
        sub(r5, skipped)
    ldr(r6, [sp, CLAMPER])


@macro
def lane(way, at):
    """One output: the lower (even) or upper one of a pair, whose B is in r0 then. The upper one needs no split."""
    if at % 2 == 0:
        mov(r0, B[at // 2])
        mov(r1, S[at // 2])
        lsl(r2, r0, 16)
        sub(r1, r1, r2)
    sum = (r1, r0)[at % 2]
    if way == 0:
        requantize(sum, r7, r2, r3, r4, r6)
    else:
        coarse(sum, r7, r2, r3, r4, r6)
    strb(r2, [r5, at])


@macro
def ending(way, skip_0, skip_1, skip_2, skip_3, skip_4, skip_5):
    """The outputs of a group; labels skip_n: of one whose first n outputs are none."""
    label(skip_5)
    begin(5)
    mov(r0, B[2])
    b(LANE_5)
    label(skip_4)
    begin(4)
    b(LANE_4)
    label(skip_3)
    begin(3)
    mov(r0, B[1])
    b(LANE_3)
    label(skip_2)
    begin(2)
    b(LANE_2)
    label(skip_1)
    begin(1)
    mov(r0, B[0])
    b(LANE_1)
    label(skip_0)
    begin(0)
    lane(way, 0)
    label(LANE_1)
    lane(way, 1)
    label(LANE_2)
    lane(way, 2)
    label(LANE_3)
    lane(way, 3)
    label(LANE_4)
    lane(way, 4)
    label(LANE_5)
    lane(way, 5)


@macro
def exactly(done):
    """The outputs of a group as TFLite computes them, with products of 64 bits: 60 cycles each. r4: outputs that are none."""
    add(r5, sp, TOTALS)
    for j in range(3):
        mov(r2, B[j])
        mov(r1, S[j])
        lsl(r0, r2, 16)
        sub(r1, r1, r0)
        stmia(r5, {r1, r2})
    mov(r8, r5)
    sub(r5, 24)
    lsl(r4, r4, 2)
    add(r5, r5, r4)
    in_full()
    b(done)
