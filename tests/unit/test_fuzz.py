"""Some two thousand damaged or hostile files; `make soak` has 585,000.

tests/fuzz makes them and says what is a fault; one number is all that it takes to see a case again.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuzz import board, damage, host, seeds

from watchword import description, tflite
from watchword.errors import WatchwordError
from watchword.kernels import KERNELS

HOST = {"tflite": 250, "compiled": 100, "program": 100, "toml": 150, "json": 100, "wav": 400, "csv": 200}
BOARD = {"program": 350, "model": 50}


@pytest.mark.parametrize("kind", HOST)
def test_the_host_refuses_or_runs_what_comes_from_outside(kind: str, root: Path) -> None:
    outcome = host.run(kind, range(HOST[kind]), root)
    assert not outcome.findings
    assert outcome.counts["refused"] > 0
    assert outcome.counts["ran"] + outcome.counts["read"] + outcome.counts["read with a note"] > HOST[kind] // 20


@pytest.mark.parametrize("kind", BOARD)
def test_a_board_refuses_or_runs_what_comes_from_outside(kind: str, root: Path, micropython: Path) -> None:
    outcome = board.run(kind, range(BOARD[kind]), root, micropython)
    assert not outcome.findings
    assert outcome.counts["refused"] > 0
    assert outcome.counts["ran"] > BOARD[kind] // 10
    if kind == "program":
        assert outcome.counts["ran plain"] > 0
        assert outcome.counts["heard"] > 0
    else:
        assert outcome.counts["equal to the reference"] == outcome.counts["ran"]


def test_what_is_damaged_has_every_operation_and_every_kernel() -> None:
    kinds = {type(op).__name__ for graph in seeds.graphs() for op in graph.operations}
    functions = {getattr(op, "function", None) for graph in seeds.graphs() for op in graph.operations}
    everything = (
        "Conv2D DepthwiseConv2D Dense AveragePool2D MaxPool2D Mean Add Subtract Multiply Prelu Lookup Reshape Transpose"
    )
    assert kinds == {*everything.split(), "Concatenation", "Slice", "Pad", "ResizeNearestNeighbor", "Softmax", "Svdf"}
    assert functions >= {"relu", "relu6", "leaky_relu", "hard_swish", "logistic", "tanh", "quantize"}
    assert any(graph.states for graph in seeds.graphs())
    used = {word for target in ("unix", "rp2040") for content in seeds.programs(target) for word in _kernels(content)}
    assert used == {kernel.number for kernel in KERNELS.values()}


def _kernels(content: bytes) -> list[int]:
    _, words = damage.steps(bytearray(content))
    found, i = [], 0
    while i < len(words):
        found.append(words[i])
        i += 6 + words[i + 5]
    return found


def test_what_hangs_dies_warns_or_takes_all_memory_is_a_finding(root: Path) -> None:
    outcome = host.run("fault", range(1, 7), root, seconds=1)
    assert outcome.counts == {"ran": 1}
    texts = dict(outcome.findings)
    assert "memory ran out" in texts[1]
    assert "more than" in texts[2]
    assert "died with" in texts[3]
    assert "overflow" in texts[4]
    assert "several lines" in texts[5]


def test_a_kernel_that_leaves_its_buffers_is_a_finding(root: Path, tmp_path: Path, micropython: Path) -> None:
    """Without the proofs, damaged programs are seen to write, or to read, beyond their buffers."""
    copy = tmp_path / "root"
    for name in ("firmware/watchword", "tests/device"):
        for path in (root / name).rglob("*.py"):
            (copy / path.relative_to(root)).parent.mkdir(parents=True, exist_ok=True)
            (copy / path.relative_to(root)).write_bytes(path.read_bytes())
    contract = copy / "firmware/watchword/kernels/contract.py"
    blind = "\n\nContract.holds = lambda self, rows, p, sizes: rows > 0 and min(p) >= 0 and len(p) >= len(self.fields)\n"
    contract.write_text(contract.read_text() + blind)
    outcome = board.run("program", range(200), copy, micropython)  # some of which crash, or not, as memory lies
    texts = [text for _, text in outcome.findings]
    assert any("wrote outside the arena" in text for text in texts)
    assert any("IndexError" in text for text in texts)


# What hypothesis finds it makes small.

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(damage.NUMBERS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
tables = st.fixed_dictionaries(
    {},
    optional={
        "name": values | st.just("a"),
        "labels": values | st.just(["a", "b"]),
        "background": values | st.just(["a"]),
        "kind": values | st.sampled_from(["sound", "picture"]),
        "frontend": values | st.fixed_dictionaries({}, optional=dict.fromkeys(("hop_ms", "tables", "pcan"), values)),
        "input": values | st.fixed_dictionaries({}, optional={"multiplier": values}),
        "decision": values | st.fixed_dictionaries({}, optional=dict.fromkeys(("cutoff", "window", "stride"), values)),
    },
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(tables)
def test_a_table_of_anything_is_a_description_or_refused(table: dict[str, object]) -> None:
    try:
        found = description.from_dict(table)
    except WatchwordError as error:
        host.refused(error)
        return
    assert description.from_dict(found.as_dict()) == found


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.randoms(use_true_random=False), st.sampled_from(range(seeds.GRAPHS)))
def test_damaged_bytes_are_a_model_or_refused(rng, number: int) -> None:
    content = seeds.models()[number]
    try:
        tflite.read(damage.file(rng, content, seeds.models()[0]), "fuzz")
    except WatchwordError as error:
        host.refused(error)
