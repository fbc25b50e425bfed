"""What a chip is stands in its file under chips/, and nowhere else in the package."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from watchword import firmware
from watchword.chips import CHIPS, PORTABLE, SOURCE, named
from watchword.chips.rp2040 import RP2040
from watchword.cli import app
from watchword.compile import compile
from watchword.description import Description
from watchword.errors import ModelError
from watchword.graph import Conv2D, Graph, Tensor
from watchword.kernels import FAMILIES
from watchword.model import keywords

NAMES = {chip.name for chip in CHIPS.values()} - {PORTABLE.name}
ARCHITECTURES = {chip.architecture for chip in CHIPS.values()} - {SOURCE}
HARDWARE = ("chips", "board/virtual")  # what names some: a virtual board is one of a chip
NUMBERED = "firmware/mpy.py"  # architectures, as MicroPython numbers them


def words(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Names and strings in code, docstrings left out."""
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Constant(str(text)) if id(node) not in prose:
                yield node.lineno, text
            case ast.Name(name) | ast.Attribute(_, name) | ast.arg(name) | ast.keyword(str(name)):
                yield node.lineno, name.lower()
            case ast.alias(name):
                yield node.lineno, name.replace(".", " ").lower()


def test_nothing_else_knows_a_chip_by_its_name(root: Path) -> None:
    package = root / "host/watchword"
    found = []
    for path in sorted(package.rglob("*.py")):
        place = path.relative_to(package).as_posix()
        if place.startswith(HARDWARE):
            continue
        known = NAMES if place == NUMBERED else NAMES | ARCHITECTURES
        for line, text in words(ast.parse(path.read_text())):
            found += [f"{place}:{line}: {name}" for name in known & set(re.findall(r"\w+", text))]
    assert not found


def test_nothing_else_compares_with_the_name_of_any_chip(root: Path) -> None:
    """The portable one shares its name with a virtual board, which may be named."""
    package = root / "host/watchword"
    found = []
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            of: list[ast.expr] = []
            if isinstance(node, ast.Compare):
                of = [node.left, *node.comparators]
            elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("named", "compile"):
                of = node.args
            names = [part.value for expression in of for part in ast.walk(expression) if isinstance(part, ast.Constant)]
            found += [f"{path.relative_to(package)}:{part}" for part in names if part in CHIPS]
    assert set(found) <= {"cli/setup.py:unix"}  # the virtual board


def test_boards_tell_the_names_that_the_host_knows(root: Path) -> None:
    (target,) = (
        node
        for node in ast.parse((root / "firmware/watchword/board.py").read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name == "target"
    )
    told = {node.value for node in ast.walk(target) if isinstance(node, ast.Constant)}
    assert set(CHIPS) <= told
    assert all(len(name) <= 8 for name in CHIPS)  # the field of a program's header


def test_every_kernel_file_is_of_a_set_that_a_chip_runs(root: Path) -> None:
    sets = {name for chip in CHIPS.values() for name in chip.kernels}
    files = {path.stem for path in (root / "firmware/watchword/kernels").glob("*_*.py")} - {"__init__", *FAMILIES}
    assert {name.rpartition("_")[2] for name in files} == sets
    assert set(firmware.NATIVE) == ARCHITECTURES


def test_a_name_that_is_no_chips_is_refused_in_one_line_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="target 'z80' is not known; known: rp2040, rp2350, .*, unix"):
        named("z80")
    result = CliRunner().invoke(app, ["compile", str(keywords()), "-o", str(tmp_path / "x.ww"), "--target", "z80"])
    assert isinstance(result.exception, ModelError)
    assert not (tmp_path / "x.ww").exists()


@pytest.mark.parametrize("chip", CHIPS.values(), ids=CHIPS)
def test_a_program_is_for_its_chip_and_costs_are_known_where_its_clock_is(chip: object) -> None:
    assert isinstance(chip, type(RP2040))
    x, y = (Tensor(name, (1, 4, 4, 8), np.dtype(np.int8), np.array([0.1], np.float32)) for name in "xy")
    data = np.arange(-32, 32, dtype=np.int8).reshape(8, 1, 1, 8)
    weights = Tensor("w", data.shape, data.dtype, np.array([0.01], np.float32), data=data)
    compiled = compile(Graph("g", x, y, [Conv2D(x, y, weights, None)]), Description("g", tuple("abcdefgh")), chip)
    assert compiled.program.target == chip.name
    assert (compiled.cycles > 0) == (chip.hz is not None)
