"""Embeddings, their distances and the vote of the nearest, in plain Python. What for: watchword/embedding.py and knn.py."""

FAR = (1 << 30) - 1  # no distance


def pool(p, arena, sums, order):
    """What a stretch of a layer's rows adds up to, channel by channel. order: the channel that lies in each place."""
    at, step, columns, rows, pitch, channels, off, to = p  # kernels/knn.py
    for c in range(channels):
        total = 0
        for row in range(rows):
            here = at + c + row * pitch
            for _ in range(columns):
                v = arena[here]
                total += v - 256 if v > 127 else v
                here += step
        sums[to + order[c]] = total - off


def normalise(sums, n, length, out):
    """Roots of n sums, with their signs, as int8 of a vector of that length. The sums are below 2^30 in all."""
    total = 0
    for i in range(n):
        total += abs(sums[i])
    if not total:
        for i in range(n):
            out[i] = 0
        return
    shift = 0
    while total < 1 << 28:
        total <<= 2
        shift += 2
    norm = _root(total)
    for i in range(n):
        v = (_root(abs(sums[i]) << shift) * length + norm // 2) // norm
        if v > 127:
            v = 127
        out[i] = (v if sums[i] >= 0 else -v) & 255


def _root(n):
    """The whole part of the square root of a number below 2^30."""
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


def squared(query, shots, sizes, distances):
    """distances[i] = the square of how far the query is from shot i. sizes: values of each, shots << 16."""
    dims, count = sizes & 0xFFFF, sizes >> 16
    for i in range(count):
        total = 0
        for j in range(dims):
            a, b = query[j], shots[i * dims + j]
            d = (a - 256 if a > 127 else a) - (b - 256 if b > 127 else b)
            total += d * d
        distances[i] = total


def vote(distances, owners, sizes, out):
    """The mean of the k least distances of each word: (total >> 3) * (256 // n) >> 5 of n distances; FAR where there is none.

    sizes: shots, k << 8, words << 16. out, array 'i': from NEAREST to MEANS, as knn.py names its places. Of embeddings that are
    no longer than knn.py lets them be, nothing here reaches 2^30.
    """
    count, k, words = sizes & 255, sizes >> 8 & 255, sizes >> 16
    lists = 11 + words
    for i in range(words * k):
        out[lists + i] = FAR
    for i in range(count):
        d = distances[i]
        at = lists + owners[i] * k
        for j in range(at, at + k):
            if d < out[j]:
                out[j], d = d, out[j]
    best, least = -1, FAR
    for w in range(words):
        total = n = 0
        for j in range(lists + w * k, lists + w * k + k):
            if out[j] < FAR:
                total += out[j]
                n += 1
        mean = (total >> 3) * out[2 + n] >> 5 if n else FAR
        out[11 + w] = mean
        if mean < least:
            best, least = w, mean
    out[0], out[1] = best, least
