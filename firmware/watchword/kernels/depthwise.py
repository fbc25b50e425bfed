"""Depthwise convolutions with any multiplier: what the kernel takes, and the proof that it stays in its buffers."""

from watchword.kernels.contract import Contract, inside
from watchword.kernels.convolution import CONVOLUTION, slides


def _depthwise(p, more, rows, sizes):
    return (
        p.output_channels % p.input_channels == 0
        and inside(p.weights, p.output_channels * p.kernel_height * p.kernel_width, sizes.constants)
        and slides(p, rows, sizes)
    )


CONTRACTS = (Contract("depthwise", CONVOLUTION, _depthwise),)
