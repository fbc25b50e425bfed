"""Depthwise 3x3 convolutions with two output rows in a word.

A channel's plane is packed into words: an input row in the lower half, and in the upper half the row that stands to a later
output row as the first one stands to an earlier one. One multiplication by a weight serves both outputs. As in packed_thumb.py,
sums stay apart as long as the lower one stays within 16 bits; the compiler proves after which taps a channel's sums have to be
split, and gives it the loop that does it there.
"""

import micropython
from micropython import const

from watchword.kernels.macros_thumb import close_clamp, enter, leave, open_clamp, rescale, shift
from watchword.kernels.packed_depthwise_loop_thumb import (
    ARENA,
    BASE_AT,
    BODY,
    CHANNEL,
    CLAMPER,
    EXACT,
    FINE,
    FRAME,
    LAST,
    LINE_END,
    LINE_OUT,
    LINES,
    RECORD,
    SPAN_SIZE,
    M,
    P,
    W,
    loop,
    taps,
)

# Parameters of kernels/packed_depthwise.py, written by `make parameters`:
_RECORD = const(28)
_LOOPS = ((8,), (4, 8), (3, 8), (5, 8), (2, 5, 8), (3, 6, 8), (2, 4, 8), (1, 4, 8), (2, 4, 6, 8), (1, 3, 5, 7, 8))
_MORE = const(20)
_OUTPUT = const(1)
_MINIMUM = const(2)
_MAXIMUM = const(3)
_ZERO_POINT = const(4)
_RECORDS = const(5)
_INPUT_ZERO_POINT = const(7)
_PLANE = const(8)
_PLANE_WORDS = const(9)
_FIRST_WINDOW = const(10)
_WINDOW_ROW_STEP = const(11)
_WINDOW_RETURN = const(12)
_LINE_SIZE = const(13)
_LINE_STEP = const(14)
_LINES = const(15)
_OUTPUT_STEP = const(16)
_OUTPUT_LINE_STEP = const(17)
_OUTPUT_HALF = const(18)
_GROUPS = const(19)
_GROUP_LOWER_COUNTS = const(10)


STARTS = ("S_8", "S_48", "S_38", "S_58", "S_258", "S_368", "S_248", "S_148", "S_2468", "S_13578")  # labels, as _LOOPS has them


