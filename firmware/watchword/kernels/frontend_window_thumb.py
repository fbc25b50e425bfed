"""Samples times the window, and the shift that fills 15 bits."""

from watchword.kernels.frontend_layout_thumb import SHIFT, P, Z
from watchword.kernels.frontend_numbers_thumb import number


@macro
def windowed(at):
    """Two samples times their taps to z; r7 gathers the bits of their magnitudes."""
    ldmia(r0, {r3})
    ldmia(r1, {r4})
    sxth(r5, r3)
    asr(r3, r3, 16)
    uxth(r6, r4)
    lsr(r4, r4, 16)
    mul(r5, r6)
    mul(r3, r4)
    asr(r5, r5, 12)
    asr(r3, r3, 12)
    asr(r6, r5, 31)
    add(r4, r5, r6)
    eor(r4, r6)
    orr(r7, r4)
    asr(r6, r3, 31)
    add(r4, r3, r6)
    eor(r4, r6)
    orr(r7, r4)
    lsl(r3, r3, 16)
    add(r5, r5, r3)
    str(r5, [r2, at])


@macro
def window():
    """r0: 480 samples. r1: their taps. r2: z. 13 cycles per sample. The shift that fills 15 bits goes to SHIFT.

    Pair n goes to word 4 (n % 64) + n // 64, where stage 1 finds its four inputs in a row.

    -32768, which only the middle taps can give, has no negative in 16 bits: as in C it does not count as the largest. Shifted
    it becomes 0; where nothing is shifted, -32767 gives the same in stage 1, which needs numbers that have a negative.
    """
    mov(r7, 0)
    number(r3, 240, 2)
    add(r3, r3, r1)
    mov(r9, r3)
    label(QUARTER)
    mov(r8, r2)
    number(r3, 4, 8)
    add(r3, r3, r2)
    mov(r10, r3)
    label(PAIRS)
    for at in range(0, 64, 16):
        windowed(at)
    add(r2, 64)
    cmp(r1, r9)
    beq(DONE)
    cmp(r2, r10)
    bne(PAIRS)
    mov(r2, r8)
    add(r2, 4)
    b(QUARTER)
    label(DONE)
    mov(r1, 15)
    lsl(r2, r7, 17)
    lsr(r2, r2, 17)
    beq(COUNTED)
    label(COUNT)
    sub(r1, 1)
    lsr(r2, r2, 1)
    bne(COUNT)
    label(COUNTED)
    str(r1, [sp, SHIFT])
    lsr(r7, r7, 15)
    beq(CLEAN)
    mov(r5, 1)
    cmp(r1, 0)
    beq(REPAIR)
    lsl(r5, r5, 15)
    label(REPAIR)  # r5: what -32768 is to be raised by
    ldr(r4, [sp, P])
    ldr(r3, [r4, Z])
    number(r6, 221, 2)
    add(r3, r3, r6)
    number(r7, 1, 15)
    mov(r6, 2)
    label(LOOK)  # at pairs 119 and 120
    ldr(r2, [r3, 0])
    add(r0, r2, r7)
    asr(r0, r0, 16)
    add(r0, r0, r7)
    bne(UPPER)
    lsl(r0, r5, 16)
    add(r2, r2, r0)
    label(UPPER)
    sxth(r0, r2)
    add(r0, r0, r7)
    bne(LOWER)
    add(r2, r2, r5)
    label(LOWER)
    str(r2, [r3, 0])
    add(r3, 16)
    sub(r6, 1)
    bne(LOOK)
    label(CLEAN)
