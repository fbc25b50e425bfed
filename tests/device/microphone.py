"""Words of an I2S microphone to samples, Thumb, viper and plain: the host's, bit for bit, however the words come."""

import json
import sys
import time
from array import array

import micropython

from watchword.kernels import bodies, microphone_plain, microphone_viper
from watchword.kernels.microphone import MOST_LOST, STATE, WORDS

SLOW = sys.platform == "rp2"
KERNELS = [microphone_plain, microphone_viper]
if bodies.dispatch is not None:
    from watchword.kernels import microphone_thumb

    KERNELS.append(microphone_thumb)

GUARD = 64  # bytes


NAMES = [name for name, _ in STATE]
AT, SIZE, GAIN, HIGH, LOW, MEAN, LEAST, GREATEST, WAITING, LOST, LEFT, FEW = [
    NAMES.index(name)
    for name in ("at", "size", "gain", "high", "low", "mean", "least", "greatest", "waiting", "lost", "left", "few")
]


def state(size, multiplier):
    p = array("i", bytes(4 * WORDS))
    p[SIZE] = size
    p[GAIN] = multiplier
    p[HIGH] = ((1 << 29) - 8193) // multiplier
    p[LOW] = -(((1 << 29) + 8192) // multiplier)
    p[LEAST] = 1 << 23
    p[GREATEST] = -(1 << 23) - 1
    return p


def taken(body, words, ring_words, calls, multiplier, count):
    """What comes of words that are written to a ring as others are taken from it: samples, and the state after them."""
    size = 4 * ring_words
    room = bytearray(b"\xa5" * (size + 2 * GUARD))
    ring = memoryview(room)[GUARD : GUARD + size]
    p = state(size, multiplier)
    most = max(calls)
    samples = array("h", [0x5A5A] * (most + 8))
    out = array("h")
    done = i = 0
    while done < count:
        n = min(calls[i % len(calls)], count - done)
        at = 4 * (done % ring_words)
        first = min(4 * n, size - at)
        ring[at : at + first] = words[4 * done : 4 * done + first]
        ring[: 4 * n - first] = words[4 * done + first : 4 * (done + n)]
        kept = bytes(room)
        to = i % 5
        p[WAITING] = n + 7  # wait
        body.convert(p, ring, samples, 2 * to | n << 16)
        assert p[WAITING] == 7
        assert p[AT] == 4 * ((done + n) % ring_words)
        assert room == kept, "wrote to the words"
        out.extend(samples[to : to + n])
        samples[to : to + n] = array("h", [0x5A5A] * n)
        done += n
        i += 1
    assert samples == array("h", [0x5A5A] * (most + 8)), "wrote beside the samples"
    return out, list(p)


def cases():
    with open("cases.jsonl") as lines, open("words.bin", "rb") as content:
        for line in lines:
            multiplier, n, left = json.loads(line)
            words = memoryview(content.read(4 * n))
            yield multiplier, n, words, array("h", content.read(2 * n)), left


def test_all_bodies_equal_the_hosts_on_any_split_and_over_the_rings_end():
    splits = ((512, (480, 320)), (64, (1, 63, 0, 64, 17)), (100, (7,)))
    for multiplier, n, words, samples, left in cases():
        for body in KERNELS:
            for ring, calls in splits[:1] if SLOW and body is not KERNELS[-1] else splits:
                count = 400 if SLOW and body is microphone_plain else n
                found, p = taken(body, words, ring, calls, multiplier, count)
                assert found == samples[:count], (body.__name__, multiplier, ring)
                if count == n:
                    assert p[MEAN:WAITING] == left, (body.__name__, multiplier, p, left)


def test_bodies_leave_the_same_behind():
    for multiplier, n, words, _, _ in cases():
        seen = [taken(body, words, 128, (100, 3), multiplier, 300)[1] for body in KERNELS]
        assert all(p == seen[0] for p in seen), (multiplier, seen)


def test_words_that_wait_and_that_are_lost_are_counted_exactly():
    for body in KERNELS:
        size = 4 * 256
        p = state(size, 64)
        left, few = (1 << 28) - 1, (1 << 28) - 5000
        p[LEFT], p[FEW] = left, few
        waiting = lost = at = 0
        seed = 1
        for i in range(200):
            seed = (seed * 69069 + 1) & 0x3FFFFFFF
            came = (0, 20, 224, 225, 1, 3000)[(seed >> 16) % 6]
            left -= came
            waiting += came
            over = max(0, waiting - 256 + 32)
            waiting -= over
            lost += over
            at = (at + 4 * over) % size
            found = body.arrived(p, left)
            assert found == (-1 if left < few else waiting), body.__name__
            assert (p[AT], p[WAITING], p[LOST], p[LEFT]) == (at, waiting, lost, left), body.__name__
            if i % 3 == 0:  # some are taken
                waiting //= 2
                at = (at + 4 * (p[WAITING] - waiting)) % size
                p[AT], p[WAITING] = at, waiting
        assert lost > 10000


def test_words_that_are_lost_for_days_are_counted_as_far_as_needs_no_heap():
    for body in KERNELS:
        p = state(4 * 256, 64)
        p[LEFT], p[FEW] = (1 << 28) - 1, 0
        p[LOST] = MOST_LOST - 10000
        micropython.heap_lock()
        try:
            for i in range(3):
                body.arrived(p, p[LEFT] - 6000)
        finally:
            micropython.heap_unlock()
        assert p[LOST] == MOST_LOST, body.__name__
        p[LOST] = MOST_LOST - 10000
        p[WAITING] = 224
        body.arrived(p, p[LEFT] - 9999)
        assert p[LOST] == MOST_LOST - 1, body.__name__
        assert p[WAITING] == 224, body.__name__


def test_nothing_is_allocated():
    ring = bytearray(4 * 512)
    for i in range(len(ring)):
        ring[i] = i * i >> 3 & 255
    samples = array("h", bytes(960))
    for body in KERNELS:
        p = state(len(ring), 1014)
        micropython.heap_lock()
        try:
            for i in range(3):
                body.arrived(p, -1000)
                body.convert(p, ring, samples, 320 << 16)
        finally:
            micropython.heap_unlock()


if bodies.dispatch is not None:

    def test_thumb_leaves_registers_as_it_finds_them():
        from registers_thumb import through
        from uctypes import addressof

        ring, samples = bytearray(4 * 64), array("h", bytes(128))
        p = state(len(ring), 64)
        places = [addressof(p), addressof(ring), addressof(samples)]
        high = [0x12345678 + i * 0x01010101 for i in range(4)]
        for n in (0, 1, 64):
            block = array("i", [microphone_thumb.convert(0, 0, 0, 0)] + places + [n << 16] + high)
            through(block)
            assert list(block)[5:] == high


def test_cycles():
    if not SLOW:
        return
    import machine

    ring = bytearray(4 * 512)
    for i in range(512):  # as speech
        ring[4 * i + 2] = i * 7 & 255
    samples = array("h", bytes(960))
    mhz = machine.freq() // 1000000
    for body in KERNELS:
        times = 1 if body is microphone_plain else 100
        us = []
        for n in (0, 480):
            p = state(len(ring), 1014)
            t0 = time.ticks_us()
            for i in range(times):
                body.convert(p, ring, samples, n << 16)
            us.append(time.ticks_diff(time.ticks_us(), t0))
        cycles = (us[1] - us[0]) * mhz / times / 480
        print(body.__name__, "%.1f cycles a sample, %d a call" % (cycles, us[0] * mhz // times))
        assert body is microphone_plain or cycles < (150 if body is microphone_viper else 27), cycles
