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

from watchword.kernels.macros_thumb import close_clamp, enter, leave
from watchword.kernels.packed_group_thumb import (
    AFTER,
    BETWEEN,
    ENTRY,
    FINAL_ONE,
    FIRST,
    FRAME,
    MIDDLE,
    PATCH,
    RUNS,
    SCRATCH,
    SEGMENT,
    SUMS,
    TABLE,
    TABLES,
    WORDS_END,
    body,
    ending,
    exactly,
    take,
)
from watchword.kernels.packed_rows_thumb import (
    FINISH,
    GROUPS,
    OUT,
    RUN,
    STREAM,
    P,
    close_pixel,
    close_row,
    four_words,
    go,
    open_row,
    open_rows,
    two_words,
)

# Parameters of kernels/packed.py, written by `make parameters`:
_BODIES = ((6, 8, 8), (6, 6, 11), (6, 5, 13), (6, 4, 16), (6, 3, 22), (6, 2, 32), (4, 4, 16), (4, 2, 32))
_MORE = const(18)
_TAPS = const(7)
_HAS_TABLE = const(13)
_RUNS = const(15)
_SEGMENTS = const(16)
_SUMS = const(17)


ENDS = ("END_8", "END_6", "END_5", "END_4", "END_3", "END_2", "END_44", "END_42")  # labels, in the order of _BODIES


@micropython.asm_thumb
def packed(r0, r1, r2, r3):
    """2.0 cycles per MAC, 13 / (6 chunk) more for the chunks, 20 per output, 4 per tap of a pixel."""
    enter()
    open_rows(FRAME)
    # Where the runs' bodies and endings are.
    mov(r1, pc)
    b(RESOLVE)
    label(BASE)
    for outputs, chunk, _, end in zip(*zip(*_BODIES), ENDS):  # bytes of a chunk, and where the body ends
        data(2, 2 * (chunk * (2 + outputs) + outputs * 3 // 2 + 1))
        offsets(BASE, end)
    offsets(BASE, STORE, MERGE, LAST)
    offsets(BASE, FINE_0, FINE_1, FINE_2, FINE_3, FINE_4, FINE_5)
    offsets(BASE, COARSE_0, COARSE_1, COARSE_2, COARSE_3, COARSE_4, COARSE_5)
    offsets(BASE, EXACT_0, EXACT_1, EXACT_2, EXACT_3, EXACT_4, EXACT_5)
    label(RESOLVE)
    ldr(r2, [r7, 4 * _RUNS])  # runs
    for i in range(3):
        ldrh(r0, [r1, 4 * len(_BODIES) + 2 * i])
        add(r0, r0, r1)
        str(r0, [sp, FIRST + 4 * i])
    ldr(r0, [r7, 4 * _SUMS])
    add(r0, r8)
    str(r0, [sp, SCRATCH])
    add(r6, sp, RUNS)
    add(r7, 4 * _MORE)
    label(EACH)
    ldmia(r7, {r3, r5})  # kind, groups
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
    ldrh(r4, [r0, 4 * len(_BODIES) + 6])
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
    open_row()

    label(COLUMN)  # r7: the parameters, r1: the patch
    ldr(r0, [sp, STREAM])
    mov(r8, r0)
    ldr(r0, [r7, 4 * _SEGMENTS])
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
    ldr(r2, [r7, 4 * _TAPS])  # taps
    lsl(r2, r2, 2)
    add(r3, sp, WORDS_END)
    sub(r2, r3, r2)
    ldr(r5, [r7, 4 * _HAS_TABLE])
    cmp(r5, 0)
    bne(PATCHES)
    label(FOUR)  # whole words of one row
    four_words()
    cmp(r2, r3)
    bne(FOUR)
    b(GATHERED)
    label(PATCHES)  # bytes from anywhere, as a table in the parameters has them
    ldr(r5, [sp, TABLE])
    label(TWO)
    two_words()
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
    ldr(r2, [r7, 4 * _TAPS])
    ldr(r3, [r7, 4 * _HAS_TABLE])
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
    close_pixel()
    bne(COLUMN)
    label(ROW_DONE)
    close_row()
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

    for outputs, chunk, chunks, end in zip(*zip(*_BODIES), ENDS):
        body(outputs // 2, chunk, chunks)
        label(end)
        go(FINISH)
