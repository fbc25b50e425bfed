"""The firmware's plain kernels and its check of bounds, run by CPython; tests/device runs them and viper on boards."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from tests import kernel_cases
from tests.kernel_cases import Case

HOSTILE = (0, 1, 3, 16, 255, 4096, 0x7FFFFFF0, -1, -5000)


class Firmware:
    """The firmware's kernels with their plain bodies, and its `bounds`."""

    def __init__(self, kernels: ModuleType, bounds: ModuleType) -> None:
        self.kernels = kernels
        self.bounds = bounds
        self.load = importlib.import_module("watchword.kernels.layers").load

    def number(self, case: Case) -> int:
        number: int = getattr(self.kernels, case.kernel)
        return number

    def check(self, case: Case, rows: int, p: list[int]) -> bool:
        sizes = (len(case.arena), len(case.constants), 0)
        accepted: bool = self.bounds.check(self.number(case), rows, array("i", p), *sizes)
        return accepted

    def run(self, case: Case, rows: int, p: list[int]) -> bytearray:
        kernel: Callable[..., None] = self.load([self.number(case)])[self.number(case)][0]
        arena, constants = Guarded(case.arena), Guarded(case.constants)
        for row in range(rows):
            kernel(array("i", p), arena, constants, row, row + 1)
        return arena


class Guarded(bytearray):
    """Bytes of which none is found at a negative place."""

    def __getitem__(self, i):
        if isinstance(i, int) and i < 0:
            raise IndexError(i)
        return super().__getitem__(i)

    def __setitem__(self, i, value):
        if isinstance(i, int) and i < 0:
            raise IndexError(i)
        super().__setitem__(i, value)


