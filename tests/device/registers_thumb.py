"""Calls a Thumb kernel as Python and `walk` would, and shows what it leaves in the registers that are not its own."""


@micropython.asm_thumb
def through(r0):
    """r0: words. 0: the kernel's address, 1 to 4: its r0 to r3, 5 to 8: what r8 to r11 hold before, and then after it."""
    mov(r4, r8)
    mov(r5, r9)
    mov(r6, r10)
    mov(r7, r11)
    push({r0, r4, r5, r6, r7})
    for at, register in ((20, r8), (24, r9), (28, r10), (32, r11)):
        ldr(r4, [r0, at])
        mov(register, r4)
    mov(r7, r0)
    for at, register in ((4, r0), (8, r1), (12, r2), (16, r3), (0, r4)):
        ldr(register, [r7, at])
    blx(r4)
    ldr(r0, [sp, 0])
    for at, register in ((20, r8), (24, r9), (28, r10), (32, r11)):
        mov(r4, register)
        str(r4, [r0, at])
    pop({r0, r4, r5, r6, r7})
    mov(r8, r4)
    mov(r9, r5)
    mov(r10, r6)
    mov(r11, r7)
    mov(r0, 0)
