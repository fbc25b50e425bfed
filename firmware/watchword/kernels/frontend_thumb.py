"""The sound front end in Thumb code: a frame in one call, since each call from Python costs as much as a small stage.

Stages, tables and numbers are those of frontend_viper.py. Here a complex number is one word, re + (im << 16), added as
integers, so that a borrow of re sits in the upper half: then packed sums and differences are plain additions, and im is
(word + 0x8000) >> 16. Where re overflows 16 bits it wraps, as in C, but its carry would make im wrong by one. Sound hardly
does that: the window leaves the sums of a butterfly below 30,600 up to a shift of 2, and in quieter frames it takes a sound
that is the louder the farther it is from the middle of the window, as if to undo it. `crowded` notices, `apart` is for it.

High registers hold constants: to add one takes a cycle.
"""

import micropython
from micropython import const

from watchword.kernels.macros_thumb import enter, leave

# The words of `places`, which see.
TABLES = const(0)
Z = const(4)
F = const(8)
SIGNAL = const(12)
ESTIMATE = const(16)
FEATURES = const(20)
INPUT = const(24)
ORDER = const(28)
BITS = const(32)
REMAINING = const(36)
REMAINING_SHIFT = const(40)
MULTIPLIER = const(44)
PCAN = const(48)
LOG = const(52)

# Where the parts of the tables begin: watchword/frontend.py.
TWIDDLE = const(960)
SPLIT = const(1728)
FILTERS = const(2224)
GAIN_TABLE = const(2778)
LOG_TABLE = const(3028)

# On the stack.
P = const(0)
SHIFT = const(4)
AT = const(8)
END = const(12)
BASE = const(16)
STEP = const(20)  # bytes from one input of a butterfly to the next
ACROSS = const(24)  # from its twiddle to the one that is squared
GROUP_END = const(28)
PARTS = const(32)  # the four re of a butterfly's inputs, then their im
FRAME = const(64)

SAFE = const(23000)  # re and im of numbers whose butterflies cannot overflow: their magnitudes stay below 32,600

WIDEST = const(15)  # bins of a filter


@macro
def number(to, high, bits):
    """to = high << bits."""
    mov(to, high)
    lsl(to, to, bits)


@macro
def part(to, offset):
    """to: the address of a part of the tables; r4 is `places` afterwards. Uses r5."""
    number(to, offset >> 8, 8)
    add(to, offset & 255)
    ldr(r4, [sp, P])
    ldr(r5, [r4, TABLES])
    add(to, to, r5)


# ---------------------------------------------------------------- window


@macro
def windowed(at):
    """Two samples times their taps to z; r7 gathers the bits of their magnitudes."""
    ldmia(r0, {r3})
    ldmia(r1, {r4})
    sxth(r5, r3)
    asr(r3, r3, 16)
    uxth(r6, r4)
    lsr(r4, r4, 16)
    mul(r5, r6)
    mul(r3, r4)
    asr(r5, r5, 12)
    asr(r3, r3, 12)
    asr(r6, r5, 31)
    add(r4, r5, r6)
    eor(r4, r6)
    orr(r7, r4)
    asr(r6, r3, 31)
    add(r4, r3, r6)
    eor(r4, r6)
    orr(r7, r4)
    lsl(r3, r3, 16)
    add(r5, r5, r3)
    str(r5, [r2, at])


@macro
def window():
    """r0: 480 samples. r1: their taps. r2: z. 13 cycles per sample. The shift that fills 15 bits goes to SHIFT.

    Pair n goes to word 4 (n % 64) + n // 64, where stage 1 finds its four inputs in a row.

    -32768, which only the middle taps can give, has no negative in 16 bits: as in C it does not count as the largest. Shifted
    it becomes 0; where nothing is shifted, -32767 gives the same in stage 1, which needs numbers that have a negative.
    """
    mov(r7, 0)
    number(r3, 240, 2)
    add(r3, r3, r1)
    mov(r9, r3)
    label(QUARTER)
    mov(r8, r2)
    number(r3, 4, 8)
    add(r3, r3, r2)
    mov(r10, r3)
    label(PAIRS)
    for at in range(0, 64, 16):
        windowed(at)
    add(r2, 64)
    cmp(r1, r9)
    beq(DONE)
    cmp(r2, r10)
    bne(PAIRS)
    mov(r2, r8)
    add(r2, 4)
    b(QUARTER)
    label(DONE)
    mov(r1, 15)
    lsl(r2, r7, 17)
    lsr(r2, r2, 17)
    beq(COUNTED)
    label(COUNT)
    sub(r1, 1)
    lsr(r2, r2, 1)
    bne(COUNT)
    label(COUNTED)
    str(r1, [sp, SHIFT])
    lsr(r7, r7, 15)
    beq(CLEAN)
    mov(r5, 1)
    cmp(r1, 0)
    beq(REPAIR)
    lsl(r5, r5, 15)
    label(REPAIR)  # r5: what -32768 is to be raised by
    ldr(r4, [sp, P])
    ldr(r3, [r4, Z])
    number(r6, 221, 2)
    add(r3, r3, r6)
    number(r7, 1, 15)
    mov(r6, 2)
    label(LOOK)  # at pairs 119 and 120
    ldr(r2, [r3, 0])
    add(r0, r2, r7)
    asr(r0, r0, 16)
    add(r0, r0, r7)
    bne(UPPER)
    lsl(r0, r5, 16)
    add(r2, r2, r0)
    label(UPPER)
    sxth(r0, r2)
    add(r0, r0, r7)
    bne(LOWER)
    add(r2, r2, r5)
    label(LOWER)
    str(r2, [r3, 0])
    add(r3, 16)
    sub(r6, 1)
    bne(LOOK)
    label(CLEAN)


