"""Sums, products and functions of one value in Thumb code."""

import micropython
from micropython import const

from watchword.kernels.macros_thumb import OUTPUTS, bring, enter, first_four, leave, open_outputs

# Parameters of kernels/elementwise.py, written by `make parameters`:
_INPUT = const(0)
_OUTPUT = const(1)
_OTHER = const(9)
_OTHER_IS_CONSTANT = const(10)
_PLANES = const(11)
_LINES = const(12)
_VALUES = const(13)
_INPUT_ROW_STEP = const(14)
_INPUT_PLANE_STEP = const(15)
_INPUT_LINE_STEP = const(16)
_INPUT_VALUE_STEP = const(17)
_OTHER_ROW_STEP = const(18)
_OTHER_PLANE_STEP = const(19)
_OTHER_LINE_STEP = const(20)
_OTHER_VALUE_STEP = const(21)
_INPUT_TABLE = const(23)
_OTHER_TABLE = const(24)
_INPUT_ZERO_POINT = const(23)
_OTHER_ZERO_POINT = const(24)
_DEPTH = const(2)
_TABLE = const(3)
_POSITIVE_TABLE = const(25)

P = const(OUTPUTS)
CONSTANTS = const(OUTPUTS + 4)
ROW = const(OUTPUTS + 8)
LAST = const(OUTPUTS + 12)
X_ROW = const(OUTPUTS + 16)  # where a row of the input begins, and so on
Y_ROW = const(OUTPUTS + 20)
X_PLANE = const(OUTPUTS + 24)
Y_PLANE = const(OUTPUTS + 28)
PLANE = const(OUTPUTS + 32)  # planes and lines that are left
LINE = const(OUTPUTS + 36)
X_LINE = const(OUTPUTS + 40)
Y_LINE = const(OUTPUTS + 44)
LEFT = const(OUTPUTS + 48)
FIRST = const(OUTPUTS + 52)  # what the combination needs
SECOND = const(OUTPUTS + 56)
POSITIVES = const(OUTPUTS + 60)
FRAME = const(OUTPUTS + 64)


@macro
def each_pair(prepare, combine):
    """All outputs of the rows, which are dense. r5, r6: addresses of a value of the input and of the other; r9: the output's.

    prepare: sets FIRST and SECOND, from r7: p and r2: the constants. combine: r1 = the output of the values in r0 and r1.
    """
    enter()
    sub(sp, FRAME)
    mov(r7, r0)
    str(r7, [sp, P])
    str(r2, [sp, CONSTANTS])
    open_outputs(r7, r4)
    prepare()
    uxth(r4, r3)
    lsr(r3, r3, 16)
    sub(r3, r3, r4)
    str(r3, [sp, LAST])
    ldr(r5, [r7, 4 * _PLANES])
    ldr(r6, [r7, 4 * _LINES])
    mul(r5, r6)
    ldr(r6, [r7, 4 * _VALUES])
    mul(r5, r6)
    mul(r5, r4)
    ldr(r6, [r7, 4 * _OUTPUT])
    add(r5, r5, r6)
    add(r5, r5, r1)
    mov(r9, r5)
    ldr(r5, [r7, 4 * _INPUT_ROW_STEP])
    mul(r5, r4)
    ldr(r6, [r7, 4 * _INPUT])
    add(r5, r5, r6)
    add(r5, r5, r1)
    str(r5, [sp, X_ROW])
    ldr(r5, [r7, 4 * _OTHER_ROW_STEP])
    mul(r5, r4)
    ldr(r6, [r7, 4 * _OTHER])
    add(r5, r5, r6)
    ldr(r6, [r7, 4 * _OTHER_IS_CONSTANT])
    cmp(r6, 0)
    beq(IN_ARENA)
    mov(r1, r2)
    label(IN_ARENA)
    add(r5, r5, r1)
    str(r5, [sp, Y_ROW])
    first_four(r7, r2, r4)
    label(EACH_ROW)
    ldr(r7, [sp, P])
    ldr(r5, [sp, X_ROW])
    ldr(r6, [sp, Y_ROW])
    ldr(r0, [r7, 4 * _PLANES])
    label(EACH_PLANE)
    str(r0, [sp, PLANE])
    str(r5, [sp, X_PLANE])
    str(r6, [sp, Y_PLANE])
    ldr(r0, [r7, 4 * _LINES])
    label(EACH_LINE)
    str(r0, [sp, LINE])
    str(r5, [sp, X_LINE])
    str(r6, [sp, Y_LINE])
    ldr(r0, [r7, 4 * _INPUT_VALUE_STEP])
    mov(r10, r0)
    ldr(r0, [r7, 4 * _OTHER_VALUE_STEP])
    mov(r11, r0)
    ldr(r0, [r7, 4 * _VALUES])
    label(EACH)
    str(r0, [sp, LEFT])
    mov(r3, 0)
    ldrsb(r0, [r5, r3])
    ldrsb(r1, [r6, r3])
    combine()
    mov(r0, r9)
    strb(r1, [r0, 0])
    add(r0, 1)
    mov(r9, r0)
    add(r5, r10)
    add(r6, r11)
    ldr(r0, [sp, LEFT])
    sub(r0, 1)
    bne(EACH)
    ldr(r7, [sp, P])
    step(X_LINE, Y_LINE, _INPUT_LINE_STEP, _OTHER_LINE_STEP)
    ldr(r0, [sp, LINE])
    sub(r0, 1)
    bne(EACH_LINE)
    step(X_PLANE, Y_PLANE, _INPUT_PLANE_STEP, _OTHER_PLANE_STEP)
    ldr(r0, [sp, PLANE])
    sub(r0, 1)
    beq(PLANES)
    b(EACH_PLANE)
    label(PLANES)
    step(X_ROW, Y_ROW, _INPUT_ROW_STEP, _OTHER_ROW_STEP)
    str(r5, [sp, X_ROW])
    str(r6, [sp, Y_ROW])
    ldr(r0, [sp, LAST])
    sub(r0, 1)
    str(r0, [sp, LAST])
    beq(ROWS)
    b(EACH_ROW)
    label(ROWS)
    add(sp, FRAME)
    leave()


