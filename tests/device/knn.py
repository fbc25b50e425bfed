"""Embeddings and nearest neighbours, Thumb, viper and plain: the host's numbers, and what is done with them."""

import gc
import io
import json
import sys
import time
from array import array

import micropython

from watchword.embedding import Embedder
from watchword.kernels import bodies, knn_plain, knn_viper
from watchword.knn import DISTANCE, FAR, MEANS, MOST_NEIGHBOURS, SHARE, SHOTS, Taught, TaughtError, head

SLOW = sys.platform == "rp2"
KERNELS = [knn_plain, knn_viper]
if bodies.dispatch is not None:
    from watchword.kernels import knn_thumb

    KERNELS.append(knn_thumb)
BEST = KERNELS[-1]
KEY = bytes(range(32))


class Program:
    def __init__(self, layer, arena):
        self.arena = arena
        self.description = {"taught": dict(layer, at=16, steps=1, key="ab" * 32)}


def test_embeddings_equal_the_hosts():
    for body in KERNELS:
        with open("embeddings.jsonl") as lines, open("embeddings.bin", "rb") as content:
            for line in lines:
                layer = json.loads(line)
                size = layer["rows"] * layer["columns"] * layer["step"]
                lying = content.read(size)
                expected = content.read(layer["parts"] * layer["channels"])
                if body is knn_plain and SLOW and size > 2000:
                    continue
                e = Embedder(Program(layer, bytearray(16) + lying), 1, body)
                e.look()
                assert bytes(e.values) == expected, (body.__name__, layer)
                assert e.key == b"\xab" * 32


def test_layers_that_leave_the_arena_are_refused():
    layer = {"step": 4, "rows": 2, "columns": 3, "channels": 4, "parts": 1, "zero_point": 0, "order": None}
    for change in (
        {"step": 5},
        {"step": -4},
        {"rows": 3},
        {"columns": 4},
        {"channels": 5},
        {"channels": 0},
        {"parts": 3},
        {"parts": 0},
        {"zero_point": 128},
        {"order": [0, 1, 2, 2]},
        {"order": [0, 1, 2]},
        {"rows": 1 << 20},
        {},
    ):
        program = Program(layer, bytearray(16 + 24))
        program.description["taught"].update(change)
        try:
            Embedder(program, 1)
        except (ValueError, TypeError):
            assert change, "the layer itself"
        else:
            assert not change, change
    program.description["taught"]["steps"] = 2
    try:
        Embedder(program, 1)
    except ValueError:
        pass
    else:
        raise AssertionError("steps that are not there")


def numbers(seed, n):
    """int8 as bytes."""
    found = bytearray(n)
    for i in range(n):
        seed = (seed * 69069 + 1) & 0x3FFFFFFF
        found[i] = seed >> 20 & 255
    return found