# ---------------------------------------------------------------- 256-point transform


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
def turned(word, re):
    """word times -j: (im, -re)."""
    sxth(re, word)
    sub(word, word, re)
    asr(word, word, 16)
    lsl(re, re, 16)
    sub(word, word, re)


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
def quartered(word, re):
    """word: a number; re and word = its parts, each times 8191 / 32768, rounded."""
    sxth(re, word)
    add(word, r9)
    asr(word, word, 16)
    mul(re, r7)
    add(re, r8)
    asr(re, re, 15)
    mul(word, r7)
    add(word, r8)
    asr(word, word, 15)


@macro
def times(w):
    """(r3, r2) times w, a word of two Q15 numbers, rounded: three multiplications. Uses r4, r5 and r6, which w may be."""
    sxth(r4, w)
    asr(r6, w, 16)
    sub(r5, r6, r4)
    add(r6, r6, r4)
    mul(r5, r3)
    mul(r6, r2)
    add(r3, r3, r2)
    mul(r4, r3)
    add(r4, r8)
    sub(r3, r4, r6)
    add(r2, r4, r5)
    asr(r3, r3, 15)
    asr(r2, r2, 15)


@macro
def joined():
    """r2: the number (r3, r2)."""
    lsl(r2, r2, 16)
    add(r2, r2, r3)


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
def crowded():
    """r5: negative if a number of f is so great that sums of the stages to come may overflow. 1.6 k cycles."""
    ldr(r4, [sp, P])
    ldr(r0, [r4, F])
    number(r4, 4, 8)
    add(r4, r4, r0)
    mov(r8, r4)
    number(r7, SAFE >> 8, 8)
    add(r7, SAFE & 255)
    lsl(r4, r7, 16)
    add(r7, r7, r4)
    mov(r5, 0)
    label(FOUR)
    ldmia(r0, {r1, r2, r3, r4})
    for word in (r1, r2, r3, r4):
        # Only of what is too great, or too small, the sum has a sign and the difference none.
        sub(r6, word, r7)
        add(word, word, r7)
        bic(word, r6)
        orr(r5, word)
    cmp(r0, r8)
    bne(FOUR)
    lsl(r6, r5, 16)
    orr(r5, r6)


@macro
def wrapped(re, im):
    """re: the number of two sums, of which that of re wraps. im is lost."""
    sxth(re, re)
    lsl(im, im, 16)
    add(re, re, im)


