"""Convolutions of any kind in Thumb code, for what the packed kernels do not take.

As in viper, values are unsigned inside (int8 plus 128); the compiler folds what that adds into the bias.
"""

import micropython
from micropython import const

from watchword.kernels.macros_thumb import bring
from watchword.kernels.window_thumb import ARENA, CHANNEL, COLUMN, CONSTANTS, FIRST, LEFT, OUT, ROWS, TOP, TOTAL, P, each_pixel

# Parameters of kernels/convolution.py, written by `make parameters`:
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
_PATCH = const(25)
_PATCH_SIZE = const(26)
_INPUT_STEP = const(27)


@macro
def gather():
    """What the output sees to the patch, places outside the input as its zero point, and zeros behind it. r5: 128 times the
    sum. 9 cycles per byte."""
    ldr(r1, [r7, 4 * _PATCH])
    ldr(r0, [sp, ARENA])
    add(r1, r1, r0)  # r1: to
    ldr(r0, [r7, 4 * _INPUT_CHANNELS])
    mov(r9, r0)  # r9: channels
    mov(r5, 0)
    mov(r6, 128)
    ldr(r0, [r7, 4 * _KERNEL_HEIGHT])
    str(r0, [sp, ROWS])
    ldr(r4, [sp, TOP])
    ldr(r0, [sp, FIRST])
    mov(r10, r0)  # r10: where the row of the window is
    label(EACH_ROW)
    ldr(r3, [sp, LEFT])
    mov(r0, r10)
    mov(r11, r0)  # r11: where the place is
    ldr(r2, [r7, 4 * _KERNEL_WIDTH])
    label(PLACE)
    str(r2, [sp, COLUMN])
    ldr(r2, [r7, 4 * _INPUT_HEIGHT])
    cmp(r4, r2)
    bcs(OUTSIDE)  # negative numbers are great ones here
    ldr(r2, [r7, 4 * _INPUT_WIDTH])
    cmp(r3, r2)
    bcs(OUTSIDE)
    mov(r0, r11)
    mov(r2, r9)
    mov(r12, r3)
    label(BYTE)
    ldrb(r3, [r0, 0])
    eor(r3, r6)
    strb(r3, [r1, 0])
    add(r5, r5, r3)
    add(r0, 1)
    add(r1, 1)
    sub(r2, 1)
    bne(BYTE)
    mov(r3, r12)
    b(NEXT)
    label(OUTSIDE)
    ldr(r0, [r7, 4 * _INPUT_ZERO_POINT])
    mov(r2, r9)
    label(FILL)
    strb(r0, [r1, 0])
    add(r5, r5, r0)
    add(r1, 1)
    sub(r2, 1)
    bne(FILL)
    label(NEXT)
    ldr(r0, [r7, 4 * _DILATION_X])
    add(r3, r3, r0)
    ldr(r2, [r7, 4 * _INPUT_STEP])
    mul(r0, r2)
    add(r11, r0)
    ldr(r2, [sp, COLUMN])
    sub(r2, 1)
    bne(PLACE)
    ldr(r0, [r7, 4 * _DILATION_Y])
    add(r4, r4, r0)
    ldr(r2, [r7, 4 * _INPUT_WIDTH])
    mul(r0, r2)
    ldr(r2, [r7, 4 * _INPUT_STEP])
    mul(r0, r2)
    add(r10, r0)
    ldr(r0, [sp, ROWS])
    sub(r0, 1)
    str(r0, [sp, ROWS])
    bne(EACH_ROW)
    lsl(r5, r5, 7)
    ldr(r2, [r7, 4 * _PATCH])
    ldr(r0, [sp, ARENA])
    add(r2, r2, r0)
    ldr(r0, [r7, 4 * _PATCH_SIZE])
    add(r2, r2, r0)  # the patch's end
    mov(r0, 0)
    b(PADDED)
    label(PAD)
    strb(r0, [r1, 0])
    add(r1, 1)
    label(PADDED)
    cmp(r1, r2)
    bcc(PAD)


@macro
def pixel():
    """A patch times the weights of each channel, less 128 times its sum: 7 cycles per MAC."""
    gather()
    str(r5, [sp, TOTAL])
    ldr(r0, [r7, 4 * _OUTPUT_CHANNELS])
    str(r0, [sp, CHANNEL])
    ldr(r6, [r7, 4 * _WEIGHTS])
    ldr(r0, [sp, CONSTANTS])
    add(r6, r6, r0)  # r6: weights
    ldr(r0, [sp, OUT])
    mov(r9, r0)  # r9: the output
    label(CHANNELS)
    ldr(r7, [sp, P])
    ldr(r1, [r7, 4 * _PATCH])
    ldr(r0, [sp, ARENA])
    add(r1, r1, r0)
    ldr(r5, [r7, 4 * _PATCH_SIZE])
    lsr(r5, r5, 3)
    ldr(r0, [sp, TOTAL])
    neg(r0, r0)
    label(EIGHT)
    for i in range(8):
        ldrb(r2, [r1, i])
        ldrb(r3, [r6, i])
        mul(r2, r3)
        add(r0, r0, r2)
    add(r1, 8)
    add(r6, 8)
    sub(r5, 1)
    bne(EIGHT)
    bring()
    mov(r0, r9)
    strb(r1, [r0, 0])
    add(r0, 1)
    mov(r9, r0)
    ldr(r0, [sp, CHANNEL])
    sub(r0, 1)
    str(r0, [sp, CHANNEL])
    bne(CHANNELS)


@micropython.asm_thumb
def convolution(r0, r1, r2, r3):
    """2D convolution; pointwise and dense layers are convolutions of one tap. Weights: uint8 [output channel][tap]."""
    each_pixel(pixel)
