"""Convolutions with two weights in a word: pointwise, dense, and any kernel that slides over a picture without padding.

Two output channels share a word of weights, w0 + (w1 << 16). One multiplication by an activation gives both products, and
their sums stay apart as long as the lower one stays within 16 bits. The compiler knows the weights, so it proves for how many
taps that holds whatever the activations are: a chunk. After each chunk the pair is split:

    S += pair, modulo 2^32        B += pair >> 16, rounded, which undoes the lower half's borrow

and in the end B is the upper sum, S - (B << 16) the lower one. Three pairs are computed at once, from one activation and three
words of weights: 12 cycles for 6 MACs, and 13 for each chunk.
"""

import micropython
from micropython import const

from watchword.kernels.macros_thumb import (
    clamp,
    close_clamp,
    enter,
    leave,
    open_clamp,
    requantize,
    rescale,
)

# The frame, in bytes from sp. First the activations of one pixel, a word each: the last tap of a segment is in the last of
# them. Bodies reach them by sp, which leaves all low registers to sums and weights.
SLOTS = const(66)
BODIES = const(8)
P = const(264)  # parameters
CLAMPER = const(268)
STREAM = const(272)  # where weights begin; r8 is where the next segment's do, while activations are gathered
ROWS = const(276)  # that are left
ROW_IN = const(280)  # where the row's first patch begins
ROW_OUT = const(284)
COLUMNS = const(288)  # that are left
PIXEL = const(292)  # where the patch begins
OUT = const(296)  # where the next group's outputs go
SEGMENT = const(300)  # how many are left
RUN = const(304)  # which run
ENTRY = const(308)  # of its body
FINISH = const(312)  # what comes after the body
GROUPS = const(316)  # that are left in the run
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
            ldr(r0, [sp, 4 * (SLOTS - chunks * chunk + chunk * c + i)])
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
def go(slot):
    """Jump to the address in a slot of the frame."""
    ldr(r0, [sp, slot])
    bx(r0)


@macro
def coarse(a, factors, m, fine, o, clamper):
    """As `requantize`, for sums that are too great for it; `a` is lost."""
    ldmia(factors, {m, fine, o})
    mul(m, a)
    asr(a, a, 4)
    mul(fine, a)
    asr(fine, fine, 10)
    add(m, m, fine)
    add(m, m, o)
    clamp(m, clamper, fine)


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
    mov(r8, r5)  # now all high registers are free: r8 is the end of the sums,
    sub(r5, 24)
    lsl(r4, r4, 2)
    add(r5, r5, r4)
    ldr(r2, [sp, P])
    ldr(r0, [r2, 4 * 5])
    sub(r0, 128)
    mov(r9, r0)  # r9 the zero point,
    ldr(r0, [r2, 4 * 3])
    sub(r0, 128)
    mov(r10, r0)  # r10 and r11 the limits,
    ldr(r0, [r2, 4 * 4])
    sub(r0, 128)
    mov(r11, r0)
    ldr(r0, [r2, 4 * 18])
    mov(r12, r0)  # r12 how it rounds,
    ldr(r6, [sp, OUT])
    label(OUTPUT)
    ldmia(r5, {r0})
    ldmia(r7, {r2, r3, r4})  # bias, multiplier, left shift; the right shift comes later
    rescale(r12)
    add(r1, r9)
    cmp(r1, r10)
    bge(ABOVE)
    mov(r1, r10)
    label(ABOVE)
    cmp(r1, r11)
    ble(BELOW)
    mov(r1, r11)
    label(BELOW)
    strb(r1, [r6, 0])
    add(r6, 1)
    cmp(r5, r8)
    bne(OUTPUT)
    str(r6, [sp, OUT])
    b(done)


