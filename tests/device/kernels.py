"""Every kernel, viper and plain, in odd and extreme calls: the outputs equal the reference's, and nothing else changes."""

import json
import sys
from array import array

import micropython

from watchword import forget
from watchword.kernels import FAMILIES, MEMBERS, bodies, kernel
from watchword.proof import Contracts

FREE = ("packed", "packed_depthwise", "packed_bytes")
SLOW = sys.platform == "rp2"  # emulated, or 125 MHz: plain Python takes minutes
THUMB = bodies.dispatch is not None
NUMBERS = [i * MEMBERS + j + 1 for i, (_, names) in enumerate(FAMILIES) for j in range(len(names))]  # of all kernels
contracts = Contracts()
for number in NUMBERS:  # before there are large arenas, which need room in one piece
    contracts[number]


def cases(every=1):
    """(name, number, rows, parameters, scratch, arena, constants, expected arena) of every case."""
    with open("cases.jsonl") as lines, open("cases.bin", "rb") as content:
        for i, line in enumerate(lines):
            name, number, rows, p, scratch, size, constants_size, first, end = json.loads(line)
            if i % every:
                content.seek(size + constants_size + end - first, 1)
                continue
            arena = bytearray(content.read(size))
            constants = bytearray(content.read(constants_size))
            expected = bytearray(arena)
            expected[first:end] = content.read(end - first)
            yield name, number, rows, array("i", p), scratch, arena, constants, expected


def load(number, language):
    """A kernel's body; None where there is none here. free: Thumb without the interpolator, of kernels that use it."""
    family, name = kernel(number)
    if (language in ("thumb", "free") and not THUMB) or (language == "free" and name not in FREE):
        return None
    try:
        module = __import__(family + "_free") if language == "free" else bodies.load(family, language)
    except ImportError:
        return None
    return getattr(module, name, None)  # READ has a Thumb body only


def functions(language):
    """All bodies in a language by number."""
    return {number: load(number, language) for number in NUMBERS}


def safe(number, rows, p, arena, constants):
    return contracts[number].holds(rows, p, (len(arena), len(constants), 0))


def compare(body, every=1, whole=False):
    seen = 0
    found = functions(body)
    for name, number, rows, p, scratch, arena, constants, expected in cases(every):
        function = found[number]
        if function is None:
            continue
        assert safe(number, rows, p, arena, constants), name
        if body != "plain":
            micropython.heap_lock()
        try:
            if whole:
                function(p, arena, constants, rows << 16)
            else:
                for row in range(rows):
                    function(p, arena, constants, row + 1 << 16 | row)
        finally:
            if body != "plain":
                micropython.heap_unlock()
        for at, size in scratch:
            arena[at : at + size] = expected[at : at + size]
        if arena != expected:
            first = [i for i in range(len(arena)) if arena[i] != expected[i]]
            raise AssertionError("%s: %d bytes differ, from %d on" % (name, len(first), first[0]))
        seen += 1
    assert seen or (body in ("thumb", "free") and not THUMB)


def test_thumb_equals_reference_changes_nothing_else_and_allocates_nothing():
    compare("thumb")


def test_thumb_rows_computed_at_once_are_the_same():
    compare("thumb", whole=True)


def test_thumb_without_interpolator_equals_reference():
    forget(*["kernels.%s_thumb" % name for name in FREE])  # a Pico has no room for both
    compare("free")
    for name in FREE:
        sys.modules.pop(name + "_free", None)


def test_thumb_leaves_registers_and_interpolator_as_it_finds_them():
    if not THUMB:
        return
    from machine import mem32
    from registers_thumb import through
    from uctypes import addressof

    interpolators = [0xD0000080 + 64 * i + at for i in (0, 1) for at in (0, 4, 8, 12, 16, 44, 48)]
    wanted = [0x12345678 + i * 0x01010101 for i in range(4)]
    seen = set()
    for name, number, rows, p, scratch, arena, constants, expected in cases(5):
        function = load(number, "thumb")
        if function is None:
            continue
        for i, at in enumerate(interpolators):
            mem32[at] = 0x1F * i  # also valid as control: a mask and a shift
        before = [mem32[at] for at in interpolators]
        arguments = [function(0, 0, 0, 0), addressof(p), addressof(arena), addressof(constants), rows << 16]
        block = array("i", arguments + wanted)
        through(block)
        assert list(block)[5:] == wanted, name
        assert [mem32[at] for at in interpolators] == before, name
        for at, size in scratch:
            arena[at : at + size] = expected[at : at + size]
        assert arena == expected, name
        seen.add(number)
    assert len(seen) == 15, seen  # all but SVDF, and READ, which no case has


def test_viper_equals_reference_changes_nothing_else_and_allocates_nothing():
    compare("viper")


def test_rows_computed_at_once_are_the_same():
    compare("viper", whole=True)


def test_plain_equals_reference_and_changes_nothing_else():
    compare("plain", 10 if SLOW else 1)


def test_what_the_contracts_accept_stays_in_its_buffers():
    """Every parameter set to what may hurt: where the contracts accept it, native code writes nothing around the arena."""
    hurt("viper", 31 if SLOW else 7)
    if THUMB:
        hurt("thumb", 23)


def hurt(body, every):
    accepted = refused = 0
    for name, number, rows, p, _, arena, constants, _ in cases(every):
        function = load(number, body)
        if len(arena) > 4096 or function is None:
            continue
        guarded = bytearray(b"\xa5" * (len(arena) + 512))
        inside = memoryview(guarded)[256 : 256 + len(arena)]
        for i in range(len(p)):
            before = p[i]
            for value in (0, 1, 3, 255, 4096, 0x7FFFFFF0, -1, -5000, before - 1, before + 1, before * 2 + 2):
                p[i] = value
                if safe(number, rows, p, arena, constants):
                    inside[:] = arena
                    function(p, inside, constants, rows << 16)
                    assert guarded[:256] == guarded[-256:] == b"\xa5" * 256, (name, i, value)
                    accepted += 1
                else:
                    refused += 1
            p[i] = before
    assert accepted > 100, accepted
    assert refused > 100, refused


def test_hostile_constants_and_inputs_are_harmless():
    """Multipliers, shifts, biases and tables are data: whatever they are, native code writes nothing around the arena."""
    disturb("viper", 31 if SLOW else 3)
    if THUMB:
        disturb("thumb", 7)


def disturb(body, every):
    words = array("i", [-0x7FFFFFFF, -1, 0, 1, 31, 32, 64, 0x40000000, 0x7FFFFFFF])
    for name, number, rows, p, _, arena, constants, _ in cases(every):
        function = load(number, body)
        if function is None:
            continue
        guarded = bytearray(b"\xa5" * (len(arena) + 512))
        inside = memoryview(guarded)[256 : 256 + len(arena)]
        inside[:] = arena
        n = len(constants) // 4
        function(p, inside, array("i", [words[i * 7 % 9] for i in range(n)]), rows << 16)
        assert guarded[:256] == guarded[-256:] == b"\xa5" * 256, name
