"""Depthwise convolutions of any kind in Thumb code, for what packed_depthwise_thumb.py does not take."""

import micropython
from micropython import const

from watchword.kernels.macros_thumb import bring
from watchword.kernels.window_thumb import (
    CHANNEL,
    COLUMN,
    CONSTANTS,
    FIRST,
    LEFT,
    MULTIPLIER,
    OUT,
    ROWS,
    SAME,
    TOP,
    P,
    each_pixel,
)

# Parameters of kernels/depthwise.py, written by `make parameters`:
_INPUT_HEIGHT = const(9)
_INPUT_WIDTH = const(10)
_INPUT_CHANNELS = const(11)
_OUTPUT_CHANNELS = const(14)
_KERNEL_HEIGHT = const(15)
_KERNEL_WIDTH = const(16)
_DILATION_Y = const(21)
_DILATION_X = const(22)
_INPUT_ZERO_POINT = const(23)
_WEIGHTS = const(24)
_INPUT_STEP = const(27)


@macro
def pixel():
    """Channel by channel, tap by tap: 13 cycles per MAC where the window lies inside the input, else 25."""
    ldr(r6, [r7, 4 * _WEIGHTS])
    ldr(r0, [sp, CONSTANTS])
    add(r6, r6, r0)  # r6: weights, uint8 [output channel][tap]
    ldr(r0, [r7, 4 * _OUTPUT_CHANNELS])
    str(r0, [sp, CHANNEL])
    ldr(r0, [sp, OUT])
    mov(r9, r0)  # r9: the output
    # r10: bytes from a row of the window to the next, r11: from a tap of it to the next
    ldr(r1, [r7, 4 * _INPUT_STEP])
    ldr(r0, [r7, 4 * _DILATION_X])
    mul(r0, r1)
    mov(r11, r0)
    ldr(r0, [r7, 4 * _INPUT_WIDTH])
    mul(r0, r1)
    ldr(r1, [r7, 4 * _DILATION_Y])
    mul(r0, r1)
    mov(r10, r0)
    ldr(r0, [r7, 4 * _OUTPUT_CHANNELS])
    ldr(r1, [r7, 4 * _INPUT_CHANNELS])
    mov(r2, 0)
    label(COUNT)
    add(r2, 1)
    sub(r0, r0, r1)
    bne(COUNT)
    str(r2, [sp, MULTIPLIER])
    str(r2, [sp, SAME])
    label(CHANNELS)
    ldr(r7, [sp, P])
    ldr(r5, [sp, FIRST])
    mov(r4, 0)
    ldr(r0, [r7, 4 * _KERNEL_HEIGHT])
    str(r0, [sp, ROWS])
    # Whether the whole window is inside: its first and last row and column are.
    ldr(r0, [sp, TOP])
    ldr(r1, [r7, 4 * _INPUT_HEIGHT])
    cmp(r0, r1)
    bcs(EDGE)
    ldr(r2, [r7, 4 * _KERNEL_HEIGHT])
    sub(r2, 1)
    ldr(r3, [r7, 4 * _DILATION_Y])
    mul(r2, r3)
    add(r2, r2, r0)
    cmp(r2, r1)
    bcs(EDGE)
    ldr(r0, [sp, LEFT])
    ldr(r1, [r7, 4 * _INPUT_WIDTH])
    cmp(r0, r1)
    bcs(EDGE)
    ldr(r2, [r7, 4 * _KERNEL_WIDTH])
    sub(r2, 1)
    ldr(r3, [r7, 4 * _DILATION_X])
    mul(r2, r3)
    add(r2, r2, r0)
    cmp(r2, r1)
    bcs(EDGE)
    mov(r14, r11)
    ldr(r3, [r7, 4 * _KERNEL_WIDTH])
    cmp(r3, 1)
    bne(WIDE)
    str(r3, [sp, ROWS])  # a column is walked like a row
    mov(r14, r10)
    ldr(r3, [r7, 4 * _KERNEL_HEIGHT])
    label(WIDE)
    mov(r12, r3)  # r12: taps of a row, r14: bytes from one to the next
    mov(r0, 128)
    label(ROW)
    mov(r1, r5)
    mov(r7, r12)
    label(TAP)
    ldrb(r2, [r1, 0])
    eor(r2, r0)
    ldrb(r3, [r6, 0])
    sub(r3, 128)
    mul(r2, r3)
    add(r4, r4, r2)
    add(r1, r14)
    add(r6, 1)
    sub(r7, 1)
    bne(TAP)
    add(r5, r10)
    ldr(r1, [sp, ROWS])
    sub(r1, 1)
    str(r1, [sp, ROWS])
    bne(ROW)
    b(SUMMED)
    label(EDGE)
    ldr(r3, [sp, TOP])
    mov(r12, r3)
    label(EDGE_ROW)
    mov(r1, r5)
    ldr(r0, [r7, 4 * _KERNEL_WIDTH])
    str(r0, [sp, COLUMN])
    ldr(r0, [sp, LEFT])
    label(EDGE_TAP)
    ldr(r2, [r7, 4 * _INPUT_HEIGHT])
    cmp(r12, r2)
    bcs(OUTSIDE)
    ldr(r2, [r7, 4 * _INPUT_WIDTH])
    cmp(r0, r2)
    bcs(OUTSIDE)
    ldrb(r2, [r1, 0])
    mov(r3, 128)
    eor(r2, r3)
    b(TIMES)
    label(OUTSIDE)
    ldr(r2, [r7, 4 * _INPUT_ZERO_POINT])
    label(TIMES)
    ldrb(r3, [r6, 0])
    sub(r3, 128)
    mul(r2, r3)
    add(r4, r4, r2)
    add(r6, 1)
    add(r1, r11)
    ldr(r2, [r7, 4 * _DILATION_X])
    add(r0, r0, r2)
    ldr(r2, [sp, COLUMN])
    sub(r2, 1)
    str(r2, [sp, COLUMN])
    bne(EDGE_TAP)
    add(r5, r10)
    ldr(r2, [r7, 4 * _DILATION_Y])
    add(r12, r2)
    ldr(r2, [sp, ROWS])
    sub(r2, 1)
    str(r2, [sp, ROWS])
    bne(EDGE_ROW)
    label(SUMMED)
    mov(r0, r4)
    bring()
    mov(r0, r9)
    strb(r1, [r0, 0])
    add(r0, 1)
    mov(r9, r0)
    ldr(r0, [sp, SAME])
    sub(r0, 1)
    bne(SEEN)
    ldr(r0, [sp, FIRST])  # the next output sees the next channel
    add(r0, 1)
    str(r0, [sp, FIRST])
    ldr(r0, [sp, MULTIPLIER])
    label(SEEN)
    str(r0, [sp, SAME])
    ldr(r0, [sp, CHANNEL])
    sub(r0, 1)
    str(r0, [sp, CHANNEL])
    beq(ALL)
    b(CHANNELS)
    label(ALL)


@micropython.asm_thumb
def depthwise(r0, r1, r2, r3):
    """Depthwise convolution with any multiplier."""
    each_pixel(pixel)
