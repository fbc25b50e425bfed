"""Programs: what the host's compiler makes of a model for one target. docs/formats.md has the layout of a `.ww` file.

A program names kernels by number and holds offsets, never code or addresses. `load` checks its hash and every bound before
anything of it runs, so that a damaged or hostile file can do nothing but be refused.
"""

import gc
import hashlib
import json
import struct
from array import array
from binascii import hexlify

from micropython import const

from watchword import FORMAT, Refusal, forget
from watchword.board import target
from watchword.kernels import VERSION
from watchword.kernels import kernel as kernel_of
from watchword.runtime import Program

HEADER = "<4sHH8sIIIIIIIIIIIIIIIIIII"  # up to the hash; docs/formats.md names the fields
HEADER_SIZE = const(92)
HASH_SIZE = const(32)
BLOCK = const(1024)
_PIECES = const(16000)  # of all steps: what a runtime can number
DESCRIPTION = const(65536)  # bytes that a description may have: as an object it takes several times as many

# Places in the header.
_FORMAT = const(1)
_KERNELS = const(2)
_TARGET = const(3)
_SIZE = const(4)
_DESCRIPTION_AT = const(5)
_DESCRIPTION_SIZE = const(6)
_TABLES_AT = const(7)
_TABLES_SIZE = const(8)
_STEPS_AT = const(9)
_STEPS_SIZE = const(10)
_CONSTANTS_AT = const(11)
_CONSTANTS_SIZE = const(12)
_WEIGHTS_AT = const(13)
_WEIGHTS_SIZE = const(14)
_ARENA_SIZE = const(15)
_INPUT_AT = const(16)
_INPUT_SIZE = const(17)
_OUTPUT_AT = const(18)
_OUTPUT_SIZE = const(19)
_RESETS = const(20)
_BACKGROUND_AT = const(21)
_BACKGROUND_SIZE = const(22)
_SECTIONS = (_DESCRIPTION_AT, _TABLES_AT, _STEPS_AT, _CONSTANTS_AT, _WEIGHTS_AT, _BACKGROUND_AT)


_NO_PIECE = "%s: the heap has no piece that is large enough for it"


class ProgramError(Refusal):
    """Raised by `load`: the file is not a program that this board can run. The message says why, in one line."""


class Step:
    """One call of a kernel: its number and name, parameters (array 'i'), rows of output and rows to compute in one go.

    paged: its constants were read into the arena by a step before. batch: how many steps, from this one on, may run in one call
    of `dispatch`.
    """

    def __init__(self, kernel, name, paged, rows, chunk, batch, parameters):
        self.kernel = kernel
        self.name = name
        self.paged = paged
        self.rows = rows
        self.chunk = chunk
        self.batch = batch
        self.parameters = parameters


def digest(path, make_way=None):
    """SHA-256 of a file, as hex. between: called between two of its blocks."""
    with open(path, "rb") as f:
        return hexlify(_hash(f, hashlib.sha256(), make_way)).decode()


def _hash(f, sha, make_way=None):
    """The digest after all that is left of a file."""
    block = bytearray(BLOCK)
    while True:
        n = f.readinto(block)
        if not n:
            return sha.digest()
        sha.update(memoryview(block)[:n])
        if make_way is not None:
            make_way()


def _header(f, path):
    """The header's bytes and fields, after it is known that all that they point at lies in the file."""
    raw = f.read(HEADER_SIZE)
    if len(raw) < HEADER_SIZE or raw[:4] != b"WWRD":
        raise ProgramError("%s is not a watchword program" % path)
    header = struct.unpack(HEADER, raw)
    if header[_FORMAT] != FORMAT:
        raise ProgramError("%s has format %d, this firmware reads %d: compile it anew" % (path, header[_FORMAT], FORMAT))
    if header[_KERNELS] != VERSION:
        raise ProgramError("%s is for kernels %d, here are %d: compile it anew" % (path, header[_KERNELS], VERSION))
    name = header[_TARGET].rstrip(b"\0")
    if name != target().encode():
        raise ProgramError("%s is compiled for %s, this board is %s" % (path, repr(name)[2:-1], target()))
    if f.seek(0, 2) != header[_SIZE]:
        raise ProgramError("%s is cut off: %d of %d bytes" % (path, f.tell(), header[_SIZE]))
    for at in _SECTIONS:  # whose size comes after it
        if header[at] + header[at + 1] > header[_SIZE]:
            raise ProgramError("%s: a section ends beyond the file" % path)
    return raw, header


def _description(f, path, header):
    """The description as a dict."""
    if header[_DESCRIPTION_SIZE] > DESCRIPTION:
        text = "%s: a description of %d bytes, at most %d are possible"
        raise ProgramError(text % (path, header[_DESCRIPTION_SIZE], DESCRIPTION))
    f.seek(header[_DESCRIPTION_AT])
    try:
        description = json.loads(f.read(header[_DESCRIPTION_SIZE]))
    except ValueError:
        description = None
    if not isinstance(description, dict):
        raise ProgramError("%s: its description is not readable" % path)
    return description


def describe(path):
    """The description of a program file (a dict), or ProgramError."""
    return declared(path)[0]


def declared(path):
    """(its description, bytes of its input, bytes of its output), or ProgramError."""
    with open(path, "rb") as f:
        try:
            header = _header(f, path)[1]
            return _description(f, path, header), header[_INPUT_SIZE], header[_OUTPUT_SIZE]
        except MemoryError:
            raise ProgramError("%s: the heap has no room for its description" % path)


