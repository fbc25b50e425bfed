"""The 256-point transform of sample pairs, in radix 4."""

from watchword.kernels.frontend_layout_thumb import AT, BASE, END, ORDER, SHIFT, TWIDDLE, F, P, Z, part
from watchword.kernels.frontend_numbers_thumb import joined, number, quartered, times, turned
from watchword.kernels.frontend_wrapping_thumb import apart, crowded


@macro
def both(at):
    """r3 = a word of z, shifted; both halves times 8191 / 32768, rounded, plus 8192, which keeps them positive."""
    ldr(r3, [r2, at])
    lsl(r3, r5)
    add(r3, r9)
    lsr(r4, r3, 13)
    and_(r4, r7)
    sub(r3, r3, r4)
    add(r3, r10)
    lsr(r3, r3, 2)
    and_(r3, r6)


@macro
def first_stage():
    """Stage 1 has no twiddles, so it works on both halves at once: 64 times four words of z, in the order of reversed base-4
    digits, to four of f. 63 cycles each."""
    ldr(r4, [sp, P])
    ldr(r0, [r4, F])
    ldr(r1, [r4, Z])
    mov(r8, r1)
    ldr(r1, [r4, ORDER])
    mov(r3, r1)
    add(r3, 64)
    str(r3, [sp, END])
    ldr(r5, [sp, SHIFT])
    number(r6, 1, 15)
    sub(r6, 1)
    lsl(r4, r6, 16)
    orr(r4, r6)
    mov(r9, r4)  # 0x7fff7fff
    lsr(r6, r6, 1)
    lsl(r4, r6, 16)
    orr(r6, r4)  # 0x3fff3fff
    mov(r4, 6)
    lsl(r7, r4, 16)
    orr(r4, r7)
    mov(r10, r4)  # 0x00060006
    mov(r7, 7)
    lsl(r4, r7, 16)
    orr(r7, r4)  # 0x00070007
    label(FOURS)
    ldrb(r2, [r1, 0])
    add(r1, 1)
    lsl(r2, r2, 4)
    add(r2, r8)
    both(0)
    mov(r11, r3)
    both(8)
    mov(r4, r11)
    sub(r4, r4, r3)
    mov(r12, r4)
    add(r11, r3)
    both(4)
    mov(r14, r3)
    both(12)
    mov(r2, r14)
    add(r4, r2, r3)
    sub(r2, r2, r3)
    turned(r2, r3)
    mov(r3, r11)
    add(r3, r3, r4)
    add(r3, r9)
    add(r3, 1)  # what was added to all four is taken off both halves: 0x80008000
    str(r3, [r0, 0])
    mov(r3, r11)
    sub(r3, r3, r4)
    str(r3, [r0, 8])
    mov(r3, r12)
    add(r4, r3, r2)
    str(r4, [r0, 4])
    sub(r3, r3, r2)
    str(r3, [r0, 12])
    add(r0, 16)
    ldr(r2, [sp, END])
    cmp(r1, r2)
    beq(DONE)
    b(FOURS)
    label(DONE)


@macro
def product():
    """r2: an input, quartered and times the twiddle at r1, which goes on by r10."""
    quartered(r2, r3)
    ldr(r6, [r1, 0])
    add(r1, r10)
    times(r6)
    joined()


@macro
def plain():
    """The same where the twiddle is 1."""
    quartered(r2, r3)
    joined()


@macro
def butterfly(m, twiddled):
    """Radix 4 with inputs m words apart, from r0 on, in place; r0 goes to the next word. twiddled: product or plain."""
    ldr(r2, [r0, 0])
    plain()
    mov(r11, r2)
    fetch(1, m)
    twiddled()
    mov(r14, r2)
    fetch(2, m)
    twiddled()
    mov(r3, r11)
    add(r4, r3, r2)
    mov(r11, r4)
    sub(r3, r3, r2)
    mov(r12, r3)
    fetch(3, m)
    twiddled()
    mov(r3, r14)
    add(r4, r3, r2)
    sub(r3, r3, r2)
    turned(r3, r2)
    mov(r2, r12)
    sub(r5, r2, r3)
    add(r6, r2, r3)
    mov(r2, r11)
    sub(r3, r2, r4)
    add(r2, r2, r4)
    keep(r5, 3, m)
    keep(r3, 2, m)
    keep(r6, 1, m)
    stmia(r0, {r2})


@macro
def fetch(k, m):
    """r2: input k. Where they are far apart, r0 walks to it."""
    if m < 16 or (k == 1 and m == 16):
        ldr(r2, [r0, 4 * m * k])
    elif m == 16 and k == 3:
        ldr(r2, [r0, 64])
    else:
        for _ in range(m // 32 if m == 64 else 1):
            add(r0, 128)
        ldr(r2, [r0, 0])


@macro
def keep(word, k, m):
    """Output k; r0 walks back."""
    if m < 16:
        str(word, [r0, 4 * m * k])
    elif m == 16:
        str(word, [r0, 64 * (k % 2)])
        if k == 2:
            sub(r0, 128)
    else:
        str(word, [r0, 0])
        for _ in range(2):
            sub(r0, 128)


@macro
def stage(m):
    """Stages 2, 3 and 4: for each of m twiddles, 64 / m steps apart in their table, all butterflies that are 4 m words long.

    A butterfly with twiddles takes 105 cycles, without 75.
    """
    ldr(r0, [sp, AT])
    number(r3, 4, 8)
    add(r3, r3, r0)
    str(r3, [sp, END])
    label(GROUP)
    mov(r1, 0)
    if m == 4:  # a quarter of these has the twiddle 1: worth code of their own
        butterfly(m, plain)
        add(r1, 64)
    label(FLY)
    mov(r10, r1)
    ldr(r3, [sp, BASE])
    add(r1, r1, r3)
    butterfly(m, product)
    mov(r1, r10)
    add(r1, 256 // m)
    cmp(r1, 255)
    bhi(GROUPED)
    b(FLY)
    label(GROUPED)
    if m < 64:
        add(r0, 12 * m)
        ldr(r2, [sp, END])
        cmp(r0, r2)
        bcs(DONE)
        b(GROUP)
        label(DONE)


@macro
def transform():
    """f = the transform of z / 256."""
    first_stage()
    mov(r5, 0)
    ldr(r0, [sp, SHIFT])
    cmp(r0, 2)
    bls(LOUD)
    crowded()
    label(LOUD)
    str(r5, [sp, END])
    part(r3, TWIDDLE)
    str(r3, [sp, BASE])
    ldr(r0, [r4, F])
    str(r0, [sp, AT])
    number(r7, 1, 14)
    mov(r8, r7)  # a half in Q15
    lsl(r3, r7, 1)
    mov(r9, r3)
    lsr(r7, r7, 1)
    sub(r7, 1)  # 8191
    ldr(r3, [sp, END])
    cmp(r3, 0)
    bpl(FAST)
    b(APART)
    label(FAST)
    for m in (4, 16, 64):
        stage(m)
    b(TRANSFORMED)
    label(APART)
    apart()
    label(TRANSFORMED)
