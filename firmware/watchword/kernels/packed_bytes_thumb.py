"""Convolutions with four weights in a word, in Thumb code: bytes in RAM, where packed_thumb.py has halfwords.

A word of weights is x = a + 2^8 b + 2^16 c + 2^24 d, each 128 more than the weight is. With x, with x whose bytes are exchanged
in each half (REV16), and with x >> 16 as factors, the sums over all taps are, modulo 2^32,

    T0 = A + 2^8 B + 2^16 C + 2^24 D,  T1 = B + 2^8 A + 2^16 D + 2^24 C,  T2 = C + 2^8 D

which are three multiplications for four products, and tell four sums of 24 bits each, so that none has to be split on the way:

    P = A + 2^16 C = (T0 - 2^8 T1) (1 + 2^16),  Q = B + 2^16 D = T1 - 2^8 P

Their halves are the lower 16 bits of A and B, and those of C + i and D + j, if A = 2^16 i + ... and B = 2^16 j + ...; so
(P >> 16) + 2^8 (Q >> 16) - T2 is i + 2^8 j, modulo 2^16, and the rest follows. The compiler has proved that all sums are below
2^23 - 2^16. The 128 that each weight has too many are taken off in the end: 128 times the sum of all activations.
"""

import micropython
from micropython import const

from watchword.kernels.macros_thumb import close_clamp, enter, leave, requantize
from watchword.kernels.packed_rows_thumb import (
    CLAMPER,
    FINISH,
    GROUPS,
    OUT,
    RUN,
    STREAM,
    P,
    close_pixel,
    close_row,
    coarse,
    four_words,
    go,
    in_full,
    open_row,
    open_rows,
    two_words,
)

# Parameters of kernels/packed_bytes.py, written by `make parameters`:
_MORE = const(17)
_TAPS = const(7)
_HAS_TABLE = const(13)
_RUNS = const(15)
_WINDOW = const(16)

# The frame, from where packed_rows_thumb.py leaves it.
WINDOW = const(48)  # where activations are as words
END = const(52)  # behind them
RUNS = const(56)  # that are left
ENDINGS = const(60)  # where the table of what may come after the last tap is
TOTALS = const(64)  # four sums, in full
FRAME = const(80)

SUMS = (r8, r9, r10, r11)  # T0 to T2 while taps are added up, then the outputs' own


@macro
def taps():
    """Two taps of four outputs: 22 cycles. r6: activations, r7: weights."""
    ldmia(r6, {r0, r1})
    ldmia(r7, {r2, r3})
    for activation, x in ((r0, r2), (r1, r3)):
        rev16(r4, x)
        mul(r4, activation)
        add(r9, r4)
        lsr(r4, x, 16)
        mul(r4, activation)
        add(r10, r4)
        mul(x, activation)
        add(r8, x)


@macro
def apart():
    """The outputs' own sums. lr: what each has too much, negative."""
    mov(r0, r8)
    mov(r1, r9)
    mov(r3, r10)
    lsl(r2, r1, 8)
    sub(r0, r0, r2)
    lsl(r2, r0, 16)
    add(r0, r0, r2)  # r0: P
    lsl(r2, r0, 8)
    sub(r1, r1, r2)  # r1: Q
    lsr(r2, r0, 16)
    lsr(r4, r1, 16)
    lsl(r5, r4, 8)
    add(r5, r5, r2)
    sub(r5, r5, r3)
    sxtb(r2, r5)  # r2: i
    sub(r5, r5, r2)
    asr(r5, r5, 8)
    sxtb(r5, r5)  # r5: j
    uxth(r0, r0)
    lsl(r2, r2, 16)
    add(r0, r0, r2)  # r0: A
    sub(r4, r4, r5)
    lsl(r4, r4, 8)
    uxth(r1, r1)
    lsl(r5, r5, 16)
    add(r1, r1, r5)  # r1: B
    sub(r4, r3, r4)
    lsl(r4, r4, 8)
    asr(r4, r4, 8)  # r4: C
    sub(r3, r3, r4)
    asr(r3, r3, 8)  # r3: D
    for sum, own in ((r8, r0), (r9, r1), (r10, r4), (r11, r3)):
        mov(sum, own)
        add(sum, lr)


@macro
def lane(way, at):
    """One output."""
    mov(r1, SUMS[at])
    if way == 0:
        requantize(r1, r7, r2, r3, r4, r6)
    else:
        coarse(r1, r7, r2, r3, r4, r6)
    strb(r2, [r5, at])


@macro
def ending(way, skip_0, skip_1, skip_2, skip_3):
    """The outputs of a group; labels skip_n: of one whose first n outputs are none. r5: where they begin."""
    for skipped, start, first in ((1, skip_1, LANE_1), (2, skip_2, LANE_2), (3, skip_3, LANE_3)):
        label(start)
        sub(r5, skipped)
        b(first)
    label(skip_0)
    lane(way, 0)
    label(LANE_1)
    lane(way, 1)
    label(LANE_2)
    lane(way, 2)
    label(LANE_3)
    lane(way, 3)


