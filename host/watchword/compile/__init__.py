"""The compiler: a graph becomes a program for one target.

`compile` chooses a kernel for each operation, lays the weights out as the kernels want them, plans the arena and writes the
`.ww` file. Everything that needs numbers happens here; the board walks a flat list of steps.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from watchword.compile import memory
from watchword.compile.program import AVERAGE_POOL, CONV, DEPTHWISE, SOFTMAX, Program, Step
from watchword.description import Description
from watchword.errors import ModelError, UnsupportedError
from watchword.features.micro import pack_tables
from watchword.features.tables import CHANNELS
from watchword.graph import (
    AveragePool2D,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Graph,
    Operation,
    Reshape,
    Softmax,
    Tensor,
    extent,
)
from watchword.reference import activation_range, rescale, softmax_exponentials

__all__ = ["TARGETS", "Compiled", "Layer", "compile"]

TARGETS = ("unix", "rp2040", "rp2350", "esp32", "esp32s2", "esp32s3", "esp32c3", "esp32c6")

# Cycles of the viper kernels on a Cortex-M0+, per MAC and per output: how many rows fit into one call of about 8 ms at 125 MHz.
_CYCLES_PER_MAC, _CYCLES_PER_OUTPUT, _CYCLES_PER_CALL = 40, 300, 1_000_000


@dataclass(frozen=True)
class Layer:
    """Where the output of a graph operation lies after a step: for comparing every layer of a board with the reference.

    steps: number of the program's steps after which the output stands. offset: in the arena.
    """

    operation: Operation
    steps: int
    offset: int


@dataclass(frozen=True)
class Compiled:
    """A program, the bytes of its file, and where each layer's output can be read."""

    program: Program
    content: bytes
    layers: tuple[Layer, ...]

    @property
    def name(self) -> str:
        return str(self.program.description["name"])


@dataclass
class _Draft:
    """A step whose addresses in the arena are not known yet: `parameters` refers to them by block number."""

    kernel: int
    rows: int
    chunk: int
    parameters: list[int]
    blocks: dict[int, int]  # index of a parameter -> block


class _Constants:
    """Grows the constants section; every part starts on a word."""

    def __init__(self) -> None:
        self.content = b""

    def add(self, part: bytes) -> int:
        self.content += bytes(-len(self.content) % 4)
        at = len(self.content)
        self.content += part
        return at


