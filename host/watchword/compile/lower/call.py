"""A call of a kernel before anything has its place: what lowering makes, and what a schedule and a memory plan are made for."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from watchword.errors import UnsupportedError
from watchword.graph import Operation, Sliding, Tensor, extents
from watchword.kernels import Kernel

Parameter = str | tuple[int, str]
"""A parameter's name, or the number of a record of `Call.more` and the name of its field."""

Record = tuple[str, dict[str, int]]

CYCLES_PER_CALL = 1_000_000  # about 8 ms at 125 MHz: the longest that a call may hold the board
SUMS = 1 << 29  # below this, the kernels' products fit the pieces that they are made of; real layers stay far below

# Cycles of the viper bodies on a Cortex-M0+: how many rows fit into one call.
CYCLES_PER_OUTPUT, CYCLES_PER_BYTE = 300, 40


@dataclass(frozen=True, order=True)
class Grouping:
    """Outputs that a packed kernel computes alike. chunk: taps between two splits, the most where they differ.

    exact: rescaled in full, since no factors were proved for all of them.
    """

    outputs: int
    chunk: int
    exact: bool


@dataclass
class Call:
    """A kernel and its parameters by name, whose addresses are not known yet.

    parameters: those that are not here are 0; those named below hold an offset within what they refer to. more: the records
    that follow them. tensors, constants, scratch: what a parameter is the place of: a tensor, bytes that lie in the constants,
    bytes of work space. cycles: of all rows, by a Thumb body; 0: there is none, or it is not known. groupings: how many groups
    of each kind a packed kernel has.
    """

    kernel: Kernel
    rows: int
    chunk: int
    parameters: dict[str, int]
    tensors: dict[Parameter, Tensor] = field(default_factory=dict)
    constants: dict[Parameter, bytes] = field(default_factory=dict)
    scratch: dict[Parameter, int] = field(default_factory=dict)
    more: list[Record] = field(default_factory=list)
    cycles: int = 0
    groupings: dict[Grouping, int] = field(default_factory=dict)


Lowerings = Mapping[type[Operation], Callable[..., list[Call]]]
"""What makes the calls of each kind of operation."""


def rows_at_once(rows: int, cycles: int) -> int:
    """Into how many rows a step is cut, so that no call takes much longer than it may, nor one much longer than another."""
    chunk = -(-rows // max(1, -(-cycles // CYCLES_PER_CALL)))
    return max(1, min(chunk, CYCLES_PER_CALL * 6 // 5 * rows // max(cycles, 1)))


def window(op: Sliding) -> dict[str, int]:
    """The parameters of a window over a picture, but for its output channels and dilation."""
    _, height, width, depth = op.input.shape
    _, out_h, out_w, _ = op.output.shape
    rows, columns = extents(op)
    return {
        "input_height": height,
        "input_width": width,
        "input_channels": depth,
        "output_height": out_h,
        "output_width": out_w,
        "kernel_height": op.kernel[0],
        "kernel_width": op.kernel[1],
        "stride_y": op.stride[0],
        "stride_x": op.stride[1],
        "padding_top": rows.before,
        "padding_left": columns.before,
    }


# ---- sums that are brought back to int8


def requantized(op: Operation, low: int, high: int, *, rescale_step: int = 0, round_once: bool = False) -> dict[str, int]:
    """The parameters that all kernels with sums share."""
    return {
        "minimum": low + 128,
        "maximum": high + 128,
        "zero_point": op.output.zero_point + 128,
        "rescale_step": rescale_step,
        "round_once": int(round_once),
    }


def rescales(
    op: Operation, bias: Sequence[int], multiplier: Sequence[int], shift: Sequence[int], greatest: Sequence[int]
) -> bytes:
    """RESCALE of each channel. greatest: of the sums' magnitudes, bias included.

    Raises UnsupportedError where those are too great for the kernels.
    """
    packed = b""
    for b, m, s, g in zip(bias, multiplier, shift, greatest, strict=True):
        left, right = max(s, 0), max(-s, 0)
        if g << left >= SUMS:
            raise UnsupportedError(f"{op.output.name}: {op.kind} whose sums may reach 2^29: the kernels hold less")
        if right > 29:  # less than a half of one step, whatever the sum
            m = right = 0
        packed += struct.pack("<4i", b, m, left, right)
    return packed
