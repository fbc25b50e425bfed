"""The proof, before a program runs, that none of its steps can leave its buffers. Kernels themselves check nothing.

A program comes from outside: it may be damaged or made to do harm. What its parameters say is checked here, once. What its
constants and inputs hold cannot hurt, since no kernel takes an offset, a size or a count from data.
"""

from watchword import kernels

# Far above what any layer has; products of two such numbers and a row's number stay within a machine word.
_WINDOW = 1 << 15


def check(kernel, rows, p, arena, constants, weights):
    """Whether a step stays in its buffers and ends, whatever they hold.

    p: its parameters (array 'i' of LENGTHS[kernel]); kernels/__init__.py tells their layouts. arena, constants: sizes in
    bytes, the same twice for a step whose constants lie in the arena. weights: the size of the section of the program's file
    that READ reads from.
    """
    if rows < 1 or kernel not in _CHECKS:
        return False
    # only the steps of COPY from place to place may be negative
    if min(p[:6] if kernel == kernels.COPY else p) < 0:
        return False
    return _CHECKS[kernel](rows, p, arena, constants, weights)


def _inside(offset, size, buffer):
    return size > 0 and offset + size <= buffer


def _words(offset, n, buffer):
    """Whether n int32 lie in a buffer, and on words: a Cortex-M0+ stops at one that does not."""
    return offset % 4 == 0 and _inside(offset, 4 * n, buffer)


def _halves(offset, n, buffer):
    return offset % 2 == 0 and _inside(offset, 2 * n, buffer)


def _span(offset, sizes, steps, buffer):
    """Whether all places of an array lie in a buffer, from the least to the greatest; steps may be negative."""
    if min(sizes) < 1:
        return False
    least = greatest = offset
    for size, step in zip(sizes, steps):
        reach = (size - 1) * step
        if reach < 0:
            least += reach
        else:
            greatest += reach
    return least >= 0 and greatest < buffer


def _bytes(*values):
    return max(values) <= 255


def _requantize(p, n, arena, constants):
    """Parameters 2 to 8, for n sums at once."""
    return (
        p[2] <= p[3]
        and _bytes(p[3], p[4])
        and p[6] in (0, 16)
        and _words(p[5], 4 * n if p[6] else 4, constants)
        and _words(p[7], n, arena)
        and p[8] <= 1
    )


def _windows(rows, p):
    """Parameters 9 to 20 of a window that slides over a picture, as far as no buffer is concerned."""
    return rows == p[12] and min(p[9:19]) > 0 and max(p[15:21]) < _WINDOW


def _convolution(rows, p, arena, constants):
    return (
        _windows(rows, p)
        and 0 < p[21] < _WINDOW
        and 0 < p[22] < _WINDOW
        and _bytes(p[23])
        and _inside(p[0], (p[9] * p[10] - 1) * p[27] + p[11], arena)
        and _inside(p[1], (p[12] * p[13] - 1) * p[28] + p[14], arena)
        and p[27] >= p[11]
        and p[28] >= p[14]
        and p[15] * p[16] * p[11] <= p[26]
        and _inside(p[25], p[26], arena)
        and _requantize(p, p[14], arena, constants)
    )


def _conv(rows, p, arena, constants, weights):
    return p[26] % 8 == 0 and _inside(p[24], p[14] * p[26], constants) and _convolution(rows, p, arena, constants)


def _depthwise(rows, p, arena, constants, weights):
    return (
        p[11] > 0
        and p[14] % p[11] == 0
        and _inside(p[24], p[14] * p[15] * p[16], constants)
        and _convolution(rows, p, arena, constants)
    )


def _pool(rows, p, arena, constants, weights):
    # every window must touch the input, or it has no mean
    return (
        _windows(rows, p)
        and p[2] <= p[3]
        and _bytes(p[3])
        and p[11] == p[14]
        and _inside(p[0], p[9] * p[10] * p[11], arena)
        and _inside(p[1], p[12] * p[13] * p[11], arena)
        and _touches(p[9], p[12], p[15], p[17], p[19])
        and _touches(p[10], p[13], p[16], p[18], p[20])
    )


