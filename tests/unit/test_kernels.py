"""The contracts of the firmware's kernels and their plain bodies, run by CPython; tests/device runs all bodies on boards."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests import kernel_cases
from tests.kernel_cases import Case

from watchword import kernels
from watchword.errors import ModelError
from watchword.kernels import KERNELS

HOSTILE = (0, 1, 3, 16, 255, 4096, 0x7FFFFFF0, -1, -5000)


def safe(case: Case, rows: int, p: list[int], weights: int = 0) -> bool:
    """What the board says of a step."""
    contract = contract_of(case.kernel)
    accepted: bool = contract.holds(rows, array("i", p), (len(case.arena), len(case.constants), weights))
    return accepted


def contract_of(kernel: str) -> Any:
    return next(c for c in kernels.module(KERNELS[kernel].family).CONTRACTS if c.name == kernel)


def run(case: Case, rows: int, p: list[int]) -> bytearray:
    """The plain body, row by row; the arena afterwards."""
    body: Callable[..., None] = getattr(kernels.module(f"{KERNELS[case.kernel].family}_plain"), case.kernel)
    arena, constants = Guarded(case.arena), Guarded(case.constants)
    for row in range(rows):
        body(array("i", p), arena, constants, row + 1 << 16 | row)
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


@pytest.fixture(scope="module", autouse=True)
def micropython() -> Iterator[None]:
    """What the plain bodies ask of MicroPython."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "micropython", SimpleNamespace(const=lambda value: value))
        yield


@pytest.mark.parametrize("kind", kernel_cases.MAKERS)
def test_plain_equals_reference_and_changes_nothing_else(kind: str) -> None:
    changed = 0
    for case in kernel_cases.cases(kind):
        assert len(case.p) == len(KERNELS[case.kernel].fields)
        assert safe(case, case.rows, case.p), case.name
        arena = run(case, case.rows, case.p)
        for at, size in case.scratch:
            arena[at : at + size] = case.expected[at : at + size]
        assert arena == case.expected, case.name
        changed += case.expected != case.arena
    assert changed > 1


@pytest.mark.parametrize("kind", kernel_cases.MAKERS)
def test_what_the_contracts_accept_stays_in_its_buffers(kind: str) -> None:
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
                if safe(case, rows, p):
                    run(case, rows, p)
                    accepted += 1
                else:
                    refused += 1
    assert accepted > 10
    assert refused > 10


WORK_SPACE = {
    "conv": ("sums", "patch"),
    "depthwise": ("sums", "patch"),
    "mean": ("sums",),
    "add": ("sums",),
    "prelu": ("sums",),
    "softmax": ("scratch",),
    "svdf": ("sums", "patch"),
}


@pytest.mark.parametrize("kind", WORK_SPACE)
def test_work_space_must_lie_in_the_arena(kind: str) -> None:
    """The plain kernels do not use it."""
    for case in kernel_cases.cases(kind):
        sizes = dict(case.scratch)
        for name in WORK_SPACE[kind]:
            i = case.at(name)
            room = len(case.arena) - sizes[case.p[i]] & ~7
            for value, fits in ((room, True), (room + 8, False), (len(case.arena) + 64, False)):
                p = list(case.p)
                p[i] = value
                assert safe(case, case.rows, p) == fits, (case.name, name)


