"""Programs that are damaged, or made to do harm: refused, or run without touching a byte outside their buffers."""

import gc
import json

from programs import SLOW, guard, once, untouched, work

from watchword import program
from watchword.kernels import bodies, kernel
from watchword.pipelines.sound import Listener
from watchword.sources.link import LinkSource

WORK = 30_000 if SLOW else 3_000_000  # steps of inner loops, above which a program is not run: it is slow, not wrong
PLAIN_WORK = 0 if SLOW else 3_000
FRAMES = 3


def plain(number):
    """A plain body: Python itself notices when it reaches beyond a buffer's end, reading or writing."""
    family, name = kernel(number)
    return getattr(bodies.load(family, "plain"), name), 0


def listen(path):
    """A listener takes the program, or refuses it in one of three ways; one that takes it hears a few frames."""
    loaded = program.load(path)
    arena = guard(loaded, path)[0]
    try:
        ear = Listener(loaded)
    except (KeyError, ValueError, TypeError):
        return False
    finally:
        loaded.close()
    ear.begin(LinkSource(), 0)
    for _ in range(FRAMES):
        ear.source.size += 2 * ear.wanted()
        assert 320 <= 2 * ear.wanted() <= 960
        ear.advance(0)
    ear.models[0].decision.update(loaded.output, ear.ms())
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
        if total > WORK or not bodies.NATIVE:
            came.append("too slow to run")
        else:
            output = once(loaded, path)
            if case["output"] is not None:
                assert output == bytes.fromhex(case["output"]), "another output than the reference's"
                came.append("equal to the reference")
            came.append("ran")
        if total <= PLAIN_WORK and not any(step.name.startswith("packed") for step in loaded.steps):
            once(loaded, path, plain)
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
