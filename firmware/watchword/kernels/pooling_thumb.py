"""Pools in Thumb code."""

import micropython
from micropython import const

from watchword.kernels.macros_thumb import OUTPUTS, bring, enter, first_four, leave, open_outputs

# Parameters of kernels/pooling.py, written by `make parameters`:
_INPUT = const(0)
_OUTPUT = const(1)
_MINIMUM = const(2)
_MAXIMUM = const(3)
_INPUT_HEIGHT = const(4)
_INPUT_WIDTH = const(5)
_INPUT_CHANNELS = const(6)
_OUTPUT_WIDTH = const(8)
_KERNEL_HEIGHT = const(10)
_KERNEL_WIDTH = const(11)
_STRIDE_Y = const(12)
_STRIDE_X = const(13)
_PADDING_TOP = const(14)
_PADDING_LEFT = const(15)
_PLACES = const(9)
_DEPTH = const(10)

P = const(0)
ARENA = const(4)
Y = const(8)
LAST = const(12)
X = const(16)
OUT = const(20)
FIRST = const(24)  # the window's first place, in channel 0
HEIGHT = const(28)  # of the window, as far as it lies inside
WIDTH = const(32)
CHANNEL = const(36)
COUNT = const(40)
LEAST = const(44)
MOST = const(48)
QUICK = const(52)  # whether four channels can be summed at once,
FOUR = const(56)  # and their sums: of the first and third channel, of the second and fourth
FRAME = const(64)


@macro
def clip(step, before, size, kernel, index, begin, length):
    """begin, length: what of a window lies inside the input. index: the output's, in a register; numbers are parameters'."""
    ldr(begin, [r7, 4 * step])
    mul(begin, index)
    ldr(length, [r7, 4 * before])
    sub(begin, begin, length)
    ldr(length, [r7, 4 * kernel])
    add(length, length, begin)  # the end, for now
    cmp(begin, 0)
    bge(INSIDE)
    mov(begin, 0)
    label(INSIDE)
    ldr(r5, [r7, 4 * size])
    cmp(length, r5)
    ble(SHORT)
    mov(length, r5)
    label(SHORT)
    sub(length, length, begin)


