"""The oracle: a graph run in NumPy integers, equal to LiteRT's reference kernels bit for bit.

Where TFLite Micro differs (FULLY_CONNECTED, LOGISTIC, TANH), LiteRT is followed. One module for each kind of operation,
with functions that give the compiler the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from watchword.errors import DataError, UnsupportedError
from watchword.graph import (
    Add,
    Graph,
    Mean,
    Multiply,
    Operation,
    Prelu,
    Softmax,
    State,
    Subtract,
    Svdf,
    Tensor,
    Weighted,
)
from watchword.reference import convolution, elementwise, movement, pooling
from watchword.reference.convolution import real_multiplier, requantize, rescale, sums
from watchword.reference.elementwise import lookup_table, product_multiplier, sum_multipliers
from watchword.reference.fixedpoint import (
    activation_range,
    multiply_by_quantized_multiplier,
    multiply_rounding_once,
    quantize_multiplier,
)
from watchword.reference.movement import nearest
from watchword.reference.pooling import mean_multiplier
from watchword.reference.softmax import EXCLUDED, softmax, softmax_exponentials
from watchword.reference.softmax import RUN as _SOFTMAX
from watchword.reference.svdf import RUN as _SVDF
from watchword.reference.svdf import initial_state, svdf, svdf_multipliers

__all__ = [
    "EXCLUDED",
    "activation_range",
    "check",
    "lookup_table",
    "mean_multiplier",
    "multiply_by_quantized_multiplier",
    "multiply_rounding_once",
    "nearest",
    "product_multiplier",
    "quantize_multiplier",
    "real_multiplier",
    "requantize",
    "rescale",
    "run",
    "run_layers",
    "run_operation",
    "run_outputs",
    "softmax",
    "softmax_exponentials",
    "stream",
    "sum_multipliers",
    "sums",
    "svdf_multipliers",
]

# What computes each kind of operation; every family says it of its own.
_RUN: Mapping[type[Operation], Callable[..., NDArray[np.int8]]] = {
    **convolution.RUN,
    **pooling.RUN,
    **elementwise.RUN,
    **movement.RUN,
    **_SOFTMAX,
    **_SVDF,
}
_SAMPLES_AT_ONCE = 32  # bounds the memory of the patches of a convolution


def run(graph: Graph, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """The output (samples, *output shape without batch) for x int8 (samples, *input shape, with or without batch).

    The samples are independent; only those of a graph that keeps state are consecutive steps, the first one after a reset.
    DataError: x has another shape or dtype.
    """
    return run_outputs(graph, x)[0]


def run_outputs(graph: Graph, x: NDArray[np.int8]) -> list[NDArray[np.int8]]:
    """All of graph.outputs, each as `run` gives the first; same errors."""
    tensors = [output.tensor for output in graph.outputs]
    blocks = [[values[tensor] for tensor in tensors] for values in _blocks(graph, x)]
    empty = [np.empty((0, *tensor.shape[1:]), np.int8) for tensor in tensors]
    return [np.concatenate(parts) for parts in zip(empty, *blocks, strict=True)]


def stream(graph: Graph, samples: Iterable[NDArray[np.int8]]) -> Iterator[NDArray[np.int8]]:
    """The output int8 (*output shape without batch) for each sample int8 (*input shape without batch), as they come.

    The same as `run` of all of them; same errors.
    """
    for values in _values(graph, (sample[np.newaxis] for sample in samples)):
        yield values[graph.output][0]


def run_layers(graph: Graph, x: NDArray[np.int8]) -> list[NDArray[np.int8]]:
    """The outputs of all operations, in the order of `graph.operations`, each as `run` gives the last; same errors."""
    blocks = list(_blocks(graph, x))
    return [
        np.concatenate([np.empty((0, *op.output.shape[1:]), np.int8), *(values[op.output] for values in blocks)])
        for op in graph.operations
    ]


def check(op: Operation) -> None:
    """ModelError: the scales of an operation are too far apart for its integers. UnsupportedError: as `rescale`."""
    match op:
        case Weighted():
            rescale(op)
        case Add() | Subtract():
            sum_multipliers(op)
        case Multiply() | Prelu():
            product_multiplier(op)
        case Mean():
            mean_multiplier(op)
        case Svdf():
            svdf_multipliers(op)
        case Softmax():
            softmax_exponentials(op)


def run_operation(op: Operation, *x: NDArray[np.int8]) -> NDArray[np.int8]:
    """One operation: for each of op.inputs int8 (samples, *shape without batch), or the data of a constant, whole.

    The result is int8 (samples, *output shape without batch). The samples of an Svdf are steps after a reset.
    """
    if type(op) not in _RUN:
        raise UnsupportedError(f"{op.kind} {op.output.name!r}: the reference cannot run this operation")
    return _RUN[type(op)](op, *x)


def _blocks(graph: Graph, x: NDArray[np.int8]) -> Iterator[dict[Tensor, NDArray[np.int8]]]:
    """The values of all tensors that flow, for some samples at a time."""
    _check(graph, x)
    at_once = 1 if graph.states else _SAMPLES_AT_ONCE
    return _values(graph, (x[start : start + at_once] for start in range(0, len(x), at_once)))


def _check(graph: Graph, x: NDArray[np.int8]) -> None:
    shape = graph.input.shape
    if x.dtype != np.int8 or x.shape[1:] not in (shape, shape[1:]) or x.ndim < 2:
        raise DataError(f"{graph.name} takes int8 samples of shape {shape[1:]}, not {x.dtype} of shape {x.shape[1:]}")


def _values(graph: Graph, blocks: Iterable[NDArray[np.int8]]) -> Iterator[dict[Tensor, NDArray[np.int8]]]:
    """The same for each block of samples, of one where the graph keeps state."""
    shape = graph.input.shape
    states: dict[State, NDArray[np.int8]] = {state: state.initial[0][np.newaxis] for state in graph.states}
    memories = {op: initial_state(op) for op in graph.operations if isinstance(op, Svdf)}
    for block in blocks:
        _check(graph, block)
        values = {graph.input: block.reshape(len(block), *shape[1:])}
        values.update((state.read, value) for state, value in states.items())
        for op in graph.operations:
            if isinstance(op, Svdf):
                values[op.output], memories[op] = svdf(op, values[op.input], memories[op])
            else:
                values[op.output] = run_operation(op, *(_value(tensor, values) for tensor in op.inputs))
        states = {state: values[state.assigned] for state in states}
        yield values


def _value(tensor: Tensor, values: dict[Tensor, NDArray[np.int8]]) -> NDArray[np.int8]:
    return values[tensor] if tensor.data is None else tensor.data.astype(np.int8)
