"""What the kernels with several weights in a word share, in Thumb code: how they go through rows and pixels, and bring their
activations to words. packed_thumb.py and packed_bytes_thumb.py call it.
"""

from micropython import const

from watchword.kernels.macros_thumb import clamp, open_clamp, rescale

# Parameters of kernels/packed.py, written by `make parameters`:
_INPUT = const(0)
_OUTPUT = const(1)
_SHIFT = const(2)
_MINIMUM = const(3)
_MAXIMUM = const(4)
_ZERO_POINT = const(5)
_STREAM = const(6)
_COLUMNS = const(8)
_INPUT_COLUMN_STEP = const(9)
_INPUT_ROW_STEP = const(10)
_OUTPUT_GAP = const(11)
_OUTPUT_ROW_STEP = const(12)
_ROUND_ONCE = const(14)

# The frame, in bytes from sp, up to what each kernel has of its own.
P = const(0)  # parameters
CLAMPER = const(4)
STREAM = const(8)  # where weights begin
ROWS = const(12)  # that are left
ROW_IN = const(16)  # where the row's first patch begins
ROW_OUT = const(20)
COLUMNS = const(24)  # that are left
PIXEL = const(28)  # where the patch begins
OUT = const(32)  # where the next group's outputs go
RUN = const(36)  # the next run
GROUPS = const(40)  # that are left in the run
FINISH = const(44)  # what comes after the last tap
OWN = const(48)


@macro
def open_rows(frame):
    """Take the arguments. frame: its bytes. Then r7 is p, r8 the arena, r9 the constants."""
    mov(r8, r1)
    mov(r9, r2)
    mov(r10, r3)
    mov(r7, r0)
    ldr(r2, [r7, 4 * _SHIFT])
    ldr(r3, [r7, 4 * _MINIMUM])
    ldr(r4, [r7, 4 * _MAXIMUM])
    sub(r3, 128)
    sub(r4, 128)
    open_clamp(r6, r5, r2, r3, r4)
    sub(sp, frame)
    str(r6, [sp, CLAMPER])
    str(r7, [sp, P])
    ldr(r0, [r7, 4 * _STREAM])
    add(r0, r9)
    str(r0, [sp, STREAM])
    mov(r0, r10)
    uxth(r1, r0)  # first row
    lsr(r0, r0, 16)
    sub(r0, r0, r1)
    str(r0, [sp, ROWS])
    ldr(r2, [r7, 4 * _INPUT])
    add(r2, r8)
    ldr(r3, [r7, 4 * _INPUT_ROW_STEP])
    mul(r3, r1)
    add(r2, r2, r3)
    str(r2, [sp, ROW_IN])
    ldr(r2, [r7, 4 * _OUTPUT])
    add(r2, r8)
    ldr(r3, [r7, 4 * _OUTPUT_ROW_STEP])
    mul(r3, r1)
    add(r2, r2, r3)
    str(r2, [sp, ROW_OUT])


@macro
def open_row():
    """Begin a row. Then r7 is p, r1 its first patch."""
    ldr(r7, [sp, P])
    ldr(r0, [r7, 4 * _COLUMNS])
    str(r0, [sp, COLUMNS])
    ldr(r0, [sp, ROW_OUT])
    str(r0, [sp, OUT])
    ldr(r1, [sp, ROW_IN])
    str(r1, [sp, PIXEL])


@macro
def four_words():
    """Four activations of a row, from r1, as words to r2; they are in r4 to r7 then."""
    ldmia(r1, {r0})
    sxtb(r4, r0)
    lsl(r5, r0, 16)
    asr(r5, r5, 24)
    lsl(r6, r0, 8)
    asr(r6, r6, 24)
    asr(r7, r0, 24)
    stmia(r2, {r4, r5, r6, r7})


@macro
def two_words():
    """Two activations from anywhere in the patch at r1, by the table at r5, as words to r2; they are in r0 and r4 then."""
    ldmia(r5, {r0})
    lsr(r4, r0, 16)
    uxth(r0, r0)
    ldrsb(r0, [r1, r0])
    ldrsb(r4, [r1, r4])
    stmia(r2, {r0, r4})


@macro
def close_pixel():
    """Go on to the next pixel of the row; r7 is p. Then r1 is its patch; the flag eq: there is none."""
    ldr(r0, [sp, OUT])  # behind the last output
    ldr(r1, [r7, 4 * _OUTPUT_GAP])
    add(r0, r0, r1)
    str(r0, [sp, OUT])
    ldr(r1, [sp, PIXEL])
    ldr(r0, [r7, 4 * _INPUT_COLUMN_STEP])
    add(r1, r1, r0)
    str(r1, [sp, PIXEL])
    ldr(r0, [sp, COLUMNS])
    sub(r0, 1)
    str(r0, [sp, COLUMNS])


@macro
def close_row():
    """Go on to the next row; r7 is p. The flag eq: there is none."""
    ldr(r0, [sp, ROW_IN])
    ldr(r1, [r7, 4 * _INPUT_ROW_STEP])
    add(r0, r0, r1)
    str(r0, [sp, ROW_IN])
    ldr(r0, [sp, ROW_OUT])
    ldr(r1, [r7, 4 * _OUTPUT_ROW_STEP])
    add(r0, r0, r1)
    str(r0, [sp, ROW_OUT])
    ldr(r0, [sp, ROWS])
    sub(r0, 1)
    str(r0, [sp, ROWS])


@macro
def go(slot):
    """Jump to the address in a slot of the frame."""
    ldr(r0, [sp, slot])
    bx(r0)


@macro
def coarse(a, factors, m, fine, o, clamper):
    """As `requantize`, for sums that are too great for it; `a` is lost."""
    ldmia(factors, {m, fine, o})
    mul(m, a)
    asr(a, a, 4)
    mul(fine, a)
    asr(fine, fine, 10)
    add(m, m, fine)
    add(m, m, o)
    clamp(m, clamper, fine)


@macro
def in_full():
    """Outputs of the sums from r5 up to r8, rescaled in full: 60 cycles each. r7: bias, multiplier and shifts of each.

    Loses all registers but lr.
    """
    ldr(r2, [sp, P])
    ldr(r0, [r2, 4 * _ZERO_POINT])
    sub(r0, 128)
    mov(r9, r0)  # r9 the zero point,
    ldr(r0, [r2, 4 * _MINIMUM])
    sub(r0, 128)
    mov(r10, r0)  # r10 and r11 the limits,
    ldr(r0, [r2, 4 * _MAXIMUM])
    sub(r0, 128)
    mov(r11, r0)
    ldr(r0, [r2, 4 * _ROUND_ONCE])
    mov(r12, r0)  # r12 how it rounds,
    ldr(r6, [sp, OUT])
    label(OUTPUT)
    ldmia(r5, {r0})
    ldmia(r7, {r2, r3, r4})  # bias, multiplier, left shift; the right shift comes later
    rescale(r12)
    add(r1, r9)
    cmp(r1, r10)
    bge(ABOVE)
    mov(r1, r10)
    label(ABOVE)
    cmp(r1, r11)
    ble(BELOW)
    mov(r1, r11)
    label(BELOW)
    strb(r1, [r6, 0])
    add(r6, 1)
    cmp(r5, r8)
    bne(OUTPUT)
    str(r6, [sp, OUT])