def _touches(size, outputs, kernel, stride, before):
    return before < kernel and (outputs - 1) * stride - before < size


def _mean(rows, p, arena, constants, weights):
    return (
        min(p[9:12]) > 0
        and p[6] == 0
        and _inside(p[0], rows * p[9] * p[10], arena)
        and _inside(p[1], rows * p[10], arena)
        and _requantize(p, p[11], arena, constants)
    )


def _pairs(rows, p, arena, constants):
    sizes = (rows, p[11], p[12], p[13])
    return (
        p[24] > 0
        and p[10] <= 1
        and p[6] == 0
        and _span(p[0], sizes, p[14:18], arena)
        and _span(p[9], sizes, p[18:22], constants if p[10] else arena)
        and _inside(p[1], rows * p[11] * p[12] * p[13], arena)
        and _requantize(p, p[24], arena, constants)
    )


def _add(rows, p, arena, constants, weights):
    return _words(p[22], 256, constants) and _words(p[23], 256, constants) and _pairs(rows, p, arena, constants)


def _multiply(rows, p, arena, constants, weights):
    return _bytes(p[22], p[23]) and _pairs(rows, p, arena, constants)


def _lookup(rows, p, arena, constants, weights):
    n = rows * p[2]
    return _inside(p[0], n, arena) and _inside(p[1], n, arena) and _inside(p[3], 256, constants)


def _copy(rows, p, arena, constants, weights):
    sizes = (rows, p[3], p[4], p[5])
    return (
        p[2] <= 1
        and _span(p[0], sizes, p[6:10], constants if p[2] else arena)
        and _span(p[1], sizes, p[10:14], arena)
        # steps of 0 reach nowhere, however often
        and rows * p[3] * p[4] * p[5] <= arena
    )


def _fill(rows, p, arena, constants, weights):
    return _bytes(p[2]) and _inside(p[1], rows * p[3], arena)


def _softmax(rows, p, arena, constants, weights):
    n = rows * p[2]
    # the sum of more exponentials might not fit
    return (
        0 < p[2] <= 2047
        and _inside(p[0], n, arena)
        and _inside(p[1], n, arena)
        and _words(p[3], 256, constants)
        and _words(p[4], 4 + p[2], arena)
    )


def _svdf(rows, p, arena, constants, weights):
    filters = p[10] * p[11]
    return (
        rows == 1
        and p[9] <= p[18]
        and p[18] % 8 == 0
        and _inside(p[0], p[9], arena)
        and _inside(p[1], p[10], arena)
        and _inside(p[13], filters * p[18], constants)
        and _halves(p[14], filters * p[12], constants)
        and _halves(p[15], filters * p[12], arena)
        and _words(p[16], 4 * filters, constants)
        and _inside(p[17], p[18], arena)
        and _requantize(p, p[10], arena, constants)
    )


def _read(rows, p, arena, constants, weights):
    return rows == 1 and _inside(p[0], p[2], weights) and _inside(p[1], p[2], arena)


# Of the bodies of PAIRS: outputs, taps in a chunk, chunks that there are of it. pairs_thumb.py has them in this order.
_BODIES = ((6, 8, 8), (6, 6, 11), (6, 5, 13), (6, 4, 16), (6, 3, 22), (6, 2, 32), (4, 4, 16), (4, 2, 32))
_SLOTS = 66  # taps that it holds at once


