"""Butterflies whose sums may overflow 16 bits, in which re wraps and im keeps clear of it; and when they are needed."""

from micropython import const

from watchword.kernels.frontend_layout_thumb import ACROSS, AT, BASE, END, GROUP_END, PARTS, STEP, F, P
from watchword.kernels.frontend_numbers_thumb import number, quartered, times

SAFE = const(23000)  # re and im of numbers whose butterflies cannot overflow: their magnitudes stay below 32,600


@macro
def crowded():
    """r5: negative if a number of f is so great that sums of the stages to come may overflow. 1.6 k cycles."""
    ldr(r4, [sp, P])
    ldr(r0, [r4, F])
    number(r4, 4, 8)
    add(r4, r4, r0)
    mov(r8, r4)
    number(r7, SAFE >> 8, 8)
    add(r7, SAFE & 255)
    lsl(r4, r7, 16)
    add(r7, r7, r4)
    mov(r5, 0)
    label(FOUR)
    ldmia(r0, {r1, r2, r3, r4})
    for word in (r1, r2, r3, r4):
        # Only of what is too great, or too small, the sum has a sign and the difference none.
        sub(r6, word, r7)
        add(word, word, r7)
        bic(word, r6)
        orr(r5, word)
    cmp(r0, r8)
    bne(FOUR)
    lsl(r6, r5, 16)
    orr(r5, r6)


@macro
def wrapped(re, im):
    """re: the number of two sums, of which that of re wraps. im is lost."""
    sxth(re, re)
    lsl(im, im, 16)
    add(re, re, im)


@macro
def apart():
    """Stages 2, 3 and 4 as `stage` has them, but for sums of any size. 190 cycles for a butterfly, which are seldom needed."""
    ldr(r0, [sp, AT])
    number(r1, 4, 8)
    add(r1, r1, r0)
    str(r1, [sp, END])
    mov(r1, 16)
    mov(r2, 64)
    label(STAGE)
    str(r1, [sp, STEP])
    str(r2, [sp, ACROSS])
    ldr(r0, [sp, AT])
    label(GROUP)
    ldr(r1, [sp, STEP])
    add(r1, r1, r0)
    str(r1, [sp, GROUP_END])
    mov(r1, 0)
    mov(r10, r1)
    label(FLY)  # r10: from the table's beginning to the twiddle
    mov(r4, sp)
    add(r4, PARTS)
    mov(r11, r4)
    add(r4, 16)
    mov(r12, r4)
    ldr(r1, [sp, BASE])  # the first twiddle there is 1
    label(NEXT)
    ldr(r2, [r0, 0])
    quartered(r2, r3)
    ldr(r6, [r1, 0])
    add(r1, r10)
    times(r6)
    mov(r4, r11)
    str(r3, [r4, 0])
    str(r2, [r4, 16])
    add(r4, 4)
    mov(r11, r4)
    ldr(r3, [sp, STEP])
    add(r0, r0, r3)
    cmp(r4, r12)
    bne(NEXT)
    sub(r4, 16)
    ldmia(r4, {r2, r3, r5, r6})
    add(r1, r2, r5)
    sub(r2, r2, r5)
    mov(r14, r2)  # re of 0 - 2
    add(r2, r3, r6)
    sub(r3, r3, r6)  # r3: re of 1 - 3
    sub(r5, r1, r2)
    mov(r12, r5)
    add(r1, r1, r2)
    mov(r11, r1)
    ldmia(r4, {r1, r2, r5, r6})
    add(r4, r1, r5)
    sub(r1, r1, r5)  # r1: im of 0 - 2
    add(r5, r2, r6)
    sub(r2, r2, r6)  # r2: im of 1 - 3
    add(r6, r4, r5)
    sub(r4, r4, r5)
    mov(r5, r11)
    wrapped(r5, r6)
    mov(r11, r5)  # output 0
    mov(r5, r12)
    wrapped(r5, r4)
    mov(r12, r5)  # output 2
    mov(r4, r14)
    sub(r5, r4, r2)
    add(r6, r1, r3)
    wrapped(r5, r6)  # output 3
    add(r4, r4, r2)
    sub(r1, r1, r3)
    wrapped(r4, r1)  # output 1
    ldr(r1, [sp, STEP])
    mov(r2, r12)
    for word in (r5, r2, r4):
        sub(r0, r0, r1)
        str(word, [r0, 0])
    sub(r0, r0, r1)
    mov(r2, r11)
    stmia(r0, {r2})
    ldr(r1, [sp, ACROSS])
    add(r10, r1)
    ldr(r1, [sp, GROUP_END])
    cmp(r0, r1)
    bne(FLY)
    ldr(r1, [sp, STEP])
    lsl(r2, r1, 1)
    add(r0, r0, r1)
    add(r0, r0, r2)
    ldr(r2, [sp, END])
    cmp(r0, r2)
    beq(DONE)
    b(GROUP)
    label(DONE)
    lsl(r1, r1, 2)
    ldr(r2, [sp, ACROSS])
    lsr(r2, r2, 2)
    cmp(r2, 1)
    beq(ALL)
    b(STAGE)
    label(ALL)
