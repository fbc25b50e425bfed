"""Noise reduction."""

from watchword.kernels.frontend_layout_thumb import ESTIMATE, REMAINING, REMAINING_SHIFT, SIGNAL, P
from watchword.kernels.frontend_numbers_thumb import number


@macro
def noise():
    """The estimates (Q10) follow the signal and are taken off it; a part of it always stays. 36 cycles per channel."""
    ldr(r4, [sp, P])
    ldr(r0, [r4, SIGNAL])
    ldr(r1, [r4, ESTIMATE])
    ldr(r2, [r4, REMAINING])
    mov(r9, r2)
    ldr(r2, [r4, REMAINING_SHIFT])
    mov(r11, r2)
    number(r2, 174, 3)
    mov(r8, r2)  # 1392
    mov(r7, 204)
    lsl(r7, r7, 1)
    add(r7, 1)  # smoothing in Q14: 409 for even channels, 983 for odd ones
    mov(r2, 160)
    add(r2, r2, r0)
    mov(r10, r2)
    label(EACH)
    ldr(r2, [r0, 0])
    ldr(r3, [r1, 0])
    lsl(r4, r2, 10)
    sub(r5, r4, r3)
    uxth(r6, r5)
    asr(r5, r5, 16)
    mul(r5, r7)
    mul(r6, r7)
    lsl(r5, r5, 2)
    lsr(r6, r6, 14)
    add(r3, r3, r5)
    add(r3, r3, r6)
    stmia(r1, {r3})
    cmp(r3, r4)
    bls(BELOW)
    mov(r3, r4)
    label(BELOW)
    sub(r4, r4, r3)
    lsr(r4, r4, 10)
    mov(r3, r9)
    mul(r3, r2)
    mov(r6, r11)
    lsr(r3, r6)
    cmp(r4, r3)
    bcs(ABOVE)
    mov(r4, r3)
    label(ABOVE)
    stmia(r0, {r4})
    mov(r5, r8)
    sub(r7, r5, r7)
    cmp(r0, r10)
    bne(EACH)
