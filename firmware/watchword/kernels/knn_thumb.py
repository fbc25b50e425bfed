"""Embeddings, their distances and the vote of the nearest, in Thumb code. What each does: knn_plain.py."""

import micropython
from micropython import const

from watchword.kernels.macros_thumb import keep_high, leave

SUMS = const(0)  # on the stack, of pool
ORDER = const(4)
CHANNELS = const(8)

OUT = const(0)  # of normalise
LEFT = const(4)

LISTS = const(44)  # of vote: where means begin, in bytes


@micropython.asm_thumb
def pool(r0, r1, r2, r3):
    """7 cycles for each value."""
    keep_high()
    sub(sp, 12)
    ldr(r4, [r0, 28])
    lsl(r4, r4, 2)
    add(r2, r2, r4)
    str(r2, [sp, SUMS])
    str(r3, [sp, ORDER])
    ldmia(r0, {r2, r3, r4, r5, r6})  # begin, step, columns, rows, pitch
    add(r1, r1, r2)
    mov(r7, r3)
    mul(r7, r4)
    mov(r8, r5)
    mov(r9, r6)
    ldr(r4, [r0, 0])
    str(r4, [sp, CHANNELS])
    ldr(r4, [r0, 4])
    mov(r10, r4)
    label(CHANNEL)  # r1: where it begins; r3: step, r7: of a row, r8: rows, r9: pitch, r10: what is taken off
    mov(r0, r1)
    mov(r4, 0)
    mov(r6, r8)
    label(ROW)
    mov(r2, 0)
    label(PLACE)
    ldrsb(r5, [r0, r2])
    add(r4, r4, r5)
    add(r2, r2, r3)
    cmp(r2, r7)
    bne(PLACE)
    add(r0, r9)
    sub(r6, 1)
    bne(ROW)
    mov(r5, r10)
    sub(r4, r4, r5)
    ldr(r5, [sp, ORDER])
    ldrb(r6, [r5, 0])
    add(r5, 1)
    str(r5, [sp, ORDER])
    lsl(r6, r6, 2)
    ldr(r5, [sp, SUMS])
    str(r4, [r5, r6])
    add(r1, 1)
    ldr(r5, [sp, CHANNELS])
    sub(r5, 1)
    str(r5, [sp, CHANNELS])
    bne(CHANNEL)
    add(sp, 12)
    leave()


@macro
def root(n, found, bit, t):
    """found: the whole part of n's root. n is below 2^30 and lost, as are bit and t."""
    mov(found, 0)
    mov(bit, 1)
    lsl(bit, bit, 28)
    label(BIT)
    add(t, found, bit)
    lsr(found, found, 1)
    cmp(n, t)
    bcc(LESS)
    sub(n, n, t)
    add(found, found, bit)
    label(LESS)
    lsr(bit, bit, 2)
    bne(BIT)


@micropython.asm_thumb
def normalise(r0, r1, r2, r3):
    """230 cycles for each value."""
    keep_high()
    sub(sp, 8)
    str(r3, [sp, OUT])
    str(r1, [sp, LEFT])
    mov(r8, r0)
    mov(r9, r2)
    mov(r4, 0)
    label(ADD)
    ldmia(r0, {r5})
    asr(r6, r5, 31)
    eor(r5, r6)
    sub(r5, r5, r6)
    add(r4, r4, r5)
    sub(r1, 1)
    bne(ADD)
    mov(r6, 0)  # the shift
    cmp(r4, 0)
    beq(SHIFTED)
    label(SHIFT)
    lsr(r5, r4, 28)
    bne(SHIFTED)
    lsl(r4, r4, 2)
    add(r6, 2)
    b(SHIFT)
    label(SHIFTED)
    mov(r10, r6)
    root(r4, r5, r6, r7)
    mov(r11, r5)  # the norm; 0: all are 0
    label(VALUE)
    mov(r0, r8)
    ldmia(r0, {r4})
    mov(r8, r0)
    asr(r3, r4, 31)
    eor(r4, r3)
    sub(r4, r4, r3)
    mov(r5, r10)
    lsl(r4, r5)
    root(r4, r5, r6, r7)
    mov(r4, r9)
    mul(r5, r4)
    mov(r4, r11)
    lsr(r6, r4, 1)
    add(r5, r5, r6)
    mov(r6, 0)
    cmp(r4, 0)
    beq(WHOLE)
    mov(r7, 127)  # of 127 norms and more, 127 is taken
    mul(r7, r4)
    cmp(r5, r7)
    bcs(MOST)
    mov(r7, 64)
    mul(r4, r7)
    label(DIVIDE)  # seven bits of the quotient
    cmp(r5, r4)
    bcc(FITS_NOT)
    sub(r5, r5, r4)
    add(r6, r6, r7)
    label(FITS_NOT)
    lsr(r4, r4, 1)
    lsr(r7, r7, 1)
    bne(DIVIDE)
    b(WHOLE)
    label(MOST)
    mov(r6, 127)
    label(WHOLE)
    eor(r6, r3)
    sub(r6, r6, r3)
    ldr(r5, [sp, OUT])
    strb(r6, [r5, 0])
    add(r5, 1)
    str(r5, [sp, OUT])
    ldr(r5, [sp, LEFT])
    sub(r5, 1)
    str(r5, [sp, LEFT])
    bne(VALUE)
    add(sp, 8)
    leave()