def compile(graph: Graph, description: Description, target: str = "unix") -> Compiled:
    """Compile a graph for a target. Raises ModelError or UnsupportedError saying which operation cannot be had, and why."""
    if target not in TARGETS:
        raise ModelError(f"target {target!r} is not known; known: {', '.join(TARGETS)}")
    if graph.states:
        raise UnsupportedError(f"{graph.name}: keeps state ({graph.states[0].name}), which no kernel does")
    constants = _Constants()
    drafts: list[_Draft] = []
    blocks: list[memory.Block] = [memory.Block(graph.input.size, 0, 0)]
    where: dict[Tensor, int] = {graph.input: 0}  # tensor -> block
    seen: list[tuple[Operation, int, int]] = []

    def live(tensor: Tensor, step: int) -> int:
        block = where[tensor]
        blocks[block] = memory.Block(blocks[block].size, blocks[block].first, max(blocks[block].last, step))
        return block

    def block(size: int, step: int) -> int:
        blocks.append(memory.Block(size, step, step))
        return len(blocks) - 1

    for op in graph.operations:
        if isinstance(op, Reshape):
            where[op.output] = where[op.input]
        else:
            step = len(drafts)
            sources = [live(tensor, step) for tensor in op.inputs if tensor.data is None]
            where[op.output] = block(op.output.size, step)
            scratch = [block(size, step) for size in _scratch(op)]
            drafts.append(_draft(op, constants, [*sources, where[op.output], *scratch]))
        seen.append((op, len(drafts), where[op.output]))
    live(graph.output, len(drafts))

    offsets, arena = memory.plan(blocks)
    steps = []
    for draft in drafts:
        for index, number in draft.blocks.items():
            draft.parameters[index] = offsets[number]
        steps.append(Step(draft.kernel, draft.rows, draft.chunk, tuple(draft.parameters)))
    program = Program(
        target=target,
        description=description.as_dict(),
        tables=pack_tables(description.frontend) if _listens(graph, description) else b"",
        steps=tuple(steps),
        constants=constants.content,
        arena=-(-arena // 8) * 8,
        input=(offsets[0], graph.input.size),
        output=(offsets[where[graph.output]], graph.output.size),
    )
    layers = tuple(Layer(op, after, offsets[number]) for op, after, number in seen)
    return Compiled(program, program.write(), layers)


def _listens(graph: Graph, description: Description) -> bool:
    """Whether the program is fed by the front end for sound; one that is not carries no tables."""
    return "frontend" in description.tables and graph.input.size % CHANNELS == 0


def _kernel_size(op: Conv2D | DepthwiseConv2D | Dense) -> tuple[int, int]:
    return (1, 1) if isinstance(op, Dense) else (op.weights.shape[1], op.weights.shape[2])


def _patch(op: Conv2D | DepthwiseConv2D | Dense) -> int:
    """Bytes that one output position sees, rounded up to the eight that the inner loop takes at once."""
    height, width = _kernel_size(op)
    channels = op.weights.shape[1] if isinstance(op, Dense) else op.input.shape[3]
    return -(-height * width * channels // 8) * 8


def _scratch(op: Operation) -> list[int]:
    """Sizes of the work space of a step."""
    if isinstance(op, Conv2D | DepthwiseConv2D | Dense):
        return [_patch(op), 4 * op.output.shape[-1]]
    return [4 * (4 + op.output.shape[-1])] if isinstance(op, Softmax) else []


def _draft(op: Operation, constants: _Constants, blocks: list[int]) -> _Draft:
    if isinstance(op, Conv2D | DepthwiseConv2D | Dense):
        return _convolution(op, constants, blocks)
    if isinstance(op, AveragePool2D):
        return _pool(op, blocks)
    if isinstance(op, Softmax):
        depth = op.input.shape[-1]
        if depth > 128:
            raise UnsupportedError(f"{op.output.name}: Softmax over {depth} values; the kernel takes at most 128")
        table = constants.add(softmax_exponentials(op).astype("<i4").tobytes())
        rows = op.input.size // depth
        return _Draft(SOFTMAX, rows, rows, [0, 0, depth, table, 0], {0: blocks[0], 1: blocks[1], 4: blocks[2]})
    raise UnsupportedError(f"{op.output.name}: no kernel for {op.kind}")


def _rows_at_once(rows: int, macs: int, outputs: int) -> int:
    cycles = (macs * _CYCLES_PER_MAC + outputs * _CYCLES_PER_OUTPUT) // rows
    return max(1, min(rows, _CYCLES_PER_CALL // max(cycles, 1)))


def _convolution(op: Conv2D | DepthwiseConv2D | Dense, constants: _Constants, blocks: list[int]) -> _Draft:
    low, high = activation_range(op)
    kernel_h, kernel_w = _kernel_size(op)
    if isinstance(op, Dense):
        # A dense layer is a convolution of one tap over as many channels as it has inputs.
        (height, width, channels), (out_h, out_w, out) = (1, 1, op.weights.shape[1]), (1, 1, op.weights.shape[0])
        stride = dilation = (1, 1)
        top = left = 0
        if op.input.size != channels:
            raise UnsupportedError(
                f"{op.output.name}: Dense of {channels} inputs on a tensor of {op.input.size}: batches are not had"
            )
    else:
        _, height, width, channels = op.input.shape
        _, out_h, out_w, out = op.output.shape
        stride, dilation = op.stride, op.dilation
        top = extent(height, kernel_h, stride[0], dilation[0], op.padding).before
        left = extent(width, kernel_w, stride[1], dilation[1], op.padding).before
    # A depthwise convolution of one channel is a convolution, whose kernel is the faster.
    depthwise = isinstance(op, DepthwiseConv2D) and channels > 1
    assert op.weights.data is not None
    weights: NDArray[np.int64] = op.weights.data.astype(np.int64)
    weights = weights.reshape(-1, out).T if isinstance(op, DepthwiseConv2D) else weights.reshape(out, -1)
    taps = weights.shape[1]
    patch = _patch(op)
    packed = np.zeros((out, taps if depthwise else patch), np.uint8)
    packed[:, :taps] = weights + 128
    per_channel = _channel_constants(op, weights)
    parameters = [0, 0, height, width, channels, out_h, out_w, out, kernel_h, kernel_w, *stride, top, left]
    parameters += [low + 128, high + 128, *dilation, op.input.zero_point + 128, op.output.zero_point + 128]
    parameters += [constants.add(packed.tobytes()), constants.add(per_channel), 0, patch, 0, int(isinstance(op, Dense))]
    return _Draft(
        DEPTHWISE if depthwise else CONV,
        out_h,
        _rows_at_once(out_h, op.macs, op.output.size),
        parameters,
        {0: blocks[0], 1: blocks[1], 22: blocks[2], 24: blocks[3]},
    )


def _channel_constants(op: Conv2D | DepthwiseConv2D | Dense, weights: NDArray[np.int64]) -> bytes:
    """Per output channel four int32: bias with the input's zero point folded in, multiplier, left and right shift.

    The kernels multiply in pieces that hold sums below 2^29 only; real layers stay far below.
    """
    multiplier, shift = rescale(op)
    bias = np.zeros(len(weights), np.int64) if op.bias is None or op.bias.data is None else op.bias.data.astype(np.int64)
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    greatest = np.abs(bias) + 255 * np.abs(weights).sum(1)
    if (greatest << left.astype(np.int64)).max() >= 1 << 29 or right.max() > 29:
        raise UnsupportedError(
            f"{op.output.name}: {op.kind} whose sums may reach 2^29 or whose scales differ by more than 2^29"
        )
    folded = bias - (op.input.zero_point + 128) * weights.sum(1)
    return b"".join(struct.pack("<4i", b, m, r, s) for b, m, r, s in zip(folded, multiplier, left, right, strict=True))


def _pool(op: AveragePool2D, blocks: list[int]) -> _Draft:
    _, height, width, channels = op.input.shape
    _, out_h, out_w, _ = op.output.shape
    low, high = activation_range(op)
    top = extent(height, op.size[0], op.stride[0], 1, op.padding).before
    left = extent(width, op.size[1], op.stride[1], 1, op.padding).before
    parameters = [0, 0, height, width, channels, out_h, out_w, channels, *op.size, *op.stride, top, left, low + 128, high + 128]
    work = op.output.size * op.size[0] * op.size[1]
    return _Draft(AVERAGE_POOL, out_h, _rows_at_once(out_h, work, op.output.size), parameters, {0: blocks[0], 1: blocks[1]})