@micropython.asm_thumb
def packed_bytes(r0, r1, r2, r3):
    """2.85 cycles per MAC, 30 per output, 6 per tap of a pixel."""
    enter()
    open_rows(FRAME)
    ldr(r0, [r7, 4 * _WINDOW])
    add(r0, r8)
    str(r0, [sp, WINDOW])
    ldr(r1, [r7, 4 * _TAPS])
    lsl(r1, r1, 2)
    add(r0, r0, r1)
    str(r0, [sp, END])
    mov(r1, pc)
    b(READY)
    label(BASE)
    offsets(BASE, FINE_0, FINE_1, FINE_2, FINE_3)
    offsets(BASE, COARSE_0, COARSE_1, COARSE_2, COARSE_3)
    offsets(BASE, EXACT_0, EXACT_1, EXACT_2, EXACT_3)
    label(READY)
    str(r1, [sp, ENDINGS])

    label(ROW)
    open_row()

    label(COLUMN)  # r7: the parameters, r1: the patch
    # ---- activations to words, and the sum of all
    ldr(r0, [r7, 4 * _RUNS])
    str(r0, [sp, RUNS])
    lsl(r0, r0, 3)
    mov(r5, r7)
    add(r5, 4 * _MORE)
    str(r5, [sp, RUN])
    add(r5, r5, r0)  # r5: the table
    ldr(r2, [sp, WINDOW])
    ldr(r3, [sp, END])
    mov(r0, 0)
    mov(r12, r0)
    ldr(r0, [r7, 4 * _HAS_TABLE])
    cmp(r0, 0)
    bne(TWO)
    label(FOUR)  # whole words of one row
    four_words()
    add(r4, r4, r5)
    add(r4, r4, r6)
    add(r4, r4, r7)
    add(r12, r4)
    cmp(r2, r3)
    bne(FOUR)
    b(GATHERED)
    label(TWO)  # bytes from anywhere, as a table in the parameters has them
    two_words()
    add(r12, r0)
    add(r12, r4)
    cmp(r2, r3)
    bne(TWO)
    label(GATHERED)
    mov(r0, r12)
    lsl(r0, r0, 7)
    neg(r0, r0)
    mov(lr, r0)  # lr: what each sum has too much, negative
    mov(r12, r3)  # r12: the end of the window
    # ---- all groups on them
    ldr(r7, [sp, STREAM])
    label(NEXT_RUN)
    ldr(r0, [sp, RUN])
    ldmia(r0, {r1, r2})  # kind, groups
    str(r0, [sp, RUN])
    str(r2, [sp, GROUPS])
    ldr(r2, [sp, ENDINGS])
    lsl(r1, r1, 1)
    ldrh(r0, [r2, r1])
    add(r0, r0, r2)
    str(r0, [sp, FINISH])
    label(GROUP)
    mov(r0, 0)
    for r in (r8, r9, r10):
        mov(r, r0)
    ldr(r6, [sp, WINDOW])
    mov(r0, r12)
    sub(r0, r0, r6)
    lsl(r0, r0, 27)
    bmi(FOUR_TAPS)  # they are no multiple of eight
    label(EIGHT_TAPS)
    taps()
    taps()
    label(FOUR_TAPS)
    taps()
    taps()
    cmp(r6, r12)
    bne(EIGHT_TAPS)
    apart()
    ldr(r5, [sp, OUT])
    ldr(r6, [sp, CLAMPER])
    go(FINISH)

    # ---- what becomes of a group's sums
    ending(1, COARSE_0, COARSE_1, COARSE_2, COARSE_3)
    b(GROUP_DONE)
    ending(0, FINE_0, FINE_1, FINE_2, FINE_3)
    label(GROUP_DONE)
    add(r5, 4)
    str(r5, [sp, OUT])
    label(COUNT)
    ldr(r0, [sp, GROUPS])
    sub(r0, 1)
    str(r0, [sp, GROUPS])
    beq(RUN_DONE)
    b(GROUP)
    label(RUN_DONE)
    ldr(r0, [sp, RUNS])
    sub(r0, 1)
    str(r0, [sp, RUNS])
    beq(PIXEL_DONE)
    b(NEXT_RUN)
    label(PIXEL_DONE)
    ldr(r7, [sp, P])
    close_pixel()
    beq(ROW_DONE)
    b(COLUMN)
    label(ROW_DONE)
    close_row()
    beq(DONE)
    b(ROW)
    # ---- the same in full, for groups with an output whose factors are not proved
    for skipped, start in enumerate((EXACT_0, EXACT_1, EXACT_2)):
        label(start)
        mov(r4, 4 * skipped)
        b(EXACT)
    label(EXACT_3)
    mov(r4, 12)
    label(EXACT)
    add(r5, sp, TOTALS)
    for at in range(4):
        mov(r1, SUMS[at])
        stmia(r5, {r1})
    mov(r8, r5)
    sub(r5, 16)
    add(r5, r5, r4)
    in_full()
    ldr(r0, [sp, END])
    mov(r12, r0)
    b(COUNT)
    label(DONE)
    add(sp, FRAME)
    close_clamp(r6, r0)
    leave()