@micropython.asm_thumb
def packed_depthwise(r0, r1, r2, r3):
    """Rows are channels. 91 cycles for two outputs, and 11 for each packed word."""
    enter()
    mov(r8, r1)
    mov(r9, r2)
    mov(r10, r3)
    mov(r7, r0)
    mov(r2, 0)  # each channel has its own
    ldr(r3, [r7, 4 * _MINIMUM])
    ldr(r4, [r7, 4 * _MAXIMUM])
    sub(r3, 128)
    sub(r4, 128)
    open_clamp(r6, r5, r2, r3, r4)
    sub(sp, FRAME)
    str(r6, [sp, CLAMPER])
    str(r7, [sp, P])
    mov(r1, r8)
    str(r1, [sp, ARENA])
    mov(r3, r10)
    uxth(r4, r3)
    str(r4, [sp, CHANNEL])
    lsr(r3, r3, 16)
    str(r3, [sp, LAST])
    ldr(r2, [r7, 4 * _RECORDS])
    add(r2, r9)
    mov(r0, _RECORD)
    mul(r4, r0)
    add(r2, r2, r4)
    str(r2, [sp, RECORD])
    # What is not packed is padding.
    ldr(r3, [r7, 4 * _INPUT_ZERO_POINT])
    sub(r3, 128)
    lsl(r4, r3, 16)
    add(r3, r3, r4)
    ldr(r2, [r7, 4 * _PLANE])
    add(r2, r2, r1)
    ldr(r4, [r7, 4 * _PLANE_WORDS])
    label(PAD)
    stmia(r2, {r3})
    sub(r4, 1)
    bne(PAD)
    mov(r1, pc)
    b(BEGIN)
    label(BASE)
    for start in STARTS:
        offsets(BASE, start)
    offsets(BASE, SPLIT_EXACT)
    label(BEGIN)
    str(r1, [sp, BASE_AT])

    label(EACH_CHANNEL)
    # ---- pack: groups of spans of words
    ldr(r7, [sp, P])
    ldr(r0, [r7, 4 * _GROUPS])
    mov(r9, r0)  # groups that are left
    add(r7, 4 * _MORE)
    mov(r12, r7)
    label(GROUP)
    mov(r7, r12)
    ldmia(r7, {r0, r1, r2, r3, r4, r5, r6})  # spans, words, to, its step; lower row: from, from word to word, to the next span
    mov(r10, r0)
    lsl(r1, r1, 2)
    str(r1, [sp, SPAN_SIZE])
    ldr(r0, [sp, ARENA])
    add(r2, r2, r0)
    mov(r11, r3)
    add(r4, r4, r0)
    str(r6, [sp, LINES])
    ldr(r1, [r7, 4 * (_GROUP_LOWER_COUNTS - 7)])  # r7 is 7 words on
    ldr(r3, [sp, CHANNEL])
    mul(r1, r3)
    add(r1, r1, r4)  # r1: lower row
    mov(r4, r5)
    ldmia(r7, {r5, r6})  # upper row: from, from word to word
    mov(r8, r6)
    add(r0, r0, r5)
    ldmia(r7, {r5, r6})
    str(r5, [sp, LINE_END])
    ldr(r6, [r7, 0])
    add(r7, 4)
    mov(r12, r7)
    mul(r6, r3)
    add(r6, r6, r0)  # r6: upper row
    # Both stand a step too early, so that r4, one step, and r5, two, are their offsets.
    sub(r1, r1, r4)
    sub(r6, r6, r4)
    lsl(r5, r4, 1)
    label(SPAN)
    str(r1, [sp, LINE_OUT])
    str(r6, [sp, BODY])
    str(r2, [sp, W])
    ldr(r0, [sp, SPAN_SIZE])
    add(r7, r2, r0)
    mov(lr, r7)
    lsl(r0, r0, 29)
    bpl(TWO_WORDS)
    ldrsb(r0, [r1, r4])
    ldrsb(r3, [r6, r4])
    lsl(r3, r3, 16)
    add(r0, r0, r3)
    stmia(r2, {r0})
    add(r1, r1, r4)
    add(r6, r8)
    cmp(r2, lr)
    beq(SPAN_DONE)
    label(TWO_WORDS)
    ldrsb(r0, [r1, r4])
    ldrsb(r3, [r6, r4])
    lsl(r3, r3, 16)
    add(r0, r0, r3)
    add(r6, r8)
    ldrsb(r7, [r1, r5])
    ldrsb(r3, [r6, r4])
    lsl(r3, r3, 16)
    add(r7, r7, r3)
    add(r6, r8)
    add(r1, r1, r5)
    stmia(r2, {r0, r7})
    cmp(r2, lr)
    bne(TWO_WORDS)
    label(SPAN_DONE)
    ldr(r2, [sp, W])
    add(r2, r11)
    ldr(r1, [sp, LINE_OUT])
    ldr(r0, [sp, LINES])
    add(r1, r1, r0)
    ldr(r6, [sp, BODY])
    ldr(r0, [sp, LINE_END])
    add(r6, r6, r0)
    mov(r0, r10)
    sub(r0, 1)
    mov(r10, r0)
    bne(SPAN)
    mov(r0, r9)
    sub(r0, 1)
    mov(r9, r0)
    bne(GROUP)
    # ---- the channel's weights and factors; r12 is where its word in the parameters begins
    ldr(r0, [sp, RECORD])
    mov(r2, sp)
    for word in range(3):
        ldmia(r0, {r1})
        sxtb(r3, r1)
        lsl(r4, r1, 16)
        asr(r4, r4, 24)
        lsl(r5, r1, 8)
        asr(r5, r5, 24)
        asr(r6, r1, 24)
        if word < 2:
            stmia(r2, {r3, r4, r5, r6})
        else:
            stmia(r2, {r3})
    lsl(r4, r1, 19)  # behind the last weight stands s, of five bits
    lsr(r4, r4, 27)
    ldr(r6, [sp, CLAMPER])
    shift(r6, r5, r4)
    ldmia(r0, {r3, r4, r5, r6})
    str(r0, [sp, RECORD])
    for i in range(4):
        str((r3, r4, r5, r6)[i], [sp, EXACT + 4 * i])
    str(r3, [sp, M])
    str(r4, [sp, FINE])
    mov(r10, r5)  # r10: o
    ldr(r0, [sp, CHANNEL])
    lsl(r0, r0, 2)
    add(r0, r12)
    ldr(r1, [r0, 0])  # its place among the outputs | loop << 16
    lsr(r2, r1, 16)
    lsl(r2, r2, 1)
    ldr(r3, [sp, BASE_AT])
    add(r2, r2, r3)
    ldrh(r2, [r2, 0])
    add(r2, r2, r3)
    str(r2, [sp, BODY])
    ldr(r7, [sp, P])
    uxth(r1, r1)
    ldr(r2, [r7, 4 * _OUTPUT])
    add(r1, r1, r2)
    ldr(r2, [sp, ARENA])
    add(r1, r1, r2)
    str(r1, [sp, LINE_OUT])
    ldr(r0, [r7, 4 * _LINES])
    str(r0, [sp, LINES])
    ldr(r0, [r7, 4 * _WINDOW_ROW_STEP])
    mov(r11, r0)  # r11: from behind a row of the window to the next one
    ldr(r0, [r7, 4 * _WINDOW_RETURN])
    neg(r0, r0)
    mov(r8, r0)  # r8: from behind the window to the next one
    ldr(r0, [r7, 4 * _OUTPUT_STEP])
    mov(r9, r0)  # r9: from one output to the next
    ldr(r0, [r7, 4 * _OUTPUT_HALF])
    mov(lr, r0)
    ldr(r0, [r7, 4 * _FIRST_WINDOW])
    ldr(r3, [r7, 4 * _PLANE])
    add(r3, r3, r2)
    add(r7, r3, r0)
    label(LINE)
    ldr(r1, [sp, P])
    ldr(r0, [r1, 4 * _LINE_SIZE])
    add(r0, r0, r7)
    str(r0, [sp, LINE_END])
    ldr(r0, [sp, LINE_OUT])
    mov(r12, r0)
    ldr(r0, [sp, BODY])
    bx(r0)
    label(LINE_DONE)
    ldr(r1, [sp, P])
    ldr(r0, [r1, 4 * _LINE_STEP])
    add(r7, r7, r0)
    ldr(r0, [sp, LINE_OUT])
    ldr(r2, [r1, 4 * _OUTPUT_LINE_STEP])
    add(r0, r0, r2)
    str(r0, [sp, LINE_OUT])
    ldr(r0, [sp, LINES])
    sub(r0, 1)
    str(r0, [sp, LINES])
    bne(LINE)
    ldr(r0, [sp, CHANNEL])
    add(r0, 1)
    str(r0, [sp, CHANNEL])
    ldr(r1, [sp, LAST])
    cmp(r0, r1)
    beq(FINISHED)
    b(EACH_CHANNEL)
    label(FINISHED)
    ldr(r6, [sp, CLAMPER])
    add(sp, FRAME)
    close_clamp(r6, r0)
    leave()
    pop({r1, r4, r5, r6, r7, pc})  # as the assembler does at the end, which is too far from here

    for start, ends in zip(STARTS, _LOOPS):
        label(start)
        loop(ends, LINE_DONE)

    label(SPLIT_EXACT)  # for channels whose factors are not proved: as TFLite computes it
    taps(_LOOPS[-1])
    add(r7, r8)
    str(r7, [sp, M])
    str(r3, [sp, FINE])
    mov(r10, r2)
    mov(r5, r12)
    bl(OUTPUT)
    ldr(r2, [sp, FINE])
    mov(r10, r2)
    mov(r5, r12)
    ldr(r7, [sp, P])
    ldr(r0, [r7, 4 * _OUTPUT_HALF])
    add(r5, r5, r0)
    bl(OUTPUT)
    ldr(r7, [sp, M])
    add(r12, r9)
    ldr(r0, [sp, LINE_END])
    cmp(r7, r0)
    bne(SPLIT_EXACT)
    b(LINE_DONE)

    label(OUTPUT)  # of the sum in r10, to r5
    mov(r0, r10)
    add(r7, sp, EXACT)
    ldmia(r7, {r2, r3, r4})
    mov(r6, 0)
    rescale(r6)
    ldr(r7, [sp, P])
    ldr(r0, [r7, 4 * _ZERO_POINT])
    sub(r0, 128)
    add(r1, r1, r0)
    ldr(r0, [r7, 4 * _MINIMUM])
    sub(r0, 128)
    cmp(r1, r0)
    bge(ABOVE)
    mov(r1, r0)
    label(ABOVE)
    ldr(r0, [r7, 4 * _MAXIMUM])
    sub(r0, 128)
    cmp(r1, r0)
    ble(BELOW)
    mov(r1, r0)
    label(BELOW)
    strb(r1, [r5, 0])
    bx(lr)