@macro
def pool(start, place, finish, ahead):
    """All outputs, channel by channel. start, place and finish are macros on r4, what the window comes to, and r0, a value.

    ahead: a macro that may bring r4 to its end by another way, and goes to the label that it is given then.
    """
    enter()
    sub(sp, FRAME)
    mov(r7, r0)
    str(r7, [sp, P])
    str(r1, [sp, ARENA])
    uxth(r4, r3)
    str(r4, [sp, Y])
    lsr(r3, r3, 16)
    str(r3, [sp, LAST])
    ldr(r2, [r7, 4 * _OUTPUT_WIDTH])
    mul(r2, r4)
    ldr(r5, [r7, 4 * _INPUT_CHANNELS])
    mul(r2, r5)
    ldr(r5, [r7, 4 * _OUTPUT])
    add(r2, r2, r5)
    add(r2, r2, r1)
    str(r2, [sp, OUT])
    for at, slot in ((_MINIMUM, LEAST), (_MAXIMUM, MOST)):
        ldr(r2, [r7, 4 * at])
        sub(r2, 128)
        str(r2, [sp, slot])
    label(ROW)
    mov(r0, 0)
    str(r0, [sp, X])
    label(COLUMN)
    ldr(r0, [sp, Y])
    clip(_STRIDE_Y, _PADDING_TOP, _INPUT_HEIGHT, _KERNEL_HEIGHT, r0, r1, r2)
    str(r2, [sp, HEIGHT])
    ldr(r0, [sp, X])
    clip(_STRIDE_X, _PADDING_LEFT, _INPUT_WIDTH, _KERNEL_WIDTH, r0, r3, r4)
    str(r4, [sp, WIDTH])
    mul(r4, r2)
    str(r4, [sp, COUNT])
    ldr(r2, [r7, 4 * _INPUT_WIDTH])
    mul(r1, r2)
    add(r1, r1, r3)
    ldr(r2, [r7, 4 * _INPUT_CHANNELS])
    mul(r1, r2)
    ldr(r3, [r7, 4 * _INPUT])
    add(r1, r1, r3)
    ldr(r3, [sp, ARENA])
    add(r1, r1, r3)
    str(r1, [sp, FIRST])
    mov(r0, 0)
    str(r0, [sp, CHANNEL])
    ldr(r0, [r7, 4 * _INPUT_WIDTH])
    mul(r0, r2)
    mov(r9, r0)  # r9: a row of the input
    mov(r8, r2)  # r8: a place of it
    orr(r1, r2)
    lsl(r0, r1, 30)  # words, of whose halves none overflows
    bne(SLOW)
    ldr(r1, [sp, COUNT])
    cmp(r1, 255)
    bhi(SLOW)
    mov(r0, 1)
    label(SLOW)
    str(r0, [sp, QUICK])
    label(EACH)
    ahead(SUMMED)
    ldr(r6, [sp, FIRST])
    ldr(r2, [sp, HEIGHT])
    mov(r3, 0)
    start()
    label(LINE)
    mov(r1, r6)
    ldr(r5, [sp, WIDTH])
    label(PLACE)
    ldrsb(r0, [r1, r3])
    place()
    add(r1, r8)
    sub(r5, 1)
    bne(PLACE)
    add(r6, r9)
    sub(r2, 1)
    bne(LINE)
    label(SUMMED)
    finish()
    ldr(r0, [sp, LEAST])
    cmp(r4, r0)
    bge(ABOVE)
    mov(r4, r0)
    label(ABOVE)
    ldr(r0, [sp, MOST])
    cmp(r4, r0)
    ble(BELOW)
    mov(r4, r0)
    label(BELOW)
    ldr(r0, [sp, OUT])
    strb(r4, [r0, 0])
    add(r0, 1)
    str(r0, [sp, OUT])
    ldr(r0, [sp, FIRST])
    add(r0, 1)
    str(r0, [sp, FIRST])
    ldr(r0, [sp, CHANNEL])
    add(r0, 1)
    str(r0, [sp, CHANNEL])
    cmp(r0, r8)
    beq(NEXT)
    b(EACH)
    label(NEXT)
    ldr(r0, [sp, X])
    add(r0, 1)
    str(r0, [sp, X])
    ldr(r1, [r7, 4 * _OUTPUT_WIDTH])
    cmp(r0, r1)
    beq(ROW_DONE)
    b(COLUMN)
    label(ROW_DONE)
    ldr(r0, [sp, Y])
    add(r0, 1)
    str(r0, [sp, Y])
    ldr(r1, [sp, LAST])
    cmp(r0, r1)
    beq(DONE)
    b(ROW)
    label(DONE)
    add(sp, FRAME)
    leave()


@macro
def from_zero():
    mov(r4, 0)


@macro
def add_place():
    add(r4, r4, r0)


@macro
def divided():
    """r4 / COUNT, rounded half away from zero. The quotient has eight bits, so it takes eight steps."""
    ldr(r1, [sp, COUNT])
    asr(r2, r4, 31)  # the sign
    eor(r4, r2)
    sub(r4, r4, r2)
    lsr(r0, r1, 1)
    add(r4, r4, r0)
    mov(r0, 0)
    lsl(r1, r1, 7)
    mov(r3, 128)
    label(BIT)
    cmp(r4, r1)
    bcc(LESS)
    sub(r4, r4, r1)
    add(r0, r0, r3)
    label(LESS)
    lsr(r1, r1, 1)
    lsr(r3, r3, 1)
    bne(BIT)
    eor(r0, r2)
    sub(r4, r0, r2)


