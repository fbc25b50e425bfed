"""Sums, products and functions of one value: what their kernels take, and the proofs that they stay in their buffers."""

from watchword.kernels.contract import BYTE, COUNT, FLAG, OFFSET, REQUANTIZE, Contract, inside, requantizes, strided, words

_BROADCAST = REQUANTIZE + (  # two inputs, in rows of planes of lines of values; the output is dense
    ("other", OFFSET),  # the other input
    ("other_is_constant", FLAG),  # and lies in the constants
    ("planes", COUNT),
    ("lines", COUNT),
    ("values", COUNT),
    ("input_row_step", OFFSET),  # bytes from place to place; 0 where the input is repeated
    ("input_plane_step", OFFSET),
    ("input_line_step", OFFSET),
    ("input_value_step", OFFSET),
    ("other_row_step", OFFSET),
    ("other_plane_step", OFFSET),
    ("other_line_step", OFFSET),
    ("other_value_step", OFFSET),
    ("tile", COUNT),  # values at once: what the sums have room for
)

ADD = _BROADCAST + (
    ("input_table", OFFSET),  # in the constants, int32[256]: what each value plus 128 adds to the sum
    ("other_table", OFFSET),
)

MULTIPLY = _BROADCAST + (
    ("input_zero_point", BYTE),
    ("other_zero_point", BYTE),
)

PRELU = MULTIPLY + (  # the product of what is below the input's zero point, else what a table has for it
    ("positive_table", OFFSET),  # in the constants, uint8 for each value from the zero point on: outputs as they are stored
)

LOOKED_UP = 1 << 16  # in viper and plain bodies such a value's sum: this and its number in the table; no product is as great

LOOKUP = (
    ("input", OFFSET),
    ("output", OFFSET),  # may be the input's place
    ("depth", COUNT),  # values in a row
    ("table", OFFSET),  # in the constants, uint8[256]: by input plus 128, outputs as they are stored
)


def _broadcast(p, rows, sizes):
    shape = (rows, p.planes, p.lines, p.values)
    steps = (p.input_row_step, p.input_plane_step, p.input_line_step, p.input_value_step)
    other_steps = (p.other_row_step, p.other_plane_step, p.other_line_step, p.other_value_step)
    return (
        p.rescale_step == 0
        and strided(p.input, shape, steps, sizes.arena)
        and strided(p.other, shape, other_steps, sizes.constants if p.other_is_constant else sizes.arena)
        and inside(p.output, rows * p.planes * p.lines * p.values, sizes.arena)
        and requantizes(p, p.tile, sizes)
    )


def _add(p, more, rows, sizes):
    return (
        words(p.input_table, 256, sizes.constants) and words(p.other_table, 256, sizes.constants) and _broadcast(p, rows, sizes)
    )


def _multiply(p, more, rows, sizes):
    return _broadcast(p, rows, sizes)


def _prelu(p, more, rows, sizes):
    return inside(p.positive_table, 256 - p.input_zero_point, sizes.constants) and _broadcast(p, rows, sizes)


def _lookup(p, more, rows, sizes):
    n = rows * p.depth
    return inside(p.input, n, sizes.arena) and inside(p.output, n, sizes.arena) and inside(p.table, 256, sizes.constants)


CONTRACTS = (
    Contract("add", ADD, _add),
    Contract("multiply", MULTIPLY, _multiply),
    Contract("lookup", LOOKUP, _lookup),
    Contract("prelu", PRELU, _prelu),
)
