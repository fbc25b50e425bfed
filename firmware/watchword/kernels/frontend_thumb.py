"""The sound front end in Thumb code: frames in one call, since each call from Python costs as much as a small stage.

Stages, tables and numbers are those of frontend_viper.py. Here a complex number is one word, re + (im << 16), added as
integers, so that a borrow of re sits in the upper half: then packed sums and differences are plain additions, and im is
(word + 0x8000) >> 16. Where re overflows 16 bits it wraps, as in C, but its carry would make im wrong by one. Sound hardly
does that: the window leaves the sums of a butterfly below 30,600 up to a shift of 2, and in quieter frames it takes a sound
that is the louder the farther it is from the middle of the window, as if to undo it. `crowded` notices, `apart` is for it.

The stages are macros in frontend_*_thumb.py, which become one function here: they share their buffers and the stack.
"""

import micropython

from watchword.kernels.frontend_filterbank_thumb import energies, filters, roots
from watchword.kernels.frontend_layout_thumb import FIRST, FRAME, HOP, LEFT, LOG, PCAN, SAMPLES, TABLES, P, Z
from watchword.kernels.frontend_log_thumb import logarithm, output
from watchword.kernels.frontend_noise_thumb import noise
from watchword.kernels.frontend_numbers_thumb import number
from watchword.kernels.frontend_pcan_thumb import gain
from watchword.kernels.frontend_transform_thumb import transform
from watchword.kernels.frontend_window_thumb import window
from watchword.kernels.macros_thumb import enter, leave


@micropython.asm_thumb
def frames(r0, r1, r2, r3):
    """r0: `places`, the words named in frontend_layout_thumb.py: addresses of tables and buffers, then numbers. r1:
    samples, on a word; 480 are a frame. r2: how many frames, at least 1. r3: bytes from one to the next, whole words.
    Afterwards samples begin with those that the next frame has, too.

    REMAINING >> REMAINING_SHIFT of the signal stays after noise reduction; PCAN, LOG: 0 to leave the stage out.
    """
    enter()
    sub(sp, FRAME)
    str(r0, [sp, P])
    str(r1, [sp, SAMPLES])
    str(r1, [sp, FIRST])
    str(r2, [sp, LEFT])
    str(r3, [sp, HOP])
    label(EACH)
    ldr(r3, [sp, P])
    ldr(r2, [r3, Z])
    ldr(r1, [r3, TABLES])
    ldr(r0, [sp, SAMPLES])
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
    ldr(r0, [sp, SAMPLES])
    ldr(r3, [sp, HOP])
    add(r0, r0, r3)
    ldr(r2, [sp, LEFT])
    sub(r2, 1)
    beq(DONE)
    str(r2, [sp, LEFT])
    str(r0, [sp, SAMPLES])
    bl(EACH)  # too far for another branch
    label(DONE)
    ldr(r1, [sp, FIRST])
    number(r2, 240, 2)
    sub(r2, r2, r3)
    beq(MOVED)
    add(r2, r2, r1)
    label(MOVE)
    ldmia(r0, {r3})
    stmia(r1, {r3})
    cmp(r1, r2)
    bne(MOVE)
    label(MOVED)
    add(sp, FRAME)
    leave()
