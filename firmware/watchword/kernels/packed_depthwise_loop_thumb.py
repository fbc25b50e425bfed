"""The loops of the packed depthwise convolution over a line of outputs, in Thumb code. packed_depthwise_thumb.py calls them."""

from micropython import const

from watchword.kernels.macros_thumb import clamp

W = const(0)  # nine weights, a word each; while a plane is packed, where a span goes,
SPAN_SIZE = const(4)  # and its bytes
P = const(36)
ARENA = const(40)
CLAMPER = const(44)
RECORD = const(48)  # of the next channel
CHANNEL = const(52)
LAST = const(56)  # the channel behind the last one
BODY = const(60)
LINES = const(64)  # that are left
LINE_END = const(68)  # where its windows end
LINE_OUT = const(72)  # where its outputs begin
M = const(76)  # the channel's factors m
FINE = const(80)  # and l
BASE_AT = const(84)  # what jumps count from
EXACT = const(88)  # bias, multiplier, left shift, right shift, where factors are none
FRAME = const(104)


@macro
def taps(ends):
    """The nine products of two outputs; r7 points at the window. Sums are split after the taps in `ends`.

    Afterwards r2 is the lower sum, and r3 the upper one; r7 is behind the window. Of one sum or two it is quicker to take the
    lower halves first.
    """
    for t in range(9):
        if t % 3 == 0:
            ldmia(r7, {r4, r5, r6})
        if t == 0 or t - 1 in ends:
            ldr(r1, [sp, W + 4 * t])
            mul(r1, (r4, r5, r6)[t % 3])
        else:
            ldr(r0, [sp, W + 4 * t])
            mul(r0, (r4, r5, r6)[t % 3])
            add(r1, r1, r0)
        if t == 2 or t == 5:
            add(r7, r11)
        if t in ends:
            if len(ends) < 3:
                if t == ends[0]:
                    sxth(r2, r1)
                    sub(r3, r1, r2)
                    asr(r3, r3, 16)
                else:
                    sxth(r0, r1)
                    add(r2, r2, r0)
                    sub(r1, r1, r0)
                    asr(r1, r1, 16)
                    add(r3, r3, r1)
            elif t == ends[0]:
                mov(r2, r1)
                asr(r3, r1, 16)
                mov(r0, 0)
                adc(r3, r0)
            else:
                add(r2, r2, r1)
                asr(r1, r1, 16)
                adc(r3, r1)
    if len(ends) > 2:
        lsl(r0, r3, 16)
        sub(r2, r2, r0)


@macro
def one(a, t, fine, factor):
    """a: rescaled and clamped, by the factors in registers."""
    mov(t, a)
    mul(t, fine)
    asr(t, t, 12)
    mul(a, factor)
    add(a, a, t)
    add(a, r10)
    clamp(a, r6, t)


@macro
def loop(ends, done):
    """All outputs of a line, two at a time."""
    label(NEXT)
    taps(ends)
    add(r7, r8)
    ldr(r4, [sp, FINE])
    ldr(r5, [sp, M])
    ldr(r6, [sp, CLAMPER])
    one(r2, r0, r4, r5)
    one(r3, r0, r4, r5)
    mov(r0, r12)
    mov(r1, lr)
    strb(r2, [r0, 0])
    strb(r3, [r0, r1])
    add(r12, r9)
    ldr(r0, [sp, LINE_END])
    cmp(r7, r0)
    bne(NEXT)
    b(done)