@pytest.mark.parametrize("kind", WORK_SPACE)
def test_sums_and_rescales_lie_on_words(kind: str) -> None:
    for case in kernel_cases.cases(kind):
        for name in ("table", "scratch") if kind == "softmax" else ("rescale", "sums"):
            for less in (1, 2, 3):
                p = list(case.p)
                p[case.at(name)] -= less
                assert not safe(case, case.rows, p), (case.name, name)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        *(("conv", name, 256) for name in ("minimum", "maximum", "zero_point", "input_zero_point")),
        ("conv", "round_once", 2),
        *(
            ("conv", name, value)
            for name in ("kernel_height", "kernel_width", "stride_y", "stride_x", "dilation_y", "dilation_x")
            for value in (0, 1 << 15)
        ),
        ("conv", "padding_top", 1 << 15),
        ("conv", "input_step", 0),
        ("conv", "output_step", 0),
        *(("max_pool", name, 256) for name in ("minimum", "maximum")),
        ("max_pool", "output_channels", 99),
        ("max_pool", "padding_top", 99),
        ("add", "other_is_constant", 2),
        ("multiply", "input_zero_point", 256),
        ("multiply", "other_zero_point", 256),
        ("prelu", "positive_table", 1 << 20),
        ("copy", "input_is_constant", 2),
        ("fill", "value", 256),
        ("softmax", "depth", 2048),
        ("svdf", "patch_size", 4),
        ("svdf", "inputs", 32),  # more than its patch has room for
        *(("svdf", name, 0) for name in ("inputs", "units", "rank", "memory")),
    ],
)
def test_what_no_layer_has_is_refused(kind: str, name: str, value: int) -> None:
    """Even where a kernel would take no harm."""
    for case in kernel_cases.cases(kind):
        p = list(case.p)
        p[case.at(name)] = value
        assert not safe(case, case.rows, p), case.name


@pytest.mark.parametrize("kind", kernel_cases.MAKERS)
def test_every_range_is_held(kind: str) -> None:
    """By the board, and by the host as it packs."""
    for case in list(kernel_cases.cases(kind))[:3]:
        kernel = KERNELS[case.kernel]
        for name, (least, greatest) in kernel.fields.items():
            for value in (least - 1, greatest + 1):
                p = list(case.p)
                p[case.at(name)] = value
                assert not safe(case, case.rows, p), (case.name, name)
                with pytest.raises(ModelError, match=f"{kernel.name}: {name} is {value}: the kernel takes"):
                    kernel.packed(kernel.named(p))


@pytest.mark.parametrize("kind", kernel_cases.MAKERS)
def test_hostile_constants_and_inputs_are_harmless(kind: str) -> None:
    """Multipliers, shifts, biases and tables are data: whatever they are, a step stays in its buffers and ends."""
    rng = np.random.default_rng(5)
    for case in list(kernel_cases.cases(kind))[::3]:
        size = len(case.constants) // 4
        words = rng.choice(np.array([-(2**31), -1, 0, 1, 31, 32, 64, 2**30, 2**31 - 1], np.int32), size)
        bad = Case(**{**vars(case), "constants": words.tobytes()})
        run(bad, case.rows, case.p)


def test_the_proof_of_a_copy_is_exact() -> None:
    rng = np.random.default_rng(7)
    accepted = 0
    for _ in range(3000):
        size = 40
        sizes = rng.integers(1, 4, 4)
        steps, to_steps = rng.integers(-5, 6, 4), rng.integers(-5, 6, 4)
        at, to = (int(v) for v in rng.integers(0, size, 2))
        places_of = {"input": at, "output": to, "input_is_constant": 0}
        axes = kernel_cases.steps_of("input", steps) | kernel_cases.steps_of("output", to_steps)
        p = list(KERNELS["copy"].packed(places_of | kernel_cases.shape(sizes[1:]) | axes))
        grid = np.indices(sizes).reshape(4, -1)
        places = np.concatenate([at + steps @ grid, to + to_steps @ grid])
        inside = places.min() >= 0 and places.max() < size and sizes.prod() <= size
        case = Case("copy", "copy", int(sizes[0]), [], bytes(size), b"", b"", [])
        assert safe(case, case.rows, p) == inside, p
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
def test_weights_are_read_into_the_arena_only(p: list[int], rows: int, fits: bool) -> None:
    assert safe(Case("read", "read", rows, p, bytes(16), b"", b"", []), rows, p, weights=100) == fits


def test_kernels_that_are_none_are_refused() -> None:
    for number in (0, -1, 0x0F, 0x6F, 0xA1, 1 << 20):
        with pytest.raises(LookupError):
            kernels.index.kernel(number)
