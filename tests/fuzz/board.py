"""Damaged programs for tests/device/fuzz.py, and long rows of them on MicroPython's unix port."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

from tests.fuzz import damage, host, seeds
from watchword import chips, compile, reference

SECONDS = 240  # for one batch
BATCH = 400


@dataclass(frozen=True)
class Case:
    """output: what the reference computes from zeros. listen: whether a listener is to be made of it."""

    number: int
    content: bytes
    listen: bool
    output: bytes | None = None


def program_cases(numbers: range, target: str = "unix") -> list[Case]:
    """Damaged `.ww` files, the same as the host has to read, and the same again with the hash of the front end's tables."""
    return [Case(number, *_program(number, target)) for number in numbers]


def _program(number: int, target: str) -> tuple[bytes, bool]:
    rng = Random(f"board {number}")
    listening = rng.random() < 0.25
    if listening:
        content = rng.choice(seeds.listening_programs(target))
        if rng.random() < 0.7:
            return damage.described(rng, content), True
    else:
        content = rng.choice(seeds.programs(target))
    return damage.program(rng, content, rng.choice(seeds.programs(target))), listening


def model_cases(numbers: range, target: str = "unix") -> list[Case]:
    """Programs of those damaged `.tflite` files that can still be read and compiled, with what the reference makes of zeros."""
    cases = []
    for number in numbers:
        came, graph = host.use_model(host.tflite_case(number))
        if came != "ran":
            continue
        assert graph is not None
        x = np.zeros((1, *graph.input.shape[1:]), np.int8)
        content = compile.compile(graph, seeds.described(graph), chips.named(target)).content
        cases.append(Case(number, content, False, reference.run(graph, x).tobytes()))
    return cases


def write(folder: Path, cases: list[Case]) -> None:
    """The files of the cases, and cases.json that tells what to do with each."""
    listed = []
    for place, case in enumerate(cases):
        name = f"{place}-{case.number}.ww"
        (folder / name).write_bytes(case.content)
        listed.append({"file": name, "listen": case.listen, "output": None if case.output is None else case.output.hex()})
    (folder / "cases.json").write_text(json.dumps(listed))


KINDS: dict[str, Callable[[range], list[Case]]] = {"program": program_cases, "model": model_cases}


def run(kind: str, numbers: range, root: Path, micropython: Path) -> host.Outcome:
    """Cases on MicroPython's unix port. After a finding the rest goes on."""
    outcome = host.Outcome()
    for start in range(numbers.start, numbers.stop, BATCH):
        cases = KINDS[kind](range(start, min(start + BATCH, numbers.stop)))
        if kind == "model":
            outcome.counts["refused"] += min(start + BATCH, numbers.stop) - start - len(cases)
        while cases:
            done, returncode, trouble, counts = _batch(cases, root, micropython)
            outcome.counts.update(counts)
            if returncode == 0:
                break
            case = cases[done]
            outcome.findings.append((case.number, f"exit status {returncode}: {trouble}"))
            if len(outcome.findings) >= host.FINDINGS:
                return outcome
            cases = cases[done + 1 :]
    return outcome


def _batch(cases: list[Case], root: Path, micropython: Path) -> tuple[int, int, str, Counter[str]]:
    """(number of the case under way at the end, exit status, what was said last, how often what came of a case)."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), cases)
        path = os.pathsep.join((str(root / "tests/device"), str(root / "firmware"), ".frozen"))
        try:
            result = subprocess.run(
                [str(micropython), "-X", "heapsize=8M", str(root / "tests/device/run.py"), "fuzz"],
                cwd=folder,
                env={**os.environ, "MICROPYPATH": path},
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
            output, error, returncode = result.stdout, result.stderr, result.returncode
        except subprocess.TimeoutExpired as hung:
            output, error, returncode = hung.stdout or b"", b"it hangs", 1
    lines = output.decode(errors="replace").splitlines()
    under_way = sum(line.startswith("case ") for line in lines) - 1
    counts = Counter(json.loads(lines[-2])) if returncode == 0 else Counter(died=1)
    return under_way, returncode, error.decode(errors="replace")[-500:], counts
