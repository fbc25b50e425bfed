"""Bytes from one buffer to another, copied or decoded, in viper: a memoryview slice would allocate."""

import micropython

# Of the two first variables of a viper function, arguments included, each has a register: they are used over again here.


@micropython.viper
def copy(to: ptr8, at: int, source: ptr8, start: int, n: int):
    """to[at : at + n] = source[start : start + n], from the front; the two may be one buffer when `at` is not after `start`."""
    to = ptr8(uint(to) + at)
    source = ptr8(uint(source) + start)
    at = 0
    if (int(to) | int(source) | n) & 3 == 0:
        words = ptr32(to)
        origin = ptr32(source)
        n >>= 2
        while at < n:
            words[at] = origin[at]
            at += 1
    else:
        while at < n:
            to[at] = source[at]
            at += 1


@micropython.viper
def peak(samples: ptr16, at: int, n: int) -> int:
    """The greatest of n samples, int16 from number `at` on, without its sign."""
    greatest = 0
    n += at
    while at < n:
        v = samples[at]
        if v & 0x8000:
            v = 0x10000 - v
        if v > greatest:
            greatest = v
        at += 1
    return greatest


@micropython.viper
def unmask(buffer: ptr32, n: int, mask: int):
    """XOR n bytes with `mask`, and those after them up to a word's end."""
    mask *= 0x01010101
    end = int(buffer) + n
    while int(buffer) < end:
        buffer[0] ^= mask
        buffer = ptr32(int(buffer) + 4)


def _digits():
    """The value of every base64 character; of "=" and of all others, what has bit 6 or 7 set."""
    digits = bytearray(b"\x80" * 256)
    for i, c in enumerate(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="):
        digits[c] = i
    return digits


_DIGITS = _digits()


def decode_base64(buffer, n):
    """Decode n characters (a multiple of 4) in place; the number of bytes, or -1 - k where character k does not belong."""
    k = _fours(buffer, _DIGITS, n)
    return _rest(buffer, _DIGITS, k, n)


@micropython.viper
def _fours(buffer: ptr8, digits: ptr8, n: int) -> int:
    """Decode groups of four as long as all characters are digits; the number of characters decoded."""
    to = ptr8(buffer)
    start = int(buffer)
    end = start + n
    while int(buffer) < end:
        a = digits[buffer[0]]
        b = digits[buffer[1]]
        c = digits[buffer[2]]
        n = digits[buffer[3]]
        if (a | b | c | n) & 192:
            break
        to[0] = (a << 2) | (b >> 4)
        to[1] = (b << 4) | (c >> 2)
        to[2] = (c << 6) | n
        buffer = ptr8(int(buffer) + 4)
        to = ptr8(int(to) + 3)
    return int(buffer) - start


@micropython.viper
def _rest(buffer: ptr8, digits: ptr8, k: int, n: int) -> int:
    """The rest from character k on, where padding or a fault is: what decode_base64 returns."""
    size = (k >> 2) * 3
    word = 0
    padding = 0
    for i in range(k, n):
        c = digits[buffer[i]]
        if c == 64 and i >= n - 2:
            padding += 1
        elif padding > 0 or c > 63:
            return -1 - i
        word = (word << 6) | (c & 63)
        if i & 3 == 3:
            buffer[size] = word >> 16
            buffer[size + 1] = word >> 8
            buffer[size + 2] = word
            size += 3
            word = 0
    return size - padding


@micropython.viper
def decode_adpcm(sound: ptr8, n: int, ring: ptr16, head: int, size: int, state: ptr16):
    """Decode n bytes of IMA ADPCM into 2n int16 of a ring of `size` bytes, from byte `head` on (both even).

    A byte holds two samples, the earlier one in its low half. state, in uint16: the last sample plus 32768, the index of its
    step, then the 89 steps of the standard.
    """
    head += int(ring)
    size += int(ring)
    start = int(ring)
    v = state[0]
    index = state[1]
    steps = ptr16(int(state) + 4)
    end = int(sound) + n
    half = 0
    while int(sound) < end:
        n = sound[0]
        if half:
            n >>= 4
            sound = ptr8(int(sound) + 1)
        half ^= 1
        step = steps[index]
        change = step >> 3
        if n & 4:
            change += step
            index += ((n & 3) << 1) + 2
            if index > 88:
                index = 88
        elif index:
            index -= 1
        if n & 2:
            change += step >> 1
        if n & 1:
            change += step >> 2
        if n & 8:
            v -= change
            if v < 0:
                v = 0
        else:
            v += change
            if v > 65535:
                v = 65535
        ring = ptr16(head)
        ring[0] = v ^ 32768
        head += 2
        if head == size:
            head = start
    state[0] = v
    state[1] = index
