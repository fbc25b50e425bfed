"""What the host does with damaged files: `python -m tests.fuzz.host KIND FIRST LAST SECONDS` in a process with little memory.

For each case it prints a line of JSON, so that the parent knows the one under way where the process dies: what came of it, and
where it is a finding, what happened.
"""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType

import numpy as np

from tests.fuzz import damage, data, seeds
from watchword import chips, compile, description, reference, tflite
from watchword.compile.program import read_description
from watchword.errors import LONGEST, ModelError, WatchwordError
from watchword.graph import Graph

TARGETS = ("unix", "rp2040")
SECONDS = (
    30  # of the processor, for one case that is compiled: that takes up to 5, and more where other processes share its core
)
QUICK = 2  # and for all others
STUCK = 900  # seconds after which a case counts as hung even where Python does not come to look
MEMORY = 400 << 20  # bytes of address space beyond what the process has at its start
FINDINGS = 20  # after so many it is enough
FINDING = "finding"


@dataclass
class Outcome:
    """counts: of the cases by what came of them. findings: (number of the case, what happened)."""

    counts: Counter[str] = field(default_factory=Counter)
    findings: list[tuple[int, str]] = field(default_factory=list)

    def __iadd__(self, other: Outcome) -> Outcome:
        self.counts += other.counts
        self.findings += other.findings
        return self


# ---- the cases, each made of its number alone


def tflite_case(number: int) -> bytes:
    rng = Random(f"tflite {number}")
    content, other = rng.choice(seeds.models()[:-1]), rng.choice(seeds.models())
    if rng.random() < 0.05:
        content = seeds.models()[-1]  # the keyword model, which is large
    return damage.file(rng, content, other) if rng.random() < 0.4 else damage.model(rng, content)


def program_case(number: int, target: str = "unix") -> bytes:
    rng = Random(f"program {number}")
    content, other = rng.choice(seeds.programs(target)), rng.choice(seeds.programs(target))
    if rng.random() < 0.3:
        return damage.described(rng, content)
    return damage.program(rng, content, other)


def toml_case(number: int) -> bytes:
    rng = Random(f"toml {number}")
    return damage.text(rng, rng.choice(seeds.descriptions()), rng.choice(seeds.descriptions()))


def json_case(number: int) -> bytes:
    rng = Random(f"json {number}")
    content = rng.choice(seeds.manifests())
    if rng.random() < 0.6:
        return damage.tree(rng, json.loads(content))
    return damage.text(rng, content, rng.choice(seeds.manifests()))


# ---- what is done with them


def use_file(content: bytes) -> str:
    """Read, run on zeros by the reference: what a file is, before anything is compiled."""
    try:
        graph = tflite.read(content, "fuzz")
    except WatchwordError as error:
        return refused(error, file="fuzz: ")
    outputs = reference.run_outputs(graph, np.zeros((1, *graph.input.shape[1:]), np.int8))
    assert [y.shape for y in outputs] == [output.tensor.shape for output in graph.outputs]
    return "ran"


def use_model(content: bytes) -> tuple[str, Graph | None]:
    """Read, compile for two targets, run on zeros."""
    try:
        graph = tflite.read(content, "fuzz")
    except WatchwordError as error:
        return refused(error, file="fuzz: "), None
    try:
        for target in TARGETS:
            compile.compile(graph, seeds.described(graph), chips.named(target))
    except WatchwordError as error:
        return refused(error, "read, not compiled", "fuzz"), None
    reference.run(graph, np.zeros((1, *graph.input.shape[1:]), np.int8))
    return "ran", graph


def use_program(content: bytes) -> str:
    try:
        read_description(content, "fuzz")
    except WatchwordError as error:
        return refused(error, file="fuzz: ")
    return "read"


def use_description(content: bytes, suffix: str) -> str:
    path = Path(f"fuzz{suffix}")  # in a folder of this process's own
    path.write_bytes(content)
    try:
        found = description.read(path)
    except WatchwordError as error:
        return refused(error, file=f"{path}: ")
    again = Path("again.toml")
    description.write(found, again)  # what is read can be written
    assert description.read(again) == found
    return "read"


