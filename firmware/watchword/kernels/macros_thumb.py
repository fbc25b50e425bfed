"""What Thumb kernels have in common. host/watchword/board/thumb.py says what may be written in such a file.

A Thumb kernel is called as kernel(p, arena, constants, rows) from Python, or by `walk`: r0 to r3 are addresses, and rows is
`first | last << 16`. It may use all registers but r8 to r11, which it saves, and sp. Called with p = 0 it tells its address.
"""

from micropython import const

INTERPOLATOR = const(1)  # 0: for chips that have none; the builder decides

SIO = const(0xD0000000)  # the RP2040's single-cycle block; its interpolator 1 begins at 0xc0


@macro
def enter():
    """The first instructions of a kernel; r4 to r7 are free afterwards, and sp is four words lower."""
    cmp(r0, 0)
    bne(CALLED)
    mov(r0, pc)  # the address of this instruction and 4; before it come three, the first of them the assembler's own push
    sub(r0, 9)  # the kernel's first instruction, and 1: it is Thumb code
    pop({r1, r4, r5, r6, r7, pc})
    label(CALLED)
    mov(r4, r8)
    mov(r5, r9)
    mov(r6, r10)
    mov(r7, r11)
    push({r4, r5, r6, r7})


@macro
def leave():
    """The last instructions of a kernel. r0 is what Python gets: a great number would allocate."""
    pop({r4, r5, r6, r7})
    mov(r8, r4)
    mov(r9, r5)
    mov(r10, r6)
    mov(r11, r7)
    mov(r0, 0)
