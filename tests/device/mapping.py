"""Where flash holds a file: found and copied from on an RP2040, and on other chips never found."""

import gc
import hashlib
from array import array

from watchword import flash

THUMB = flash.rp2 is not None
BLOCK = 4096
GUARD = 0x5A


def write(path, size, seed):
    """A file of bytes that do not repeat; returns them."""
    content = bytearray(size)
    for i in range(0, size, 32):
        content[i : i + 32] = hashlib.sha256(b"%d %d" % (seed, i)).digest()[: size - i]
    with open(path, "wb") as f:
        f.write(content)
    return content


def fetched(mapped, offset, size, at):
    """What the kernel brings to `at` in an arena, of which nothing else may change."""
    fetch, where, _ = mapped
    arena = bytearray(bytes((GUARD,)) * (at + size + 16))
    fetch(array("i", (offset, at, size)), arena, where, 1 << 16)
    assert all(b == GUARD for b in arena[:at]), (offset, size, at)
    assert all(b == GUARD for b in arena[at + size :]), (offset, size, at)
    return arena[at : at + size]


def test_files_of_every_number_of_blocks():
    """Whatever pointers their blocks begin with, from the second byte of the first to the last byte of the last."""
    # The largest first, while the heap has a piece for it.
    for size in (17 * BLOCK + 900, 9 * BLOCK - 700, 5 * BLOCK + 2000, 4 * BLOCK, 3 * BLOCK - 13, 2 * BLOCK + 1, 2 * BLOCK):
        content = write("mapped.bin", size, size)
        for begin in (0, 116, 5001):
            with open("mapped.bin", "rb") as f:
                mapped = flash.find(f, begin)
            if not THUMB:
                assert mapped is None
                continue
            assert mapped is not None, size
            rest = size - begin
            places = [(0, 1), (0, 16), (3, 64), (rest - 1, 1), (rest - 40, 40), (rest // 2, 3)]
            for edge in range(BLOCK - 8, rest - 20, BLOCK - 8):
                places += [(edge - 40 - begin % 4, 100), (edge - 33, 67)]
            for offset, n in places:
                if offset >= 0 and offset + n <= rest:
                    for at in (16, 17):
                        expected = content[begin + offset : begin + offset + n]
                        assert fetched(mapped, offset, n, at) == expected, (size, begin, offset, n)
            whole = min(rest, 3 * BLOCK)
            assert fetched(mapped, 0, whole, 16) == content[begin : begin + whole]
        content = mapped = None
        gc.collect()


def test_a_file_too_small_for_pointers_is_read_as_files_are():
    write("mapped.bin", BLOCK, 1)
    with open("mapped.bin", "rb") as f:
        assert flash.find(f, 0) is None


def test_where_two_blocks_would_do_the_file_is_read_as_files_are():
    """A last block that flash holds twice tells nothing; as soon as the left-over of an older file is gone, it does."""
    size = 3 * BLOCK - 200
    content = write("mapped.bin", size, 7)
    with open("again.bin", "wb") as f:
        f.write(content)
    with open("mapped.bin", "rb") as f:
        assert flash.find(f, 0) is None
    write("again.bin", size, 8)
    with open("mapped.bin", "rb") as f:
        assert flash.find(f, 0) is None
    if THUMB:
        pointers = 4 + 8  # that the second and the third block begin with
        erase_copies(content[-64:], size - 64 - 2 * BLOCK + pointers, content)
        with open("mapped.bin", "rb") as f:
            assert flash.find(f, 0) is not None


def erase_copies(part, at, content):
    """Erase the blocks that hold `part` at byte `at`, but for the one that mapped.bin needs."""
    chip = flash.rp2.Flash()
    block, found = bytearray(BLOCK), bytearray(len(part))
    for i in range(chip.ioctl(4, 0)):
        chip.readblocks(i, found, at)
        if found == part:
            chip.readblocks(i, block)
            chip.writeblocks(i, bytes(BLOCK))
            with open("again.bin", "rb") as f:  # so that nothing of the other file is remembered
                f.read()
            with open("mapped.bin", "rb") as f:
                if f.read() != content:
                    chip.writeblocks(i, block)
