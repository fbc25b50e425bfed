"""Softmax: what the kernel takes, and the proof that it stays in its buffers."""

from watchword.kernels.contract import OFFSET, Contract, inside, words

MOST = 2047  # values in a row: the sum of more exponentials might not fit 30 bits

SOFTMAX = (
    ("input", OFFSET),
    ("output", OFFSET),
    ("depth", (1, MOST)),  # values in a row
    ("table", OFFSET),  # in the constants, int32[256]: e^(-d * scale * beta) in Q31 for a value d below the greatest, or -1
    ("scratch", OFFSET),  # in the arena: depth + 4 int32
)


def _softmax(p, more, rows, sizes):
    n = rows * p.depth
    return (
        inside(p.input, n, sizes.arena)
        and inside(p.output, n, sizes.arena)
        and words(p.table, 256, sizes.constants)
        and words(p.scratch, 4 + p.depth, sizes.arena)
    )


CONTRACTS = (Contract("softmax", SOFTMAX, _softmax),)
