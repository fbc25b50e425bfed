"""Numbers in the stages of the front end: great ones, how long they are, and complex ones, which are a word each.

A complex number is re + (im << 16): see frontend_thumb.py. High registers hold constants: to add one takes a cycle.
"""


@macro
def number(to, high, bits):
    """to = high << bits."""
    mov(to, high)
    lsl(to, to, bits)


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
def turned(word, re):
    """word times -j: (im, -re)."""
    sxth(re, word)
    sub(word, word, re)
    asr(word, word, 16)
    lsl(re, re, 16)
    sub(word, word, re)


@macro
def joined():
    """r2: the number (r3, r2)."""
    lsl(r2, r2, 16)
    add(r2, r2, r3)


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
