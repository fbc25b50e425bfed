"""Taught words: a few-shot k-nearest-neighbours classifier on embeddings. Also runs on CPython.

A word's distance from a query is the mean over its k nearest shots; the nearest word is recognised within its threshold, which
follows from its shots: a little more than they are from each other. A background, embeddings of what is none of the words,
gives negatives: a word has to be nearer than these by a quarter, and may then be farther from its own shots.

An embedding has int8 values, whose root mean square is RMS, or is all zeros. Distances are squares of Euclidean ones.
"""

import struct
from array import array

try:
    from binascii import crc32
except ImportError:
    from zlib import crc32

MOST_VALUES = 256  # of an embedding,
MOST_PLACES = 4096  # and of its layer, that one value may be the mean of
RMS = 40  # root mean square of an embedding's values
SHOTS = 64  # at the most, and as many of the background
BLOCK = 8  # of them in a piece of memory: the heap has no large pieces while a model runs
NAME = 40  # bytes of a word, at the most
MOST_NEIGHBOURS = 8
FAR = (1 << 30) - 1  # no distance
# Where in its array 'i' a kernel's `vote` puts and finds what: kernels/knn_plain.py.
NEAREST = 0  # the word with the least mean distance, or -1
DISTANCE = 1  # its mean distance
SHARE = 2  # 256 // n at SHARE + n
MEANS = SHARE + MOST_NEIGHBOURS + 1  # the mean distance of each word; then room for k distances of each
MAGIC = b"WWK1"
# Distances relative to an embedding's squared norm: of a word's shots from each other, where only one is known, and below which
# two shots are the same sound.
TYPICAL = 9, 100
SAME = 1, 50
# A word's threshold, relative to the distance of its shots from each other, without a background and with one; and relative to
# the distance of the background. Measured: tests/bench/taught.md.
THRESHOLD = 11, 10
THRESHOLD_WITH_BACKGROUND = 13, 10
MARGIN = 3, 4

_HEADER = "<4s32sHBB"  # magic, key, values of an embedding, words, shots
_HEADER_SIZE = 40


class TaughtError(Exception):
    """Raised where a request cannot be met. The message says why, in one line."""


