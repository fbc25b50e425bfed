"""Channels that always have the same value, and channels that nothing looks at.

A channel is a place along the last axis.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from watchword import reference
from watchword.compile.simplify.bounds import Bounds, largest_sums
from watchword.compile.simplify.draft import Draft, retake
from watchword.graph import (
    AveragePool2D,
    Concatenation,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Lookup,
    MaxPool2D,
    Mean,
    Operation,
    Pad,
    Pair,
    Reshape,
    ResizeNearestNeighbor,
    Slice,
    Svdf,
    Tensor,
    Transpose,
    extents,
)

Mask = NDArray[np.bool_]


def compute_constants(draft: Draft) -> bool:
    """An operation whose inputs are all constants is run here, and its output is a constant.

    Not what the graph gives or a state takes, which must be computed, nor an Svdf, which has another result at each step.
    """
    changed = False
    for op in list(draft.graph.operations):
        computed = op.output in draft.fixed or draft.is_assigned(op.output) or op.memory
        if not computed and all(tensor.data is not None for tensor in op.inputs):
            once = copy.copy(op)
            for tensor in op.inputs:
                retake(once, tensor, replace(tensor, data=None))
            values = [tensor.data.astype(np.int8) for tensor in op.inputs if tensor.data is not None]
            op.output.data = reference.run_operation(once, *values).reshape(op.output.shape)
            draft.remove(op, "is a constant")
            for taker in draft.takers(op.output):
                draft.say(taker, f"{op.output.name} is a constant")
            changed = True
    return changed


def propagate_constants(draft: Draft, known: Bounds) -> bool:
    """An input of a sum, a product or a concatenation that has one value at each place becomes a constant.

    Its least value is its greatest, so it is that value whatever the input is. One input goes on flowing, as the graph
    wants it; so do tensors that the graph's ends or a description name.
    """
    changed = False
    for op in draft.graph.operations:
        if not op.takes_constants:
            continue
        for tensor in dict.fromkeys(op.inputs):
            others = [other for other in op.inputs if other.data is None and other is not tensor]
            if tensor.data is not None or tensor in draft.fixed or not others:
                continue
            if (known[tensor][0] != known[tensor][1]).any():
                continue
            constant = replace(tensor, name=f"{op.output.name}/{tensor.name}", data=known[tensor][0][np.newaxis].copy())
            retake(op, tensor, constant)
            draft.say(op, f"{tensor.name} is a constant")
            changed = True
    return changed


def fold_constants(draft: Draft, known: Bounds) -> bool:
    """What a constant input adds to the sums of a Conv2D or Dense goes into the bias, and its weights become 0.

    A channel that has the value v everywhere adds the sum of its weights times (v - zero point) to each output. At a
    padded border it has the zero point instead, so there it adds less, unless v is the zero point, which adds nothing
    anywhere: with padding, only that is folded. Sums and bias stay within 255 times all weights and the old bias; where
    that fits in int32, no sum wraps, before or after.
    """
    changed = False
    for op in draft.graph.operations:
        if isinstance(op, Conv2D | Dense) and (largest_sums(op) < 2**31).all():
            weights = _weights(op).astype(np.int64)
            constant, offsets = _constant_inputs(op, known)
            folded = constant & (weights != 0).any(axis=(0, 1))
            if folded.any():
                _add_to_bias(op, weights[..., folded].sum(axis=1) @ offsets[folded])
                weights[..., folded] = 0
                op.weights = replace(op.weights, data=weights.reshape(op.weights.shape).astype(np.int8))
                draft.folded[op] += int(folded.sum())
                changed = True
    return changed


def _weights(op: Conv2D | Dense) -> NDArray[np.int8]:
    """(outputs, taps, inputs): a Dense looks at each of its inputs once."""
    assert op.weights.data is not None
    weights: NDArray[np.int8] = op.weights.data.astype(np.int8).reshape(op.weights.shape[0], -1, op.weights.shape[-1])
    return weights


def _constant_inputs(op: Conv2D | Dense, known: Bounds) -> tuple[Mask, NDArray[np.int64]]:
    """(inputs,): which of them add the same at all positions, and their value less the zero point."""
    low, high = known[op.input].reshape(2, -1, op.weights.shape[-1])
    offsets = low[0].astype(np.int64) - op.input.zero_point
    constant = (low == low[0]).all(axis=0) & (high == low[0]).all(axis=0)
    if isinstance(op, Conv2D) and any(along.before > 0 or along.after > 0 for along in extents(op)):
        constant &= offsets == 0
    return constant, offsets


def _add_to_bias(op: Conv2D | Dense, amounts: NDArray[np.int64]) -> None:
    """amounts: (outputs,)."""
    if op.bias is not None:
        assert op.bias.data is not None
        op.bias = replace(op.bias, data=(op.bias.data.astype(np.int64) + amounts).astype(np.int32))
    elif amounts.any():
        scale = (op.input.scale * op.weights.scale).astype(np.float32)
        data = amounts.astype(np.int32)
        op.bias = Tensor(f"{op.output.name}/bias", data.shape, data.dtype, scale, axis=op.weights.axis and 0, data=data)


def drop_dead_channels(draft: Draft) -> bool:
    """Channels that nothing looks at are dropped.

    What is looked at are the graph's ends, and what a channel that is looked at is computed from: the inputs with a weight
    other than 0, and channel by channel through operations that keep the channels apart. The rest has no way to the
    output. Tensors that such an operation joins drop the same channels, so that they still fit each other; a state drops
    what neither a step nor the next one looks at. No tensor drops all.
    """
    needed = _needed(draft)
    if all(mask.all() for mask in needed.values()):
        return False
    for op in draft.graph.operations:
        _drop(op, needed)
    for state in draft.graph.states:
        state.initial = state.initial[..., needed[state.read]]
    for tensor, mask in needed.items():
        tensor.shape = (*tensor.shape[:-1], int(mask.sum()))
    return True


def _needed(draft: Draft) -> dict[Tensor, Mask]:
    """The least masks (channels,) that hold the graph's ends and all that a needed channel needs."""
    graph = draft.graph
    flowing = [graph.input, *(op.output for op in graph.operations), *(state.read for state in graph.states)]
    needed = {tensor: np.full(tensor.shape[-1], tensor in draft.fixed) for tensor in flowing}
    looked_at = {op: (_weights(op) != 0).any(axis=1) for op in graph.operations if isinstance(op, Conv2D | Dense)}
    count = -1
    while count != (count := sum(int(mask.sum()) for mask in needed.values())):
        for op in reversed(graph.operations):
            if isinstance(op, Conv2D | Dense):
                inputs = looked_at[op][needed[op.output]].any(axis=0)
                needed[op.input] |= inputs.reshape(-1, op.input.shape[-1]).any(axis=0)
            elif isinstance(op, Svdf):
                assert op.features.data is not None
                needed[op.input] |= (op.features.data[np.repeat(needed[op.output], op.rank)] != 0).any(axis=0)
            else:
                for masks in _joined(op, needed):
                    _unite(masks)
        for state in graph.states:
            _unite([needed[state.read], needed[state.assigned]])
        for mask in needed.values():
            mask[0] |= not mask.any()
    return needed


