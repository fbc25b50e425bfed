"""Runs a stretch of steps in one call: from Python each call costs 500 cycles and more, from here 20."""

import micropython


@micropython.asm_thumb
def dispatch(r0, r1, r2):
    """r0: records of four words: parameters, constants, rows, kernel (addresses; rows is last << 16). r1: the arena.

    r2: first | last << 16 of the records to dispatch.
    """
    uxth(r3, r2)
    lsr(r2, r2, 16)
    lsl(r3, r3, 4)
    lsl(r2, r2, 4)
    add(r4, r0, r3)  # r4: the next record
    add(r5, r0, r2)  # r5: the end
    mov(r6, r1)
    label(STEP)
    ldmia(r4, {r0, r1, r3, r7})  # in the order of their numbers
    mov(r2, r1)
    mov(r1, r6)
    blx(r7)
    cmp(r4, r5)
    bne(STEP)
    mov(r0, 0)