def refused(error: WatchwordError, how: str = "refused", file: str = "") -> str:
    """How a case was refused. A message of many lines is a fault, and so is one that hides an attempt to take all memory.

    file: what it begins with.
    """
    message = str(error)
    assert message, "a message of nothing"
    assert message.isprintable(), f"a message of several lines: {message[:200]!r}"
    assert len(message) <= LONGEST, f"a message of {len(message)} characters: {message[:100]}"
    assert message.startswith(file), f"a message that does not name the file: {message}"
    assert not isinstance(error.__cause__ or error.__context__, MemoryError), "it hides that memory ran out"
    return how


class Unbounded(ModelError):
    """A message that nobody has made one line of."""

    def __str__(self) -> str:
        return "two\nlines"


def fault(number: int) -> str:
    """What nothing should do, so that tests see that it is noticed: a case of this kind for each limit."""
    try:
        if number == 1:
            np.ones(1 << 30)
        if number == 2:
            while True:
                pass
        if number == 3:
            os.abort()
        if number == 4:
            np.int8(127) + np.int8(1)
        if number == 5:
            raise Unbounded("two\nlines")
    except MemoryError as error:
        hiding = ModelError("damaged")
        hiding.__cause__ = error
        return refused(hiding)
    except WatchwordError as error:
        return refused(error)
    return "ran"


KINDS: dict[str, Callable[[int], str]] = {
    "tflite": lambda number: use_file(tflite_case(number)),
    "compiled": lambda number: use_model(tflite_case(number))[0],
    "program": lambda number: use_program(program_case(number)),
    "toml": lambda number: use_description(toml_case(number), ".toml"),
    "json": lambda number: use_description(json_case(number), ".json"),
    "wav": lambda number: data.use_recording(data.wav_case(number), refused),
    "csv": lambda number: data.use_manifest(data.csv_case(number), refused),
    "fault": fault,
}


# ---- a process that does some of them


class TooLong(BaseException):
    """Not an Exception, so that nothing takes it for trouble with a file."""


def _alarm(signum: int, frame: FrameType | None) -> None:
    raise TooLong


def work(kind: str, numbers: range, seconds: int) -> None:
    """Cases with limits on time and memory, NumPy's warnings being errors. For a process of its own."""
    signal.signal(signal.SIGPROF, _alarm)
    run, findings = KINDS[kind], 0
    run(0)  # what is made once is made before memory is short
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, resource.RLIM_INFINITY))
    warnings.simplefilter("error")
    with np.errstate(all="raise", under="ignore"):
        for number in numbers:
            faulthandler.dump_traceback_later(STUCK, exit=True)
            signal.setitimer(signal.ITIMER_PROF, seconds)
            came, text = FINDING, ""
            try:
                came = run(number)
            except TooLong:
                text = f"more than {seconds} s: {_where()}"
            except Exception as error:
                text = f"{type(error).__name__}: {error} {_where()}"
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
            print(json.dumps([came, text]), flush=True)
            findings += came == FINDING
            if findings == FINDINGS:
                break
    faulthandler.cancel_dump_traceback_later()


def _where() -> str:
    error = sys.exception()
    assert error is not None
    return " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(traceback.extract_tb(error.__traceback__)[-6:]))


def run(kind: str, numbers: range, root: Path, seconds: int = 0) -> Outcome:
    """The same in a process with limits; where it dies, the case is a finding and the rest goes on in another one.

    seconds: of the processor, for one case; 0: as many as its kind may take.
    """
    seconds = seconds or (SECONDS if kind == "compiled" else QUICK)
    outcome = Outcome()
    path = os.pathsep.join((str(root / "host"), str(root)))
    environment = {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}
    while numbers and len(outcome.findings) < FINDINGS:
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, "-m", "tests.fuzz.host", kind, str(numbers.start), str(numbers.stop), str(seconds)],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        outcome.counts.update(came for came, _ in lines if came != FINDING)
        outcome.findings += [(numbers[i], text) for i, (came, text) in enumerate(lines) if came == FINDING]
        if done.returncode == 0:
            break
        outcome.findings.append((numbers[len(lines)], f"the process died with {done.returncode}: {done.stderr[-2000:]}"))
        numbers = numbers[len(lines) + 1 :]
    return outcome


if __name__ == "__main__":
    work(sys.argv[1], range(int(sys.argv[2]), int(sys.argv[3])), int(sys.argv[4]))
