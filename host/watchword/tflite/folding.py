"""Whole numbers that a file computes from constants and shapes: they are known once it is read, since the batch is 1.

Keras writes a Flatten for a batch of any size as SHAPE, STRIDED_SLICE, PACK, RESHAPE. All is computed as LiteRT does it, in
int32 or int64 as the file has it, where sums and products wrap.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray

from watchword.errors import UnsupportedError
from watchword.tflite.node import Node, axis_within, require
from watchword.tflite.places import Places, strided

Whole = NDArray[np.signedinteger[Any]]
Operands = Sequence[Whole]

_MOST = 1 << 16  # numbers in a tensor that is computed here: some bytes of a file are enough to ask for any


def fold(node: Node) -> bool:
    """Whether an operator makes whole numbers of what is known already; then its outputs are known, too.

    ModelError, UnsupportedError: it does that in a way that cannot be.
    """
    tensors = node.tensors
    if node.builtin not in FOLDED or not all(tensors.is_whole(index) for index in node.outputs):
        return False
    # The shape of a tensor is known, whatever flows in it.
    of_shape = node.builtin in (tflite.BuiltinOperator.SHAPE, tflite.BuiltinOperator.RANK)
    known = [tensors.whole(index) for index in node.inputs]
    given = [value for value in known if value is not None]
    if len(given) < len(known) and not of_shape:
        return False
    with np.errstate(all="ignore"):
        made = FOLDED[node.builtin](node, given)
    made = made if isinstance(made, list) else [made]
    require(len(made) == len(node.outputs) > 0, f"{len(node.outputs)} outputs where {len(made)} come out")
    for index, values in zip(node.outputs, made, strict=True):
        require(values.dtype == tensors.whole_type(index), f"{values.dtype} where {tensors.name(index)!r} has another type")
        tensors.computed[index] = values
    return True


def _shape(node: Node, given: Operands) -> Whole:
    return np.array(node.tensors.shape(node.index(0)), node.tensors.whole_type(node.outputs[0]))


def _rank(node: Node, given: Operands) -> Whole:
    return np.array(len(node.tensors.shape(node.index(0))), np.int32)


def _strided_slice(node: Node, given: Operands) -> Whole:
    x = _operand(given, 0)
    cut: Places = strided(node, x.shape)
    index = (slice(b, None if e < 0 else e, s) for b, e, s in zip(cut.begin, cut.end, cut.strides, strict=True))
    return np.asarray(x[tuple(index)].reshape(cut.kept))


def _slice(node: Node, given: Operands) -> Whole:
    x, begin, sizes = _operand(given, 0), _operand(given, 1).ravel(), _operand(given, 2).ravel()
    require(len(begin) == len(sizes) == x.ndim, f"a slice at {begin.tolist()} of {sizes.tolist()} from {x.shape}")
    ends = [whole if size == -1 else int(b) + int(size) for b, size, whole in zip(begin, sizes, x.shape, strict=True)]
    fits = all(0 <= b <= e <= whole for b, e, whole in zip(begin.tolist(), ends, x.shape, strict=True))
    require(fits, f"a slice at {begin.tolist()} of {sizes.tolist()} from {x.shape}")
    return np.asarray(x[tuple(slice(int(b), e) for b, e in zip(begin, ends, strict=True))])


def _pack(node: Node, given: Operands) -> Whole:
    axis = axis_within(node.options(tflite.PackOptions).Axis(), _operand(given, 0).ndim + 1)
    require(len({x.shape for x in given}) == 1, f"inputs of the shapes {', '.join(str(x.shape) for x in given)}")
    _bound(sum(x.size for x in given))
    return np.stack(given, axis)


def _unpack(node: Node, given: Operands) -> list[Whole]:
    x = _operand(given, 0)
    axis = axis_within(node.options(tflite.UnpackOptions).Axis(), x.ndim)
    return list(np.moveaxis(x, axis, 0))


def _concatenation(node: Node, given: Operands) -> Whole:
    options = node.options(tflite.ConcatenationOptions)
    axis = axis_within(options.Axis(), _operand(given, 0).ndim)
    rests = {(*x.shape[:axis], *x.shape[axis + 1 :]) for x in given}
    require(len(rests) == 1, f"inputs of the shapes {', '.join(str(x.shape) for x in given)}")
    _bound(sum(x.size for x in given))
    return np.concatenate(given, axis)


def _split(node: Node, given: Operands) -> list[Whole]:
    x, axis = _operand(given, 1), axis_within(_scalar(given, 0), _operand(given, 1).ndim)
    parts = len(node.outputs)
    require(parts > 0 and x.shape[axis] % parts == 0, f"{parts} equal parts of {x.shape[axis]}")
    return list(np.split(x, parts, axis))


def _gather(node: Node, given: Operands) -> Whole:
    x, places, options = _operand(given, 0), _operand(given, 1), node.options(tflite.GatherOptions)
    if options.BatchDims():
        raise UnsupportedError("it gathers by batches")
    axis = axis_within(options.Axis(), x.ndim)
    require(bool(((places >= 0) & (places < x.shape[axis])).all()), f"places {places.tolist()} of {x.shape[axis]}")
    _bound(x.size * places.size)
    return np.asarray(np.take(x, places, axis))


def _range(node: Node, given: Operands) -> Whole:
    start, limit, step = (_scalar(given, place) for place in range(3))
    require(step != 0 and (limit - start) * step >= 0, f"steps of {step} from {start} to {limit}")
    numbers = range(start, limit, step)
    _bound(len(numbers))
    return np.array(numbers, given[0].dtype)


def _fill(node: Node, given: Operands) -> Whole:
    shape = _sizes(_operand(given, 0))
    return np.full(shape, _scalar(given, 1), given[1].dtype)


def _tile(node: Node, given: Operands) -> Whole:
    x, times = _operand(given, 0), _sizes(_operand(given, 1))
    require(len(times) == x.ndim, f"{times} times {x.shape}")
    _bound(x.size * math.prod(times))
    return np.tile(x, times)


def _broadcast_to(node: Node, given: Operands) -> Whole:
    x, shape = _operand(given, 0), _sizes(_operand(given, 1))
    return np.broadcast_to(x, shape)


def _reshape(node: Node, given: Operands) -> Whole:
    x = _operand(given, 0)
    shape = given[1].ravel().tolist() if len(given) > 1 else _listed(node.options(tflite.ReshapeOptions), "NewShape")
    known = math.prod(size for size in shape if size != -1)
    open_ = shape.count(-1)
    fits = open_ <= 1 and min(shape, default=1) >= -1 and (known == x.size if not open_ else known and x.size % known == 0)
    require(bool(fits), f"{x.shape} cannot become {tuple(shape)}")
    return x.reshape(shape)


def _expand_dims(node: Node, given: Operands) -> Whole:
    x = _operand(given, 0)
    return np.expand_dims(x, axis_within(_scalar(given, 1), x.ndim + 1))


def _squeeze(node: Node, given: Operands) -> Whole:
    x = _operand(given, 0)
    axes = {axis_within(axis, x.ndim) for axis in _listed(node.options(tflite.SqueezeOptions), "SqueezeDims")}
    require(all(x.shape[axis] == 1 for axis in axes), f"axes {sorted(axes)} of {x.shape}")
    return np.squeeze(x, tuple(axes) if axes else None)


def _transpose(node: Node, given: Operands) -> Whole:
    x, axes = _operand(given, 0), _operand(given, 1).ravel().tolist()
    permutation = [axis_within(axis, x.ndim) for axis in axes]
    require(sorted(permutation) == list(range(x.ndim)), f"the permutation {axes} of {x.shape}")
    return x.transpose(permutation)


def _cast(node: Node, given: Operands) -> Whole:
    return _operand(given, 0).astype(node.tensors.whole_type(node.outputs[0]))


def _reduced(ufunc: np.ufunc) -> Callable[[Node, Operands], Whole]:
    def fold(node: Node, given: Operands) -> Whole:
        x = _operand(given, 0)
        axes = tuple({axis_within(axis, x.ndim) for axis in _operand(given, 1).ravel().tolist()})
        keep = bool(node.options(tflite.ReducerOptions).KeepDims())
        empty = ufunc in (np.maximum, np.minimum) and any(x.shape[axis] == 0 for axis in axes)
        require(not empty, f"it has no extreme of {x.shape}")
        return np.asarray(ufunc.reduce(x, axes, dtype=x.dtype, keepdims=keep))

    return fold


def _of_one(ufunc: np.ufunc) -> Callable[[Node, Operands], Whole]:
    return lambda node, given: np.asarray(ufunc(_operand(given, 0)))


def _of_two(compute: Callable[[Whole, Whole], Whole], options: Any = None) -> Callable[[Node, Operands], Whole]:
    """options: of those that may clamp what they make."""

    def fold(node: Node, given: Operands) -> Whole:
        a, b = _operand(given, 0), _operand(given, 1)
        require(a.dtype == b.dtype, f"{a.dtype} and {b.dtype}")
        try:
            shape = np.broadcast_shapes(a.shape, b.shape)
        except ValueError:
            shape = (-1,)
        require(shape != (-1,), f"{a.shape} and {b.shape} do not broadcast")
        _bound(math.prod(shape))
        made = np.asarray(compute(a, b))
        return made if options is None else made.clip(*_clamped(node.options(options), made.dtype))

    return fold


def _divided(compute: Callable[[Whole, Whole], Whole]) -> Callable[[Whole, Whole], Whole]:
    def fold(a: Whole, b: Whole) -> Whole:
        require(bool((b != 0).all()), "a division by 0")
        return compute(a, b)

    return fold


def _toward_zero(a: Whole, b: Whole) -> Whole:
    """As C divides."""
    floor, rest = np.divmod(a, b)
    return np.asarray(floor + ((rest != 0) & (floor < 0)))


_CLAMPS = {
    tflite.ActivationFunctionType.NONE: (None, None),
    tflite.ActivationFunctionType.RELU: (0, None),
    tflite.ActivationFunctionType.RELU6: (0, 6),
    tflite.ActivationFunctionType.RELU_N1_TO_1: (-1, 1),
}


def _clamped(options: Any, dtype: np.dtype[Any]) -> tuple[int, int]:
    kind = options.FusedActivationFunction()
    require(kind in _CLAMPS, f"fused activation {kind}")
    (low, high), all_ = _CLAMPS[kind], np.iinfo(dtype)
    return all_.min if low is None else low, all_.max if high is None else high


def _operand(given: Operands, place: int) -> Whole:
    require(place < len(given), f"it has {len(given)} inputs")
    return given[place]


def _scalar(given: Operands, place: int) -> int:
    x = _operand(given, place)
    require(x.size == 1, f"{x.size} numbers where one belongs")
    return int(x.ravel()[0])


def _sizes(x: Whole) -> tuple[int, ...]:
    sizes = tuple(x.ravel().tolist())
    require(min(sizes, default=0) >= 0, f"sizes of {sizes}")
    _bound(math.prod(sizes))
    return sizes


def _listed(options: Any, field: str) -> list[int]:
    return [int(getattr(options, field)(i)) for i in range(getattr(options, f"{field}Length")())]


def _bound(size: int) -> None:
    if size > _MOST:
        raise UnsupportedError(f"it makes {size} numbers of constants: at most {_MOST} are possible")


_BUILTIN = tflite.BuiltinOperator
FOLDED: dict[int, Callable[[Node, Operands], Whole | list[Whole]]] = {
    _BUILTIN.ABS: _of_one(np.abs),
    _BUILTIN.ADD: _of_two(np.add, tflite.AddOptions),
    _BUILTIN.BROADCAST_TO: _broadcast_to,
    _BUILTIN.CAST: _cast,
    _BUILTIN.CONCATENATION: _concatenation,
    _BUILTIN.DIV: _of_two(_divided(_toward_zero), tflite.DivOptions),
    _BUILTIN.EXPAND_DIMS: _expand_dims,
    _BUILTIN.FILL: _fill,
    _BUILTIN.FLOOR_DIV: _of_two(_divided(np.floor_divide)),
    _BUILTIN.FLOOR_MOD: _of_two(_divided(np.mod)),
    _BUILTIN.GATHER: _gather,
    _BUILTIN.MAXIMUM: _of_two(np.maximum),
    _BUILTIN.MINIMUM: _of_two(np.minimum),
    _BUILTIN.MUL: _of_two(np.multiply, tflite.MulOptions),
    _BUILTIN.NEG: _of_one(np.negative),
    _BUILTIN.PACK: _pack,
    _BUILTIN.RANGE: _range,
    _BUILTIN.RANK: _rank,
    _BUILTIN.REDUCE_MAX: _reduced(np.maximum),
    _BUILTIN.REDUCE_MIN: _reduced(np.minimum),
    _BUILTIN.REDUCE_PROD: _reduced(np.multiply),
    _BUILTIN.RESHAPE: _reshape,
    _BUILTIN.SHAPE: _shape,
    _BUILTIN.SLICE: _slice,
    _BUILTIN.SPLIT: _split,
    _BUILTIN.SQUEEZE: _squeeze,
    _BUILTIN.STRIDED_SLICE: _strided_slice,
    _BUILTIN.SUB: _of_two(np.subtract, tflite.SubOptions),
    _BUILTIN.SUM: _reduced(np.add),
    _BUILTIN.TILE: _tile,
    _BUILTIN.TRANSPOSE: _transpose,
    _BUILTIN.UNPACK: _unpack,
}
"""What computes each operator."""
