"""Every operation, function and kernel is everywhere where CONTRIBUTING.md says that it has to be."""

from __future__ import annotations

import ast
import copy
import importlib.util
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import typer
from tests import kernel_cases
from tests.unit.litert import tensor
from tests.unit.random_graphs import RandomGraph
from typer.core import TyperGroup

from watchword import kernels, reference, shipped, tflite
from watchword.cli import app
from watchword.compile import lower, simplify
from watchword.compile.simplify.bounds import bounds
from watchword.compile.simplify.draft import retake
from watchword.compile.thumb.cost import timed
from watchword.errors import UnsupportedError
from watchword.graph import Conv2D, Dense, Function, Graph, Lookup, Operation, Slice, Tensor
from watchword.kernels import KERNELS
from watchword.tflite.forms import form, spelled

ROOT = Path(__file__).parents[2]
GRAPHS = 150  # at random, in which all is found that they can have
MIXING = {"Softmax"}  # operations each of whose outputs needs all channels
UNBOUNDED = {"Softmax", "Svdf"}  # which may have all values whatever they are given
ELSEWHERE = {  # kernels without a body in a language
    "plain": {"packed", "packed_bytes", "packed_depthwise", "read"},  # Thumb only; without one, the runtime reads
    "viper": {"packed", "packed_bytes", "packed_depthwise", "read"},
    "thumb": {"svdf"},
}


def kinds(cls: type[Operation] = Operation) -> Iterator[type[Operation]]:
    """All operations of the graph."""
    for kind in cls.__subclasses__():
        if kind.__subclasses__():
            yield from kinds(kind)
        else:
            yield kind


KINDS = {kind.__name__: kind for kind in kinds() if kind is not Lookup}
NAMES = (*KINDS, *get_args(Function))  # functions of one value stand for Lookup


def name_of(op: Operation) -> str:
    return op.function if isinstance(op, Lookup) else type(op).__name__


def described(name: str) -> bool:
    """A dataclass describes itself by its fields, where nobody does."""
    return name not in KINDS or not str(KINDS[name].__doc__).startswith(f"{name}(")


@cache
def examples(name: str) -> list[Operation]:
    """Alone: of the inputs only one flows."""
    return [alone(op) for op in random_operations() if name_of(op) == name]


@cache
def random_operations() -> list[Operation]:
    return [op for seed in range(GRAPHS) for op in RandomGraph(seed).graph(8).operations]


def alone(op: Operation) -> Operation:
    op = copy.copy(op)
    first, *others = dict.fromkeys(each for each in op.inputs if each.data is None)
    rng = np.random.default_rng(1)
    for other in others:
        retake(op, other, replace(other, data=rng.integers(-128, 128, other.shape).astype(np.int8)))
    retake(op, first, replace(first))  # which is its own afterwards, as is the output
    op.output = replace(op.output)
    return op


def flowing(op: Operation) -> Tensor:
    return next(each for each in op.inputs if each.data is None)


def supported(action: Callable[[Operation], object], name: str) -> bool:
    """Whether an action is had for an operation: for one example at least, since some are beyond what boards hold."""
    for op in examples(name):
        try:
            action(op)
        except UnsupportedError:
            continue
        return True
    return not examples(name)


def runs(op: Operation) -> None:
    reference.run_operation(op, *(each.data if each.data is not None else np.zeros(each.shape, np.int8) for each in op.inputs))


def writes(op: Operation) -> None:
    for part in spelled(op):
        form(part)


def reads(name: str) -> bool:
    """Where it is not written, there is nothing to read."""
    found = []
    for op in examples(name)[:3]:
        try:
            content = tflite.write(Graph("one", flowing(op), op.output, [op]))
        except UnsupportedError:
            return True
        with suppress(UnsupportedError):
            found += map(name_of, tflite.read(content).operations)
    return name in found or not examples(name)


