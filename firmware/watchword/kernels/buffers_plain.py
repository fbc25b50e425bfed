"""Bytes from one buffer to another, in plain Python. As buffers_viper.py."""

_DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def copy(to, at, source, start, n):
    for i in range(n):
        to[at + i] = source[start + i]


def decode_base64(buffer, n):
    size = 0
    padding = 0
    for i in range(0, n, 4):
        word = 0
        for k in range(i, i + 4):
            c = buffer[k]
            if c == 61 and k >= n - 2:
                padding += 1
                digit = 0
            else:
                digit = _DIGITS.find(bytes((c,)))
                if digit < 0 or padding:
                    return -1 - k
            word = word << 6 | digit
        buffer[size] = word >> 16
        buffer[size + 1] = word >> 8 & 255
        buffer[size + 2] = word & 255
        size += 3
    return size - padding
