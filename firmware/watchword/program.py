"""Programs: what the host's compiler makes of a model for one target. docs/formats.md has the layout of a `.ww` file.

A program names kernels by number and holds offsets, never code or addresses. `load` checks its hash and every bound before
anything of it runs, so that a damaged or hostile file can do nothing but be refused.
"""

import hashlib
import json
import struct
import sys
from array import array
from binascii import hexlify

from micropython import const

from watchword import Refusal, kernels

FORMAT = const(1)
HEADER = "<4sHH8sIIIIIIIIIIIIII"  # up to the hash; docs/formats.md names the fields
HEADER_SIZE = const(72)
HASH_SIZE = const(32)
BLOCK = const(1024)


class ProgramError(Refusal):
    """Raised by `load`: the file is not a program that this board can run. The message says why, in one line."""


def target():
    """The name of the target that programs for this board are compiled for."""
    if sys.platform == "rp2":
        return "rp2350" if "RP2350" in sys.implementation._machine else "rp2040"
    if sys.platform == "esp32":
        machine = sys.implementation._machine.lower()
        for name in ("esp32s3", "esp32s2", "esp32c3", "esp32c6"):
            if name in machine.replace("-", ""):
                return name
        return "esp32"
    return "unix" if sys.platform in ("linux", "darwin") else sys.platform


class Step:
    """One call of a kernel: its number, parameters (array 'i'), rows of output and rows to compute in one go."""

    def __init__(self, kernel, rows, chunk, parameters):
        self.kernel = kernel
        self.rows = rows
        self.chunk = chunk
        self.parameters = parameters


class Program:
    """A loaded program. `description` is its JSON as a dict, `input` and `output` are int8 windows into the arena."""

    def __init__(self, size, description, tables, steps, constants, arena, input_at, output_at):
        self.size = size
        self.description = description
        self.tables = tables
        self.steps = steps
        self.constants = constants
        self.arena = arena
        self.ram = len(arena) + len(constants) + len(tables)
        view = memoryview(arena)
        self.input = view[input_at[0] : input_at[0] + input_at[1]]
        self.output = view[output_at[0] : output_at[0] + output_at[1]]


def digest(path):
    """SHA-256 of a file, as hex."""
    with open(path, "rb") as f:
        return hexlify(_hash(f, hashlib.sha256())).decode()


def _hash(f, sha):
    """The digest after all that is left of a file."""
    block = bytearray(BLOCK)
    while True:
        n = f.readinto(block)
        if not n:
            return sha.digest()
        sha.update(memoryview(block)[:n])


def _header(f, path):
    raw = f.read(HEADER_SIZE)
    if len(raw) < HEADER_SIZE or raw[:4] != b"WWRD":
        raise ProgramError("%s is not a watchword program" % path)
    fields = struct.unpack(HEADER, raw)
    if fields[1] != FORMAT:
        raise ProgramError("%s has format %d, this firmware reads %d: compile it anew" % (path, fields[1], FORMAT))
    if fields[2] != kernels.VERSION:
        raise ProgramError("%s is for kernels %d, here are %d: compile it anew" % (path, fields[2], kernels.VERSION))
    name = fields[3].rstrip(b"\0").decode()
    if name != target():
        raise ProgramError("%s is compiled for %s, this board is %s" % (path, name, target()))
    return raw, fields


def describe(path):
    """The description of a program file (a dict), or ProgramError."""
    with open(path, "rb") as f:
        _, fields = _header(f, path)
        f.seek(fields[5])
        return json.loads(f.read(fields[6]))


def load(path):
    """Read, verify and check a program; the largest buffers are allocated first."""
    with open(path, "rb") as f:
        raw, fields = _header(f, path)
        size, sections = fields[4], fields[5:13]
        arena_size, input_at, output_at = fields[13], fields[14:16], fields[16:18]
        if f.read(HASH_SIZE) != _hash(f, hashlib.sha256(raw)):
            raise ProgramError("%s is damaged: its hash does not fit" % path)
        f.seek(0, 2)
        if f.tell() != size:
            raise ProgramError("%s is cut off: %d of %d bytes" % (path, f.tell(), size))
        for i in range(0, 8, 2):
            if sections[i] + sections[i + 1] > size:
                raise ProgramError("%s: a section ends beyond the file" % path)
        arena = bytearray(arena_size)
        constants = bytearray(sections[7])
        f.seek(sections[6])
        f.readinto(constants)
        f.seek(sections[2])
        tables = f.read(sections[3])
        f.seek(sections[4])
        words = array("i", bytes(sections[5] & ~3))
        f.readinto(words)
        f.seek(sections[0])
        description = json.loads(f.read(sections[1]))
    for at in (input_at, output_at):
        if at[0] + at[1] > arena_size:
            raise ProgramError("%s: input or output lies outside the arena" % path)
    steps = _steps(words, arena_size, len(constants), path)
    return Program(size, description, tables, steps, constants, arena, input_at, output_at)


def _steps(words, arena, constants, path):
    """Records of kernel, rows, rows in one go, number of parameters, parameters."""
    steps = []
    i = 0
    while i < len(words):
        try:
            kernel, rows, chunk, n = words[i], words[i + 1], words[i + 2], words[i + 3]
            p = array("i", words[i + 4 : i + 4 + n])
            if n != kernels.LENGTHS[kernel] or len(p) != n or min(p) < 0 or rows < 1 or chunk < 1:
                raise ValueError
            if not check(kernel, rows, p, arena, constants):
                raise ValueError
        except (IndexError, KeyError, ValueError, TypeError):
            raise ProgramError("%s: step %d is malformed or leaves its buffers" % (path, len(steps)))
        steps.append(Step(kernel, rows, chunk, p))
        i += 4 + n
    return steps


def check(kernel, rows, p, arena, constants):
    """Whether a step stays in its buffers, whatever they hold. Parameters: watchword/kernels/__init__.py."""
    if kernel == kernels.SOFTMAX:
        # 256 differences of the greatest value; 128 values keep every shift below 32 bits
        return (
            0 < p[2] <= 128
            and p[0] + rows * p[2] <= arena
            and p[1] + rows * p[2] <= arena
            and _words(p[3], 256, constants)
            and _words(p[4], 4 + p[2], arena)
        )
    inside = p[0] + p[2] * p[3] * p[4] <= arena and p[1] + p[5] * p[6] * p[7] <= arena and rows == p[5]
    if not (inside and min(p[2:12]) > 0 and p[14] <= p[15] <= 255):
        return False
    if kernel == kernels.AVERAGE_POOL:
        # every window must touch the input, or its mean would be over nothing
        return p[4] == p[7] and _touches(p[2], p[5], p[8], p[10], p[12]) and _touches(p[3], p[6], p[9], p[11], p[13])
    taps = p[8] * p[9]
    if kernel == kernels.CONV:
        weights = p[7] * p[23]
        if p[23] % 8:
            return False
    else:
        weights = p[7] * taps
        if p[7] % p[4]:
            return False
    return (
        taps * p[4] <= p[23]
        and p[18] <= 255
        and p[19] <= 255
        and p[20] + weights <= constants
        and _words(p[21], 4 * p[7], constants)
        and p[22] + p[23] <= arena
        and _words(p[24], p[7], arena)
    )


def _words(at, n, size):
    return at % 4 == 0 and at + 4 * n <= size


def _touches(size, outputs, kernel, stride, before):
    return before < kernel and (outputs - 1) * stride - before < size