def _joined(op: Operation, needed: dict[Tensor, Mask]) -> Iterator[list[Mask]]:
    """Views of masks, (..., channels), whose channels an operation leads through one by one; they are dropped together."""
    output = needed[op.output]
    flowing = [needed[tensor] for tensor in op.inputs if tensor.data is None]
    last = len(op.input.shape) - 1
    match op:
        case DepthwiseConv2D():
            yield [*flowing, output.reshape(-1, op.multiplier).T]
            return
        case AveragePool2D() | MaxPool2D() | Lookup() | ResizeNearestNeighbor():
            yield [*flowing, output]
            return
        case Pair():
            yield [output, *(mask for mask in flowing if len(mask) == len(output))]
            return
        case Concatenation() if op.axis == last:
            places = np.cumsum([tensor.shape[-1] for tensor in op.inputs])[:-1]
            for tensor, part in zip(op.inputs, np.split(output, places), strict=True):
                yield [part] if tensor.data is not None else [part, needed[tensor]]
            return
        case Concatenation():
            yield [*flowing, output]
            return
        case Reshape() if len(output) % len(flowing[0]) == 0:
            yield [*flowing, output.reshape(-1, len(flowing[0]))]
            return
        case Reshape() if len(flowing[0]) % len(output) == 0:
            yield [output, flowing[0].reshape(-1, len(output))]
            return
        case Transpose() if op.permutation[-1] == last:
            yield [*flowing, output]
            return
        case Mean() if last not in op.axes:
            yield [*flowing, output]
            return
        case Pad() if op.before[-1] == op.after[-1] == 0:
            yield [*flowing, output]
            return
        case Slice() if op.strides[-1] == 1:
            yield [output, flowing[0][op.begin[-1] : op.end[-1]]]
            return
    # It mixes the channels, as Softmax does, or moves them to where they cannot be dropped.
    for mask in (*flowing, output):
        mask[:] = True


