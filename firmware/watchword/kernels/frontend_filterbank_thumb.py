"""Energies of the bins, what each filter gathers of them, and the root of that."""

from micropython import const

from watchword.kernels.frontend_layout_thumb import FILTERS, SHIFT, SIGNAL, SPLIT, F, P, Z, part
from watchword.kernels.frontend_numbers_thumb import halved, number, times

WIDEST = const(15)  # bins of a filter


@macro
def energies():
    """f, the transform of sample pairs, to the energies of bins 5 to 251 of the real one, in place; 70 cycles for two bins.

    Their sum is below 2^30 (Parseval). Bin 128 is written twice: the second form stays.
    """
    part(r2, SPLIT)
    mov(r10, r2)
    ldr(r0, [r4, F])
    number(r1, 251, 2)
    add(r1, r1, r0)
    add(r0, 20)
    number(r7, 1, 14)
    mov(r8, r7)
    lsl(r3, r7, 1)
    mov(r9, r3)
    sub(r7, 1)  # 16383
    label(BIN)
    ldr(r2, [r0, 0])
    halved(r2, r3, 0)
    ldr(r4, [r1, 0])
    halved(r4, r5, 1)
    add(r6, r3, r5)
    mov(r11, r6)
    sub(r3, r3, r5)
    add(r6, r2, r4)
    mov(r12, r6)
    sub(r2, r2, r4)
    mov(r4, r10)
    ldmia(r4, {r6})
    mov(r10, r4)
    times(r6)
    mov(r5, r11)
    mov(r6, r12)
    add(r4, r5, r3)
    sub(r5, r5, r3)
    add(r3, r6, r2)
    sub(r2, r2, r6)
    asr(r4, r4, 1)
    asr(r5, r5, 1)
    asr(r3, r3, 1)
    asr(r2, r2, 1)
    mul(r4, r4)
    mul(r5, r5)
    mul(r3, r3)
    mul(r2, r2)
    add(r4, r4, r3)
    add(r5, r5, r2)
    stmia(r0, {r4})
    str(r5, [r1, 0])
    sub(r1, 4)
    cmp(r0, r1)
    bls(BIN)


@macro
def tap():
    """A bin's energy, times its weight, to r3 << 16 + r2; and to their plain sum, r6."""
    ldmia(r0, {r4})
    ldrh(r5, [r1, 0])
    add(r1, 2)
    add(r6, r6, r4)
    uxth(r7, r4)
    lsr(r4, r4, 16)
    mul(r7, r5)
    mul(r4, r5)
    add(r2, r2, r7)
    add(r3, r3, r4)


@macro
def filters():
    """Energies to 41 sums of 64 bits, in what was z; the first one is of no use.

    A bin gives weight / 4096 of its energy to the channel before and the rest to its own, so that one multiplication does for
    both: the rest is 4096 times the plain sum, less the weighted one. 12 cycles per bin, 45 per channel.
    """
    part(r1, FILTERS)
    ldr(r0, [r4, F])
    add(r0, 20)
    ldr(r2, [r4, Z])
    mov(r11, r2)
    number(r3, 41, 3)
    add(r3, r3, r2)
    mov(r12, r3)
    mov(r2, 0)
    mov(r9, r2)
    mov(r10, r2)
    label(CHANNEL)
    ldrh(r4, [r1, 0])
    add(r1, 2)
    mov(r2, WIDEST)
    sub(r2, r2, r4)
    mov(r4, 20)  # bytes of a tap
    mul(r4, r2)
    mov(r2, 0)
    mov(r3, 0)
    mov(r6, 0)
    add(pc, r4)  # over the taps that there are not
    nop()
    for _ in range(WIDEST):
        tap()
    lsr(r7, r3, 16)
    lsl(r3, r3, 16)
    mov(r4, 0)
    add(r2, r2, r3)
    adc(r7, r4)
    mov(r4, r9)
    mov(r5, r10)
    add(r4, r4, r2)
    adc(r5, r7)
    mov(r3, r11)
    stmia(r3, {r4, r5})
    mov(r11, r3)
    lsl(r4, r6, 12)
    lsr(r5, r6, 20)
    sub(r4, r4, r2)
    sbc(r5, r7)
    mov(r9, r4)
    mov(r10, r5)
    cmp(r3, r12)
    beq(FILTERED)
    b(CHANNEL)
    label(FILTERED)


@macro
def digit():
    """A bit of the root, from the two highest bits of the rest; r4: the bit's square."""
    add(r2, r7, r4)
    lsr(r7, r7, 1)
    cmp(r3, r2)
    bcc(ZERO)
    sub(r3, r3, r2)
    add(r7, r7, r4)
    label(ZERO)
    lsr(r4, r4, 2)


@macro
def roots():
    """Sums to signal: the nearest root, shifted back. As in C, a root of 65535 is not rounded up below 2^32.

    The 32 highest bits of a sum give the first 16 of the root; the others of longer sums come two by two. 150 cycles each.
    """
    ldr(r4, [sp, P])
    ldr(r0, [r4, Z])
    add(r0, 8)
    ldr(r1, [r4, SIGNAL])
    ldr(r2, [sp, SHIFT])
    mov(r10, r2)
    mov(r9, r1)
    mov(r3, 160)
    add(r3, r3, r1)
    mov(r11, r3)
    label(NEXT)
    ldmia(r0, {r3, r4})
    mov(r6, 0)
    mov(r5, 0)
    cmp(r4, 0)
    beq(NARROW)
    mov(r12, r3)
    label(WIDE)
    lsl(r7, r4, 30)
    lsr(r3, r3, 2)
    orr(r3, r7)
    add(r6, 2)
    lsr(r4, r4, 2)
    bne(WIDE)
    mov(r4, 32)
    sub(r4, r4, r6)
    mov(r5, r12)
    lsl(r5, r4)
    label(NARROW)
    mov(r7, 0)
    mov(r4, 1)
    lsl(r4, r4, 30)
    lsr(r2, r3, 16)
    bne(TOP)
    lsr(r4, r4, 16)
    lsr(r2, r3, 8)
    bne(DIGITS)
    b(EIGHT)
    label(TOP)
    lsr(r2, r2, 8)
    bne(DIGITS)
    label(EIGHT)
    lsr(r4, r4, 8)
    label(DIGITS)
    for _ in range(4):
        digit()
    bne(DIGITS)
    cmp(r6, 0)
    beq(LAST)
    label(MORE)
    lsl(r5, r5, 1)
    adc(r3, r3)
    lsl(r5, r5, 1)
    adc(r3, r3)
    lsl(r2, r7, 2)
    add(r2, 1)
    lsl(r7, r7, 1)
    cmp(r3, r2)
    bcc(LESS)
    sub(r3, r3, r2)
    add(r7, 1)
    label(LESS)
    sub(r6, 2)
    bne(MORE)
    cmp(r3, r7)
    bls(STORE)
    add(r7, 1)
    b(STORE)
    label(LAST)
    cmp(r3, r7)
    bls(STORE)
    add(r4, r7, 1)
    lsr(r2, r4, 16)
    bne(STORE)
    mov(r7, r4)
    label(STORE)
    mov(r2, r10)
    lsr(r7, r2)
    mov(r1, r9)
    stmia(r1, {r7})
    mov(r9, r1)
    cmp(r1, r11)
    bne(NEXT)