class Taught:
    """The memory of taught words. dims: values of an embedding. key: 32 bytes that identify the model.

    kernels: a module like kernels/knn_plain.py. k: nearest shots that are averaged. means: the mean of a word's shots is its
    only neighbour.
    """

    def __init__(self, dims, key, kernels, k=2, means=False):
        self.dims = dims
        self.key = key
        self.k = 1 if means else k
        self.means = means
        self.distance = kernels.squared
        self.vote = kernels.vote
        self.squared_norm = RMS * RMS * dims
        self.distances = array("i", bytes(4 * 2 * SHOTS))
        self.pieces = [memoryview(self.distances)[i : i + BLOCK] for i in range(0, 2 * SHOTS, BLOCK)]
        self.votes = array("i", bytes(4 * (MEANS + (SHOTS + 1) * (1 + self.k))))  # as `vote` has them
        for n in range(1, MOST_NEIGHBOURS + 1):
            self.votes[SHARE + n] = 256 // n
        self.owners = bytearray(SHOTS)  # the number of each shot's word
        self.background = []  # in blocks
        self.negatives = []  # the same, as `_measure` takes them
        self.clear()

    def clear(self):
        """Forget everything."""
        self.words = []
        self.blocks = []  # of shots
        self.count = 0
        self.prepare()

    # ---- what is known

    def shot(self, i):
        """Return the embedding of a shot, as bytes."""
        at = i % BLOCK * self.dims
        return bytes(self.blocks[i // BLOCK][at : at + self.dims])

    def shots_of(self, word):
        """Count the shots of a word."""
        index = self.words.index(word)
        return sum([1 for i in range(self.count) if self.owners[i] == index])

    def add(self, word, embedding):
        """Enrol a shot. TaughtError: there is no room, no name, nothing in it, or it is what another word has."""
        if not 1 <= len(word.encode()) <= NAME or "\n" in word:
            raise TaughtError("a word has 1 to %d characters" % NAME)
        if len(embedding) != self.dims:
            raise TaughtError("an embedding of %d values: %d are expected" % (len(embedding), self.dims))
        if self.count == SHOTS:
            raise TaughtError("memory is full: it holds %d shots; forget a word first" % SHOTS)
        if sum([(v ^ 128) * ((v ^ 128) - 256) + 16384 for v in bytes(embedding)]) > 2 * RMS * RMS * self.dims:
            raise TaughtError("no embedding: its values are too great")
        if not any(embedding):
            raise TaughtError("nothing is in it that could be learnt: silence, or a picture of one colour")
        distances = self._distances(embedding)
        for i in range(self.count):
            other = self.words[self.owners[i]]
            if other != word and distances[i] * SAME[1] < self.squared_norm * SAME[0]:
                raise TaughtError("it is the same as a shot of %s: two words need different sounds" % other)
        self._append(embedding)
        if word not in self.words:
            self.words.append(word)
        self.owners[self.count - 1] = self.words.index(word)

    def _append(self, embedding):
        self._put(self.blocks, self.count, embedding)
        self.count += 1

    def _put(self, blocks, i, embedding):
        if i == BLOCK * len(blocks):
            blocks.append(bytearray(BLOCK * self.dims))
        at = i % BLOCK * self.dims
        blocks[i // BLOCK][at : at + self.dims] = embedding

    def forget(self, word):
        """Forget all shots of a word; returns their number. TaughtError: it is not known."""
        if word not in self.words:
            raise TaughtError("%s was not taught; known: %s" % (word, ", ".join(self.words) or "nothing"))
        index = self.words.index(word)
        to = 0
        for i in range(self.count):
            owner = self.owners[i]
            if owner != index:
                self._put(self.blocks, to, self.shot(i))
                self.owners[to] = owner - (owner > index)
                to += 1
        gone, self.count = self.count - to, to
        self.blocks = self.blocks[: -(-to // BLOCK)]
        self.words.remove(word)
        return gone

    # ---- nearest

    def against(self, background):
        """Set the background: embeddings of what is none of the words; the first SHOTS of them count."""
        self.background = []
        n = 0
        for embedding in background:
            if n < SHOTS:
                self._put(self.background, n, embedding)
                n += 1
        # In front of the shots among the distances; what is left of its last block is far from everything.
        self.negatives = self._parts(self.background, n)
        self.prepare()

    def prepare(self, make_way=None):
        """Work out what `nearest` needs, after the shots have changed. make_way: called now and then, as it takes a while."""
        words = len(self.words)
        self.thresholds = array("i", [self._threshold(w, make_way) for w in range(words)])
        blocks, owners = self.blocks, self.owners[: self.count]
        if self.means:
            blocks, owners = [], bytes(range(words))
            for w in range(words):
                self._put(blocks, w, self._prototype(w))
        begin = len(self.background)
        self.known = self.negatives + self._parts(blocks, len(owners), begin)
        self.known_owners = bytes((words,)) * (begin * BLOCK) + owners  # the background counts as one more word
        self.vote_sizes = self._vote_sizes(len(self.known_owners), words + min(begin, 1))
        for i in range(len(self.distances)):
            self.distances[i] = FAR

    def _vote_sizes(self, n, words):
        return n | self.k << 8 | words << 16

    def _parts(self, blocks, count, begin=0):
        """List what `_measure` takes: (block, its sizes, where its distances go) for `count` vectors; begin: in blocks."""
        parts = []
        for i in range(len(blocks)):
            some = min(BLOCK, count - i * BLOCK)
            parts.append((blocks[i], self.dims | some << 16, self.pieces[begin + i]))
        return parts

    def _measure(self, embedding, parts):
        """Compute the distances from all vectors in some parts."""
        for block, sizes, distances in parts:
            self.distance(embedding, block, sizes, distances)

    def _distances(self, embedding):
        """Compute and return the distance from each shot; those from the background stay as they are."""
        begin = len(self.background)
        self._measure(embedding, self._parts(self.blocks, self.count, begin))
        return memoryview(self.distances)[begin * BLOCK :]

    def nearest(self, embedding):
        """Return the index of the nearest word, or -1; its distance is `votes[DISTANCE]` then. Allocates nothing."""
        self._measure(embedding, self.known)
        self.vote(self.distances, self.known_owners, self.vote_sizes, self.votes)
        w = self.votes[NEAREST]
        return w if w < len(self.thresholds) else -1

    def score(self):
        """Score the word that `nearest` found last, 0..255: 127 at its threshold."""
        w, d, n = self.votes[NEAREST], self.votes[DISTANCE], len(self.thresholds)  # words, without those that were added since
        if not 0 <= w < n:
            return 0
        threshold = self.thresholds[w]
        if self.background:
            threshold = max(1, min(threshold, self.votes[MEANS + n] * MARGIN[0] // MARGIN[1]))
        return 255 - d * 128 // threshold if d < 2 * threshold else 0

    def _threshold(self, w, make_way=None):
        """Return the distance that a word may have, from that of its shots from each other (leave one out)."""
        own = [i for i in range(self.count) if self.owners[i] == w]
        typical = self.squared_norm * TYPICAL[0] // TYPICAL[1]
        if len(own) > 1:
            total = 0
            for i in own:
                if make_way:
                    make_way()
                if self.means:
                    self.distance(self.shot(i), self._prototype(w, i), self.dims | 1 << 16, self.distances)
                    total += self.distances[0]
                else:
                    distances = self._distances(self.shot(i))
                    distances[i] = FAR
                    self.vote(distances, self.owners, self._vote_sizes(self.count, len(self.words)), self.votes)
                    total += self.votes[MEANS + w]
            typical = total // len(own)
        ratio = THRESHOLD_WITH_BACKGROUND if self.background else THRESHOLD
        return max(1, typical * ratio[0] // ratio[1])

    def _prototype(self, w, but=-1):
        """Return the mean of a word's shots, but for one, normalized to an embedding's norm."""
        sums = [0] * self.dims
        for i in range(self.count):
            if self.owners[i] == w and i != but:
                shot = self.shot(i)
                for j in range(self.dims):
                    sums[j] += (shot[j] ^ 128) - 128
        norm = isqrt(sum([v * v for v in sums]))
        length = isqrt(RMS * RMS * self.dims)
        found = bytearray(self.dims)
        for j in range(self.dims):
            if norm:
                v = min((abs(sums[j]) * length + norm // 2) // norm, 127)
                found[j] = (v if sums[j] >= 0 else -v) & 255
        return found

    # ---- on flash: piece by piece, as there is no room for all of it twice

    def write(self, f, make_way=None):
        """Write all of it to an open file; the last four bytes are a CRC-32. make_way: called now and then, as by `prepare`."""
        pieces = [struct.pack(_HEADER, MAGIC, self.key, self.dims, len(self.words), self.count)]
        for word in self.words:
            name = word.encode()
            pieces.append(bytes((len(name),)) + name)
        pieces.append(bytes(self.owners[: self.count]))
        crc = 0
        for piece in pieces:
            f.write(piece)
            crc = crc32(piece, crc)
        for i in range(self.count):
            shot = self.shot(i)
            f.write(shot)
            crc = crc32(shot, crc)
            if make_way and i % BLOCK == BLOCK - 1:
                make_way()
        f.write(struct.pack("<I", crc))

    def read(self, f):
        """Take what `write` wrote; `prepare` follows. TaughtError: it is damaged, or another model's; then nothing is known."""
        self.clear()
        try:
            key, dims, words, owners = head(f)
            if key != self.key or dims != self.dims:
                raise TaughtError("they were taught to another model")
            for _ in owners:
                self._append(f.read(dims))
            self.words = words
            self.owners[: len(owners)] = owners
        except TaughtError:
            self.clear()
            raise


def head(f):
    """Read the head of what `Taught.write` wrote: (key, dims, words, owner of each shot); the shots follow.

    TaughtError: it is damaged.
    """
    try:
        size = f.seek(0, 2)
        f.seek(0)
        if size < _HEADER_SIZE + 4:
            raise ValueError
        magic, key, dims, count, n = struct.unpack(_HEADER, f.read(_HEADER_SIZE))
        words = []
        for _ in range(count):
            words.append(str(f.read(f.read(1)[0]), "utf-8"))
        owners = f.read(n)
        at = f.seek(0, 1)
        if magic != MAGIC or n > SHOTS or size != at + n * dims + 4 or len(set(words)) != count:
            raise ValueError
        if set(owners) != set(range(count)):
            raise ValueError
        f.seek(0)
        crc = 0
        left = size - 4
        while left:
            piece = f.read(min(512, left))
            crc = crc32(piece, crc)
            left -= len(piece)
        if struct.unpack("<I", f.read(4))[0] != crc:
            raise ValueError
        f.seek(at)
    except (ValueError, IndexError, UnicodeError):
        raise TaughtError("the memory of taught words is damaged")
    return bytes(key), dims, words, owners


def isqrt(n):
    """Return the integer square root."""
    if n < 2:
        return n
    x = 1
    while x * x <= n:
        x <<= 1
    while True:
        y = (x + n // x) // 2
        if y >= x:
            return x
        x = y
