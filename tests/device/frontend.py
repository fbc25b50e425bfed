"""The front end on MicroPython, Thumb, viper and plain, equals the host's, which equals the original C."""

import json
import sys
from array import array

import micropython

from watchword.frontend import Frontend
from watchword.kernels import bodies, frontend_plain, frontend_viper

SLOW = sys.platform == "rp2"
if bodies.dispatch is not None:
    from watchword.kernels import frontend_thumb


def compare(stages, limit):
    with open("tables.bin", "rb") as f:
        tables = f.read()
    with open("cases.json") as f:
        cases = json.load(f)
    assert cases
    for case in cases:
        front = Frontend(tables, *case["switches"], multiplier=case["multiplier"], stages=stages)
        front.reset()
        window = array("h", bytes(960))
        view = memoryview(window)
        hop = case["hop"]
        with open(case["samples"], "rb") as samples, open(case["features"], "rb") as features:
            samples.readinto(view[hop:])
            for i in range(min(case["frames"], limit)):
                view[: 480 - hop] = view[hop:]
                samples.readinto(view[480 - hop :])
                front.process(window)
                want = features.read(80)
                assert bytes(front.features) == want, (case, i)
                for v, w in zip(front.input, array("H", want)):
                    assert v == min((w * case["multiplier"] + 32768) >> 16, 255) - 128


if bodies.dispatch is not None:

    def test_thumb_equals_host():
        compare(frontend_thumb, 200)

    def test_thumb_wraps_sums_of_the_transform_as_c_does():
        with open("tables.bin", "rb") as f:
            front = Frontend(f.read(), stages=frontend_thumb)
        window = array("h", bytes(960))
        first, bins = 5, 236
        with open("crowded.bin", "rb") as frames, open("energies.bin", "rb") as energies:
            while frames.readinto(window):
                front.process(window)
                found = bytes(memoryview(front.f)[2 * first : 2 * (first + bins)])
                assert found == energies.read(4 * bins), frames.tell()

    def test_thumb_writes_what_is_its_own_and_leaves_registers_as_it_finds_them():
        from registers_thumb import through
        from uctypes import addressof

        with open("tables.bin", "rb") as f:
            front = Frontend(f.read(), stages=frontend_thumb)
        window = array("h", [(i * 7919) % 20000 - 10000 for i in range(480)])
        kept = bytes(window), bytes(front.tables), bytes(front.order), bytes(front.bits), bytes(front.places)
        front.process(window)
        wanted = bytes(front.features), bytes(front.input)
        front.reset()
        # The buffers that are written lie between guards.
        sizes = [len(a) * w for a, w in ((front.z, 2), (front.f, 2), (front.signal, 4), (front.estimate, 4))] + [80, 40]
        room = bytearray(b"\xa5" * (sum(sizes) + 64 * 7))
        at = 64
        inside = []
        for i, size in enumerate(sizes):
            front.places[1 + i] = addressof(room) + at
            room[at : at + size] = bytes(size)
            inside.append((at, size))
            at += size + 64
        high = [0x12345678 + i * 0x01010101 for i in range(4)]
        block = array("i", [frontend_thumb.frames(0, 0, 0, 0), addressof(front.places), addressof(window), 1, 0] + high)
        through(block)
        assert list(block)[5:] == high
        assert tuple(bytes(room[at : at + size]) for at, size in inside[4:]) == wanted
        for at, size in inside:
            room[at : at + size] = b"\xa5" * size
        assert room == b"\xa5" * len(room)
        assert (bytes(window), bytes(front.tables), bytes(front.order), bytes(front.bits)) == kept[:4]


def test_viper_equals_host():
    compare(frontend_viper, 25 if SLOW else 1 << 30)


def test_plain_equals_host():
    compare(frontend_plain, 1 if SLOW else 6)


def test_nothing_is_allocated():
    with open("tables.bin", "rb") as f:
        front = Frontend(f.read())
    window = array("h", [(i * 7919) % 20000 - 10000 for i in range(480)])
    micropython.heap_lock()
    try:
        for i in range(10):
            front.process(window)
    finally:
        micropython.heap_unlock()


def test_reset_gives_the_same_again():
    with open("tables.bin", "rb") as f:
        front = Frontend(f.read())
    window = array("h", [(i * 7919) % 20000 - 10000 for i in range(480)])
    seen = []
    for _ in range(2):
        front.reset()
        for _ in range(5):
            front.process(window)
        seen.append(bytes(front.features))
    assert seen[0] == seen[1]


def test_tables_of_another_size_are_refused():
    try:
        Frontend(bytes(100))
    except ValueError as error:
        assert "100 bytes" in str(error)
    else:
        raise AssertionError("taken")
