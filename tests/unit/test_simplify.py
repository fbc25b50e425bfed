"""Exact simplification: each rule where it must act, where it must not, and all of them on graphs at random."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.unit import test_tflite
from tests.unit.litert import compared, output_shape, samples, seeds, tensor
from tests.unit.random_graphs import RandomGraph, random_inputs

from watchword import reference, tflite
from watchword.compile.simplify import Simplified, simplify
from watchword.compile.simplify.bounds import bounds
from watchword.compile.simplify.merge import first_sums
from watchword.graph import (
    Activation,
    Add,
    AveragePool2D,
    Concatenation,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Function,
    Graph,
    Lookup,
    Margins,
    MaxPool2D,
    Operation,
    Pad,
    Reshape,
    Rule,
    Slice,
    State,
    Subtract,
    Tensor,
    Transpose,
)


def constant(name: str, data: NDArray[np.generic], scale: float = 1.0) -> Tensor:
    return Tensor(name, data.shape, data.dtype, np.array([scale], np.float32), data=data)


def conv(
    x: Tensor,
    name: str,
    weights: NDArray[np.int8],
    bias: list[int] | None = None,
    *,
    scale: float = 1.0,
    zero_point: int = -128,
    padding: Rule = "valid",
    activation: Activation = "relu",
) -> Conv2D:
    """With a factor of input scale / scale; weights (out, h, w, in)."""
    shape = output_shape(x.shape[1:3], weights.shape[1:3], (1, 1), (1, 1), padding, len(weights))
    made = None if bias is None else constant(f"{name}/bias", np.array(bias, np.int32))
    return Conv2D(
        x,
        tensor(name, shape, scale, zero_point),
        constant(f"{name}/weights", weights.astype(np.int8)),
        made,
        padding=padding,
        activation=activation,
    )


def depthwise(x: Tensor, name: str, padding: Rule = "same") -> DepthwiseConv2D:
    weights = np.ones((1, 3, 3, x.shape[3]), np.int8)
    shape = output_shape(x.shape[1:3], (3, 3), (1, 1), (1, 1), padding, x.shape[3])
    return DepthwiseConv2D(x, tensor(name, shape, 9.0, -128), constant(f"{name}/weights", weights), None, padding=padding)


def lookup(x: Tensor, name: str, function: Function, scale: float, zero_point: int) -> Lookup:
    output = tensor(name, x.shape, scale, zero_point)
    return Lookup(x, output, function, reference.lookup_table(function, x, output))


def pixels(channels: int = 2, size: int = 4, zero_point: int = 0) -> Tensor:
    return tensor("x", (1, size, size, channels), 1.0, zero_point)


def simplified(*operations: Operation, keep: tuple[str, ...] = (), states: tuple[State, ...] = ()) -> Simplified:
    """The chain simplified, its outputs compared."""
    graph = Graph("chain", operations[0].input, operations[-1].output, list(operations), list(states))
    result = simplify(graph, keep)
    x = random_inputs(graph, 1)
    np.testing.assert_array_equal(reference.run(result.graph, x), reference.run(graph, x))
    return result


def kinds(result: Simplified) -> list[str]:
    return [op.kind for op in result.graph.operations]


def channels(result: Simplified) -> list[int]:
    """Of the outputs of all operations that are left."""
    return [op.output.shape[-1] for op in result.graph.operations]


IDENTITY = np.eye(2, dtype=np.int8).reshape(2, 1, 1, 2)

# Constant channels and channels that nothing looks at


def half_dead(x: Tensor, value: int = 0) -> Conv2D:
    """Two outputs: the first is input 0, the second has no weights and always is `value` above its zero point."""
    weights = np.zeros((2, 1, 1, 2), np.int8)
    weights[0, 0, 0, 0] = 1
    return conv(x, "half", weights, [0, value])


def test_a_constant_channel_goes_into_the_bias_and_is_dropped() -> None:
    first = half_dead(pixels(), value=7)
    result = simplified(first, conv(first.output, "next", np.full((3, 1, 1, 2), 5), [1, 2, 3], scale=4.0))
    assert channels(result) == [1, 3]
    last = result.graph.operations[1]
    assert isinstance(last, Conv2D)
    np.testing.assert_array_equal(last.bias.data, [1 + 35, 2 + 35, 3 + 35])
    assert [note.changes for note in result.notes] == [
        ("outputs 2 -> 1",),
        ("constant inputs in the bias: 1", "inputs 2 -> 1"),
    ]
    assert (result.before.macs, result.after.macs) == (16 * 4 + 16 * 6, 16 * 2 + 16 * 3)
    assert (result.before.weights, result.after.weights) == (4 + 8 + 6 + 12, 2 + 4 + 3 + 12)


def test_a_bias_is_made_where_there_is_none() -> None:
    first = half_dead(pixels(), value=7)
    result = simplified(first, conv(first.output, "next", np.full((1, 1, 1, 2), 5), scale=4.0))
    np.testing.assert_array_equal(result.graph.operations[1].bias.data, [35])


def test_a_channel_of_zero_points_adds_nothing_at_padded_borders_either() -> None:
    first = half_dead(pixels())
    result = simplified(first, conv(first.output, "next", np.ones((1, 3, 3, 2)), scale=9.0, padding="same"))
    assert channels(result) == [1, 1]


def test_any_other_constant_is_not_constant_at_a_padded_border() -> None:
    first = half_dead(pixels(), value=7)
    result = simplified(first, conv(first.output, "next", np.ones((1, 3, 3, 2)), [0], scale=9.0, padding="same"))
    assert channels(result) == [2, 1]
    result = simplified(first, conv(first.output, "next", np.ones((1, 3, 3, 2)), [0], scale=9.0, padding="valid"))
    assert channels(result) == [1, 1]


def test_a_depthwise_channel_of_a_constant_is_constant_without_padding_only() -> None:
    first = half_dead(pixels(), value=7)
    for padding, left in (("valid", 1), ("same", 2)):
        middle = depthwise(first.output, "middle", padding)
        result = simplified(first, middle, conv(middle.output, "next", np.full((1, 1, 1, 2), 3), [0], scale=4.0))
        assert channels(result) == [left, left, 1]


def test_a_dense_layer_takes_constants_place_by_place() -> None:
    """At the border the channel has another value, but each place has one."""
    first = half_dead(pixels(), value=7)
    middle = depthwise(first.output, "middle")
    weights = constant("weights", np.arange(64, dtype=np.int8).reshape(2, 32))
    result = simplified(first, middle, Dense(middle.output, tensor("y", (1, 2), 100.0), weights, None))
    assert channels(result) == [1, 1, 2]
    assert result.graph.operations[-1].weights.shape == (2, 16)


def test_sums_that_might_leave_int32_are_left_alone() -> None:
    first = half_dead(pixels(), value=7)
    for bias, left in ((2**31 - 1, 2), (2**31 - 1 - 255 * 10, 1)):
        last = conv(first.output, "next", np.full((1, 1, 1, 2), 5), [bias], scale=2.0**24)
        assert channels(simplified(first, last)) == [left, 1]


def test_channels_of_the_output_and_of_kept_layers_stay() -> None:
    first = half_dead(pixels())
    assert channels(simplified(first)) == [2]
    last = conv(first.output, "next", np.ones((1, 1, 1, 2)))
    assert channels(simplified(first, last, keep=("half",))) == [2, 1]
    assert channels(simplified(first, last, keep=("other",))) == [1, 1]


def test_a_channel_without_weights_is_dropped_through_everything_that_keeps_channels_apart() -> None:
    x = pixels(4)
    first = conv(x, "first", np.arange(16).reshape(4, 1, 1, 4), scale=8.0)
    relu = lookup(first.output, "relu6", "relu6", 3.0, -100)
    middle = depthwise(relu.output, "middle")
    pool = MaxPool2D(middle.output, tensor("pool", (1, 2, 2, 4), 9.0, -128), (2, 2), (2, 2))
    both = Concatenation(pool.output, tensor("both", (1, 2, 2, 8), 9.0, -128), (pool.output,), 3)
    part = Slice(both.output, tensor("part", (1, 2, 2, 6), 9.0, -128), (0, 0, 0, 1), (1, 2, 2, 7), (1,) * 4)
    weights = np.zeros((1, 1, 1, 6), np.int8)
    weights[..., [0, 1]] = 3  # channels 1 and 2 of both, which are those of x
    last = conv(part.output, "last", weights, scale=3.0)
    result = simplified(first, relu, middle, pool, both, part, last)
    # The second half of `both` keeps the same two, and then the slice takes all that is left.
    assert channels(result) == [2, 2, 2, 2, 4, 1]


def test_a_channel_that_a_second_consumer_looks_at_stays() -> None:
    x = pixels()
    first = conv(x, "first", np.full((2, 1, 1, 2), 3), scale=2.0)
    weights = np.zeros((2, 1, 1, 2), np.int8)
    weights[:, 0, 0, 0] = 1
    second = conv(first.output, "second", weights)
    total = Add(second.output, tensor("sum", (1, 4, 4, 2), 2.0, -128), first.output)
    assert channels(simplified(first, second, total)) == [2, 2, 2]
    assert channels(simplified(first, second)) == [1, 2]


def test_one_channel_is_left_where_all_are_constant() -> None:
    first = conv(pixels(), "first", np.zeros((4, 1, 1, 2)), [1, 2, 3, 4])
    result = simplified(first, conv(first.output, "next", np.ones((1, 1, 1, 4)), [0]))
    assert channels(result) == [1, 1]
    assert result.graph.operations[1].bias.data[0] == 10


def test_a_tensor_that_is_constant_becomes_one_in_a_sum() -> None:
    x = pixels()
    first = conv(x, "first", np.zeros((2, 1, 1, 2)), [1, 2])
    result = simplified(first, Add(x, tensor("sum", x.shape, 2.0), first.output))
    (total,) = result.graph.operations
    np.testing.assert_array_equal(total.other.data[0, 0, 0], [-127, -126])


def test_operations_of_constants_alone_are_run_on_the_host() -> None:
    x = pixels()
    one = constant("one", np.arange(32, dtype=np.int8).reshape(x.shape))
    negative = Subtract(constant("zero", np.zeros(x.shape, np.int8)), tensor("negative", x.shape, 1.0), one)
    window = conv(negative.output, "window", IDENTITY, zero_point=0, activation="none")
    total = Add(x, tensor("sum", x.shape, 2.0), window.output)
    graph = Graph("constants", x, total.output, [negative, window, total])
    result = simplify(graph)
    assert kinds(result) == ["Add"]
    np.testing.assert_array_equal(result.graph.operations[0].other.data, -np.arange(32).reshape(x.shape))
    assert [note.changes for note in result.notes] == [
        ("is a constant",),
        ("negative is a constant", "is a constant"),
        ("window is a constant",),
    ]


def test_a_graph_whose_output_is_constant_keeps_its_input() -> None:
    first = conv(pixels(), "first", np.zeros((1, 1, 1, 2)), [5])
    result = simplified(first)
    assert result.graph.operations[0].input is result.graph.input


# States


def remembering(weights: NDArray[np.int8], initial: int, value: int = 0) -> tuple[list[Operation], State]:
    """The last two pixels of two channels, the second of which always is `value` above the zero point after a reset."""
    x = pixels(2, size=1)
    first = half_dead(x, value)
    read = tensor("read", (1, 1, 1, 2), 1.0, -128)
    seen = Concatenation(read, tensor("seen", (1, 2, 1, 2), 1.0, -128), (first.output,), 1)
    kept = Slice(seen.output, tensor("kept", (1, 1, 1, 2), 1.0, -128), (0, 1, 0, 0), (1, 2, 1, 2), (1,) * 4)
    last = conv(seen.output, "last", weights.reshape(1, 2, 1, 2), [0], scale=4.0)
    return [first, seen, kept, last], State("memory", read, kept.output, np.full((1, 1, 1, 2), initial, np.int8))


def test_a_constant_channel_of_a_state_is_dropped() -> None:
    operations, state = remembering(np.array([1, 2, 3, 4]), initial=-121, value=7)
    result = simplified(*operations, states=(state,))
    assert channels(result) == [1, 1, 1]
    assert result.graph.states[0].initial.shape == (1, 1, 1, 1)


def test_a_state_that_begins_with_another_value_is_no_constant() -> None:
    operations, state = remembering(np.array([1, 2, 3, 4]), initial=-128, value=7)
    assert channels(simplified(*operations, states=(state,))) == [2, 2, 1]


def test_a_state_keeps_a_channel_that_only_the_next_step_looks_at() -> None:
    x = pixels(2, size=1)
    first = conv(x, "first", np.full((2, 1, 1, 2), 3), scale=2.0)
    read = tensor("read", (1, 1, 1, 2), 2.0, -128)
    last = conv(read, "last", IDENTITY[1:])
    graph = Graph(
        "delay", x, last.output, [first, last], [State("memory", read, first.output, np.zeros((1, 1, 1, 2), np.int8))]
    )
    result = simplify(graph)
    assert [state.initial.shape for state in result.graph.states] == [(1, 1, 1, 1)]
    assert channels(result) == [1, 1]
    steps = random_inputs(graph, 1)
    np.testing.assert_array_equal(reference.run(result.graph, steps), reference.run(graph, steps))


def test_what_counts_up_in_a_state_is_bounded_by_what_it_reaches() -> None:
    """A state that is added to itself settles late; its bounds are those of int8 then."""
    x = pixels(1, size=1, zero_point=-128)
    read = tensor("read", (1, 1, 1, 1), 1.0, -128)
    one = conv(x, "one", np.zeros((1, 1, 1, 1)), [1])
    total = Add(read, tensor("total", (1, 1, 1, 1), 1.0, -128), one.output)
    graph = Graph(
        "counter", x, total.output, [one, total], [State("count", read, total.output, np.full((1, 1, 1, 1), -128, np.int8))]
    )
    np.testing.assert_array_equal(bounds(graph)[read].ravel(), [-128, 127])
    steps = np.zeros((300, 1, 1, 1), np.int8)
    left = simplify(graph).graph
    np.testing.assert_array_equal(reference.run(left, steps), reference.run(graph, steps))
    # Nothing that counts takes the input any more, but a file needs something that does.
    assert any(left.input in op.inputs for op in left.operations)
    np.testing.assert_array_equal(reference.run(tflite.read(tflite.write(left)), steps), reference.run(graph, steps))


def test_what_a_state_is_assigned_is_computed() -> None:
    x = pixels(2, size=1)
    first = conv(x, "first", IDENTITY, zero_point=0, activation="none")
    relu = lookup(first.output, "relu", "relu", 1.0, 0)
    read = tensor("read", first.output.shape, 1.0)
    last = Add(read, tensor("y", relu.output.shape, 2.0), relu.output)
    state = State("memory", read, first.output, np.zeros((1, 1, 1, 2), np.int8))
    assert kinds(simplified(first, relu, last, states=(state,))) == ["Conv2D", "Relu", "Add"]


def test_a_state_may_be_assigned_the_input_or_another_state() -> None:
    x = pixels(2, size=1)
    reads = [tensor(name, x.shape, 1.0) for name in ("one", "two")]
    copies = [Reshape(source, tensor(f"copy{i}", x.shape, 1.0)) for i, source in enumerate((x, reads[0]))]
    total = Add(reads[1], tensor("y", x.shape, 2.0), x)
    states = tuple(
        State(read.name, read, op.output, np.zeros(x.shape, np.int8)) for read, op in zip(reads, copies, strict=True)
    )
    result = simplified(*copies, total, states=states)
    assert kinds(result) == ["Add"]
    steps = random_inputs(result.graph, 1)
    np.testing.assert_array_equal(test_tflite.litert(tflite.write(result.graph), steps), reference.run(result.graph, steps))


def test_states_and_branches_that_lead_nowhere_are_removed() -> None:
    x = pixels(2, size=1)
    read = tensor("read", (1, 1, 1, 2), 1.0, 0)
    total = Add(read, tensor("total", (1, 1, 1, 2), 1.0, 0), x)
    last = conv(x, "last", IDENTITY)
    graph = Graph("idle", x, last.output, [total, last], [State("memory", read, total.output, np.zeros((1, 1, 1, 2), np.int8))])
    result = simplify(graph)
    assert kinds(result) == ["Conv2D"]
    assert not result.graph.states
    assert [(note.layer, note.changes) for note in result.notes] == [("total", ("nothing looks at it",))]


# Bytes that only move


def test_reshapes_become_one_or_none() -> None:
    x = pixels()
    first = Reshape(x, tensor("a", (1, 32), 1.0))
    second = Reshape(first.output, tensor("b", (1, 2, 16), 1.0))
    third = Transpose(second.output, tensor("c", (1, 2, 16), 1.0), (0, 1, 2))
    assert [(op.kind, op.input.name, op.output.name) for op in simplified(first, second, third).graph.operations] == [
        ("Reshape", "x", "c")
    ]
    back = Reshape(first.output, tensor("d", x.shape, 1.0))
    assert [op.input.name for op in simplified(first, back, conv(back.output, "y", IDENTITY)).graph.operations] == ["x"]


def test_a_transpose_of_one_row_is_a_reshape_and_one_of_two_is_not() -> None:
    for rows, kind in ((1, "Reshape"), (2, "Transpose")):
        x = tensor("x", (1, rows, 3, 4), 1.0)
        assert kinds(simplified(Transpose(x, tensor("y", (1, 3, rows, 4), 1.0), (0, 2, 1, 3)))) == [kind]


def test_transposes_are_joined() -> None:
    x = tensor("x", (1, 2, 3, 4), 1.0)
    first = Transpose(x, tensor("a", (1, 3, 4, 2), 1.0), (0, 2, 3, 1))
    (joined,) = simplified(first, Transpose(first.output, tensor("y", (1, 4, 3, 2), 1.0), (0, 2, 1, 3))).graph.operations
    assert joined.permutation == (0, 3, 2, 1)
    back = Transpose(first.output, tensor("b", x.shape, 1.0), (0, 3, 1, 2))
    assert kinds(simplified(first, back, conv(back.output, "y", np.ones((1, 1, 1, 4))))) == ["Conv2D"]


def test_what_has_other_numbers_is_no_identity() -> None:
    """The bytes stay, but what takes them computes with another scale."""
    x = pixels()
    same = tensor("same", x.shape, 1.0 + 2.0**-20)
    assert kinds(simplified(Reshape(x, same), conv(same, "y", IDENTITY, scale=0.5))) == ["Reshape", "Conv2D"]


def test_a_function_that_changes_no_value_that_comes_is_removed() -> None:
    x = pixels()
    first = conv(x, "first", IDENTITY)
    relu = lookup(first.output, "relu", "relu", 1.0, -128)
    last = conv(relu.output, "last", IDENTITY)
    assert kinds(simplified(first, relu, last)) == ["Conv2D", "Conv2D"]
    pool = MaxPool2D(x, tensor("pool", x.shape, 1.0), activation="relu")
    assert kinds(simplified(pool, conv(pool.output, "y", IDENTITY))) == ["MaxPool2D", "Conv2D"]


@pytest.mark.parametrize(
    ("first", "second"),
    [(((0, 1, 0, 0), (1, 4, 4, 2), (1, 1, 1, 1)), ((0, 0, 1, 0), (1, 2, 4, 2), (1, 1, 2, 1))),
     (((0, 3, 0, 0), (1, -1, 4, 2), (1, -1, 3, 1)), ((0, 3, 1, 0), (1, -1, 2, 1), (1, -2, 1, 1))),
     (((0, 0, 0, 1), (1, 4, 4, 2), (1, 3, 2, 1)), ((0, 0, 0, 0), (1, 2, 2, 1), (1, 1, 1, 1)))],
)  # fmt: skip
def test_slices_of_slices(first, second) -> None:
    x = pixels()

    def places(shape, begin, end, strides):
        return tuple(len(range(*p)) for p in zip(begin, end, strides, strict=True))

    middle = tensor("middle", places(x.shape, *first), 1.0)
    output = tensor("y", places(middle.shape, *second), 1.0)
    result = simplified(Slice(x, middle, *first), Slice(middle, output, *second))
    (joined,) = result.graph.operations
    assert all(-1 <= end <= size for end, size in zip(joined.end, x.shape, strict=True))
    again = tflite.read(tflite.write(result.graph))
    np.testing.assert_array_equal(reference.run(again, samples(x.shape, 1)), reference.run(result.graph, samples(x.shape, 1)))


def test_a_slice_that_is_an_input_of_a_concatenation() -> None:
    x = pixels()
    first, second = conv(x, "first", IDENTITY), conv(x, "second", IDENTITY[::-1])
    both = Concatenation(first.output, tensor("both", (1, 8, 4, 2), 1.0, -128), (second.output,), 1)
    for begin, left in ((4, ["Conv2D", "Conv2D"]), (3, ["Conv2D", "Conv2D", "Concatenation", "Slice", "Conv2D"])):
        part = Slice(both.output, tensor("part", x.shape, 1.0, -128), (0, begin, 0, 0), (1, begin + 4, 4, 2), (1,) * 4)
        assert kinds(simplified(first, second, both, part, conv(part.output, "y", IDENTITY))) == left
    part = Slice(both.output, tensor("part", x.shape, 1.0, -128), (0, 4, 3, 0), (1, 8, -1, 2), (1, 1, -1, 1))
    assert "Slice" in kinds(simplified(first, second, both, part, conv(part.output, "y", IDENTITY)))


# Padding


def padded(x: Tensor, amounts: tuple[int, int, int, int], value: int | None = None, depth: int = 0) -> Pad:
    top, bottom, left, right = amounts
    _, height, width, channels = x.shape
    shape = (1, top + height + bottom, left + width + right, channels + depth)
    output = tensor("padded", shape, 1.0, x.zero_point)
    value = x.zero_point if value is None else value
    return Pad(x, output, (0, top, left, 0), (0, bottom, right, depth), value)


@pytest.mark.parametrize(
    ("amounts", "rule", "expected"),
    [
        ((1, 1, 1, 1), "valid", "same"),
        ((2, 0, 1, 1), "valid", Margins(2, 0, 1, 1)),
        ((2, 2, 2, 2), "same", Margins(3, 3, 3, 3)),
        ((0, 3, 0, 0), "valid", Margins(0, 3, 0, 0)),
    ],
)
def test_a_pad_is_the_margin_of_a_convolution(amounts, rule, expected) -> None:
    pad = padded(pixels(zero_point=5), amounts)
    window = conv(pad.output, "y", np.arange(18).reshape(1, 3, 3, 2), scale=9.0, padding=rule)
    result = simplified(pad, window)
    (left,) = result.graph.operations
    assert left.padding == expected
    x = samples(pad.input.shape, 1)
    content = tflite.write(result.graph)
    np.testing.assert_array_equal(test_tflite.litert(content, x), reference.run(result.graph, x))
    assert [op.kind for op in tflite.read(content).operations] == (["Conv2D"] if expected == "same" else ["Pad", "Conv2D"])
    assert simplify(tflite.read(content)).graph.operations[0].padding == expected


def test_pads_of_another_value_of_channels_or_for_others_stay() -> None:
    x = pixels(zero_point=5)
    other = padded(x, (1, 1, 1, 1), value=6)
    assert kinds(simplified(other, conv(other.output, "y", np.ones((1, 3, 3, 2)), scale=9.0))) == ["Pad", "Conv2D"]
    deeper = padded(x, (1, 1, 1, 1), depth=1)
    assert kinds(simplified(deeper, conv(deeper.output, "y", np.ones((1, 3, 3, 3)), scale=9.0))) == ["Pad", "Conv2D"]
    shared = padded(x, (1, 1, 1, 1))
    first = conv(shared.output, "first", np.ones((2, 1, 1, 2)))
    total = Add(shared.output, tensor("y", shared.output.shape, 2.0), first.output)
    assert kinds(simplified(shared, first, total)) == ["Pad", "Conv2D", "Add"]


def test_a_pad_before_a_pool_stays() -> None:
    for kind in (AveragePool2D, MaxPool2D):
        pad = padded(pixels(), (1, 1, 1, 1))
        result = simplified(pad, kind(pad.output, tensor("y", (1, 4, 4, 2), 1.0), (3, 3)))
        assert kinds(result) == ["Pad", kind.__name__]


# Functions and rescales


def test_activations_become_those_of_the_layer_before() -> None:
    x = pixels()
    for function, activation in (("relu", "relu"), ("relu6", "relu6"), ("quantize", "none")):
        first = conv(x, "first", np.full((2, 1, 1, 2), 3), scale=0.125, zero_point=-10, activation="none")
        result = simplified(first, lookup(first.output, "y", function, 0.125, -10))
        assert [(op.kind, op.activation, op.output.name) for op in result.graph.operations] == [("Conv2D", activation, "y")]


@pytest.mark.parametrize("make", ["depthwise", "dense", "add", "pool"])
def test_activations_of_other_layers(make: str) -> None:
    x = pixels()
    between = tensor("first", x.shape, 1.5, -10)
    match make:
        case "depthwise":
            first = depthwise(x, "first")
            first.activation, first.output.zero_point = "none", 3
        case "dense":
            first = Dense(x, tensor("first", (1, 2), 50.0), constant("w", np.arange(64, dtype=np.int8).reshape(2, 32)), None)
        case "add":
            first = Add(x, between, x)
        case _:
            first = AveragePool2D(x, tensor("first", (1, 3, 3, 2), 1.0), (2, 2))
    output = first.output
    result = simplified(first, lookup(output, "y", "relu", float(output.scale[0]), output.zero_point))
    assert [(op.kind, op.activation) for op in result.graph.operations] == [(first.kind, "relu")]


def test_a_pool_keeps_the_scale_of_its_input() -> None:
    pool = MaxPool2D(pixels(), tensor("pool", (1, 3, 3, 2), 1.0), (2, 2))
    assert kinds(simplified(pool, lookup(pool.output, "y", "quantize", 1.0 + 2.0**-10, 0))) == ["MaxPool2D", "Quantize"]


def test_rescales_that_round_twice_stay_apart_unless_it_never_shows() -> None:
    """A sum of 5 in steps of 2 is 3, and in steps of 4 then 2, but 1 in one go. From steps of 1, none is rounded twice."""
    x = pixels()
    for scale, left in ((2.0, ["Conv2D", "Quantize"]), (1.0, ["Conv2D"])):
        first = conv(x, "first", IDENTITY, scale=scale, zero_point=0, activation="none")
        wide = lookup(first.output, "y", "quantize", scale * 2, 0)
        assert kinds(simplified(first, wide)) == left


def test_a_clamp_between_two_rescales_is_not_lost() -> None:
    x = pixels()
    first = conv(x, "first", np.full((2, 1, 1, 2), 100), zero_point=0, activation="none")
    assert kinds(simplified(first, lookup(first.output, "y", "quantize", 256.0, 0))) == ["Conv2D", "Quantize"]


def test_a_function_that_falls_is_not_taken_for_steps_that_rise() -> None:
    x = pixels()
    first = conv(x, "first", IDENTITY, zero_point=0, activation="none")
    falling = Lookup(first.output, tensor("y", x.shape, 1.0), "leaky_relu", np.empty(256, np.int8), -1.0)
    falling.table = reference.lookup_table("leaky_relu", falling.input, falling.output, -1.0)
    assert kinds(simplified(first, falling)) == ["Conv2D", "LeakyRelu"]


def test_functions_are_joined_where_one_has_the_same_values() -> None:
    x = tensor("x", (1, 256), 1.0, 0)
    first = lookup(x, "first", "quantize", 2.0, 3)
    assert kinds(simplified(first, lookup(first.output, "y", "relu", 2.0, 3))) == ["Relu"]
    assert kinds(simplified(first, lookup(first.output, "y", "tanh", 1 / 128, 0))) == ["Quantize", "Tanh"]


def test_a_function_of_a_tensor_that_others_take_stays() -> None:
    first = conv(pixels(), "first", IDENTITY, zero_point=0, activation="none")
    relu = lookup(first.output, "relu", "relu", 1.0, 0)
    assert kinds(simplified(first, relu, Add(first.output, tensor("y", relu.output.shape, 2.0), relu.output))) == [
        "Conv2D",
        "Relu",
        "Add",
    ]
    assert kinds(simplified(first, relu, keep=("first",))) == ["Conv2D", "Relu"]


@settings(derandomize=True, deadline=None)
@given(st.integers(-500, 0), st.integers(0, 500), st.floats(0.01, 3), st.integers(-128, 127))
def test_first_sums_are_where_the_steps_are(low: int, high: int, factor: float, offset: int) -> None:
    def function(sums: NDArray[np.int64]) -> NDArray[np.int8]:
        return np.clip(np.floor(sums * factor) + offset, -128, 127).astype(np.int8)

    found = first_sums(function, np.array([low]), np.array([high]))[:, 0]
    all_sums = np.arange(low, high + 1)
    for value, first in zip(range(-127, 128), found, strict=True):
        enough = all_sums[function(all_sums) >= value]
        assert first == (enough[0] if len(enough) else high + 1)


# Graphs at random


def random_graph(seed: int) -> Graph:
    return RandomGraph(seed).graph(1 + seed % 14)


@compared
@given(seeds)
def test_random_graphs_give_the_same_outputs(seed: int) -> None:
    graph = random_graph(seed)
    kept = graph.operations[len(graph.operations) // 2].output.name if seed % 3 == 0 else ""
    before = tflite.write(graph)
    result = simplify(graph, (kept,))
    assert tflite.write(graph) == before
    x = random_inputs(graph, seed)
    expected = reference.run(graph, x)
    np.testing.assert_array_equal(reference.run(result.graph, x), expected)
    if kept:
        np.testing.assert_array_equal(layer(result.graph, kept, x), layer(graph, kept, x))
    content = tflite.write(result.graph)
    np.testing.assert_array_equal(reference.run(tflite.read(content), x), expected)
    assert tflite.write(simplify(graph, (kept,)).graph) == content
    assert not simplify(result.graph, (kept,)).notes
    assert result.after.macs <= result.before.macs


def layer(graph: Graph, name: str, x: NDArray[np.int8]) -> NDArray[np.int8]:
    layers = zip(graph.operations, reference.run_layers(graph, x), strict=True)
    return next(values for op, values in layers if op.output.name == name)


@compared
@given(seeds)
def test_litert_takes_what_is_left_of_random_graphs(seed: int) -> None:
    graph = random_graph(seed)
    x = random_inputs(graph, seed, 3)
    np.testing.assert_array_equal(test_tflite.litert(tflite.write(simplify(graph).graph), x), reference.run(graph, x))


@compared
@given(seeds)
def test_no_value_leaves_its_bounds(seed: int) -> None:
    graph = random_graph(seed)
    known = bounds(graph)
    for op, found in zip(graph.operations, reference.run_layers(graph, random_inputs(graph, seed, 30)), strict=True):
        low, high = known[op.output]
        assert (low <= found).all(), op.kind
        assert (found <= high).all(), op.kind


def test_sums_that_wrap_have_no_bounds() -> None:
    """Shifted left by the rescale they leave int32, and the outputs are anything."""
    op = conv(pixels(zero_point=-128), "y", np.full((1, 1, 1, 2), 127), scale=2.0**-24, zero_point=0, activation="none")
    graph = Graph("wraps", op.input, op.output, [op])
    assert len(np.unique(reference.run(graph, random_inputs(graph, 1)))) > 1
    np.testing.assert_array_equal(np.unique(bounds(graph)[op.output]), [-128, 127])


def test_random_graphs_reach_every_rule() -> None:
    found = {change for seed in range(400) for note in simplify(random_graph(seed)).notes for change in note.changes}
    for words in (
        "nothing looks at it", "changes nothing", "is a Reshape", "reshapes", "is one with", "is the padding of", "does what",
        "is a constant", "constant inputs in the bias", "inputs", "outputs", "channels",
    ):  # fmt: skip
        assert any(words in change for change in found), words


# Real models

MODELS = {
    "mlperf_tiny/vww_96_int8": 0.45,
    "mlperf_tiny/kws_ref_model": 0.0,
    "mlperf_tiny/str_ww_ref_model": 0.0,
    "tflite_micro/person_detect": 0.0003,
    "tflite_micro/micro_speech_quantized": 0.0,
    "tflite_micro/hello_world_int8": 0.2,
    "microwakeword/alexa": 0.0,
    "microwakeword/okay_nabu": 0.0,
    "microwakeword/hey_jarvis": 0.0,
}
"""Of the MACs, at least this share is removed."""


@pytest.mark.parametrize("name", MODELS)
def test_real_models(name: str, shared_data: Path) -> None:
    """What is left and what is exported give the same outputs, and LiteRT loads it, person_detect too."""
    graph = tflite.read(shared_data / f"models/{name}.tflite")
    result = simplify(graph)
    removed = 1 - result.after.macs / result.before.macs
    assert removed >= MODELS[name]

    x = np.load(shared_data / "models/golden_outputs.npz")[f"{name}:x"].reshape(-1, *graph.input.shape[1:])
    x = np.concatenate([x, random_inputs(graph, 1)])
    expected = reference.run(graph, x)
    np.testing.assert_array_equal(reference.run(result.graph, x), expected)
    content = tflite.write(result.graph)
    again = tflite.read(content)
    np.testing.assert_array_equal(reference.run(again, x), expected)
    offset = 128 if graph.output_type == "uint8" else 0
    np.testing.assert_array_equal(test_tflite.litert(content, x).astype(int) - offset, expected)
    for other in (result.graph, again):
        ends = [(t.name, t.shape, float(t.scale[0]), t.zero_point) for t in (other.input, other.output)]
        assert ends == [(t.name, t.shape, float(t.scale[0]), t.zero_point) for t in (graph.input, graph.output)]
        assert (other.input_type, other.output_type) == (graph.input_type, graph.output_type)
        assert {state.name for state in other.states} == {state.name for state in graph.states}
