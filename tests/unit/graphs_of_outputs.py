"""Graphs of several outputs: made at random, and those in which outputs meet what a model remembers."""

from __future__ import annotations

import numpy as np
from tests.unit.litert import tensor
from tests.unit.random_graphs import RandomGraph

from watchword.graph import Add, Graph, Lookup, Output, Reshape, State
from watchword.reference import lookup_table


def random_outputs(seed: int) -> Graph:
    """A random graph with up to three more outputs, of its layers, its input and its states, one of them perhaps twice."""
    made = RandomGraph(seed)
    graph = made.graph(6)
    graph.name = f"outputs{seed}"
    rng = np.random.default_rng(seed)
    found = [*(op.output for op in graph.operations), *(state.read for state in graph.states)]
    for place in rng.integers(0, len(found), rng.integers(1, 4)):
        graph.others.append(Output(found[place].name, found[place]))
    return graph


def past() -> Graph:
    """What a state was is an output as it is and in another shape, beside what it becomes: that is made in its place."""
    x, old, new, summed, turned = (
        tensor(name, shape, 0.1)
        for name, shape in (
            ("x", (1, 2, 8)), ("old", (1, 2, 8)), ("new", (1, 2, 8)), ("summed", (1, 2, 8)), ("turned", (1, 16)),
        )
    )  # fmt: skip
    operations = [
        Add(x, summed, old),
        Reshape(old, turned),
        Lookup(summed, new, "relu", lookup_table("relu", summed, new)),
    ]
    state = State("past", old, new, np.full((1, 2, 8), 7, np.int8))
    others = [Output("old", old), Output("turned", turned), Output("new", new)]
    return Graph("past", x, summed, operations, [state], others=others)