@pytest.fixture(scope="module")
def firmware(root: Path) -> Iterator[Firmware]:
    """In CPython the host's package has the firmware's name: put only these modules in their place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "micropython", SimpleNamespace(const=lambda value: value))
        for missing in ("buffers_viper", "walk_thumb"):
            patch.setitem(sys.modules, f"watchword.kernels.{missing}", None)
        kernels = put(patch, "watchword.kernels", root / "firmware/watchword/kernels/__init__.py")
        bounds = put(patch, "watchword.bounds", root / "firmware/watchword/bounds.py")
        yield Firmware(kernels, bounds)
    for name in [name for name in sys.modules if name.startswith("watchword.kernels.")]:
        del sys.modules[name]


def put(patch: pytest.MonkeyPatch, name: str, path: Path) -> ModuleType:
    folder = [str(path.parent)] if path.stem == "__init__" else None
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=folder)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    patch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("kind", kernel_cases.MAKERS)
def test_plain_equals_reference_and_changes_nothing_else(kind: str, firmware: Firmware) -> None:
    changed = 0
    for case in kernel_cases.cases(kind):
        assert len(case.p) == firmware.kernels.LENGTHS[firmware.number(case)]
        assert firmware.check(case, case.rows, case.p), case.name
        arena = firmware.run(case, case.rows, case.p)
        for at, size in case.scratch:
            arena[at : at + size] = case.expected[at : at + size]
        assert arena == case.expected, case.name
        changed += case.expected != case.arena
    assert changed > 1


@pytest.mark.parametrize("kind", kernel_cases.MAKERS)
def test_what_the_bounds_accept_stays_in_its_buffers(kind: str, firmware: Firmware) -> None:
    """Every parameter of a step, and its rows, set to what may hurt."""
    accepted = refused = 0
    for case in list(kernel_cases.cases(kind))[::4]:
        for i in range(-1, len(case.p)):
            before = case.rows if i < 0 else case.p[i]
            for value in (*HOSTILE, before - 1, before + 1, before * 2 + 2):
                p = list(case.p)
                rows = case.rows
                if i < 0:
                    rows = value
                else:
                    p[i] = value
                if firmware.check(case, rows, p):
                    firmware.run(case, rows, p)
                    accepted += 1
                else:
                    refused += 1
    assert accepted > 10
    assert refused > 10


WORK_SPACE = {"conv": (7, 25), "depthwise": (7, 25), "mean": (7,), "add": (7,), "softmax": (4,), "svdf": (7, 17)}


@pytest.mark.parametrize("kind", WORK_SPACE)
def test_work_space_must_lie_in_the_arena(kind: str, firmware: Firmware) -> None:
    """The plain kernels do not use it."""
    for case in kernel_cases.cases(kind):
        sizes = dict(case.scratch)
        for i in WORK_SPACE[kind]:
            room = len(case.arena) - sizes[case.p[i]] & ~7
            for value, fits in ((room, True), (room + 8, False), (len(case.arena) + 64, False)):
                p = list(case.p)
                p[i] = value
                assert firmware.check(case, case.rows, p) == fits, (case.name, i)


@pytest.mark.parametrize("kind", WORK_SPACE)
def test_sums_and_rescales_lie_on_words(kind: str, firmware: Firmware) -> None:
    for case in kernel_cases.cases(kind):
        for i in (3, 4) if kind == "softmax" else (5, 7):
            for less in (1, 2, 3):
                p = list(case.p)
                p[i] -= less
                assert not firmware.check(case, case.rows, p), (case.name, i)


@pytest.mark.parametrize(
    ("kind", "index", "value"),
    [
        *(("conv", index, 256) for index in (2, 3, 4, 23)),
        ("conv", 8, 2),
        *(("conv", index, value) for index in (15, 16, 17, 18, 21, 22) for value in (0, 1 << 15)),
        ("conv", 19, 1 << 15),
        ("conv", 27, 0),
        ("conv", 28, 0),
        *(("max_pool", index, 256) for index in (2, 3)),
        ("max_pool", 14, 99),
        ("max_pool", 19, 99),
        ("add", 10, 2),
        ("multiply", 22, 256),
        ("multiply", 23, 256),
        ("copy", 2, 2),
        ("fill", 2, 256),
        ("softmax", 2, 2048),
        ("svdf", 18, 4),
        ("svdf", 9, 32),  # more inputs than its patch has room for
        *(("svdf", index, 0) for index in (9, 10, 11, 12)),
    ],
)
def test_what_no_layer_has_is_refused(kind: str, index: int, value: int, firmware: Firmware) -> None:
    """Even where a kernel would take no harm."""
    for case in kernel_cases.cases(kind):
        p = list(case.p)
        p[index] = value
        assert not firmware.check(case, case.rows, p), case.name


@pytest.mark.parametrize("kind", kernel_cases.MAKERS)
def test_hostile_constants_and_inputs_are_harmless(kind: str, firmware: Firmware) -> None:
    """Multipliers, shifts, biases and tables are data: whatever they are, a step stays in its buffers and ends."""
    rng = np.random.default_rng(5)
    for case in list(kernel_cases.cases(kind))[::3]:
        size = len(case.constants) // 4
        words = rng.choice(np.array([-(2**31), -1, 0, 1, 31, 32, 64, 2**30, 2**31 - 1], np.int32), size)
        bad = Case(**{**vars(case), "constants": words.tobytes()})
        firmware.run(bad, case.rows, case.p)


def test_the_bounds_of_a_copy_are_exact(firmware: Firmware) -> None:
    rng = np.random.default_rng(7)
    accepted = 0
    for _ in range(3000):
        size = 40
        sizes = rng.integers(1, 4, 4)
        steps, to_steps = rng.integers(-5, 6, 4), rng.integers(-5, 6, 4)
        at, to = (int(v) for v in rng.integers(0, size, 2))
        p = [at, to, 0, *sizes[1:], *steps, *to_steps]
        grid = np.indices(sizes).reshape(4, -1)
        places = np.concatenate([at + steps @ grid, to + to_steps @ grid])
        inside = places.min() >= 0 and places.max() < size and sizes.prod() <= size
        case = Case("copy", "COPY", int(sizes[0]), [], bytes(size), b"", b"", [])
        assert firmware.check(case, case.rows, [int(v) for v in p]) == inside, p
        accepted += inside
    assert accepted > 100


@pytest.mark.parametrize(
    ("p", "rows", "fits"),
    [
        ([0, 0, 8], 1, True),
        ([92, 8, 8], 1, True),
        ([93, 8, 8], 1, False),
        ([92, 9, 8], 1, False),
        ([0, 0, 0], 1, False),
        ([0, 0, 8], 2, False),
        ([-1, 0, 8], 1, False),
    ],
)
def test_weights_are_read_into_the_arena_only(p: list[int], rows: int, fits: bool, firmware: Firmware) -> None:
    assert firmware.bounds.check(firmware.kernels.READ, rows, array("i", p), 16, 0, 100) == fits


def test_kernels_that_are_none_are_refused(firmware: Firmware) -> None:
    for number in (0, 99, -1):
        assert not firmware.bounds.check(number, 1, array("i", [0] * 29), 1000, 1000, 0)