def test_distances_and_votes_are_the_same():
    for dims, count, k, words in (
        (1, 1, 1, 1),
        (16, 9, 3, 4),
        (31, 20, 8, 7),
        (64, 64 if not SLOW else 20, 2, 20),
        (8, 0, 3, 2),
    ):
        shots, query = numbers(dims, dims * SHOTS), numbers(count + 5, dims)
        for i in range(0, dims * SHOTS, 7):
            shots[i] = 128  # -128
        owners = bytes((i * 5 + i // 3) % words for i in range(SHOTS))
        wanted = None
        for body in KERNELS:
            distances = array("i", bytes(4 * SHOTS))
            body.squared(query, shots, dims | count << 16, distances)
            if count > 2:
                distances[2] = FAR
            votes = array("i", [7] * MEANS + [5] * (words + words * k) + [77])
            for n in range(1, MOST_NEIGHBOURS + 1):
                votes[SHARE + n] = 256 // n
            body.vote(distances, owners, count | k << 8 | words << 16, votes)
            assert votes[-1] == 77
            found = list(distances), list(votes)
            assert wanted is None or found == wanted, (body.__name__, dims, count, k)
            wanted = found


def packed(t):
    f = io.BytesIO()
    t.write(f)
    return f.getvalue()


def unit(*values):
    """An embedding of 8 values that is about as long as it has to be."""
    return bytes([int(v) & 255 for v in values])


A, B, C = unit(80, 80, 0, 0, 0, 0, 0, 0), unit(0, 0, 80, 80, 0, 0, 0, 0), unit(0, 0, 0, 0, 80, 80, 0, 0)


def near(e, i):
    changed = bytearray(e)
    changed[i] = (changed[i] + 12) & 255
    return bytes(changed)


def taught(**options):
    t = Taught(8, KEY, BEST, **options)
    for word, e in (("yes", A), ("no", B)):
        for i in range(3):
            t.add(word, near(e, 5 + i))
    t.prepare()
    return t


def test_the_nearest_word():
    for options in ({}, {"means": True}, {"k": 1}, {"k": 8}):
        t = taught(**options)
        assert t.nearest(near(A, 2)) == 0, options
        assert t.score() > 128, (options, t.score())
        assert t.nearest(near(B, 2)) == 1
        assert t.score() > 128
        t.nearest(C)
        assert t.score() < 128, (options, t.score())


def test_the_background_gives_negatives():
    for options in ({}, {"means": True}, {"k": 1}):
        t = taught(**options)
        alone = list(t.thresholds)
        query = near(A, 2)
        t.nearest(query)
        d = t.votes[DISTANCE]
        t.against((near(query, 3), near(query, 4)))
        assert t.thresholds[0] > alone[0], options
        assert t.nearest(query) == -1, options  # nearer to that than to any word
        assert t.score() == 0
        assert t.nearest(near(A, 5)) == 0
        assert t.score() > 128
        t.against((C,))
        assert t.nearest(query) == 0
        assert t.votes[DISTANCE] == d
        negative = t.votes[MEANS + 2] * 3 // 4
        assert t.score() == 255 - d * 128 // min(t.thresholds[0], negative)
        t.against((near(query, 3),))
        assert t.nearest(query) == -1
        assert t.score() == 0, options
        t.against(())
        assert list(t.thresholds) == alone
        assert t.nearest(query) == 0


def test_the_background_has_as_much_room_as_the_shots():
    t = Taught(8, KEY, BEST)
    t.against(unit(0, 0, 0, 0, 0, 0, 113 - i, i) for i in range(100))  # the last of them do not count
    for i in range(64):
        t.add("yes", near(A, 2 + i % 6))
        if i % 20 == 3:
            t.prepare()
            assert t.nearest(A) == 0
    t.prepare()
    assert t.nearest(A) == 0
    assert t.nearest(unit(0, 0, 0, 0, 0, 0, 112, 1)) == -1
    assert t.votes[DISTANCE] < 10
    assert t.nearest(unit(0, 0, 0, 0, 0, 0, 14, 99)) == -1
    assert t.votes[DISTANCE] > 2000  # from the last that counts
    assert t.forget("yes") == 64
    t.prepare()
    assert t.nearest(A) == -1


def test_a_shot_that_is_refused_leaves_the_background_as_it_was():
    t = taught()
    t.against((C,))  # in front of the shots, and alone in its piece
    t.nearest(near(A, 2))
    before = list(t.votes[: MEANS + 3])
    for word, embedding in (("no", near(A, 5)), ("yes", A), ("yes", bytes(8))):
        try:
            t.add(word, embedding)
        except TaughtError:
            pass
        t.nearest(near(A, 2))
        assert list(t.votes[: MEANS + 3]) == before


def test_words_are_forgotten_and_kept():
    t = taught()
    t.add("maybe", C)
    assert t.forget("yes") == 3
    t.prepare()
    assert t.words == ["no", "maybe"]
    assert t.words[t.nearest(near(B, 2))] == "no"
    assert t.words[t.nearest(C)] == "maybe"
    data = packed(t)
    again = Taught(8, KEY, BEST)
    again.read(io.BytesIO(data))
    again.prepare()
    assert packed(again) == data
    assert again.words == t.words
    assert again.shots_of("no") == 3
    assert again.nearest(C) == 1
    assert t.forget("no") + t.forget("maybe") == 4
    t.prepare()
    assert t.nearest(A) == -1
    assert t.score() == 0
    empty = Taught(8, KEY, BEST)
    empty.read(io.BytesIO(packed(t)))
    assert empty.count == 0


def refused(text, action, *arguments):
    try:
        action(*arguments)
    except TaughtError as error:
        assert text in str(error), error
    else:
        raise AssertionError("taken: " + text)


def test_what_cannot_be_taught():
    t = taught()
    refused("1 to 40 characters", t.add, "", A)
    refused("1 to 40 characters", t.add, "x" * 41, A)
    refused("8 are expected", t.add, "x", A + A)
    refused("nothing is in it", t.add, "x", bytes(8))
    refused("too great", t.add, "x", unit(127, 127, -128, 0, 0, 0, 0, 0))
    refused("same as a shot of yes", t.add, "x", near(A, 5))
    refused("was not taught; known: yes, no", t.forget, "x")
    assert t.words == ["yes", "no"]
    for i in range(SHOTS - t.count):
        t.add("yes", near(A, i % 8))
    refused("memory is full: it holds 64 shots", t.add, "yes", A)
    data = packed(t)
    other = Taught(8, bytes(32), BEST)
    refused("another model", other.read, io.BytesIO(data))
    for at in range(0, len(data), 37):
        damaged = bytearray(data)
        damaged[at] ^= 16
        refused("damaged", head, io.BytesIO(damaged))
        refused("damaged", head, io.BytesIO(data[:at]))


def test_nothing_is_allocated_while_it_listens():
    layer = {"step": 8, "rows": 4, "columns": 2, "channels": 8, "parts": 1, "zero_point": -128, "order": None}
    e = Embedder(Program(layer, bytearray(16) + numbers(3, 64)), 1)
    for options, background in (({}, ()), ({}, (C,)), ({"means": True}, (C,)), ({"k": 8}, ())):
        t = taught(**options)
        t.against(background)
        micropython.heap_lock()
        try:
            e.look()
            w = t.nearest(e.values)
            score = t.score()
        finally:
            micropython.heap_unlock()
        assert 0 <= w < 2
        assert 0 <= score < 256


def test_64_shots_of_64_dimensions_take_8_kb_and_a_tenth_of_a_million_cycles():
    for words in (1, 8, 64):
        gc.collect()
        before = gc.mem_alloc()
        t = Taught(64, KEY, BEST)
        for i in range(SHOTS):
            t._append(numbers(i + 1, 64))
            t.owners[i] = i % words
        t.words = ["word%d" % w for w in range(words)]
        t.prepare()
        gc.collect()
        took = gc.mem_alloc() - before
        assert len(packed(t)) < 8192
        query = numbers(99, 64)
        t0 = time.ticks_us()
        t.nearest(query)
        us = time.ticks_diff(time.ticks_us(), t0)
        print(words, "words:", us, "us,", took, "bytes")
        if SLOW:
            import machine

            assert us * (machine.freq() // 1000000) < 100000, us
            assert took < 8192, took
