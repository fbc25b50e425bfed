"""Embeddings, their distances and the vote of the nearest, in viper. What each does: knn_plain.py.

On 64-bit machines a word is loaded without its sign: what may be negative is looked at bit by bit.
"""

import micropython
from micropython import const

# Parameters of kernels/knn.py, written by `make parameters`:
_BEGIN = const(0)
_STEP = const(1)
_COLUMNS = const(2)
_ROWS = const(3)
_PITCH = const(4)
_CHANNELS = const(5)
_OFF = const(6)
_TO = const(7)


@micropython.viper
def pool(p: ptr32, arena: ptr8, sums: ptr32, order: ptr8):
    step = p[_STEP]
    columns = p[_COLUMNS]
    rows = p[_ROWS]
    pitch = p[_PITCH]
    off = p[_OFF] + (columns * rows << 7)
    sums = ptr32(uint(sums) + (p[_TO] << 2))
    for c in range(p[_CHANNELS]):
        total = 0
        row = p[_BEGIN] + c
        for _ in range(rows):
            here = row
            for _ in range(columns):
                total += arena[here] ^ 128  # its value and 128
                here += step
            row += pitch
        sums[order[c]] = total - off


@micropython.viper
def normalise(sums: ptr32, n: int, length: int, out: ptr8):
    total = 0
    for i in range(n):
        v = sums[i]
        if v >> 31 & 1:
            v = (0 - v) & 0x3FFFFFFF
        total += v
    if total == 0:
        for i in range(n):
            out[i] = 0
        return
    shift = 0
    while total < 1 << 28:
        total <<= 2
        shift += 2
    norm = int(_root(total))
    for i in range(n):
        v = sums[i]
        negative = v >> 31 & 1
        if negative:
            v = (0 - v) & 0x3FFFFFFF
        v = (int(_root(v << shift)) * length + (norm >> 1)) // norm
        if v > 127:
            v = 127
        if negative:
            v = 0 - v
        out[i] = v


@micropython.viper
def _root(n: int) -> int:
    found = 0
    bit = 1 << 28
    while bit:
        if n >= found + bit:
            n -= found + bit
            found = (found >> 1) + bit
        else:
            found >>= 1
        bit >>= 2
    return found


@micropython.viper
def squared(query: ptr8, shots: ptr8, sizes: int, distances: ptr32):
    dims = sizes & 0xFFFF
    for i in range(sizes >> 16):
        total = 0
        for j in range(dims):
            d = (query[j] ^ 128) - (shots[j] ^ 128)
            total += d * d
        distances[i] = total
        shots = ptr8(uint(shots) + dims)


@micropython.viper
def vote(distances: ptr32, owners: ptr8, sizes: int, out: ptr32):
    far = (1 << 30) - 1
    k = sizes >> 8 & 255
    words = sizes >> 16
    lists = 11 + words
    for i in range(words * k):
        out[lists + i] = far
    for i in range(sizes & 255):
        d = distances[i]
        j = lists + owners[i] * k
        end = j + k
        while j < end:
            other = out[j]
            if d < other:
                out[j] = d
                d = other
            j += 1
    best = -1
    least = far
    for w in range(words):
        total = 0
        n = 0
        j = lists + w * k
        end = j + k
        while j < end:
            if out[j] < far:
                total += out[j]
                n += 1
            j += 1
        mean = far
        if n:
            mean = (total >> 3) * out[2 + n] >> 5
        out[11 + w] = mean
        if mean < least:
            best = w
            least = mean
    out[0] = best
    out[1] = least