@macro
def distances(step):
    """step: what a difference in r4 adds to r6, which may use r5."""
    lsr(r7, r2, 16)
    beq(DONE)
    mov(r8, r7)
    uxth(r7, r2)
    label(SHOT)  # r0: query, r1: shot, r3: where its distance goes
    mov(r6, 0)
    mov(r2, 0)
    label(VALUE)
    ldrsb(r4, [r0, r2])
    ldrsb(r5, [r1, r2])
    sub(r4, r4, r5)
    step()
    add(r2, 1)
    cmp(r2, r7)
    bne(VALUE)
    stmia(r3, {r6})
    add(r1, r1, r7)
    mov(r2, r8)
    sub(r2, 1)
    mov(r8, r2)
    cmp(r2, 0)
    bne(SHOT)
    label(DONE)


@macro
def square():
    mul(r4, r4)
    add(r6, r6, r4)


@macro
def magnitude():
    asr(r5, r4, 31)
    eor(r4, r5)
    sub(r4, r4, r5)
    add(r6, r6, r4)


@micropython.asm_thumb
def squared(r0, r1, r2, r3):
    """11 cycles for each value of each shot."""
    keep_high()
    distances(square)
    leave()


@micropython.asm_thumb
def absolute(r0, r1, r2, r3):
    """13 cycles for each value of each shot."""
    keep_high()
    distances(magnitude)
    leave()


@micropython.asm_thumb
def vote(r0, r1, r2, r3):
    """10 cycles for each of k, for each shot and each word, and 30 more."""
    keep_high()
    mov(r8, r3)
    lsr(r4, r2, 16)
    mov(r9, r4)  # words
    lsl(r5, r2, 16)
    lsr(r5, r5, 24)
    lsl(r5, r5, 2)
    mov(r10, r5)  # bytes of a list of k
    lsl(r6, r4, 2)
    add(r6, LISTS)
    add(r6, r6, r3)
    mov(r11, r6)  # the lists
    mul(r4, r5)
    mov(r7, 1)
    lsl(r7, r7, 30)
    sub(r7, 1)  # FAR
    add(r4, r4, r6)
    b(CLEARED)
    label(CLEAR)
    stmia(r6, {r7})
    label(CLEARED)
    cmp(r6, r4)
    bcc(CLEAR)
    lsl(r2, r2, 24)
    lsr(r2, r2, 24)
    beq(MEANS)
    label(SHOT)
    ldmia(r0, {r4})
    ldrb(r5, [r1, 0])
    add(r1, 1)
    mov(r6, r10)
    mul(r5, r6)
    add(r5, r11)
    add(r6, r6, r5)
    label(PLACE)
    ldr(r3, [r5, 0])
    cmp(r4, r3)
    bge(GREATER)
    str(r4, [r5, 0])
    mov(r4, r3)
    label(GREATER)
    add(r5, 4)
    cmp(r5, r6)
    bne(PLACE)
    sub(r2, 1)
    bne(SHOT)
    label(MEANS)
    mov(r3, r8)
    mov(r0, 0)
    mvn(r0, r0)
    str(r0, [r3, 0])
    str(r7, [r3, 4])
    mov(r0, r11)  # the list
    mov(r1, 0)  # the word
    label(WORD)
    cmp(r1, r9)
    beq(DONE)
    mov(r6, r10)
    add(r6, r6, r0)
    mov(r4, 0)
    mov(r5, 8)  # bytes to 256 // n
    label(NEXT)
    ldmia(r0, {r2})
    cmp(r2, r7)
    beq(NONE)
    add(r4, r4, r2)
    add(r5, 4)
    label(NONE)
    cmp(r0, r6)
    bne(NEXT)
    mov(r2, r7)
    cmp(r5, 8)
    beq(MEAN)
    ldr(r2, [r3, r5])
    lsr(r4, r4, 3)
    mul(r2, r4)
    lsr(r2, r2, 5)
    label(MEAN)
    lsl(r4, r1, 2)
    add(r4, LISTS)
    str(r2, [r3, r4])
    ldr(r4, [r3, 4])
    cmp(r2, r4)
    bge(FARTHER)
    str(r2, [r3, 4])
    str(r1, [r3, 0])
    label(FARTHER)
    add(r1, 1)
    b(WORD)
    label(DONE)
    leave()
