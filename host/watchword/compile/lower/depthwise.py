"""Depthwise convolutions, as calls of DEPTHWISE; of one channel as calls of CONVOLUTION, which is the faster."""

from __future__ import annotations

from watchword.compile.lower.call import Call, Lowerings, window
from watchword.compile.lower.convolution import CYCLES_PER_MAC, call, dilation
from watchword.graph import DepthwiseConv2D
from watchword.kernels import CONVOLUTION, DEPTHWISE

_CYCLES_PER_MAC = 130  # of DEPTHWISE


def depthwise(op: DepthwiseConv2D, first: int, last: int) -> list[Call]:
    """first, last: which input channels."""
    several = op.input.shape[3] > 1
    kernel, cycles_per_mac = (DEPTHWISE, _CYCLES_PER_MAC) if several else (CONVOLUTION, CYCLES_PER_MAC)
    sliding = window(op) | dilation(op) | {"input": first, "input_channels": last - first}
    return [call(kernel, op, sliding, first * op.multiplier, last * op.multiplier, cycles_per_mac)]


LOWER: Lowerings = {DepthwiseConv2D: depthwise}
