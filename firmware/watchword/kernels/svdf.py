"""SVDF, a dense layer of low rank over the last steps: what the kernel takes, and the proof that it stays in its buffers."""

from watchword.kernels.contract import COUNT, OFFSET, REQUANTIZE, SIZE, Contract, halves, inside, requantizes, words

SVDF = REQUANTIZE + (  # one row
    ("inputs", COUNT),
    ("units", SIZE),
    ("rank", SIZE),
    ("memory", SIZE),  # results that each filter keeps
    ("features", OFFSET),  # in the constants, uint8 plus 128: [filter][patch]
    ("time", OFFSET),  # in the constants, int16: [filter][memory]
    ("state", OFFSET),  # in the arena, int16: [filter][memory], oldest first
    ("features_rescale", OFFSET),  # in the constants, four int32 of each filter, as of `rescale`
    ("patch", OFFSET),  # in the arena
    ("patch_size", COUNT),  # a multiple of 8
)


def _svdf(p, more, rows, sizes):
    filters = p.units * p.rank
    return (
        rows == 1
        and p.inputs <= p.patch_size
        and p.patch_size % 8 == 0
        and inside(p.input, p.inputs, sizes.arena)
        and inside(p.output, p.units, sizes.arena)
        and inside(p.features, filters * p.patch_size, sizes.constants)
        and halves(p.time, filters * p.memory, sizes.constants)
        and halves(p.state, filters * p.memory, sizes.arena)
        and words(p.features_rescale, 4 * filters, sizes.constants)
        and inside(p.patch, p.patch_size, sizes.arena)
        and requantizes(p, p.units, sizes)
    )


CONTRACTS = (Contract("svdf", SVDF, _svdf),)
