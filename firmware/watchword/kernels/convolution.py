"""Convolutions of any kind: what the kernel takes, and the proof that it stays in its buffers."""

from watchword.kernels.contract import BYTE, OFFSET, REQUANTIZE, SIZE, WINDOW, Contract, inside, requantizes

CONVOLUTION = (
    REQUANTIZE
    + WINDOW
    + (
        ("dilation_y", SIZE),
        ("dilation_x", SIZE),
        ("input_zero_point", BYTE),
        ("weights", OFFSET),  # in the constants, uint8 plus 128: [output channel][tap], of CONV in rows of patch_size
        ("patch", OFFSET),  # in the arena: room for what one output sees
        ("patch_size", OFFSET),  # bytes of it
        ("input_step", OFFSET),  # bytes from one input pixel to the next
        ("output_step", OFFSET),
    )
)


def slides(p, rows, sizes):
    """What CONV and DEPTHWISE have in common."""
    return (
        rows == p.output_height
        and inside(p.input, (p.input_height * p.input_width - 1) * p.input_step + p.input_channels, sizes.arena)
        and inside(p.output, (rows * p.output_width - 1) * p.output_step + p.output_channels, sizes.arena)
        and p.input_step >= p.input_channels
        and p.output_step >= p.output_channels
        and p.kernel_height * p.kernel_width * p.input_channels <= p.patch_size
        and inside(p.patch, p.patch_size, sizes.arena)
        and requantizes(p, p.output_channels, sizes)
    )


def _convolution(p, more, rows, sizes):
    return (
        p.patch_size % 8 == 0  # taps that the viper body takes at once
        and inside(p.weights, p.output_channels * p.patch_size, sizes.constants)
        and slides(p, rows, sizes)
    )


CONTRACTS = (Contract("convolution", CONVOLUTION, _convolution),)
