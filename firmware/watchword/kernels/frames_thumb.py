"""Rows of a camera's frame to a model's input, in Thumb code, a band in one call. Numbers and tables: frames_plain.py."""

import micropython
from micropython import const

from watchword.kernels.macros_thumb import keep_high, leave

# The words of `places`: addresses of the table across, a line, sums, values, the next row of the input and the next stretch
# down; then how many values a line has, and bytes of a row and of a pixel of the frame.
TABLE = const(0)
LINE = const(4)
SUMS = const(8)
VALUES = const(12)
TO = const(16)
DOWN = const(20)
N = const(24)
PITCH = const(28)
PIXEL = const(32)

# On the stack.
P = const(0)
ROW = const(4)
LEFT = const(8)
FRAME = const(12)


@macro
def grey():
    """r0: pixels, r2: table, r3: line. 17 cycles for each stretch."""
    ldrh(r4, [r2, 0])
    mov(r5, 0)
    ldrb(r6, [r0, 0])
    label(STRETCH)
    add(r2, 2)
    ldrh(r7, [r2, 0])
    lsr(r1, r7, 2)  # the carry: whether the output ends
    mul(r1, r6)
    add(r5, r5, r1)
    lsr(r1, r7, 2)
    bcc(OPEN)
    strh(r5, [r3, 0])
    add(r3, 2)
    mov(r5, 0)
    label(OPEN)
    sub(r4, 1)
    beq(DONE)  # before the next pixel is looked at, which need not exist
    lsr(r1, r7, 1)  # whether the pixel ends
    bcc(STRETCH)
    add(r0, 1)
    ldrb(r6, [r0, 0])
    b(STRETCH)
    label(DONE)


@macro
def widened(part, to, bits):
    """to: a colour of so many bits, in `part`, as one of eight. Loses `part`."""
    lsl(r7, part, 8 - bits)
    lsr(part, part, 2 * bits - 8)
    orr(r7, part)
    mov(to, r7)


@macro
def pixel():
    """r8, r9, r10: red, green and blue of the pixel at r0. Uses r6 and r7."""
    ldrb(r6, [r0, 0])
    lsr(r6, r6, 3)
    widened(r6, r8, 5)
    ldrb(r6, [r0, 0])
    lsl(r6, r6, 29)
    lsr(r6, r6, 26)
    ldrb(r7, [r0, 1])
    lsr(r7, r7, 5)
    orr(r6, r7)
    widened(r6, r9, 6)
    ldrb(r6, [r0, 1])
    lsl(r6, r6, 27)
    lsr(r6, r6, 27)
    widened(r6, r10, 5)


@macro
def rgb565():
    """As `grey`. 24 cycles for each stretch, and 31 for each pixel."""
    ldrh(r4, [r2, 0])
    mov(r5, 0)
    for total in (r11, r12, r14):
        mov(total, r5)
    pixel()
    label(STRETCH)
    add(r2, 2)
    ldrh(r5, [r2, 0])
    lsr(r1, r5, 2)
    for colour, total in ((r8, r11), (r9, r12), (r10, r14)):
        mov(r7, colour)
        mul(r7, r1)
        add(total, r7)
    lsr(r1, r5, 2)
    bcc(OPEN)
    mov(r6, 0)
    for total, at in ((r11, 0), (r12, 2), (r14, 4)):
        mov(r7, total)
        strh(r7, [r3, at])
        mov(total, r6)
    add(r3, 6)
    label(OPEN)
    sub(r4, 1)
    beq(DONE)
    lsr(r1, r5, 1)
    bcc(STRETCH)
    add(r0, 2)
    pixel()
    b(STRETCH)
    label(DONE)


@macro
def spread():
    """sums (r1) += weight (r2) * line (r0), of r3 values. 12 cycles each."""
    label(VALUE)
    ldrh(r4, [r0, 0])
    add(r0, 2)
    mul(r4, r2)
    ldr(r5, [r1, 0])
    add(r5, r5, r4)
    stmia(r1, {r5})
    sub(r3, 1)
    bne(VALUE)


@macro
def store():
    """r3 sums (r0) / 2^16, rounded, by way of values (r1) to r2, which goes on; the sums become 0. 14 cycles each."""
    mov(r5, 1)
    lsl(r5, r5, 15)
    mov(r6, 0)
    label(VALUE)
    ldr(r4, [r0, 0])
    add(r4, r4, r5)
    lsr(r4, r4, 16)
    ldrb(r4, [r1, r4])
    strb(r4, [r2, 0])
    add(r2, 1)
    stmia(r0, {r6})
    sub(r3, 1)
    bne(VALUE)


@micropython.asm_thumb
def rows(r0, r1, r2, r3):
    """r0: `places`. r1: pixels, the first of r3 rows from byte r2 on. QQVGA, grey, to 96x96: 0.8 M cycles."""
    keep_high()
    sub(sp, FRAME)
    str(r0, [sp, P])
    add(r1, r1, r2)
    str(r1, [sp, ROW])
    str(r3, [sp, LEFT])
    label(NEXT)
    ldr(r0, [sp, ROW])
    ldr(r4, [sp, P])
    ldr(r2, [r4, TABLE])
    ldr(r3, [r4, LINE])
    ldr(r5, [r4, PIXEL])
    cmp(r5, 1)
    bne(COLOURS)
    grey()
    b(LINED)
    label(COLOURS)
    rgb565()
    label(LINED)
    ldr(r4, [sp, P])
    ldr(r5, [r4, DOWN])
    ldrh(r7, [r5, 0])
    add(r5, 2)
    str(r5, [r4, DOWN])
    ldr(r0, [r4, LINE])
    ldr(r1, [r4, SUMS])
    ldr(r3, [r4, N])
    lsr(r2, r7, 2)
    spread()
    lsr(r5, r7, 2)
    bcc(OPEN)
    ldr(r4, [sp, P])
    ldr(r0, [r4, SUMS])
    ldr(r1, [r4, VALUES])
    ldr(r2, [r4, TO])
    ldr(r3, [r4, N])
    store()
    ldr(r4, [sp, P])
    str(r2, [r4, TO])
    label(OPEN)
    lsr(r5, r7, 1)
    bcc(LINED)
    ldr(r4, [sp, P])
    ldr(r5, [r4, PITCH])
    ldr(r0, [sp, ROW])
    add(r0, r0, r5)
    str(r0, [sp, ROW])
    ldr(r3, [sp, LEFT])
    sub(r3, 1)
    str(r3, [sp, LEFT])
    beq(DONE)
    b(NEXT)
    label(DONE)
    add(sp, FRAME)
    leave()
