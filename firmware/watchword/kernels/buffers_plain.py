"""Bytes from one buffer to another, copied or decoded, in plain Python. As buffers_viper.py."""

_INDEX_CHANGE = (-1, -1, -1, -1, 2, 4, 6, 8)
_DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def copy(to, at, source, start, n):
    for i in range(n):
        to[at + i] = source[start + i]


def peak(samples, at, n):
    return max([abs(v) for v in samples[at : at + n]])


def unmask(buffer, n, mask):
    for i in range(n):
        buffer[i] ^= mask


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


def decode_adpcm(sound, n, ring, head, size, state):
    v = state[0]
    index = state[1]
    for i in range(2 * n):
        code = sound[i // 2] >> 4 * (i & 1) & 15
        step = state[2 + index]
        change = (step >> 3) + (code >> 2 & 1) * step + (code >> 1 & 1) * (step >> 1) + (code & 1) * (step >> 2)
        v = max(v - change, 0) if code & 8 else min(v + change, 65535)
        index = min(max(index + _INDEX_CHANGE[code & 7], 0), 88)
        ring[head] = v & 255
        ring[head + 1] = v >> 8 ^ 128
        head = (head + 2) % size
    state[0] = v
    state[1] = index
