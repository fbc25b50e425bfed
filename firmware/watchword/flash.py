"""A program's weights where flash holds them: on an RP2040 they come from there six times faster than through the file system.

LittleFS keeps a file in blocks; each but the first begins with pointers to earlier ones, the first of them to the one before.
So its last block tells where all are. That one is found by what it and the one before it hold. Where another block of the flash
would do as well, a left-over of an older file perhaps, nobody can tell which of them lasts, and the file is read as files are.

The blocks stay where they are as long as the file is not written anew.
"""

from array import array

from micropython import const

from watchword.kernels import bodies
from watchword.kernels.bodies import addressof

try:
    import rp2
except ImportError:  # another chip
    rp2 = None

read = getattr(bodies.module("movement"), "read", None)  # the Thumb body of READ; None: there is none

BLOCK = const(4096)
PIECE = const(1024)  # bytes that are compared at once
COUNT = const(4)  # what Flash.ioctl is asked: how many blocks,
SIZE = const(5)  # and of how many bytes


def find(f, begin):
    """Where an open file, of which offsets count from `begin`, lies in flash; None: read the file.

    (the kernel that copies from there, addresses of the flash and of a table, which it takes, the table, which has to stay).
    The table has for each block where its part of the file begins, and where in flash that is; then where the last one ends.
    """
    if rp2 is None or read is None:
        return None
    flash = rp2.Flash()
    size = f.seek(0, 2)
    if flash.ioctl(SIZE, 0) != BLOCK or size < 2 * BLOCK:
        return None
    starts = array("i", (0,))
    while starts[-1] < size:
        starts.append(min(size, starts[-1] + BLOCK - _pointers(len(starts) - 1)))
    last = len(starts) - 2
    file = _File(f, starts, flash)
    ends = [b for b in range(flash.ioctl(COUNT, 0)) if file.lies(last, b) and file.lies(last - 1, file.before(b))]
    if len(ends) != 1:
        return None
    block = ends[0]
    table = array("i", bytes(8 * len(starts) - 4))
    table[-1] = size - begin
    for i in range(last, -1, -1):
        if not file.lies(i, block, True):
            return None
        table[2 * i] = starts[i] - begin
        table[2 * i + 1] = block * BLOCK + _pointers(i)
        block = file.before(block)
    return read, array("I", (addressof(flash), addressof(table))), table


def _pointers(i):
    """Bytes of pointers at the beginning of a file's block: one for each time that its number can be halved, and one more."""
    size = 0
    while i:
        size += 4
        if i & 1:
            break
        i >>= 1
    return size


class _File:
    """An open file whose blocks are looked for. starts: where the part of each begins, and where the last one ends."""

    def __init__(self, f, starts, flash):
        self.f = f
        self.starts = starts
        self.flash = flash
        self.pointer = bytearray(4)
        self.pieces = bytearray(PIECE), bytearray(PIECE)
        rest = min(PIECE, starts[-1] - starts[-2])
        self.rests = bytearray(rest), bytearray(rest)

    def before(self, block):
        """The block to which the first pointer of another one points."""
        self.flash.readblocks(block, self.pointer, 0)
        return int.from_bytes(self.pointer, "little")

    def lies(self, i, block, whole=False):
        """Whether a block of flash holds the file's block i; if not the whole of it, at least how that begins."""
        if block >= self.flash.ioctl(COUNT, 0):
            return False
        wanted, found = self.rests if i == len(self.starts) - 2 else self.pieces
        at, end = self.starts[i], self.starts[i + 1]
        here = _pointers(i) - at
        while at < end:
            at = min(at, end - len(wanted))  # the last piece may begin in the one before
            self.f.seek(at)
            self.f.readinto(wanted)
            self.flash.readblocks(block, found, here + at)
            if found != wanted:
                return False
            if not whole:
                break
            at += len(wanted)
        return True