def _weight_pairs(rows, p, arena, constants, weights):
    table = 20 + 2 * p[19]
    if not 0 < p[19] <= 9 or p[14] > 1 or len(p) != table + p[14] * (p[7] * p[8] >> 1):
        return False
    outputs = groups = size = 0
    for i in range(20, table, 2):
        body, chunks, ending = p[i] & 255, p[i] >> 8 & 255, p[i] >> 16
        if body >= len(_BODIES) or ending >= 18 or not 0 < p[i + 1] < _WINDOW:
            return False
        most, chunk, most_chunks = _BODIES[body]
        least = 6 - most
        if not 0 < chunks <= most_chunks or ending % 6 < least:
            return False
        ours = 6 - ending % 6
        outputs += ours * p[i + 1]
        groups += p[i + 1]
        size += (p[8] * chunks * chunk * most * 2 + ours * (16 if ending >= 12 else 12)) * p[i + 1]
    taps = p[7]
    if p[14]:
        patch = 1
        for i in range(table, len(p)):
            patch = max(patch, (p[i] & 0xFFFF) + 1, (p[i] >> 16) + 1)
        whole = taps % 2 == 0
    else:
        patch = p[8] * taps
        whole = (taps | p[0] | p[10] | p[11]) % 4 == 0
    return (
        whole
        and 0 < taps <= _SLOTS
        and 0 < p[8] < _WINDOW
        and 0 < p[9] < _WINDOW
        and 0 < p[2] < 32
        and p[3] <= p[4]
        and _bytes(p[4], p[5])
        and p[18] <= 1
        and _inside(p[0], (rows - 1) * p[11] + (p[9] - 1) * p[10] + patch, arena)
        and _inside(p[1], (rows - 1) * p[13] + (p[9] - 1) * (outputs + p[12]) + outputs, arena)
        and p[6] % 4 == 0
        and _inside(p[6], size, constants)
        and (p[8] == 1 or _words(p[17], 6 * groups, arena))
    )


def _depthwise_pairs(rows, p, arena, constants, weights):
    groups = p[20]
    at = 21 + 12 * groups
    if not 0 < groups < 10 or len(p) != at + rows or rows != p[7]:
        return False
    for i in range(21, at, 12):
        spans, words, to, step = p[i : i + 4]
        if min(spans, words) < 1 or to % 4 or step % 4 or not _inside(to, (spans - 1) * step + 4 * words, arena):
            return False
        for j in (4, 7):
            reach = (words - 1) * p[i + j + 1] + (spans - 1) * p[i + j + 2] + 1
            counts = p[i + 10 + (j == 7)]
            if counts > 1 or not _inside(p[i + j], reach + counts * (rows - 1), arena):
                return False
    place = 0
    for i in range(at, len(p)):
        place = max(place, p[i] & 0xFFFF)
        if p[i] >> 16 > 10:
            return False
    window = 36 + 2 * p[12]
    step = window - p[13]
    if step <= 0 or (step | p[9] | p[11] | p[12] | p[15]) % 4 or p[14] % step:
        return False
    positions = p[14] // step
    return (
        0 < positions < _WINDOW
        and 0 < p[16] < _WINDOW
        and p[3] <= p[4]
        and _bytes(p[4], p[5], p[8])
        and _words(p[6], 7 * rows, constants)
        and _words(p[9], p[10], arena)
        and p[11] + (p[16] - 1) * (p[14] + p[15]) + (positions - 1) * step + window <= 4 * p[10]
        and _inside(p[1], place + (p[16] - 1) * p[18] + (positions - 1) * p[17] + p[19] + 1, arena)
    )


_CHECKS = {
    kernels.CONV: _conv,
    kernels.DEPTHWISE: _depthwise,
    kernels.AVERAGE_POOL: _pool,
    kernels.MAX_POOL: _pool,
    kernels.SOFTMAX: _softmax,
    kernels.MEAN: _mean,
    kernels.ADD: _add,
    kernels.MULTIPLY: _multiply,
    kernels.LOOKUP: _lookup,
    kernels.COPY: _copy,
    kernels.FILL: _fill,
    kernels.SVDF: _svdf,
    kernels.READ: _read,
    kernels.PAIRS: _weight_pairs,
    kernels.DEPTHWISE_PAIRS: _depthwise_pairs,
}
