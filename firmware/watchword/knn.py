"""Words that a board was taught: nearest neighbours among the embeddings of a few shots. Also runs on CPython.

A word's distance from a sound or a picture is the mean over its k nearest shots; the nearest word is it, if it is near enough.
How near is worked out from the shots: a little more than they are from each other. Where there is a background, embeddings of
what is none of the words, that is a rival: a word has to be nearer by a quarter, and may be farther from its own shots.

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
# What shots of a word are from each other, where only one is known, and two that are one sound: by the square of an embedding's
# length.
TYPICAL = 9, 100
SAME = 1, 50
# How near a word has to be: of how far its shots are from each other, without a background and with one; and of how far the
# background is. Measured: tests/bench/taught.md.
REACH = 11, 10
REACH_AGAINST = 13, 10
RIVAL = 3, 4

_HEADER = "<4s32sHBB"  # magic, key, values of an embedding, words, shots
_HEADER_SIZE = 40


class TaughtError(Exception):
    """What is asked for cannot be. The message says why, in one line."""


class Taught:
    """dims: values of an embedding. key: 32 bytes that say whose shots they are. kernels: a module as kernels/knn_plain.py.

    k: shots whose mean distance counts. means: a word is the mean of its shots, instead of all of them.
    """

    def __init__(self, dims, key, kernels, k=2, means=False):
        self.dims = dims
        self.key = key
        self.k = 1 if means else k
        self.means = means
        self.distance = kernels.squared
        self.vote = kernels.vote
        self.whole = RMS * RMS * dims
        self.distances = array("i", bytes(4 * 2 * SHOTS))
        self.pieces = [memoryview(self.distances)[i : i + BLOCK] for i in range(0, 2 * SHOTS, BLOCK)]
        self.votes = array("i", bytes(4 * (MEANS + (SHOTS + 1) * (1 + self.k))))  # as `vote` has them
        for n in range(1, MOST_NEIGHBOURS + 1):
            self.votes[SHARE + n] = 256 // n
        self.owners = bytearray(SHOTS)  # the number of each shot's word
        self.background = []  # in blocks
        self.rivals = []  # these, as `_measure` takes them
        self.clear()

    def clear(self):
        """Forget everything."""
        self.words = []
        self.blocks = []  # of shots
        self.count = 0
        self.prepare()

    # ---- what is known

    def shot(self, i):
        """An embedding, as bytes."""
        at = i % BLOCK * self.dims
        return bytes(self.blocks[i // BLOCK][at : at + self.dims])

    def shots_of(self, word):
        """How many."""
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
            if other != word and distances[i] * SAME[1] < self.whole * SAME[0]:
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
        """Forget all shots of a word; returns how many. TaughtError: it is not known."""
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
        """background: embeddings of what is none of the words; the first SHOTS of them count."""
        self.background = []
        n = 0
        for embedding in background:
            if n < SHOTS:
                self._put(self.background, n, embedding)
                n += 1
        # In front of the shots among the distances; what is left of its last block is far from everything.
        self.rivals = self._parts(self.background, n)
        self.prepare()

    def prepare(self):
        """What `nearest` needs, after the shots have changed."""
        words = len(self.words)
        self.reach = array("i", [self._reach(w) for w in range(words)])
        blocks, owners = self.blocks, self.owners[: self.count]
        if self.means:
            blocks, owners = [], bytes(range(words))
            for w in range(words):
                self._put(blocks, w, self._centre(w))
        begin = len(self.background)
        self.known = self.rivals + self._parts(blocks, len(owners), begin)
        self.whose = bytes((words,)) * (begin * BLOCK) + owners  # the background counts as one more word
        self.ballot = self._ballot(len(self.whose), words + min(begin, 1))
        for i in range(len(self.distances)):
            self.distances[i] = FAR

    def _ballot(self, n, words):
        return n | self.k << 8 | words << 16

    def _parts(self, blocks, count, begin=0):
        """What `_measure` goes through: (block, its sizes, where its distances go) of some vectors; begin: in blocks."""
        parts = []
        for i in range(len(blocks)):
            some = min(BLOCK, count - i * BLOCK)
            parts.append((blocks[i], self.dims | some << 16, self.pieces[begin + i]))
        return parts

    def _measure(self, embedding, parts):
        """Distances from all of some vectors."""
        for block, sizes, distances in parts:
            self.distance(embedding, block, sizes, distances)

    def _distances(self, embedding):
        """From each shot. The background's stay as they are."""
        begin = len(self.background)
        self._measure(embedding, self._parts(self.blocks, self.count, begin))
        return memoryview(self.distances)[begin * BLOCK :]

    def nearest(self, embedding):
        """The number of the nearest word, or -1; its distance is `votes[DISTANCE]` then. Allocates nothing."""
        self._measure(embedding, self.known)
        self.vote(self.distances, self.whose, self.ballot, self.votes)
        w = self.votes[NEAREST]
        return w if w < len(self.words) else -1

    def score(self):
        """How near the last one's nearest word is, 0..255: 127 as far as it may be."""
        w, d, n = self.votes[NEAREST], self.votes[DISTANCE], len(self.words)
        if not 0 <= w < n:
            return 0
        reach = self.reach[w]
        if self.background:
            reach = max(1, min(reach, self.votes[MEANS + n] * RIVAL[0] // RIVAL[1]))
        return 255 - d * 128 // reach if d < 2 * reach else 0

    def _reach(self, w):
        """How near a word has to be to its own shots."""
        own = [i for i in range(self.count) if self.owners[i] == w]
        typical = self.whole * TYPICAL[0] // TYPICAL[1]
        if len(own) > 1:
            total = 0
            for i in own:  # what each would be to the others
                if self.means:
                    self.distance(self.shot(i), self._centre(w, i), self.dims | 1 << 16, self.distances)
                    total += self.distances[0]
                else:
                    distances = self._distances(self.shot(i))
                    distances[i] = FAR
                    self.vote(distances, self.owners, self._ballot(self.count, len(self.words)), self.votes)
                    total += self.votes[MEANS + w]
            typical = total // len(own)
        more = REACH_AGAINST if self.background else REACH
        return max(1, typical * more[0] // more[1])

    def _centre(self, w, but=-1):
        """The mean of a word's shots, one of them left out, brought to an embedding's length."""
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

    def write(self, f):
        """All of it to an open file; the last four bytes are a CRC-32."""
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
    """(key, values of an embedding, words, owner of each shot) of what `Taught.write` wrote; the shots follow.

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
    """The whole part of a square root."""
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
