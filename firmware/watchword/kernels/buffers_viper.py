"""Bytes from one buffer to another, in viper: a memoryview slice would allocate."""

import micropython


@micropython.viper
def copy(to: ptr8, at: int, source: ptr8, start: int, n: int):
    """to[at : at + n] = source[start : start + n], from the front; the two may be one buffer when `at` is not after `start`."""
    d = ptr8(uint(to) + at)
    s = ptr8(uint(source) + start)
    for i in range(n):
        d[i] = s[i]


@micropython.viper
def decode_base64(buffer: ptr8, n: int) -> int:
    """Decode n characters (a multiple of 4) in place; the number of bytes, or -1 - k where character k does not belong."""
    size = 0
    word = 0
    padding = 0
    for i in range(n):
        c = buffer[i]
        if c >= 65 and c <= 90:
            c -= 65
        elif c >= 97 and c <= 122:
            c -= 71
        elif c >= 48 and c <= 57:
            c += 4
        elif c == 43:
            c = 62
        elif c == 47:
            c = 63
        elif c == 61 and i >= n - 2:
            padding += 1
            c = 64
        else:
            return -1 - i
        if padding > 0 and c != 64:
            return -1 - i
        word = (word << 6) | (c & 63)
        if i & 3 == 3:
            buffer[size] = word >> 16
            buffer[size + 1] = word >> 8
            buffer[size + 2] = word
            size += 3
            word = 0
    return size - padding