@macro
def apart():
    """Stages 2, 3 and 4 as `stage` has them, but for sums of any size. 190 cycles for a butterfly, which are seldom needed."""
    ldr(r0, [sp, AT])
    number(r1, 4, 8)
    add(r1, r1, r0)
    str(r1, [sp, END])
    mov(r1, 16)
    mov(r2, 64)
    label(STAGE)
    str(r1, [sp, STEP])
    str(r2, [sp, ACROSS])
    ldr(r0, [sp, AT])
    label(GROUP)
    ldr(r1, [sp, STEP])
    add(r1, r1, r0)
    str(r1, [sp, GROUP_END])
    mov(r1, 0)
    mov(r10, r1)
    label(FLY)  # r10: from the table's beginning to the twiddle
    mov(r4, sp)
    add(r4, PARTS)
    mov(r11, r4)
    add(r4, 16)
    mov(r12, r4)
    ldr(r1, [sp, BASE])  # the first twiddle there is 1
    label(NEXT)
    ldr(r2, [r0, 0])
    quartered(r2, r3)
    ldr(r6, [r1, 0])
    add(r1, r10)
    times(r6)
    mov(r4, r11)
    str(r3, [r4, 0])
    str(r2, [r4, 16])
    add(r4, 4)
    mov(r11, r4)
    ldr(r3, [sp, STEP])
    add(r0, r0, r3)
    cmp(r4, r12)
    bne(NEXT)
    sub(r4, 16)
    ldmia(r4, {r2, r3, r5, r6})
    add(r1, r2, r5)
    sub(r2, r2, r5)
    mov(r14, r2)  # re of 0 - 2
    add(r2, r3, r6)
    sub(r3, r3, r6)  # r3: re of 1 - 3
    sub(r5, r1, r2)
    mov(r12, r5)
    add(r1, r1, r2)
    mov(r11, r1)
    ldmia(r4, {r1, r2, r5, r6})
    add(r4, r1, r5)
    sub(r1, r1, r5)  # r1: im of 0 - 2
    add(r5, r2, r6)
    sub(r2, r2, r6)  # r2: im of 1 - 3
    add(r6, r4, r5)
    sub(r4, r4, r5)
    mov(r5, r11)
    wrapped(r5, r6)
    mov(r11, r5)  # output 0
    mov(r5, r12)
    wrapped(r5, r4)
    mov(r12, r5)  # output 2
    mov(r4, r14)
    sub(r5, r4, r2)
    add(r6, r1, r3)
    wrapped(r5, r6)  # output 3
    add(r4, r4, r2)
    sub(r1, r1, r3)
    wrapped(r4, r1)  # output 1
    ldr(r1, [sp, STEP])
    mov(r2, r12)
    for word in (r5, r2, r4):
        sub(r0, r0, r1)
        str(word, [r0, 0])
    sub(r0, r0, r1)
    mov(r2, r11)
    stmia(r0, {r2})
    ldr(r1, [sp, ACROSS])
    add(r10, r1)
    ldr(r1, [sp, GROUP_END])
    cmp(r0, r1)
    bne(FLY)
    ldr(r1, [sp, STEP])
    lsl(r2, r1, 1)
    add(r0, r0, r1)
    add(r0, r0, r2)
    ldr(r2, [sp, END])
    cmp(r0, r2)
    beq(DONE)
    b(GROUP)
    label(DONE)
    lsl(r1, r1, 2)
    ldr(r2, [sp, ACROSS])
    lsr(r2, r2, 2)
    cmp(r2, 1)
    beq(ALL)
    b(STAGE)
    label(ALL)


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


# ---------------------------------------------------------------- energies and filters


@macro
def halved(word, re, conjugate):
    """As `quartered`, times 16383 / 32768; the imaginary part is negated before it is rounded."""
    sxth(re, word)
    add(word, r9)
    asr(word, word, 16)
    if conjugate:
        neg(word, word)
    mul(re, r7)
    add(re, r8)
    asr(re, re, 15)
    mul(word, r7)
    add(word, r8)
    asr(word, word, 15)


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


# ---------------------------------------------------------------- square roots


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


# ---------------------------------------------------------------- noise, gain and logarithm


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


@macro
def bit_length(x, n, t, u):
    """n = bits of x, whose last four are looked up at r3. Uses t and u."""
    mov(n, 0)
    mov(t, x)
    for bits in (16, 8, 4):
        lsr(u, t, bits)
        beq(SHORT)
        mov(t, u)
        add(n, bits)
        label(SHORT)
    ldrb(u, [r3, t])
    add(n, n, u)


@macro
def gain():
    """signal times a gain that falls with the noise estimate; then x^2 / 4 below 2, else x - 1. 75 cycles per channel.

    The gain of an octave is a quadratic: its coefficients lie in a row.
    """
    part(r2, GAIN_TABLE)
    ldr(r0, [r4, SIGNAL])
    ldr(r1, [r4, ESTIMATE])
    ldr(r3, [r4, BITS])
    number(r4, 1, 14)
    mov(r8, r4)
    mov(r4, 160)
    add(r4, r4, r0)
    mov(r9, r4)
    label(EACH)
    ldmia(r1, {r4})
    cmp(r4, 2)
    bls(TINY)
    bit_length(r4, r5, r6, r7)
    mov(r6, r5)
    sub(r6, 11)
    bmi(LEFT)
    lsr(r4, r6)
    b(PLACED)
    label(LEFT)
    neg(r6, r6)
    lsl(r4, r6)
    label(PLACED)
    lsl(r4, r4, 22)
    lsr(r4, r4, 22)
    lsl(r5, r5, 3)
    sub(r5, 12)
    add(r5, r5, r2)
    mov(r7, 4)
    ldrsh(r6, [r5, r7])
    mov(r7, 2)
    ldrsh(r7, [r5, r7])
    ldrh(r5, [r5, 0])
    mul(r6, r4)
    asr(r6, r6, 5)
    lsl(r7, r7, 5)
    add(r6, r6, r7)
    mul(r6, r4)
    add(r6, r8)
    asr(r6, r6, 15)
    add(r6, r6, r5)
    b(APPLY)
    label(TINY)
    lsl(r4, r4, 1)
    ldrh(r6, [r2, r4])
    label(APPLY)
    ldr(r4, [r0, 0])
    lsr(r5, r4, 6)
    lsl(r4, r4, 26)
    lsr(r4, r4, 26)
    mul(r5, r6)
    mul(r4, r6)
    lsr(r4, r4, 6)
    add(r4, r4, r5)
    lsr(r5, r4, 13)
    bne(LINEAR)
    mul(r4, r4)
    lsr(r4, r4, 20)
    b(STORE)
    label(LINEAR)
    lsr(r4, r4, 6)
    sub(r4, 64)
    label(STORE)
    stmia(r0, {r4})
    cmp(r0, r9)
    bne(EACH)