def flows(name: str) -> bool:
    """Of a channel that nothing looks at, nothing is left behind it: in one example at least, of those that can show it."""
    return name in MIXING or not examples(name) or any(map(drops, examples(name)))


def drops(op: Operation) -> bool:
    x, y = flowing(op), op.output
    if y.shape[-1] == 1 or len(x.shape) not in (2, 4):
        return False
    source, before = tensor("source", (1, *(2 for _ in x.shape[1:-1]), 3), 0.1), []
    data = np.ones((x.shape[-1], *(1,) * (len(x.shape) - 2), 3), np.int8)
    weights = Tensor("weights", data.shape, data.dtype, np.ones(1, np.float32), data=data)
    if len(x.shape) == 2:
        before = [Dense(source, x, weights, None)]
    else:
        source.shape = (*x.shape[:-1], 3)
        before = [Conv2D(source, x, weights, None)]
    seen = tensor("seen", (*y.shape[:-1], 1), float(y.scale[0]), y.zero_point)
    first = Slice(y, seen, (0,) * len(y.shape), seen.shape, (1,) * len(y.shape))
    try:
        left = simplify.simplify(Graph("channels", source, seen, [*before, op, first])).graph
    except UnsupportedError:  # another file lacks it
        return True
    return all(each.output.shape[-1] < y.shape[-1] for each in left.operations if each.output.name == y.name)


def bounded(name: str) -> bool:
    """Given values of one sign only, it cannot have all."""
    return name in UNBOUNDED or not examples(name) or any(map(narrows, examples(name)))


def narrows(op: Operation) -> bool:
    x = flowing(op)
    source = tensor("source", x.shape, float(x.scale[0]))
    relu = Lookup(source, x, "relu", reference.lookup_table("relu", source, replace(x, zero_point=64)))
    try:
        low, high = bounds(Graph("bounds", source, op.output, [relu, op]))[op.output]
    except UnsupportedError:
        return True
    return bool((low > -128).any() or (high < 127).any())


@cache
def functions(path: Path) -> set[str]:
    return {each.name for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, ast.FunctionDef)}


def body(language: str) -> Callable[[str], bool]:
    def is_there(name: str) -> bool:
        path = shipped.firmware() / f"watchword/kernels/{FAMILY_OF[name]}_{language}.py"
        return name in ELSEWHERE[language] or (path.exists() and name in functions(path))

    return is_there


def has_cycles(name: str) -> bool:
    """Of what has a Thumb body and is not timed where it is lowered."""
    calls = [call for call in portable_calls() if call.kernel.name == name]
    return name in ELSEWHERE["thumb"] or all(timed(call).cycles > 0 for call in calls)


@cache
def portable_calls() -> list[Any]:
    found = []
    for name in NAMES:
        for op in examples(name)[:5]:
            try:
                found += lower.lower(op)
            except UnsupportedError:
                continue
    return found


@cache
def cases() -> set[str]:
    return {next(kernel_cases.cases(kind)).kernel for kind in (*kernel_cases.MAKERS, *kernel_cases.THUMB_MAKERS)} | {"read"}


@cache
def on_boards() -> set[str]:
    """The operations of the graphs that tests/device runs on boards, but for random ones."""
    spec = importlib.util.spec_from_file_location("layers_data", ROOT / "tests/device/layers_data.py")
    assert spec is not None
    assert spec.loader is not None
    data = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(data)
    return {name_of(op) for maker, count in data.MAKERS.values() for i in range(count) for op in maker(i).operations}


@cache
def compared() -> set[object]:
    """Names and words in the tests that compare with LiteRT."""
    found: set[object] = set()
    for name in ("test_operations", "test_tflite", "test_reference"):
        for node in ast.walk(ast.parse((ROOT / f"tests/unit/{name}.py").read_text())):
            if isinstance(node, ast.Name | ast.Constant):
                found.add(node.id if isinstance(node, ast.Name) else node.value)
    return found


