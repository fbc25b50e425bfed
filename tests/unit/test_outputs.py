"""Models of several outputs: each equals LiteRT's, is written and read back, and lies where the program says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray
from tests.unit.command import Command
from tests.unit.graphs_of_outputs import past, random_outputs
from tests.unit.litert import tensor
from tests.unit.random_graphs import random_inputs

from watchword import reference, tflite
from watchword.compile.simplify import simplify
from watchword.data.tensors import distinct
from watchword.graph import Graph, Lookup, Output
from watchword.reference import lookup_table


def litert(content: bytes, x: NDArray[np.int8]) -> list[list[NDArray[np.generic]]]:
    """For each sample, one step after another, all outputs of a file in its order."""
    interpreter = Interpreter(model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]
    rows = []
    for sample in x:
        interpreter.set_tensor(given["index"], sample.reshape(given["shape"]))
        interpreter.invoke()
        rows.append([interpreter.get_tensor(detail["index"]).copy() for detail in interpreter.get_output_details()])
    return rows


def two_ends() -> Graph:
    """int8, and beside it uint8 and float32 of one tensor."""
    x, y, z = (tensor(name, (1, 6), 0.1, zero) for name, zero in (("x", 3), ("y", 3), ("z", -5)))
    operations = [Lookup(x, y, "relu", lookup_table("relu", x, y)), Lookup(y, z, "tanh", lookup_table("tanh", y, z))]
    return Graph("ends", x, y, operations, others=[Output("real", z, "float32"), Output("bytes", z, "uint8")])


@pytest.mark.parametrize("seed", range(24))
def test_every_output_is_litert_s_as_written_and_simplified(seed: int) -> None:
    graph = random_outputs(seed)
    x = random_inputs(graph, seed, 3)
    left = simplify(graph).graph
    assert [output.name for output in left.outputs] == [output.name for output in graph.outputs]
    for some in (graph, left):
        made = reference.run_outputs(some, x)
        for i, row in enumerate(litert(tflite.write(some), x)):
            for output, ours, theirs in zip(some.outputs, made, row, strict=True):
                np.testing.assert_array_equal(ours[i].ravel(), theirs.ravel(), err_msg=output.name)
    for ours, theirs in zip(reference.run_outputs(left, x), reference.run_outputs(graph, x), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("graph", [past(), two_ends()], ids=["past", "ends"])
def test_a_file_that_is_read_is_written_with_the_same_outputs(graph: Graph) -> None:
    content = tflite.write(graph)
    again = tflite.read(content)
    assert [(o.name, o.type, o.tensor.shape) for o in again.outputs[1:]] == [
        (o.name, o.type, o.tensor.shape) for o in graph.outputs[1:]
    ]
    assert tflite.write(again) == content
    x = random_inputs(graph, 1, 3)
    for ours, theirs in zip(reference.run_outputs(again, x), reference.run_outputs(graph, x), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_run_writes_each_output_by_its_name_in_the_file(command: Command, tmp_path: Path) -> None:
    graph = two_ends()
    (tmp_path / "ends.tflite").write_bytes(tflite.write(graph))
    x = random_inputs(graph, 1, 3)
    np.save(tmp_path / "x.npy", x)
    run = ("run", tmp_path / "ends.tflite", "-i", tmp_path / "x.npy", "--on", "reference")
    done = command(*run, "-o", tmp_path / "y.npz")
    assert done.out.splitlines() == [
        f"{tmp_path / 'y.npz'}: 3 outputs of {len(x)} samples",
        "  y: 6, int8",
        "  real: 6, float32",
        "  bytes: 6, uint8",
    ]
    with np.load(tmp_path / "y.npz") as held:
        assert held.files == ["y", "real", "bytes"]
        for i, row in enumerate(litert(tflite.write(graph), x)):
            for name, theirs in zip(held.files, row, strict=True):
                np.testing.assert_array_equal(held[name][i], theirs[0])
    said = json.loads(command(*run, "-o", tmp_path / "y.npz", "--json").out)
    assert said["outputs"]["real"] == {"shape": [6], "dtype": "float32"}
    refused = command(*run, "-o", tmp_path / "y.npy", status=1).error
    assert "3 outputs" in refused
    assert ".npz" in refused


def test_what_needs_a_classifier_refuses_several_outputs_in_a_line_and_inspect_shows_them(
    command: Command, tmp_path: Path
) -> None:
    (tmp_path / "ends.tflite").write_bytes(tflite.write(two_ends()))
    error = command("push", tmp_path / "ends.tflite", "--on", "unix", status=1).error
    assert "it has 3 outputs (6, 6, 6), and so it is no classifier: `watchword run` and `bench` are for it" in error
    found = json.loads(command("inspect", tmp_path / "ends.tflite", "--json").out)
    assert [(output["name"], output["type"]) for output in found["outputs"]] == [
        ("y", "int8"),
        ("real", "float32"),
        ("bytes", "uint8"),
    ]
    assert found["output"] == found["outputs"][0]
    assert "y 6, real 6, bytes 6" in command("inspect", tmp_path / "ends.tflite").out


def test_names_that_are_given_twice_are_told_apart() -> None:
    assert distinct(["a", "b"]) == ["a", "b"]
    assert distinct(["a", "a", "", ""]) == ["a", "a_1", "output", "output_3"]
    assert len(set(distinct(["a", "a", "a_1"]))) == 3
