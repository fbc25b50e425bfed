"""What Thumb kernels have in common. host/watchword/firmware/thumb.py says what may be written in such a file.

A Thumb kernel is called as kernel(p, arena, constants, rows) from Python, or by `walk`: r0 to r3 are addresses, and rows is
`first | last << 16`. It may use all registers but r8 to r11, which it saves, and sp. Called with p = 0 it tells its address.
"""

from micropython import const

# Parameters of kernels/contract.py, written by `make parameters`:
_RESCALE = const(5)
_MINIMUM = const(2)
_MAXIMUM = const(3)
_ZERO_POINT = const(4)
_RESCALE_STEP = const(6)
_ROUND_ONCE = const(8)

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
    keep_high()


@macro
def keep_high():
    """Of a function that only Python calls, the first instructions: r8 to r11 to the stack. Uses r4 to r7."""
    mov(r4, r8)
    mov(r5, r9)
    mov(r6, r10)
    mov(r7, r11)
    push({r4, r5, r6, r7})


@macro
def leave():
    """The last instructions of both. r0 is what Python gets: a great number would allocate."""
    pop({r4, r5, r6, r7})
    mov(r8, r4)
    mov(r9, r5)
    mov(r10, r6)
    mov(r11, r7)
    mov(r0, 0)


# A sum is brought back to int8 as clamp((a * m + (a * l >> 12) + o) >> s, low, high). The compiler has proved m, l and o for
# every sum that a channel can have. s, low and high stay the same for long, so that the RP2040's interpolator 1 can shift,
# extend the sign and clamp in two cycles. A `clamper` register holds its address, or that of 48 bytes that stand for it.


@macro
def open_clamp(clamper, t, s, low, high):
    """s, low, high: registers. Takes the interpolator, whose state goes to the stack; sp is 12 words lower afterwards."""
    sub(sp, 48)
    if INTERPOLATOR:
        mov(clamper, SIO >> 24)
        lsl(clamper, clamper, 24)
        add(clamper, 0xC0)
        ldr(t, [clamper, 0])  # its accumulator,
        str(t, [sp, 0])
        ldr(t, [clamper, 8])  # limits
        str(t, [sp, 8])
        ldr(t, [clamper, 12])
        str(t, [sp, 12])
        ldr(t, [clamper, 44])  # and control of lane 0
        str(t, [sp, 44])
    else:
        mov(clamper, sp)
    str(low, [clamper, 8])
    str(high, [clamper, 12])
    shift(clamper, t, s)


@macro
def shift(clamper, t, s):
    """From now on sums are shifted by s, a register that is lost. It takes 7 cycles."""
    if INTERPOLATOR:
        mov(t, 31)  # the mask's upper end is bit 31 - s; then signed, bit 15, and clamping, bit 22
        sub(t, t, s)
        lsl(t, t, 10)
        orr(s, t)
        mov(t, 129)
        lsl(t, t, 15)
        orr(s, t)
    str(s, [clamper, 44])


@macro
def clamp(a, clamper, t):
    """a: shifted and clamped. t is free where there is an interpolator."""
    if INTERPOLATOR:
        str(a, [clamper, 0])
        ldr(a, [clamper, 32])
    else:
        ldr(t, [clamper, 44])
        asr(a, t)
        ldr(t, [clamper, 8])
        cmp(a, t)
        bge(ABOVE)
        mov(a, t)
        label(ABOVE)
        ldr(t, [clamper, 12])
        cmp(a, t)
        ble(BELOW)
        mov(a, t)
        label(BELOW)


@macro
def close_clamp(clamper, t):
    """Leaves the interpolator as it was found; sp is where it was before `open_clamp`."""
    if INTERPOLATOR:
        mov(clamper, SIO >> 24)
        lsl(clamper, clamper, 24)
        add(clamper, 0xC0)
        for at in (8, 12, 44, 0):
            ldr(t, [sp, at])
            str(t, [clamper, at])
    add(sp, 48)


@macro
def requantize(a, factors, m, fine, o, clamper):
    """m: the int8 that the sum `a` becomes. factors: where m, l (here: fine) and o of its channel are.

    It moves to those of the next channel.
    """
    ldmia(factors, {m, fine, o})
    mul(fine, a)
    asr(fine, fine, 12)
    mul(m, a)
    add(m, m, fine)
    add(m, m, o)
    clamp(m, clamper, fine)