FAMILY_OF = {name: family for family, names in kernels.index.FAMILIES for name in names}
OPERATION: dict[str, Callable[[str], bool]] = {
    "host/watchword/graph/operations.py": described,
    "host/watchword/reference/FAMILY.py": lambda name: supported(runs, name),
    "host/watchword/tflite/operations.py": reads,
    "host/watchword/tflite/forms.py": lambda name: supported(writes, name),
    "host/watchword/compile/lower/FAMILY.py": lambda name: supported(lower.lower, name),
    "host/watchword/compile/simplify/channels.py": flows,
    "host/watchword/compile/simplify/bounds.py": bounded,
    "tests/unit/random_graphs.py": lambda name: bool(examples(name)),
    "tests/unit/test_operations.py": lambda name: name in compared(),
    "tests/device/layers_data.py": lambda name: name in on_boards(),
}
KERNEL: dict[str, Callable[[str], bool]] = {
    "firmware/watchword/kernels/__init__.py": lambda name: name in FAMILY_OF,
    "firmware/watchword/kernels/FAMILY.py": lambda name: name in KERNELS,
    "firmware/watchword/kernels/FAMILY_plain.py": body("plain"),
    "firmware/watchword/kernels/FAMILY_viper.py": body("viper"),
    "firmware/watchword/kernels/FAMILY_thumb.py": body("thumb"),
    "host/watchword/compile/thumb/cost.py": has_cycles,
    "tests/kernel_cases.py": lambda name: name in cases(),
}


def missing(name: str, checks: dict[str, Callable[[str], bool]]) -> list[str]:
    """A line for each file that lacks it."""
    family = FAMILY_OF[name] if checks is KERNEL else "FAMILY"
    lacking = [path for path, is_there in checks.items() if not is_there(name)]
    return [f"{name} is missing in {path.replace('FAMILY', family)}: {listed()[path]}" for path in lacking]


@cache
def listed() -> dict[str, str]:
    """The files that CONTRIBUTING.md names, and what each has of an operation or kernel."""
    section = (ROOT / "CONTRIBUTING.md").read_text().split("\n## Adding an operation\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", section, re.MULTILINE))


def test_contributing_lists_the_files_that_are_checked_here() -> None:
    assert list(listed()) == [*OPERATION, *KERNEL]
    for path in listed():
        assert list(ROOT.glob(path.replace("FAMILY", "elementwise"))), path


@pytest.mark.parametrize("name", NAMES)
def test_an_operation_is_everywhere(name: str) -> None:
    lacking = missing(name, OPERATION)
    assert not lacking, "\n".join(lacking)


@pytest.mark.parametrize("name", FAMILY_OF)
def test_a_kernel_is_everywhere(name: str) -> None:
    lacking = missing(name, KERNEL)
    assert not lacking, "\n".join(lacking)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of the places, without it."""
    monkeypatch.delitem(reference._RUN, KINDS["Prelu"])
    monkeypatch.delitem(lower._WHOLE, KINDS["Prelu"])
    lines = missing("Prelu", {path: OPERATION[path] for path in list(OPERATION)[1:5]})
    assert [line.split(":")[0] for line in lines] == [
        "Prelu is missing in host/watchword/reference/FAMILY.py",
        "Prelu is missing in host/watchword/compile/lower/FAMILY.py",
    ]


def commands() -> list[str]:
    """As `listen`, `board start`."""
    found, groups = [], [("", typer.main.get_command(app))]
    for path, command in groups:
        if isinstance(command, TyperGroup):
            groups += [(f"{path} {name}".strip(), each) for name, each in command.commands.items()]
        else:
            found.append(path)
    return found


@pytest.mark.parametrize("name", commands())
def test_a_command_is_in_the_guide_and_is_run_by_a_test(name: str) -> None:
    guide = "\n".join(path.read_text() for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")))
    assert f"watchword {name}" in guide, f"docs/guide.md has no `watchword {name}`"
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    words = ", ".join(f'"{word}"' for word in name.split())
    assert words in tests, f"no test runs `watchword {name}`"
