"""Bytes that only move: what their kernels take, and the proofs that they stay in their buffers."""

from watchword.kernels.contract import BYTE, COUNT, FLAG, OFFSET, SIGNED, UNUSED, Contract, inside, strided

COPY = (  # rows of planes of lines of values, from the front: where the two overlap, the output is before the input
    ("input", OFFSET),
    ("output", OFFSET),
    ("input_is_constant", FLAG),  # and lies in the constants
    ("planes", COUNT),
    ("lines", COUNT),
    ("values", COUNT),
    ("input_row_step", SIGNED),  # bytes from place to place
    ("input_plane_step", SIGNED),
    ("input_line_step", SIGNED),
    ("input_value_step", SIGNED),
    ("output_row_step", SIGNED),
    ("output_plane_step", SIGNED),
    ("output_line_step", SIGNED),
    ("output_value_step", SIGNED),
)

FILL = (
    ("input", UNUSED),
    ("output", OFFSET),
    ("value", BYTE),
    ("row_size", COUNT),  # bytes in a row
)

READ = (  # the runtime's own where there is no Thumb body: brings constants from the program's file
    ("input", OFFSET),  # in the weights
    ("output", OFFSET),
    ("size", COUNT),  # bytes
)


def _copy(p, more, rows, sizes):
    shape = (rows, p.planes, p.lines, p.values)
    steps = (p.input_row_step, p.input_plane_step, p.input_line_step, p.input_value_step)
    output_steps = (p.output_row_step, p.output_plane_step, p.output_line_step, p.output_value_step)
    return (
        strided(p.input, shape, steps, sizes.constants if p.input_is_constant else sizes.arena)
        and strided(p.output, shape, output_steps, sizes.arena)
        # steps of 0 reach nowhere, however often
        and rows * p.planes * p.lines * p.values <= sizes.arena
    )


def _fill(p, more, rows, sizes):
    return inside(p.output, rows * p.row_size, sizes.arena)


def _read(p, more, rows, sizes):
    return rows == 1 and inside(p.input, p.size, sizes.weights) and inside(p.output, p.size, sizes.arena)


CONTRACTS = (
    Contract("copy", COPY, _copy),
    Contract("fill", FILL, _fill),
    Contract("read", READ, _read),
)