@micropython.asm_thumb
def pairs(r0, r1, r2, r3):
    """Parameters: kernels/__init__.py. 2.0 cycles per MAC, 13 / (6 chunk) more for the chunks, 20 per output, 4 per tap of a
    pixel."""
    enter()
    mov(r8, r1)
    mov(r9, r2)
    mov(r10, r3)
    mov(r7, r0)
    ldr(r2, [r7, 4 * 2])
    ldr(r3, [r7, 4 * 3])
    ldr(r4, [r7, 4 * 4])
    sub(r3, 128)
    sub(r4, 128)
    open_clamp(r6, r5, r2, r3, r4)
    sub(sp, FRAME)
    str(r6, [sp, CLAMPER])
    str(r7, [sp, P])
    ldr(r0, [r7, 4 * 6])
    add(r0, r9)
    str(r0, [sp, STREAM])
    mov(r0, r10)
    uxth(r1, r0)  # first row
    lsr(r0, r0, 16)
    sub(r0, r0, r1)
    str(r0, [sp, ROWS])
    ldr(r2, [r7, 4 * 0])
    add(r2, r8)
    ldr(r3, [r7, 4 * 11])
    mul(r3, r1)
    add(r2, r2, r3)
    str(r2, [sp, ROW_IN])
    ldr(r2, [r7, 4 * 1])
    add(r2, r8)
    ldr(r3, [r7, 4 * 13])
    mul(r3, r1)
    add(r2, r2, r3)
    str(r2, [sp, ROW_OUT])
    # Where the runs' bodies and endings are: parameters 20 and on are two words for each run.
    mov(r1, pc)
    b(RESOLVE)
    label(BASE)
    data(2, 8 * 16 + 20)  # bytes of a chunk
    offsets(BASE, END_8)
    data(2, 6 * 16 + 20)
    offsets(BASE, END_6)
    data(2, 5 * 16 + 20)
    offsets(BASE, END_5)
    data(2, 4 * 16 + 20)
    offsets(BASE, END_4)
    data(2, 3 * 16 + 20)
    offsets(BASE, END_3)
    data(2, 2 * 16 + 20)
    offsets(BASE, END_2)
    data(2, 4 * 12 + 14)
    offsets(BASE, END_44)
    data(2, 2 * 12 + 14)
    offsets(BASE, END_42)
    offsets(BASE, STORE, MERGE, LAST)
    offsets(BASE, FINE_0, FINE_1, FINE_2, FINE_3, FINE_4, FINE_5)
    offsets(BASE, COARSE_0, COARSE_1, COARSE_2, COARSE_3, COARSE_4, COARSE_5)
    offsets(BASE, EXACT_0, EXACT_1, EXACT_2, EXACT_3, EXACT_4, EXACT_5)
    label(RESOLVE)
    ldr(r2, [r7, 4 * 19])  # runs
    for i in range(3):
        ldrh(r0, [r1, 4 * BODIES + 2 * i])
        add(r0, r0, r1)
        str(r0, [sp, FIRST + 4 * i])
    ldr(r0, [r7, 4 * 17])
    add(r0, r8)
    str(r0, [sp, SCRATCH])
    add(r6, sp, RUNS)
    add(r7, 4 * 20)
    label(EACH)
    ldmia(r7, {r3, r5})  # body | chunks << 8 | ending << 16, groups
    uxtb(r0, r3)
    lsl(r0, r0, 2)
    add(r0, r0, r1)
    ldrh(r4, [r0, 2])
    add(r4, r4, r1)  # r4: behind the body
    ldrh(r0, [r0, 0])
    lsr(r3, r3, 8)
    mov(r8, r3)
    uxtb(r3, r3)
    mul(r0, r3)
    sub(r3, r4, r0)  # its last `chunks` chunks
    mov(r0, r8)
    lsr(r0, r0, 8)
    lsl(r0, r0, 1)
    add(r0, r0, r1)
    ldrh(r4, [r0, 4 * BODIES + 6])
    add(r4, r4, r1)
    stmia(r6, {r3, r4, r5})
    sub(r2, 1)
    bne(EACH)
    str(r7, [sp, TABLES])
    str(r7, [sp, TABLE])
    mov(r0, 0)
    str(r0, [sp, BETWEEN])  # of a single segment the sums are final
    str(r0, [r6, 8])  # no groups: the end of the runs

    label(ROW)
    ldr(r7, [sp, P])
    ldr(r0, [r7, 4 * 9])
    str(r0, [sp, COLUMNS])
    ldr(r0, [sp, ROW_OUT])
    str(r0, [sp, OUT])
    ldr(r1, [sp, ROW_IN])
    str(r1, [sp, PIXEL])

    label(COLUMN)  # r7: the parameters, r1: the patch
    ldr(r0, [sp, STREAM])
    mov(r8, r0)
    ldr(r0, [r7, 4 * 8])
    str(r0, [sp, SEGMENT])
    cmp(r0, 1)
    beq(NEXT_SEGMENT)
    str(r1, [sp, PATCH])
    ldr(r0, [sp, TABLES])
    str(r0, [sp, TABLE])
    ldr(r0, [sp, FIRST])
    label(BEGIN_SEGMENT)  # one of several. r0: what comes after its bodies
    str(r0, [sp, BETWEEN])
    ldr(r0, [sp, SCRATCH])
    str(r0, [sp, SUMS])
    label(NEXT_SEGMENT)
    # ---- activations to words, so that the last tap is in the last slot
    ldr(r2, [r7, 4 * 7])  # taps
    lsl(r2, r2, 2)
    add(r3, sp, 4 * SLOTS)
    sub(r2, r3, r2)
    ldr(r5, [r7, 4 * 14])
    cmp(r5, 0)
    bne(PATCHES)
    label(FOUR)  # whole words of one row
    ldmia(r1, {r0})
    sxtb(r4, r0)
    lsl(r5, r0, 16)
    asr(r5, r5, 24)
    lsl(r6, r0, 8)
    asr(r6, r6, 24)
    asr(r7, r0, 24)
    stmia(r2, {r4, r5, r6, r7})
    cmp(r2, r3)
    bne(FOUR)
    b(GATHERED)
    label(PATCHES)  # bytes from anywhere, as a table in the parameters has them
    ldr(r5, [sp, TABLE])
    label(TWO)
    ldmia(r5, {r0})
    lsr(r4, r0, 16)
    uxth(r0, r0)
    ldrsb(r0, [r1, r0])
    ldrsb(r4, [r1, r4])
    stmia(r2, {r0, r4})
    cmp(r2, r3)
    bne(TWO)
    label(GATHERED)
    # ---- all groups on them
    mov(r7, r8)
    add(r3, sp, RUNS)
    b(NEXT_RUN)

    label(SEGMENT_DONE)  # r7: the next segment's weights
    mov(r8, r7)
    ldr(r7, [sp, P])
    ldr(r0, [sp, SEGMENT])
    sub(r0, 1)
    beq(PIXEL_DONE)
    str(r0, [sp, SEGMENT])
    ldr(r1, [sp, PATCH])
    ldr(r2, [r7, 4 * 7])
    ldr(r3, [r7, 4 * 14])
    cmp(r3, 0)
    beq(ON)
    ldr(r3, [sp, TABLE])
    lsl(r2, r2, 1)
    add(r3, r3, r2)
    str(r3, [sp, TABLE])
    mov(r2, 0)
    label(ON)
    add(r1, r1, r2)
    str(r1, [sp, PATCH])
    cmp(r0, 1)
    bne(MORE)
    ldr(r0, [sp, FINAL_ONE])
    b(BEGIN_SEGMENT)
    label(MORE)
    ldr(r0, [sp, MIDDLE])
    b(BEGIN_SEGMENT)
    label(PIXEL_DONE)
    ldr(r0, [sp, OUT])  # behind the last output
    ldr(r1, [r7, 4 * 12])
    add(r0, r0, r1)
    str(r0, [sp, OUT])
    ldr(r1, [sp, PIXEL])
    ldr(r0, [r7, 4 * 10])
    add(r1, r1, r0)
    str(r1, [sp, PIXEL])
    ldr(r0, [sp, COLUMNS])
    sub(r0, 1)
    str(r0, [sp, COLUMNS])
    bne(COLUMN)
    label(ROW_DONE)
    ldr(r0, [sp, ROW_IN])
    ldr(r1, [r7, 4 * 11])
    add(r0, r0, r1)
    str(r0, [sp, ROW_IN])
    ldr(r0, [sp, ROW_OUT])
    ldr(r1, [r7, 4 * 13])
    add(r0, r0, r1)
    str(r0, [sp, ROW_OUT])
    ldr(r0, [sp, ROWS])
    sub(r0, 1)
    str(r0, [sp, ROWS])
    beq(ALL_DONE)
    b(ROW)
    label(ALL_DONE)
    b(OUT_OF_HERE)

    # ---- what becomes of a group's sums. Six outputs, of which the first ones may be none.
    ending(1, COARSE_0, COARSE_1, COARSE_2, COARSE_3, COARSE_4, COARSE_5)
    b(GROUP_DONE)
    ending(0, FINE_0, FINE_1, FINE_2, FINE_3, FINE_4, FINE_5)
    label(GROUP_DONE)  # r5: where its outputs begin
    add(r5, 6)
    str(r5, [sp, OUT])
    label(COUNT)
    ldr(r0, [sp, GROUPS])
    sub(r0, 1)
    str(r0, [sp, GROUPS])
    beq(RUN_DONE)
    label(GROUP)
    mov(r0, 0)
    for r in (r8, r9, r10, r11, r12, lr):
        mov(r, r0)
    go(ENTRY)
    label(RUN_DONE)
    ldr(r3, [sp, RUN])
    label(NEXT_RUN)
    ldmia(r3, {r0, r1, r2})
    cmp(r2, 0)
    beq(NO_MORE)
    str(r3, [sp, RUN])
    str(r0, [sp, ENTRY])
    str(r2, [sp, GROUPS])
    ldr(r0, [sp, BETWEEN])
    cmp(r0, 0)
    beq(WHOLE)
    str(r1, [sp, AFTER])
    mov(r1, r0)
    label(WHOLE)
    str(r1, [sp, FINISH])
    b(GROUP)
    label(NO_MORE)
    b(SEGMENT_DONE)
    # ---- the same in full, for groups with an output whose factors are not proved
    for skipped, start in enumerate((EXACT_0, EXACT_1, EXACT_2, EXACT_3, EXACT_4)):
        label(start)
        mov(r4, skipped)
        b(EXACT)
    label(EXACT_5)
    mov(r4, 5)
    label(EXACT)
    exactly(COUNT)
    # ---- between segments: a group's sums go to the arena, or are added to what is there
    label(MERGE)
    take()
    sub(r5, 24)
    label(STORE)
    ldr(r5, [sp, SUMS])
    for low, high in ((r0, r8), (r1, r9), (r2, r10), (r3, r11), (r4, r12), (r6, lr)):
        mov(low, high)
    stmia(r5, {r0, r1, r2, r3, r4, r6})
    str(r5, [sp, SUMS])
    b(COUNT)
    label(LAST)
    take()
    str(r5, [sp, SUMS])
    go(AFTER)
    label(OUT_OF_HERE)
    add(sp, FRAME)
    close_clamp(r6, r0)
    leave()
    pop({r1, r4, r5, r6, r7, pc})  # as the assembler does at the end, which is too far from here

    body(3, 8, 8)
    label(END_8)
    go(FINISH)
    body(3, 6, 11)
    label(END_6)
    go(FINISH)
    body(3, 5, 13)
    label(END_5)
    go(FINISH)
    body(3, 4, 16)
    label(END_4)
    go(FINISH)
    body(3, 3, 22)
    label(END_3)
    go(FINISH)
    body(3, 2, 32)
    label(END_2)
    go(FINISH)
    body(2, 4, 16)
    label(END_44)
    go(FINISH)
    body(2, 2, 32)
    label(END_42)
    go(FINISH)