@macro
def step(x, y, by, other_by):
    """r5, r6: what the slots x and y hold, one step on; by and other_by are parameters."""
    ldr(r5, [sp, x])
    ldr(r0, [r7, 4 * by])
    add(r5, r5, r0)
    ldr(r6, [sp, y])
    ldr(r0, [r7, 4 * other_by])
    add(r6, r6, r0)


@macro
def find_tables():
    mov(r6, 2)
    lsl(r6, r6, 8)
    for slot, at in ((FIRST, _INPUT_TABLE), (SECOND, _OTHER_TABLE)):
        ldr(r5, [r7, 4 * at])
        add(r5, r5, r2)
        add(r5, r5, r6)  # where the value 0 is
        str(r5, [sp, slot])


@macro
def look_up_both():
    ldr(r2, [sp, FIRST])
    lsl(r0, r0, 2)
    ldr(r0, [r2, r0])
    ldr(r2, [sp, SECOND])
    lsl(r1, r1, 2)
    ldr(r1, [r2, r1])
    add(r0, r0, r1)
    bring()


@macro
def find_zeros():
    for slot, at in ((FIRST, _INPUT_ZERO_POINT), (SECOND, _OTHER_ZERO_POINT)):
        ldr(r5, [r7, 4 * at])
        sub(r5, 128)
        str(r5, [sp, slot])


@macro
def multiply_both():
    ldr(r2, [sp, FIRST])
    sub(r0, r0, r2)
    ldr(r2, [sp, SECOND])
    sub(r1, r1, r2)
    mul(r0, r1)
    bring()


@macro
def find_zeros_and_positives():
    find_zeros()
    ldr(r5, [r7, 4 * _POSITIVE_TABLE])
    add(r5, r5, r2)
    str(r5, [sp, POSITIVES])


@macro
def multiply_or_look_up():
    ldr(r2, [sp, FIRST])
    sub(r0, r0, r2)
    bmi(BELOW)
    ldr(r2, [sp, POSITIVES])
    ldrb(r1, [r2, r0])
    b(FOUND)
    label(BELOW)
    ldr(r2, [sp, SECOND])
    sub(r1, r1, r2)
    mul(r0, r1)
    bring()
    label(FOUND)


@micropython.asm_thumb
def add(r0, r1, r2, r3):
    """A value of the one table and a value of the other: 120 cycles per output."""
    each_pair(find_tables, look_up_both)


@micropython.asm_thumb
def multiply(r0, r1, r2, r3):
    """(x - its zero point) * (y - its zero point): 115 cycles per output."""
    each_pair(find_zeros, multiply_both)


@micropython.asm_thumb
def prelu(r0, r1, r2, r3):
    """(x - its zero point) * (y - its zero point), or what the table has for x: 100 cycles per output, or 31."""
    each_pair(find_zeros_and_positives, multiply_or_look_up)


@micropython.asm_thumb
def lookup(r0, r1, r2, r3):
    """The table's value for every input; may be done in place. 11 cycles per value."""
    enter()
    uxth(r4, r3)
    lsr(r3, r3, 16)
    sub(r3, r3, r4)
    ldr(r5, [r0, 4 * _DEPTH])
    mul(r3, r5)
    mul(r4, r5)
    ldr(r5, [r0, 4 * _INPUT])
    add(r5, r5, r4)
    add(r5, r5, r1)
    ldr(r6, [r0, 4 * _OUTPUT])
    add(r6, r6, r4)
    add(r6, r6, r1)
    ldr(r7, [r0, 4 * _TABLE])
    add(r7, r7, r2)
    mov(r4, 128)
    label(EACH)
    ldrb(r0, [r5, 0])
    eor(r0, r4)
    ldrb(r0, [r7, r0])
    strb(r0, [r6, 0])
    add(r5, 1)
    add(r6, 1)
    sub(r3, 1)
    bne(EACH)
    leave()
