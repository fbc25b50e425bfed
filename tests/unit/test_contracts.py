"""Kernels are told apart, called and given their parameters by name: what contracts say is what bodies and compiler do."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from watchword import kernels
from watchword.firmware import parameters
from watchword.kernels import FAMILIES, KERNELS

POSITION = re.compile(r"\b(p|q|parameters)\[-?\d|\[(r\d+|p), 4 \* \d")


@pytest.mark.parametrize("path", parameters.bodies(), ids=lambda path: path.name)
def test_bodies_have_the_places_of_their_contract(path: Path) -> None:
    """`make parameters` writes them."""
    assert path.read_text() == parameters.written(path.read_text())


def test_a_body_that_needs_a_place_gets_it() -> None:
    head = "# Parameters of kernels/softmax.py, written by `make parameters`:\n"
    found = parameters.written(f"import x\n\n{head}_OLD = const(3)\n\n\ndef f(p):\n    return p[_DEPTH] + p[_OUTPUT]\n")
    assert (
        found == f"import x\n\n{head}_OUTPUT = const(1)\n_DEPTH = const(2)\n\n\ndef f(p):\n    return p[_DEPTH] + p[_OUTPUT]\n"
    )


def test_one_name_has_one_place_in_a_family() -> None:
    for family in (*FAMILIES, "contract"):
        assert parameters.places(family)


def test_no_parameter_is_used_by_position(root: Path) -> None:
    folders = ("firmware/watchword", "host/watchword/compile", "tests")
    found = [
        f"{path.relative_to(root)}:{number}: {line.strip()}"
        for folder in folders
        for path in sorted((root / folder).rglob("*.py"))
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if POSITION.search(line)
    ]
    assert not found, "\n".join(found)


def test_every_kernel_has_a_number_of_its_own_that_board_and_host_read_alike() -> None:
    assert len({kernel.number for kernel in KERNELS.values()}) == len(KERNELS)
    for kernel in KERNELS.values():
        assert kernels.index.kernel(kernel.number) == (kernel.family, kernel.name)
    for _, names in kernels.index.FAMILIES:
        assert set(names) <= KERNELS.keys()


def functions(path: Path) -> dict[str, list[str]]:
    """The arguments of a file's functions."""
    return {
        node.name: [argument.arg for argument in node.args.args]
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef)
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_all_bodies_of_a_kernel_are_called_alike(root: Path, family: str) -> None:
    folder = root / "firmware/watchword/kernels"
    for contract in kernels.module(family).CONTRACTS:
        languages = [language for language in ("plain", "viper", "thumb") if (folder / f"{family}_{language}.py").exists()]
        found = {language: functions(folder / f"{family}_{language}.py").get(contract.name) for language in languages}
        bodies = {language: arguments for language, arguments in found.items() if arguments is not None}
        assert bodies, f"{contract.name} has no body"
        for language, arguments in bodies.items():
            wanted = ["r0", "r1", "r2", "r3"] if language == "thumb" else ["p", "arena", "constants", "rows"]
            assert arguments == wanted, f"{family}_{language}.py: {contract.name}"
        if "plain" in bodies or "viper" in bodies:
            assert {"plain", "viper"} <= bodies.keys(), f"{contract.name} has one body of two that every chip needs"
