"""Programs of all kinds: those that layers_data.py makes, where they lie, and how they run between guards."""

import json
import struct
import sys

from watchword.kernels import FAMILIES, MEMBERS, bodies
from watchword.proof import Contracts
from watchword.runtime import Runtime

SLOW = sys.platform == "rp2"  # emulated, or 125 MHz: plain Python takes minutes for a layer
GUARD = 64  # bytes on either side of a buffer
MAPPED = 8192  # bytes, from which an RP2040 looks for a program in its flash
SECTOR = 512


class Disk:
    """A disk in RAM, as `vfs` takes it. Flash is slow to write, and wears out."""

    def __init__(self, sectors):
        self.content = bytearray(sectors * SECTOR)

    def readblocks(self, sector, data, offset=0):
        at = sector * SECTOR + offset
        data[:] = memoryview(self.content)[at : at + len(data)]

    def writeblocks(self, sector, data, offset=0):
        at = sector * SECTOR + offset
        self.content[at : at + len(data)] = data

    def ioctl(self, op, _):
        return {4: len(self.content) // SECTOR, 5: SECTOR}.get(op, 0)


if SLOW:
    import vfs

    disk = Disk(2 * MAPPED // SECTOR + 8)  # a file that is written anew stays until the new one is closed
    vfs.VfsLfs2.mkfs(disk)
    vfs.mount(disk, "/ram")


def place(size):
    """The path of a program of so many bytes."""
    return "/ram/case.ww" if SLOW and size < MAPPED else "case.ww"


def cases(every=1):
    """(name, path of the program, samples, layers, file of inputs and outputs) of every case. It lies there until the next."""
    block = bytearray(512)
    with open("cases.jsonl") as lines, open("cases.bin", "rb") as content:
        for i, line in enumerate(lines):
            name, program_size, size, samples, layers = json.loads(line)
            end = content.tell() + program_size + size
            if i % every == 0:
                path = place(program_size)
                with open(path, "wb") as f:
                    while program_size:
                        n = content.readinto(memoryview(block)[: min(program_size, 512)])
                        f.write(memoryview(block)[:n])
                        program_size -= n
                yield name, path, samples, layers, content
            content.seek(end)


def guarded(buffer):
    """A larger copy, and the window in it that takes the place of the buffer."""
    whole = bytearray(b"\xa5" * (len(buffer) + 2 * GUARD))
    window = memoryview(whole)[GUARD : GUARD + len(buffer)]
    window[:] = buffer
    return whole, window


def untouched(whole, content=None):
    """Whether nothing around the window has changed, nor in it where its content is given."""
    edge = b"\xa5" * GUARD
    same = content is None or whole[GUARD:-GUARD] == content
    return same and whole[:GUARD] == edge and whole[-GUARD:] == edge


def guard(loaded, path):
    """Put the program's buffers between guards; returns what `untouched` is asked about afterwards."""
    with open(path, "rb") as f:
        f.seek(64)
        inputs, outputs = struct.unpack("<II", f.read(8)), struct.unpack("<II", f.read(8))
    arena, loaded.arena = guarded(loaded.arena)
    constants, loaded.constants = guarded(loaded.constants)
    loaded.input = loaded.arena[inputs[0] : inputs[0] + inputs[1]]
    loaded.output = loaded.arena[outputs[0] : outputs[0] + outputs[1]]
    return arena, constants, bytes(loaded.constants)


if not SLOW:  # hundreds of programs are loaded here, and on a PC there is heap for the contracts of all
    Contracts.forget = lambda self: None

NUMBERS = [i * MEMBERS + j + 1 for i, (_, names) in enumerate(FAMILIES) for j in range(len(names))]  # of all kernels
contracts = Contracts()


def work(step):
    """About how often the innermost loop of a step runs."""
    rows, name, contract = step.rows, step.name, contracts[step.kernel]
    n = len(contract.fields)
    p, more = contract.parameters(*step.parameters[:n]), step.parameters[n:]
    if name in ("convolution", "depthwise"):
        taps = p.kernel_height * p.kernel_width
        each = p.patch_size if name == "convolution" else taps
        return rows * p.output_width * (taps * (p.input_channels + 1) + p.output_channels * each)
    if name in ("average_pool", "max_pool"):
        window = min(p.kernel_height, p.input_height) * min(p.kernel_width, p.input_width)
        return rows * p.output_width * p.input_channels * (1 + window)
    if name == "mean":
        return rows * (p.places + 1) * p.depth
    if name in ("add", "multiply", "prelu", "copy"):
        return rows * p.planes * p.lines * p.values
    if name == "fill":
        return rows * p.row_size
    if name == "packed":
        groups = sum([more[i] for i in range(1, 2 * p.runs, 2)])
        return rows * p.columns * p.segments * (p.taps + groups * 100)
    if name == "packed_bytes":
        groups = sum([more[i] for i in range(1, 2 * p.runs, 2)])
        return rows * p.columns * (p.taps + groups * p.taps * 2)
    if name == "packed_depthwise":
        each = len(contract.records[0][1])
        spanned = sum([more[i] * more[i + 1] for i in range(0, each * p.groups, each)])
        step = 36 + 2 * p.window_row_step - p.window_return
        return p.plane_words + rows * (spanned + 10 * p.lines * (p.line_size // step))
    if name == "svdf":
        return p.units * p.rank * (p.patch_size + p.memory)
    return p.size if name == "read" else rows * p.depth  # lookup, softmax


def once(loaded, path, body=bodies.body):
    """Begin anew, run on zeros; the output. The guards are whole afterwards."""
    arena, constants, content = guard(loaded, path)
    runtime = Runtime(loaded, body)
    runtime.start()
    while not runtime.run(1000):
        pass
    assert untouched(arena), "wrote outside the arena"
    assert untouched(constants, content), "wrote to the constants"
    return bytes(loaded.output)