@macro
def logarithm():
    """signal = 64 ln(8 signal), or 0 for 0. 65 cycles per channel."""
    part(r2, LOG_TABLE)
    ldr(r0, [r4, SIGNAL])
    ldr(r3, [r4, BITS])
    number(r4, 1, 15)
    mov(r9, r4)
    number(r4, 0xB1, 8)
    add(r4, 0x72)
    mov(r8, r4)  # ln 2 in Q16
    mov(r4, 160)
    add(r4, r4, r0)
    mov(r10, r4)
    label(EACH)
    ldr(r4, [r0, 0])
    lsl(r4, r4, 3)
    beq(ZERO)
    bit_length(r4, r5, r6, r7)
    mov(r6, 32)
    sub(r6, r6, r5)
    lsl(r4, r6)
    lsl(r4, r4, 1)
    lsr(r4, r4, 16)
    sub(r5, 1)
    lsl(r5, r5, 16)
    lsr(r6, r4, 9)
    lsl(r6, r6, 1)
    add(r6, r6, r2)
    ldrh(r7, [r6, 0])
    ldrh(r6, [r6, 2])
    sub(r6, r6, r7)
    lsl(r1, r4, 23)
    lsr(r1, r1, 23)
    mul(r6, r1)
    asr(r6, r6, 16)  # where 9 would interpolate: so it is in C
    add(r4, r4, r7)
    add(r4, r4, r6)
    add(r4, r4, r5)
    mov(r6, r8)
    lsr(r5, r4, 16)
    uxth(r4, r4)
    mul(r4, r6)
    add(r4, r9)
    lsr(r4, r4, 16)
    mul(r5, r6)
    add(r4, r4, r5)
    lsl(r4, r4, 6)
    add(r4, r9)
    lsr(r4, r4, 16)
    label(ZERO)
    stmia(r0, {r4})
    cmp(r0, r10)
    bne(EACH)


@macro
def output():
    """features = signal, at most 65535; input = (features * multiplier + 2^15 >> 16) - 128, at most 127. 22 cycles each."""
    ldr(r4, [sp, P])
    ldr(r0, [r4, SIGNAL])
    ldr(r1, [r4, FEATURES])
    ldr(r2, [r4, INPUT])
    ldr(r5, [r4, MULTIPLIER])
    number(r6, 1, 15)
    mov(r7, 160)
    add(r7, r7, r0)
    label(EACH)
    ldmia(r0, {r4})
    lsr(r3, r4, 16)
    beq(NARROW)
    mov(r4, 0)
    mvn(r4, r4)
    lsr(r4, r4, 16)
    label(NARROW)
    strh(r4, [r1, 0])
    add(r1, 2)
    mul(r4, r5)
    add(r4, r4, r6)
    lsr(r4, r4, 16)
    cmp(r4, 255)
    bls(FITS)
    mov(r4, 255)
    label(FITS)
    sub(r4, 128)
    strb(r4, [r2, 0])
    add(r2, 1)
    cmp(r0, r7)
    bne(EACH)


@micropython.asm_thumb
def frame(r0, r1):
    """r0: `places`, the words named above: addresses of the tables and buffers, then numbers. r1: 480 samples, on a word.

    REMAINING >> REMAINING_SHIFT of the signal stays after noise reduction; PCAN, LOG: 0 to leave the stage out.
    """
    enter()
    sub(sp, FRAME)
    str(r0, [sp, P])
    ldr(r2, [r0, Z])
    mov(r3, r1)
    ldr(r1, [r0, TABLES])
    mov(r0, r3)
    window()
    transform()
    energies()
    filters()
    roots()
    noise()
    ldr(r4, [sp, P])
    ldr(r4, [r4, PCAN])
    cmp(r4, 0)
    bne(WITH_GAIN)
    b(GAINED)
    label(WITH_GAIN)
    gain()
    label(GAINED)
    ldr(r4, [sp, P])
    ldr(r4, [r4, LOG])
    cmp(r4, 0)
    beq(LOGGED)
    logarithm()
    label(LOGGED)
    output()
    add(sp, FRAME)
    leave()