@macro
def rescale(once):
    """r1: the sum in r0, rescaled as TFLite does it, for whatever sum.

    r2: bias, r3: multiplier, r4: left shift; r7: the address of the right shift, and behind it afterwards. once: a register;
    not 0 where the whole product is rounded once. Uses r0 to r4. The compiler has proved |sum + bias| << left below 2^29.

    The product is v * 2^31 + middle * 2^15 + low, from pieces of 15 and 16 bits; middle is less 2^30, or it might not fit.
    """
    add(r0, r0, r2)
    lsl(r0, r4)
    asr(r1, r0, 15)
    lsl(r0, r0, 17)
    lsr(r0, r0, 17)
    uxth(r2, r3)
    lsr(r3, r3, 16)
    mov(r4, r0)
    mul(r4, r2)  # low
    mul(r2, r1)
    mul(r0, r3)
    mul(r1, r3)  # v
    lsl(r0, r0, 1)
    mov(r3, 1)
    lsl(r3, r3, 30)
    sub(r2, r2, r3)
    lsr(r3, r4, 15)
    add(r2, r2, r3)
    add(r2, r2, r0)  # middle
    ldmia(r7, {r3})  # right shift
    mov(r0, once)
    cmp(r0, 0)
    bne(ONCE)
    mov(r0, 1)
    lsl(r0, r0, 15)
    add(r2, r2, r0)
    asr(r2, r2, 16)
    lsr(r0, r0, 1)
    add(r1, r1, r0)
    add(r1, r1, r2)
    cmp(r3, 0)
    beq(RESCALED)
    asr(r2, r1, 31)
    add(r1, r1, r2)  # a half goes away from 0
    mov(r0, 1)
    sub(r3, 1)
    lsl(r0, r3)
    add(r1, r1, r0)
    add(r3, 1)
    asr(r1, r3)
    b(RESCALED)
    label(ONCE)
    lsl(r1, r1, 1)
    lsl(r0, r0, 15)
    add(r1, r1, r0)
    asr(r0, r2, 15)
    add(r1, r1, r0)
    bpl(ROUND)
    orr(r2, r4)
    lsl(r2, r2, 17)
    bne(ROUND)
    sub(r1, 1)
    label(ROUND)
    mov(r0, 1)
    lsl(r0, r3)
    add(r1, r1, r0)
    add(r3, 1)
    asr(r1, r3)
    label(RESCALED)


# Kernels that rescale whatever sum there is keep what that takes on the stack, from sp on; theirs begin at OUTPUTS.
OUT_ZERO = const(0)  # of the output
OUT_LOW = const(4)
OUT_HIGH = const(8)
OUT_FOUR = const(12)  # the address of the next sum's bias, multiplier and shifts
OUT_STEP = const(16)  # from there to those of the sum after it
OUTPUTS = const(20)


@macro
def open_outputs(p, t):
    """From the parameters at p, but for OUT_FOUR; r8: the rounding. Registers r0 to r7."""
    for slot, at in ((OUT_ZERO, _ZERO_POINT), (OUT_LOW, _MINIMUM), (OUT_HIGH, _MAXIMUM)):
        ldr(t, [p, 4 * at])
        sub(t, 128)
        str(t, [sp, slot])
    ldr(t, [p, 4 * _RESCALE_STEP])
    str(t, [sp, OUT_STEP])
    ldr(t, [p, 4 * _ROUND_ONCE])
    mov(r8, t)


@macro
def first_four(p, constants, t):
    """OUT_FOUR: the first sum's."""
    ldr(t, [p, 4 * _RESCALE])
    add(t, t, constants)
    str(t, [sp, OUT_FOUR])


@macro
def bring():
    """r1: the sum in r0 as an int8. 75 cycles. Uses r0 to r4 and r7."""
    ldr(r7, [sp, OUT_FOUR])
    ldr(r1, [sp, OUT_STEP])
    add(r1, r1, r7)
    str(r1, [sp, OUT_FOUR])
    ldmia(r7, {r2, r3, r4})
    rescale(r8)
    ldr(r0, [sp, OUT_ZERO])
    add(r1, r1, r0)
    ldr(r0, [sp, OUT_LOW])
    cmp(r1, r0)
    bge(ABOVE)
    mov(r1, r0)
    label(ABOVE)
    ldr(r0, [sp, OUT_HIGH])
    cmp(r1, r0)
    ble(BELOW)
    mov(r1, r0)
    label(BELOW)