@macro
def four_at_once(summed):
    """r4: a channel's sum over the window, where words of four channels can be added: 3.3 cycles per value instead of 11."""
    ldr(r1, [sp, QUICK])
    cmp(r1, 1)
    bne(ONE_BY_ONE)
    ldr(r0, [sp, CHANNEL])
    lsl(r1, r0, 30)
    bne(THERE)
    mov(r2, 128)  # bytes are added as if they were unsigned: 128 more each
    lsl(r0, r2, 8)
    orr(r2, r0)
    lsl(r0, r2, 16)
    orr(r2, r0)
    mov(r3, 255)
    lsl(r0, r3, 16)
    orr(r3, r0)
    mov(r4, 0)
    mov(r5, 0)
    ldr(r0, [sp, HEIGHT])
    mov(r11, r0)
    ldr(r1, [sp, FIRST])
    label(LINE)
    mov(r10, r1)
    ldr(r7, [sp, WIDTH])
    label(PLACE)
    ldr(r0, [r1, 0])
    eor(r0, r2)
    mov(r6, r0)
    and_(r6, r3)
    add(r4, r4, r6)
    lsr(r0, r0, 8)
    and_(r0, r3)
    add(r5, r5, r0)
    add(r1, r8)
    sub(r7, 1)
    bne(PLACE)
    mov(r1, r10)
    add(r1, r9)
    mov(r0, r11)
    sub(r0, 1)
    mov(r11, r0)
    bne(LINE)
    add(r1, sp, FOUR)
    stmia(r1, {r4, r5})
    ldr(r7, [sp, P])
    ldr(r0, [sp, CHANNEL])
    label(THERE)
    mov(r1, 1)
    and_(r1, r0)
    lsl(r1, r1, 2)
    mov(r2, 2)
    and_(r2, r0)
    orr(r1, r2)
    add(r2, sp, FOUR)
    ldrh(r4, [r2, r1])
    ldr(r0, [sp, COUNT])
    lsl(r0, r0, 7)
    sub(r4, r4, r0)
    b(summed)
    label(ONE_BY_ONE)


@macro
def from_least():
    mov(r4, 127)
    mvn(r4, r4)


@macro
def greatest_place():
    cmp(r0, r4)
    ble(LESS)
    mov(r4, r0)
    label(LESS)


@macro
def nothing():
    pass


@macro
def no_other_way(summed):
    pass


@micropython.asm_thumb
def average_pool(r0, r1, r2, r3):
    """Mean over the places inside the input, rounded half away from zero: 3.3 cycles per value, 140 per output."""
    pool(from_zero, add_place, divided, four_at_once)


@micropython.asm_thumb
def max_pool(r0, r1, r2, r3):
    """The greatest value inside the input, clamped: 9 cycles per place, 50 per output."""
    pool(from_least, greatest_place, nothing, no_other_way)


ROWS = const(OUTPUTS)  # of `mean`: rows that are left,
STRIDE = const(OUTPUTS + 4)  # bytes of a row of the input
VALUES = const(OUTPUTS + 8)
PLACES = const(OUTPUTS + 12)
MEANS = const(OUTPUTS + 16)


@micropython.asm_thumb
def mean(r0, r1, r2, r3):
    """The compiler folds the zero point into the bias. 8 cycles per place, 90 per
    output."""
    enter()
    sub(sp, MEANS)
    mov(r7, r0)
    open_outputs(r7, r4)
    first_four(r7, r2, r4)
    uxth(r4, r3)
    lsr(r3, r3, 16)
    sub(r3, r3, r4)
    str(r3, [sp, ROWS])
    ldr(r2, [r7, 4 * _DEPTH])
    str(r2, [sp, VALUES])
    ldr(r3, [r7, 4 * _PLACES])
    str(r3, [sp, PLACES])
    mul(r4, r2)
    ldr(r5, [r7, 4 * _OUTPUT])
    add(r5, r5, r4)
    add(r5, r5, r1)
    mov(r9, r5)  # r9: the output
    mul(r4, r3)
    ldr(r6, [r7, 4 * _INPUT])
    add(r6, r6, r4)
    add(r6, r6, r1)
    mul(r3, r2)
    str(r3, [sp, STRIDE])
    mov(r5, 128)
    label(ROW)
    ldr(r7, [sp, VALUES])
    mov(r10, r7)
    mov(r11, r6)
    label(EACH)
    mov(r1, r6)
    mov(r0, 0)
    ldr(r2, [sp, PLACES])
    ldr(r4, [sp, VALUES])
    label(PLACE)
    ldrb(r3, [r1, 0])
    eor(r3, r5)
    add(r0, r0, r3)
    add(r1, r1, r4)
    sub(r2, 1)
    bne(PLACE)
    bring()
    mov(r0, r9)
    strb(r1, [r0, 0])
    add(r0, 1)
    mov(r9, r0)
    add(r6, 1)
    mov(r7, r10)
    sub(r7, 1)
    mov(r10, r7)
    bne(EACH)
    mov(r6, r11)
    ldr(r0, [sp, STRIDE])
    add(r6, r6, r0)
    ldr(r0, [sp, ROWS])
    sub(r0, 1)
    str(r0, [sp, ROWS])
    bne(ROW)
    add(sp, MEANS)
    leave()
