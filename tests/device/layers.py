"""Programs of all operations, with viper and plain kernels: each layer's output equals the reference's, byte for byte."""

import programs
from programs import SLOW

from watchword import program
from watchword.kernels import bodies, kernel
from watchword.runtime import Runtime

LARGE = 30_000  # bytes of heap for a program beside which a Pico has no room for all that plain bodies allocate


def in_language(language):
    """What gives the bodies in a language, by number; else those that the chip has, which exist nowhere else."""

    def body(number):
        family, name = kernel(number)
        try:
            return getattr(bodies.load(family, language), name), 0
        except ImportError:
            return bodies.body(number)

    return body


def compare(language, limit, every=1):
    """language: of the kernels; None: those that the chip has."""
    body = in_language(language) if language else bodies.body
    seen = 0
    for name, path, samples, layers, content in programs.cases(every):
        p = runtime = None  # which makes room
        p = program.load(path)
        if language == "plain" and SLOW and p.ram > LARGE:
            p.close()
            continue
        runtime = Runtime(p, body)
        size = len(p.input)
        for _ in range(min(samples, limit)):
            p.input[:] = content.read(size)
            runtime.start()
            for steps, offset, count, n, step in layers:
                while not runtime.run(1000, steps):
                    pass
                for i in range(count):
                    begin = offset + i * step
                    assert bytes(p.arena[begin : begin + n]) == content.read(n), (name, steps)
            while not runtime.run(1000):
                pass
        p.close()
        seen += 1
    assert seen


def test_kernels_of_this_chip_equal_reference():
    compare(None, 3 if SLOW else 99)


def test_viper_equals_reference():
    compare("viper", 3 if SLOW else 99)


def test_plain_equals_reference():
    compare("plain", 2, 16 if SLOW else 1)


def test_pieces_equal_a_whole_run():
    def first(path):
        p = program.load(path)
        return p.steps[0].rows if p.steps else 0

    most = max([first(path) for _, path, _, _, _ in programs.cases()])
    for _, path, _, _, _ in programs.cases():
        if first(path) == most:
            break
    p = program.load(path)
    for i in range(len(p.input)):
        p.input[i] = i * 7 & 255
    x = bytes(p.input)
    runtime = Runtime(p)
    runtime.start()
    assert runtime.run(100000)
    whole = bytes(p.output)
    p.input[:] = x
    for step in p.steps:
        step.chunk = 1
    runtime = Runtime(p)
    runtime.start()
    pauses = 0
    while not runtime.run(0):  # no time at all: every call does one piece
        pauses += 1
    assert pauses > 1
    assert bytes(p.output) == whole


def test_each_body_is_looked_for_once():
    """To look for one that is not there takes a board 10 ms, and a program may have hundreds of steps."""
    asked = []

    def body(number):
        asked.append(number)
        return bodies.body(number)

    repeated = False
    for _, path, _, _, _ in programs.cases(4):
        p = program.load(path)
        numbers = [step.kernel for step in p.steps + p.reset if step.name != "read"]
        repeated = repeated or len(numbers) > len(set(numbers))
        asked.clear()
        Runtime(p, body)
        assert sorted(asked) == sorted(set(numbers)), (asked, numbers)
        p.close()
        p = None
    assert repeated
