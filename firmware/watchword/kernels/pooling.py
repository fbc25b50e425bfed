"""Pools and means: what their kernels take, and the proofs that they stay in their buffers."""

from watchword.kernels.contract import BYTE, COUNT, OFFSET, REQUANTIZE, WINDOW, Contract, inside, requantizes

POOL = (
    ("input", OFFSET),
    ("output", OFFSET),
    ("minimum", BYTE),
    ("maximum", BYTE),
) + WINDOW  # a step computes all channels

MEAN = REQUANTIZE + (  # of `rows` times [places][depth] to `rows` times [depth]
    ("places", COUNT),
    ("depth", COUNT),
    ("tile", COUNT),  # values at once: what the sums have room for
)


def _pool(p, more, rows, sizes):
    return (
        rows == p.output_height
        and p.minimum <= p.maximum
        and p.input_channels == p.output_channels
        and inside(p.input, p.input_height * p.input_width * p.input_channels, sizes.arena)
        and inside(p.output, rows * p.output_width * p.input_channels, sizes.arena)
        # a window that touches no input has no mean
        and _touches(p.input_height, rows, p.kernel_height, p.stride_y, p.padding_top)
        and _touches(p.input_width, p.output_width, p.kernel_width, p.stride_x, p.padding_left)
    )


def _touches(size, outputs, kernel, stride, before):
    return before < kernel and (outputs - 1) * stride - before < size


def _mean(p, more, rows, sizes):
    return (
        p.rescale_step == 0
        and inside(p.input, rows * p.places * p.depth, sizes.arena)
        and inside(p.output, rows * p.depth, sizes.arena)
        and requantizes(p, p.tile, sizes)
    )


CONTRACTS = (
    Contract("average_pool", POOL, _pool),
    Contract("max_pool", POOL, _pool),
    Contract("mean", MEAN, _mean),
)
