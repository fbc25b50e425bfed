"""Programs that are damaged, or made to do harm: refused, or run without touching a byte outside their buffers."""

import gc
import json
import struct
import sys

from watchword import kernels, program
from watchword.listener import Listener
from watchword.runtime import Runtime
from watchword.sources.stream import StreamSource

SLOW = sys.platform == "rp2"  # emulated, or 125 MHz
GUARD = 64  # bytes on either side of a buffer
WORK = 30_000 if SLOW else 3_000_000  # steps of inner loops, above which a program is not run: it is slow, not wrong
PLAIN_WORK = 0 if SLOW else 3_000
FRAMES = 3


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


def work(step):
    """About how often the innermost loop of a step runs."""
    p, rows, kernel = step.parameters, step.rows, step.kernel
    if kernel in (kernels.CONV, kernels.DEPTHWISE):
        return rows * p[13] * (p[15] * p[16] * (p[11] + 1) + p[14] * (p[26] if kernel == kernels.CONV else p[15] * p[16]))
    if kernel in (kernels.AVERAGE_POOL, kernels.MAX_POOL):
        return rows * p[13] * p[11] * (1 + min(p[15], p[9]) * min(p[16], p[10]))
    if kernel == kernels.MEAN:
        return rows * (p[9] + 1) * p[10]
    if kernel in (kernels.ADD, kernels.MULTIPLY):
        return rows * p[11] * p[12] * p[13]
    if kernel == kernels.COPY:
        return rows * p[3] * p[4] * p[5]
    if kernel == kernels.FILL:
        return rows * p[3]
    if kernel == kernels.PAIRS:
        groups = sum([p[i + 1] for i in range(20, 20 + 2 * p[19], 2)])
        return rows * p[9] * p[8] * (p[7] + groups * 100)
    if kernel == kernels.DEPTHWISE_PAIRS:
        packed = sum([p[i] * p[i + 1] for i in range(21, 21 + 12 * p[20], 12)])
        return p[10] + rows * (packed + 10 * p[16] * (p[14] // (36 + 2 * p[12] - p[13])))
    if kernel == kernels.SVDF:
        return p[10] * p[11] * (p[18] + p[12])
    return rows * p[2]  # LOOKUP, SOFTMAX, READ


def plain():
    """The plain kernels, by number: Python itself notices when they reach beyond a buffer's end, reading or writing."""
    found = {}
    for number, (module, function) in kernels.BODIES.items():
        module = __import__("watchword.kernels." + module + "_plain", None, None, (function,))
        found[number] = getattr(module, function), 0
    return found


def once(loaded, path, bodies=None):
    """Begin anew, run on zeros; the output. The guards are whole afterwards."""
    arena, constants, content = guard(loaded, path)
    runtime = Runtime(loaded, bodies)
    runtime.start()
    while not runtime.run(1000):
        pass
    assert untouched(arena), "wrote outside the arena"
    assert untouched(constants, content), "wrote to the constants"
    return bytes(loaded.output)


def listen(path):
    """A listener takes the program, or refuses it in one of three ways; one that takes it hears a few frames."""
    loaded = program.load(path)
    arena = guard(loaded, path)[0]
    try:
        ear = Listener(loaded, StreamSource(2048))
    except (KeyError, ValueError, TypeError):
        return False
    finally:
        loaded.close()
    ear.reset(0)
    for _ in range(FRAMES):
        ear.source.size += 2 * ear.wanted()
        assert 320 <= 2 * ear.wanted() <= 960
        ear.advance(0)
    ear.decision.update(loaded.output, ear.ms())
    assert ear.count == FRAMES
    assert untouched(arena), "wrote outside the arena"
    return True


def check(case):
    """What came of one case, as a word or two. Anything that is not refused in the right way is raised."""
    path = case["file"]
    try:
        program.describe(path)
    except program.ProgramError:
        pass
    try:
        loaded = program.load(path)
    except program.ProgramError as error:
        assert path in str(error), error
        assert case["output"] is None, "the compiler's own program: %s" % error
        return ("refused",)
    came = []
    try:
        total = sum([work(step) for step in loaded.reset + loaded.steps])
        if total > WORK or not kernels.NATIVE:
            came.append("too slow to run")
        else:
            output = once(loaded, path)
            if case["output"] is not None:
                assert output == bytes.fromhex(case["output"]), "another output than the reference's"
                came.append("equal to the reference")
            came.append("ran")
        if total <= PLAIN_WORK and all(step.kernel in kernels.BODIES or step.kernel == kernels.READ for step in loaded.steps):
            once(loaded, path, plain())
            came.append("ran plain")
    finally:
        loaded.close()
    if case["listen"] and listen(path):
        came.append("heard")
    return came


def test_nothing_leaves_its_buffers():
    with open("cases.json") as f:
        cases = json.load(f)
    counts = {}
    for case in cases:
        print("case", case["file"])  # the last line of a MicroPython that dies
        gc.collect()
        for word in check(case):
            counts[word] = counts.get(word, 0) + 1
    print(json.dumps(counts))
    assert counts.get("ran"), counts
