"""Words that a board was taught: nearest neighbours among the embeddings of a few shots. Also runs on CPython.

A word's distance from a sound or a picture is the mean over its k nearest shots; the nearest word is it, if it is near enough.
How near is worked out from the shots: a little more than they are from each other, or half-way from there to the nearest of a
set of background, where there is one.

An embedding has int8 values and a length of UNIT times the root of their number, or is all zeros. Distances are squares of
lengths, or sums of differences.
"""

import struct
from array import array

try:
    from binascii import crc32
except ImportError:
    from zlib import crc32

SHOTS = 64  # at the most
NAME = 40  # characters of a word, at the most
UNIT = 40
MOST_NEIGHBOURS = 8
FAR = (1 << 30) - 1  # no distance
MAGIC = b"WWK1"
KEY = 32  # bytes that say whose shots they are
# Distances between shots of a word that only one is known of, by the square of an embedding's length: what most words have.
TYPICAL = 9, 100
SAME = 1, 50  # and of shots that are one sound

_MEANS = 11  # of kernels' votes: where the mean distances of words begin
_HEADER = "<4s32sHBB"  # magic, key, values of an embedding, words, shots


class TaughtError(Exception):
    """What is asked for cannot be. The message says why, in one line."""


class Taught:
    """dims: values of an embedding. key: KEY bytes. kernels: a module as kernels/knn_plain.py.

    k: shots whose mean distance counts. means: a word is the mean of its shots, instead of all of them. absolute: distances are
    sums of differences.
    """

    def __init__(self, dims, key, kernels, k=3, means=False, absolute=False):
        self.dims = dims
        self.key = key
        self.k = 1 if means else k
        self.means = means
        self.distance = kernels.absolute if absolute else kernels.squared
        self.vote = kernels.vote
        self.whole = UNIT * dims if absolute else UNIT * UNIT * dims
        self.words = []
        self.shots = bytearray(SHOTS * dims)
        self.owners = bytearray(SHOTS)  # the number of each shot's word
        self.count = 0
        self.distances = array("i", bytes(4 * SHOTS))
        self.votes = array("i", bytes(4 * (_MEANS + SHOTS + SHOTS * self.k)))  # as `vote` has them
        for n in range(1, MOST_NEIGHBOURS + 1):
            self.votes[2 + n] = 256 // n
        self.prepare()

    # ---- what is known

    def shot(self, i):
        """An embedding, as bytes."""
        return bytes(self.shots[i * self.dims : (i + 1) * self.dims])

    def shots_of(self, word):
        """How many."""
        index = self.words.index(word)
        return sum([1 for i in range(self.count) if self.owners[i] == index])

    def add(self, word, embedding):
        """Enrol a shot. TaughtError: there is no room, no name, nothing in it, or it is what another word has."""
        if not 1 <= len(word) <= NAME or "\n" in word:
            raise TaughtError("a word has 1 to %d characters" % NAME)
        if len(embedding) != self.dims:
            raise TaughtError("an embedding of %d values: %d are expected" % (len(embedding), self.dims))
        if self.count == SHOTS:
            raise TaughtError("memory is full: it holds %d shots; forget a word first" % SHOTS)
        if sum([(v ^ 128) * ((v ^ 128) - 256) + 16384 for v in bytes(embedding)]) > 2 * UNIT * UNIT * self.dims:
            raise TaughtError("no embedding: its values are too great")
        if not any(embedding):
            raise TaughtError("nothing is in it that could be learnt: silence, or a picture of one colour")
        self.distance(embedding, self.shots, self.dims | self.count << 16, self.distances)
        for i in range(self.count):
            other = self.words[self.owners[i]]
            if other != word and self.distances[i] * SAME[1] < self.whole * SAME[0]:
                raise TaughtError("it is the same as a shot of %s: two words need different sounds" % other)
        if word not in self.words:
            self.words.append(word)
        self.shots[self.count * self.dims : (self.count + 1) * self.dims] = embedding
        self.owners[self.count] = self.words.index(word)
        self.count += 1

    def forget(self, word):
        """Forget all shots of a word; returns how many. TaughtError: it is not known."""
        if word not in self.words:
            raise TaughtError("%s was not taught; known: %s" % (word, ", ".join(self.words) or "nothing"))
        index = self.words.index(word)
        kept = [i for i in range(self.count) if self.owners[i] != index]
        gone = self.count - len(kept)
        for to, i in enumerate(kept):
            self.shots[to * self.dims : (to + 1) * self.dims] = self.shot(i)
            self.owners[to] = self.owners[i] - (self.owners[i] > index)
        self.count = len(kept)
        self.words.remove(word)
        return gone

    # ---- nearest

    def prepare(self, background=()):
        """What `nearest` needs, after the shots have changed. background: embeddings of what is none of the words."""
        if self.means:
            self.centres = bytearray(len(self.words) * self.dims)
            for w in range(len(self.words)):
                self.centres[w * self.dims : (w + 1) * self.dims] = self._centre(w)
            self.known, self.whose, self.n = self.centres, bytes(range(len(self.words))), len(self.words)
        else:
            self.known, self.whose, self.n = self.shots, self.owners, self.count
        self.sizes = self.dims | self.n << 16
        self.ballot = self.n | self.k << 8 | len(self.words) << 16
        nearest = [FAR] * len(self.words)
        for embedding in background:
            self.nearest(embedding)
            for w in range(len(self.words)):
                nearest[w] = min(nearest[w], self.votes[_MEANS + w])
        self.reach = array("i", [self._reach(w, nearest[w]) for w in range(len(self.words))])

    def nearest(self, embedding):
        """The number of the nearest word, or -1; its distance is `votes[1]` then. Allocates nothing."""
        self.distance(embedding, self.known, self.sizes, self.distances)
        self.vote(self.distances, self.whose, self.ballot, self.votes)
        return self.votes[0]

    def score(self):
        """How near the last one's nearest word is, 0..255: 127 as far as it may be."""
        w, d = self.votes[0], self.votes[1]
        if w < 0:
            return 0
        reach = self.reach[w]
        return 255 - d * 128 // reach if d < 2 * reach else 0

    def _reach(self, w, nearest):
        """How near a word has to be. nearest: the least distance of the background from it, or FAR."""
        own = [i for i in range(self.count) if self.owners[i] == w]
        typical = self.whole * TYPICAL[0] // TYPICAL[1]
        if len(own) > 1:
            total = 0
            for i in own:  # what each would be to the others
                if self.means:
                    self.distance(self.shot(i), self._centre(w, i), self.dims | 1 << 16, self.distances)
                    total += self.distances[0]
                else:
                    self.distance(self.shot(i), self.shots, self.sizes, self.distances)
                    self.distances[i] = FAR
                    self.vote(self.distances, self.owners, self.ballot, self.votes)
                    total += self.votes[_MEANS + w]
            typical = total // len(own)
        return max(1, 11 * typical // 10 if nearest == FAR else (typical + nearest) // 2)

    def _centre(self, w, but=-1):
        """The mean of a word's shots, one of them left out, brought to an embedding's length."""
        sums = [0] * self.dims
        for i in range(self.count):
            if self.owners[i] == w and i != but:
                for j in range(self.dims):
                    v = self.shots[i * self.dims + j]
                    sums[j] += v - 256 if v > 127 else v
        norm = root(sum([v * v for v in sums]))
        length = root(UNIT * UNIT * self.dims)
        found = bytearray(self.dims)
        for j in range(self.dims):
            if norm:
                v = min((abs(sums[j]) * length + norm // 2) // norm, 127)
                found[j] = (v if sums[j] >= 0 else -v) & 255
        return found

    # ---- on flash

    def pack(self):
        """All of it, as bytes; the last four are a CRC-32."""
        parts = [struct.pack(_HEADER, MAGIC, self.key, self.dims, len(self.words), self.count)]
        for word in self.words:
            name = word.encode()
            parts.append(bytes((len(name),)) + name)
        parts += [bytes(self.owners[: self.count]), bytes(self.shots[: self.count * self.dims])]
        data = b"".join(parts)
        return data + struct.pack("<I", crc32(data))

    def unpack(self, data):
        """Take what `pack` made. TaughtError: it is damaged, or another model's."""
        key, dims, words, owners, shots = parsed(data)
        if key != self.key or dims != self.dims:
            raise TaughtError("they were taught to another model")
        self.words = words
        self.count = len(owners)
        self.owners[: self.count] = owners
        self.shots[: len(shots)] = shots
        self.prepare()


def parsed(data):
    """(key, values of an embedding, words, owner of each shot, shots) of what `Taught.pack` made. TaughtError: damaged."""
    size = struct.calcsize(_HEADER)
    try:
        if len(data) < size + 4 or crc32(data[:-4]) != struct.unpack("<I", data[-4:])[0]:
            raise ValueError
        magic, key, dims, count, n = struct.unpack(_HEADER, data[:size])
        words = []
        for _ in range(count):
            length = data[size]
            words.append(str(data[size + 1 : size + 1 + length], "utf-8"))
            size += 1 + length
        owners = data[size : size + n]
        shots = data[size + n : -4]
        if (
            magic != MAGIC
            or n > SHOTS
            or len(shots) != n * dims
            or len(set(words)) != count
            or set(owners) != set(range(count))
        ):
            raise ValueError
    except (ValueError, IndexError, UnicodeError):
        raise TaughtError("the memory of taught words is damaged")
    return bytes(key), dims, words, bytes(owners), bytes(shots)


def root(n):
    """The whole part of a square root."""
    if n < 2:
        return n
    x = 1 << ((n.bit_length() if hasattr(n, "bit_length") else len(bin(n)) - 2) + 1) // 2
    while True:
        y = (x + n // x) // 2
        if y >= x:
            return x
        x = y
