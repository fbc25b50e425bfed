"""Softmax in Thumb code."""

import micropython
from micropython import const

from watchword.kernels.macros_thumb import enter, leave

# Parameters of kernels/softmax.py, written by `make parameters`:
_INPUT = const(0)
_OUTPUT = const(1)
_DEPTH = const(2)
_TABLE = const(3)

P = const(0)
ROWS = const(4)  # that are left
X = const(8)  # where a row begins
Y = const(12)
TABLE = const(16)
FRAME = const(20)


@macro
def word(to, value):
    """to = 32 bits."""
    mov(to, value >> 24)
    for shift in (16, 8, 0):
        lsl(to, to, 8)
        add(to, value >> shift & 255)


@macro
def product():
    """r0 = r0 * r1 / 2^31, rounded as gemmlowp does: to the nearest, a half up. Uses r1 to r5.

    Magnitudes are multiplied, from pieces of 16 bits; of a negative product a half goes towards zero, which is up.
    """
    mov(r5, r0)
    eor(r5, r1)
    asr(r5, r5, 31)  # -1 where the product is negative
    asr(r2, r0, 31)
    eor(r0, r2)
    sub(r0, r0, r2)
    asr(r2, r1, 31)
    eor(r1, r2)
    sub(r1, r1, r2)
    uxth(r2, r0)
    lsr(r0, r0, 16)
    uxth(r3, r1)
    lsr(r1, r1, 16)
    mov(r4, r0)
    mul(r4, r3)
    mul(r3, r2)  # low
    mul(r2, r1)
    mul(r0, r1)  # high
    add(r4, r4, r2)  # middle, below 2^32
    lsl(r2, r4, 16)
    lsr(r4, r4, 16)
    mov(r1, 0)
    add(r3, r3, r2)
    adc(r0, r4)
    mov(r2, 1)
    lsl(r2, r2, 30)
    add(r2, r2, r5)
    add(r3, r3, r2)
    adc(r0, r1)
    lsl(r0, r0, 1)
    lsr(r3, r3, 31)
    orr(r0, r3)
    eor(r0, r5)
    sub(r0, r0, r5)


@macro
def exponential(value):
    """r0: of the value at an address, which goes on; 0 where TFLite leaves it out. r11: the greatest value. Uses r1 and r2."""
    ldrb(r1, [value, 0])
    add(value, 1)
    mov(r2, 128)
    eor(r1, r2)
    mov(r0, r11)
    sub(r0, r0, r1)
    lsl(r0, r0, 2)
    ldr(r1, [sp, TABLE])
    ldr(r0, [r1, r0])
    asr(r1, r0, 31)
    bic(r0, r1)


@micropython.asm_thumb
def softmax(r0, r1, r2, r3):
    """TFLite's fixed-point softmax over each row of `depth` values, at most 2047: their sum is below 2^30.

    Table: int32[256], e^(-d * scale * beta) in Q31 for a value d below the greatest, or -1 where TFLite leaves it out. 100
    cycles per value, 500 per row. The scratch is not used.
    """
    enter()
    sub(sp, FRAME)
    mov(r7, r0)
    str(r7, [sp, P])
    uxth(r4, r3)
    lsr(r3, r3, 16)
    sub(r3, r3, r4)
    str(r3, [sp, ROWS])
    ldr(r5, [r7, 4 * _TABLE])
    add(r5, r5, r2)
    str(r5, [sp, TABLE])
    ldr(r5, [r7, 4 * _DEPTH])
    mul(r4, r5)
    for at, slot in ((_INPUT, X), (_OUTPUT, Y)):
        ldr(r5, [r7, 4 * at])
        add(r5, r5, r4)
        add(r5, r5, r1)
        str(r5, [sp, slot])
    label(ROW)
    ldr(r7, [sp, P])
    ldr(r7, [r7, 4 * _DEPTH])
    ldr(r6, [sp, X])
    mov(r3, 128)
    mov(r4, 0)
    label(EACH)
    ldrb(r0, [r6, 0])
    eor(r0, r3)
    cmp(r0, r4)
    bls(LESS)
    mov(r4, r0)
    label(LESS)
    add(r6, 1)
    sub(r7, 1)
    bne(EACH)
    mov(r11, r4)
    ldr(r7, [sp, P])
    ldr(r7, [r7, 4 * _DEPTH])
    ldr(r6, [sp, X])
    mov(r4, 0)
    label(SUM)
    exponential(r6)
    lsl(r1, r0, 20)
    lsr(r1, r1, 31)
    lsr(r0, r0, 12)
    add(r4, r4, r0)
    add(r4, r4, r1)
    sub(r7, 1)
    bne(SUM)
    mov(r6, 32)  # the sum's bits: it is 1 + x times a power of two, with x in 0..1
    label(BITS)
    lsl(r0, r4, 0)
    bmi(COUNTED)
    lsl(r4, r4, 1)
    sub(r6, 1)
    bne(BITS)  # of a table of TFLite's the sum is never 0; this ends with any other, too
    label(COUNTED)
    lsr(r4, r4, 1)
    mov(r8, r4)  # half of the denominator in Q31
    # 1 / (1 + x) by Newton's method, three steps, from 48/17 - 32/17 * half the denominator, in Q29
    mov(r0, r8)
    word(r1, 0xC3C3C3C4)
    product()
    word(r1, 0x5A5A5A5A)
    add(r0, r0, r1)
    mov(r9, r0)
    mov(r7, 3)
    label(NEWTON)
    mov(r0, r8)
    mov(r1, r9)
    product()
    mov(r1, 1)
    lsl(r1, r1, 29)
    sub(r0, r1, r0)
    mov(r1, r9)
    product()
    lsl(r0, r0, 2)
    add(r9, r0)
    sub(r7, 1)
    bne(NEWTON)
    mov(r0, r9)
    lsl(r1, r0, 1)
    lsr(r0, r0, 30)
    beq(FITS)
    mov(r1, 0)  # 2 or more, half of which does not fit Q31
    mvn(r1, r1)
    lsr(r1, r1, 1)
    label(FITS)
    mov(r9, r1)
    add(r6, 3)
    mov(r8, r6)  # the last shift
    ldr(r7, [sp, P])
    ldr(r7, [r7, 4 * _DEPTH])
    ldr(r6, [sp, X])
    mov(r10, r6)
    ldr(r6, [sp, Y])
    label(OUTPUT)
    mov(r3, r10)
    exponential(r3)
    mov(r10, r3)
    mov(r1, r9)
    product()
    mov(r2, r8)
    cmp(r2, 32)
    bcc(SHIFT)
    mov(r0, 0)  # a longer shift leaves nothing
    mov(r2, 31)
    label(SHIFT)
    sub(r2, 1)
    lsr(r0, r2)
    add(r0, 1)  # half up
    lsr(r0, r0, 1)
    cmp(r0, 255)
    bls(BYTE)
    mov(r0, 255)
    label(BYTE)
    sub(r0, 128)
    strb(r0, [r6, 0])
    add(r6, 1)
    sub(r7, 1)
    bne(OUTPUT)
    str(r6, [sp, Y])
    mov(r6, r10)
    str(r6, [sp, X])
    ldr(r0, [sp, ROWS])
    sub(r0, 1)
    str(r0, [sp, ROWS])
    beq(DONE)
    b(ROW)
    label(DONE)
    add(sp, FRAME)
    leave()