def _unite(masks: list[Mask]) -> None:
    """Each of them becomes true where any is; along the last axis all have the same length."""
    united = np.logical_or.reduce([mask.reshape(-1, mask.shape[-1]).any(axis=0) for mask in masks])
    for mask in masks:
        mask[...] = united


def _drop(op: Operation, needed: dict[Tensor, Mask]) -> None:
    """Take the channels that are not needed out of an operation's constants and places, not yet out of the shapes."""
    output = needed[op.output]
    match op:
        case Conv2D() | Dense():
            inputs = needed[op.input]
            # What a Dense flattens has the channels of its input again and again.
            inputs = np.tile(inputs, op.weights.shape[-1] // len(inputs))
            op.weights = _taken(_taken(op.weights, 0, output), len(op.weights.shape) - 1, inputs)
            op.bias = op.bias and _taken(op.bias, 0, output)
        case DepthwiseConv2D():
            op.weights = _taken(op.weights, 3, output)
            op.bias = op.bias and _taken(op.bias, 0, output)
        case Svdf():
            filters = np.repeat(output, op.rank)
            op.features = _taken(_taken(op.features, 0, filters), 1, needed[op.input])
            op.time = _taken(op.time, 0, filters)
            op.bias = op.bias and _taken(op.bias, 0, output)
            op.state = replace(op.state, shape=(1, op.time.size))
        case Slice():
            before = needed[op.input]
            if op.strides[-1] == 1:
                op.begin = (*op.begin[:-1], int(before[: op.begin[-1]].sum()))
                op.end = (*op.end[:-1], int(before[: op.end[-1]].sum()))
        case Concatenation():
            parts = [output] * len(op.inputs)
            if op.axis == len(op.input.shape) - 1:
                parts = np.split(output, np.cumsum([tensor.shape[-1] for tensor in op.inputs])[:-1])
            op.input, *others = (
                tensor if tensor.data is None else _taken(tensor, len(tensor.shape) - 1, mask)
                for tensor, mask in zip(op.inputs, parts, strict=True)
                if tensor.data is None or mask.any()
            )
            op.others = tuple(others)
        case Pair():
            for tensor in op.inputs:
                if tensor.data is not None and tensor.shape and tensor.shape[-1] == len(output):
                    retake(op, tensor, _taken(tensor, len(tensor.shape) - 1, output))


def _taken(tensor: Tensor, axis: int, mask: Mask) -> Tensor:
    """A constant with only those places of an axis that the mask names; others may have the same constant."""
    if mask.all():
        return tensor
    assert tensor.data is not None
    data = np.compress(mask, tensor.data, axis=axis)
    scale, kept = tensor.scale, tensor.axis
    if kept == axis:
        scale = scale[mask]
        kept = axis if scale.size > 1 else None
    return replace(tensor, shape=data.shape, scale=scale, axis=kept, data=data)