def buffers(path):
    """Allocate a program's arena and its buffer of constants, the larger one first. ProgramError: it cannot be run here.

    Where several programs are to be loaded, all of these come first, while the heap has large pieces.
    """
    with open(path, "rb") as f:
        try:
            return _buffers(_header(f, path)[1], path)
        except MemoryError:
            raise ProgramError(_NO_PIECE % path)


def _buffers(header, path):
    # Numbers from a file may be far greater than what a board could even try to allocate.
    need = header[_ARENA_SIZE] + header[_CONSTANTS_SIZE] + header[_TABLES_SIZE] + 2 * header[_STEPS_SIZE]
    gc.collect()
    if need > gc.mem_free():
        raise ProgramError("%s needs %d bytes of RAM, %d are free" % (path, need, gc.mem_free()))
    if header[_ARENA_SIZE] > header[_CONSTANTS_SIZE]:
        arena = bytearray(header[_ARENA_SIZE])
        return arena, bytearray(header[_CONSTANTS_SIZE])
    constants = bytearray(header[_CONSTANTS_SIZE])
    return bytearray(header[_ARENA_SIZE]), constants


def load(path, proved=False, made=None, tables=None):
    """Read, verify and prove a program; the largest buffers are allocated first. ProgramError: it cannot be run here.

    proved: it was, on this board, and its hash has not changed: that takes as long as the rest. made: what `buffers` has made.
    tables: those of a program that is loaded, which this one may have, too.
    """
    f = open(path, "rb")
    try:
        loaded = _load(f, path, proved, made, tables)
    except MemoryError:
        f.close()
        raise ProgramError(_NO_PIECE % path)
    except:
        f.close()
        raise
    if loaded.file is None:
        f.close()
    return loaded


def _load(f, path, proved, made, tables):
    raw, header = _header(f, path)
    f.seek(HEADER_SIZE)
    if f.read(HASH_SIZE) != _hash(f, hashlib.sha256(raw)):
        raise ProgramError("%s is damaged: its hash does not fit" % path)
    for at, size in ((header[_INPUT_AT], header[_INPUT_SIZE]), (header[_OUTPUT_AT], header[_OUTPUT_SIZE])):
        if size < 1 or at + size > header[_ARENA_SIZE]:
            raise ProgramError("%s: input or output is empty or lies outside the arena" % path)
    arena, constants = made or _buffers(header, path)
    f.seek(header[_CONSTANTS_AT])
    f.readinto(constants)
    f.seek(header[_TABLES_AT])
    if tables is None or not _follow(f, tables, header[_TABLES_SIZE]):
        f.seek(header[_TABLES_AT])
        tables = f.read(header[_TABLES_SIZE])
    description = _description(f, path, header)
    f.seek(header[_STEPS_AT])
    steps = _steps(f, header[_STEPS_SIZE] >> 2, path)
    if not proved:
        from watchword.proof import first_unsafe  # not needed by what has passed its trial

        unsafe = first_unsafe(steps, len(arena), len(constants), header[_WEIGHTS_SIZE])
        forget("proof")
        if unsafe is not None:
            raise _malformed(path, unsafe)
        gc.collect()  # or what comes next would lie behind what proving took
    resets = header[_RESETS]
    if resets > len(steps):
        raise ProgramError("%s: has %d steps, and %d to begin anew" % (path, len(steps), resets))
    program = Program(description, tables, steps[:resets], steps[resets:], constants, arena)
    program.size = header[_SIZE]
    program.input = program.window(header[_INPUT_AT], header[_INPUT_SIZE])
    program.output = program.window(header[_OUTPUT_AT], header[_OUTPUT_SIZE])
    program.background = header[_BACKGROUND_AT], header[_BACKGROUND_SIZE]
    if header[_WEIGHTS_SIZE]:
        program.weights = header[_WEIGHTS_AT]
        from watchword import flash  # here, since most programs need none of it

        program.mapped = flash.find(f, program.weights)
        if program.mapped is None:
            program.file = f
    return program


def _follow(f, data, size):
    """Whether these bytes follow in a file, and are `size`. Read in pieces, since the heap may have none for all."""
    if len(data) != size:
        return False
    data = memoryview(data)
    piece = bytearray(64)
    for at in range(0, size, len(piece)):
        f.readinto(piece)
        wanted = data[at : at + len(piece)]
        if piece[: len(wanted)] != wanted:
            return False
    return True


def _steps(f, left, path):
    """Records of kernel, whether its constants lie in the arena, rows, rows in one go, steps in a batch, number of parameters,
    parameters; `left` words in all, from where the file stands.

    All that stays is allocated here, one thing after another: what proving takes for a while would leave gaps between. They are
    read one by one, since a heap that others use has no piece for all.
    """
    steps = []
    pieces = 0
    head = array("i", bytes(24))
    while left:
        try:
            if left < len(head):
                raise ValueError
            f.readinto(head)
            kernel, paged, rows, chunk, batch, n = head
            name = kernel_of(kernel)[1]
            left -= len(head) + n
            if n < 0 or left < 0:
                raise ValueError
            p = array("i", bytes(4 * n))
            f.readinto(p)
            pieces += -(-rows // chunk)
            if rows < 1 or chunk < 1 or not 0 <= paged <= 1 or not 0 <= batch < 1 << 15 or pieces > _PIECES:
                raise ValueError
        except (LookupError, ArithmeticError, ValueError, TypeError):
            raise _malformed(path, len(steps))
        steps.append(Step(kernel, name, paged, rows, chunk, batch, p))
    return steps


def _malformed(path, i):
    return ProgramError("%s: step %d is malformed or leaves its buffers" % (path, i))
