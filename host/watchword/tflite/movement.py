"""The operations of a `.tflite` file that only move bytes, as operations of the graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import tflite

from watchword.errors import UnsupportedError
from watchword.graph import Concatenation, Operation, Pad, Reshape, ResizeNearestNeighbor, Slice, Tensor, Transpose
from watchword.tflite.node import Node, axis_within, require
from watchword.tflite.places import strided


def _reshape(node: Node) -> Operation:
    input, output = node.single(places=True)
    require(input.size == output.size, f"{input.shape} cannot become {output.shape}")
    return Reshape(input, output)


def _transpose(node: Node) -> Operation:
    input, output = node.single()
    permutation = tuple(axis_within(int(axis), len(input.shape)) for axis in node.integers(1).ravel())
    require(sorted(permutation) == list(range(len(input.shape))), f"the permutation {permutation} of {input.shape}")
    shape = tuple(input.shape[axis] for axis in permutation)
    require(output.shape == shape, f"an output of {output.shape} where {shape} comes out")
    return Transpose(input, output, permutation)


def _concatenation(node: Node) -> Operation:
    require(len(node.inputs) > 0 and len(node.outputs) == 1, f"{len(node.inputs)} inputs and {len(node.outputs)} outputs")
    inputs, output = tuple(node.operand(place) for place in range(len(node.inputs))), node.output(0)
    options = node.options(tflite.ConcatenationOptions)
    if options.FusedActivationFunction() != tflite.ActivationFunctionType.NONE:
        raise UnsupportedError("it has a fused activation")
    if all(tensor.data is not None for tensor in inputs):
        raise UnsupportedError("all its inputs are constants")
    axis = axis_within(options.Axis(), len(output.shape))
    if axis == 0:
        raise UnsupportedError("it joins along the batch axis")
    for tensor in inputs:
        rest = tensor.shape[:axis] + tensor.shape[axis + 1 :]
        fits = len(tensor.shape) == len(output.shape) and rest == output.shape[:axis] + output.shape[axis + 1 :]
        require(fits, f"its input {tensor.shape} does not fit the output {output.shape}")
        alike = _alike(tensor, output)
        otherwise = f"its input {tensor.name!r} and its output differ in scale or zero point"
        if not alike and node.tensors.is_uint8(node.outputs[0]):
            raise UnsupportedError(f"{otherwise}, which only uint8 may: convert the model to int8")
        require(alike, otherwise)
    total = sum(tensor.shape[axis] for tensor in inputs)
    require(total == output.shape[axis], f"an output of {output.shape} where {total} places come out")
    return Concatenation(inputs[0], output, inputs[1:], axis)


def _pack(node: Node) -> list[Operation]:
    """Each input with one more axis, and all joined along that."""
    output = node.output(0)
    axis = axis_within(node.options(tflite.PackOptions).Axis(), len(output.shape))
    if axis == 0:
        raise UnsupportedError("it joins along the batch axis")
    operations: list[Operation] = []
    parts = []
    for place in range(len(node.inputs)):
        input = node.input(place)
        shape = (*output.shape[:axis], 1, *output.shape[axis + 1 :])
        require(
            input.shape == shape[:axis] + shape[axis + 1 :], f"its input {input.shape} does not fit the output {output.shape}"
        )
        require(_alike(input, output), f"its input {input.name!r} and its output differ in scale or zero point")
        parts.append(dataclasses.replace(output, name=f"{output.name}/{place}", shape=shape))
        operations.append(Reshape(input, parts[-1]))
    require(len(parts) == output.shape[axis], f"an output of {output.shape} where {len(parts)} places come out")
    return [*operations, Concatenation(parts[0], output, tuple(parts[1:]), axis)]


def _reverse(node: Node) -> Operation:
    """A slice that goes backwards."""
    input, output = node.single()
    axes = {axis_within(int(axis), len(input.shape)) for axis in node.integers(1).ravel()}
    require(output.shape == input.shape, f"an output of {output.shape} where {input.shape} comes out")
    turned = [(size - 1, -1, -1) if axis in axes else (0, size, 1) for axis, size in enumerate(input.shape)]
    begin, end, strides = zip(*turned, strict=True)
    return Slice(input, output, begin, end, strides)


def _depth_and_space(node: Node) -> list[Operation]:
    """A block of places becomes channels, or channels a block of places: axes of their own, which are turned."""
    input, output = node.single()
    to_space = node.builtin == tflite.BuiltinOperator.DEPTH_TO_SPACE
    size = node.options(tflite.DepthToSpaceOptions if to_space else tflite.SpaceToDepthOptions).BlockSize()
    require(len(input.shape) == len(output.shape) == 4 and size >= 1, f"blocks of {size} of {input.shape}")
    _, height, width, channels = input.shape if to_space else output.shape
    block = size * size
    wide = (1, height * size, width * size, channels // block)
    fits = channels % block == 0 and (output if to_space else input).shape == wide
    require(fits, f"{input.shape} cannot become {output.shape} by blocks of {size}")
    apart = (1, height, width, size, size, channels // block)
    among = (1, height, size, width, size, channels // block)
    names = (f"{output.name}/apart", f"{output.name}/turned")
    before, after = (
        dataclasses.replace(output, name=name, shape=shape)
        for name, shape in zip(names, (apart, among) if to_space else (among, apart), strict=True)
    )
    return [Reshape(input, before), Transpose(before, after, (0, 1, 3, 2, 4, 5)), Reshape(after, output)]


def _alike(a: Tensor, b: Tensor) -> bool:
    return bool(a.scale[0] == b.scale[0] and a.zero_point == b.zero_point)


def _split(node: Node) -> list[Operation]:
    """SPLIT and SPLIT_V: a slice for each output."""
    if node.builtin == tflite.BuiltinOperator.SPLIT:
        input, axes = node.input(1), node.integers(0)
    else:
        input, axes = node.input(0), node.integers(2)
    require(axes.size == 1, f"{axes.size} axes")
    axis, parts = axis_within(int(axes.ravel()[0]), len(input.shape)), len(node.outputs)
    size = input.shape[axis]
    require(parts > 0, "no outputs")
    if node.builtin == tflite.BuiltinOperator.SPLIT:
        require(size % parts == 0, f"{parts} equal parts of {size}")
        sizes = [size // parts] * parts
    else:
        sizes = [int(part) for part in node.integers(1).ravel()]
        if sizes.count(-1) == 1:
            sizes[sizes.index(-1)] = size - sum(sizes) - 1
        require(len(sizes) == parts and min(sizes) > 0 and sum(sizes) == size, f"parts of {sizes} of {size}")
    operations: list[Operation] = []
    begin, end = [0] * len(input.shape), list(input.shape)
    for place, part in enumerate(sizes):
        end[axis] = begin[axis] + part
        operations.append(_slice_of(input, node.output(place), tuple(begin), tuple(end)))
        begin[axis] = end[axis]
    return operations


def _slice(node: Node) -> Operation:
    input, output = node.single()
    begin, sizes = (tuple(int(value) for value in node.integers(place).ravel()) for place in (1, 2))
    require(len(begin) == len(sizes) == len(input.shape), f"a slice at {begin} of {sizes} from {input.shape}")
    end = tuple(whole if size == -1 else b + size for b, size, whole in zip(begin, sizes, input.shape, strict=True))
    fits = all(0 <= b < e <= whole for b, e, whole in zip(begin, end, input.shape, strict=True))
    require(fits, f"a slice at {begin} of {sizes} from {input.shape}")
    return _slice_of(input, output, begin, end)


def _slice_of(input: Tensor, output: Tensor, begin: tuple[int, ...], end: tuple[int, ...]) -> Slice:
    shape = tuple(e - b for b, e in zip(begin, end, strict=True))
    require(output.shape == shape, f"an output of {output.shape} where {shape} comes out")
    return Slice(input, output, begin, end, (1,) * len(begin))


def _strided_slice(node: Node) -> list[Operation]:
    """Its masks are resolved; an axis that it takes away is sliced to 1 and then reshaped away."""
    input, output = node.single()
    cut = strided(node, input.shape)
    sizes = [len(range(*places)) for places in zip(cut.begin, cut.end, cut.strides, strict=True)]
    require(min(sizes) > 0, f"nothing of axis {sizes.index(min(sizes))}")
    require(output.shape == cut.kept, f"an output of {output.shape} where {cut.kept} comes out")
    return _cut(input, output, cut.begin, cut.end, cut.strides)


def _unpack(node: Node) -> list[Operation]:
    """A slice for each place of the axis, and a reshape that takes the axis away."""
    input, options = node.input(0), node.options(tflite.UnpackOptions)
    axis = axis_within(options.Axis(), len(input.shape))
    if axis == 0:
        raise UnsupportedError("it takes the batch axis away")
    size, outputs = input.shape[axis], len(node.outputs)
    require(outputs == options.Num() == size, f"{outputs} outputs where {size} come out")
    shape = input.shape[:axis] + input.shape[axis + 1 :]
    operations: list[Operation] = []
    for place in range(size):
        output = node.output(place)
        require(output.shape == shape, f"an output of {output.shape} where {shape} comes out")
        require(_alike(input, output), f"its input and its output {output.name!r} differ in scale or zero point")
        begin = tuple(place if i == axis else 0 for i in range(len(input.shape)))
        end = tuple(place + 1 if i == axis else whole for i, whole in enumerate(input.shape))
        operations += _cut(input, output, begin, end, (1,) * len(begin))
    return operations


def _cut(
    input: Tensor, output: Tensor, begin: tuple[int, ...], end: tuple[int, ...], strides: tuple[int, ...]
) -> list[Operation]:
    """A slice, and where the output lacks axes a reshape."""
    shape = tuple(len(range(*places)) for places in zip(begin, end, strides, strict=True))
    if shape == output.shape:
        return [Slice(input, output, begin, end, strides)]
    whole = Tensor(f"{output.name}/sliced", shape, output.dtype, output.scale, output.zero_point)
    return [Slice(input, whole, begin, end, strides), Reshape(whole, output)]


def _pad(node: Node) -> Operation:
    input, output = node.single()
    amounts = node.integers(1)
    rank = len(input.shape)
    require(amounts.shape == (rank, 2) and amounts.min() >= 0, f"padding {amounts.tolist()} of {input.shape}")
    before, after = (tuple(int(value) for value in amounts[:, side]) for side in (0, 1))
    shape = tuple(b + size + a for b, size, a in zip(before, input.shape, after, strict=True))
    require(output.shape == shape, f"an output of {output.shape} where {shape} comes out")
    value = output.zero_point
    if node.builtin == tflite.BuiltinOperator.PADV2:
        constant = node.operand(2)
        if constant.data is None or constant.size != 1:
            raise UnsupportedError(f"its value {constant.name!r} is not one constant")
        value = int(constant.data.ravel()[0])
    return Pad(input, output, before, after, value)


def _resize_nearest_neighbor(node: Node) -> Operation:
    input, output = node.single()
    options, size = node.options(tflite.ResizeNearestNeighborOptions), node.integers(1)
    require(len(input.shape) == 4 and size.shape == (2,), f"{input.shape} cannot be resized to {size.tolist()}")
    shape = (1, int(size[0]), int(size[1]), input.shape[3])
    require(output.shape == shape, f"an output of {output.shape} where {shape} comes out")
    return ResizeNearestNeighbor(input, output, bool(options.AlignCorners()), bool(options.HalfPixelCenters()))


MOVEMENT: dict[int, Callable[[Node], Operation | list[Operation]]] = {
    tflite.BuiltinOperator.CONCATENATION: _concatenation,
    tflite.BuiltinOperator.DEPTH_TO_SPACE: _depth_and_space,
    tflite.BuiltinOperator.EXPAND_DIMS: _reshape,
    tflite.BuiltinOperator.PACK: _pack,
    tflite.BuiltinOperator.PAD: _pad,
    tflite.BuiltinOperator.PADV2: _pad,
    tflite.BuiltinOperator.RESHAPE: _reshape,
    tflite.BuiltinOperator.RESIZE_NEAREST_NEIGHBOR: _resize_nearest_neighbor,
    tflite.BuiltinOperator.REVERSE_V2: _reverse,
    tflite.BuiltinOperator.SLICE: _slice,
    tflite.BuiltinOperator.SPACE_TO_DEPTH: _depth_and_space,
    tflite.BuiltinOperator.SPLIT: _split,
    tflite.BuiltinOperator.SPLIT_V: _split,
    tflite.BuiltinOperator.SQUEEZE: _reshape,
    tflite.BuiltinOperator.STRIDED_SLICE: _strided_slice,
    tflite.BuiltinOperator.TRANSPOSE: _transpose,
    tflite.BuiltinOperator.UNPACK: _unpack,
}
