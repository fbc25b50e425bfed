"""Depthwise 3x3 with two output rows in a word: what the kernel takes, and the proof that it stays in its buffers.

Rows of a step are channels. docs/formats.md shows the records; packed_depthwise_thumb.py computes.
"""

from collections import namedtuple

from watchword.kernels.contract import BYTE, COUNT, FLAG, OFFSET, SIZE, Contract, inside, words

PACKED_DEPTHWISE = (
    ("input", OFFSET),
    ("output", OFFSET),
    ("minimum", BYTE),
    ("maximum", BYTE),
    ("zero_point", BYTE),
    ("records", OFFSET),  # in the constants: RECORD bytes for each channel
    ("channels", COUNT),
    ("input_zero_point", BYTE),
    ("plane", OFFSET),  # in the arena: a channel's words, the first of which is padding
    ("plane_words", COUNT),
    ("first_window", OFFSET),  # bytes from the plane's beginning
    ("window_row_step", OFFSET),  # from behind a row of a window to its next row
    ("window_return", OFFSET),  # from behind a window back to the next one
    ("line_size", OFFSET),  # of all windows of a line
    ("line_step", OFFSET),  # from the end of these to the next line
    ("lines", SIZE),
    ("output_step", OFFSET),  # from one output to the next
    ("output_line_step", OFFSET),  # from a line's first output to the next line's
    ("output_half", OFFSET),  # from the lower half's output to the upper one's
    ("groups", (1, 9)),  # of spans that are packed
)

GROUP = (  # of spans with the same halves
    ("spans", COUNT),
    ("words", COUNT),  # of a span
    ("to", OFFSET),  # in the arena
    ("to_step", OFFSET),  # bytes to the next span
    ("lower", OFFSET),  # in the arena: the row in the lower half of the words
    ("lower_word_step", OFFSET),
    ("lower_span_step", OFFSET),
    ("upper", OFFSET),
    ("upper_word_step", OFFSET),
    ("upper_span_step", OFFSET),
    ("lower_counts", FLAG),  # 0: it is padding, where all channels have the same
    ("upper_counts", FLAG),
)

CHANNEL = (("kind", OFFSET),)  # its place among the outputs | loop << 16

RECORD = 28  # bytes: 9 weights, shift, 2 more, then 3 factors and a word, or what an exact rescale takes

# After which of the nine taps a loop splits its sums, by number; one more loop splits as the last and rescales exactly.
LOOPS = (
    (8,),
    (4, 8),
    (3, 8),
    (5, 8),
    (2, 5, 8),
    (3, 6, 8),
    (2, 4, 8),
    (1, 4, 8),
    (2, 4, 6, 8),
    (1, 3, 5, 7, 8),
)

_Group = namedtuple("group", [name for name, _ in GROUP])


def _packed_depthwise(p, more, rows, sizes):
    at = len(GROUP) * p.groups
    if len(more) != at + rows or rows != p.channels:
        return False
    for i in range(0, at, len(GROUP)):
        g = _Group(*more[i : i + len(GROUP)])
        if min(g) < 0 or not _packs(g, rows, sizes.arena):
            return False
    place = 0
    for i in range(at, len(more)):
        place = max(place, more[i] & 0xFFFF)
        if not 0 <= more[i] >> 16 <= len(LOOPS):
            return False
    window = 36 + 2 * p.window_row_step  # bytes from its first word to behind its last
    step = window - p.window_return
    if step <= 0 or (step | p.plane | p.first_window | p.window_row_step | p.line_step) % 4 or p.line_size % step:
        return False
    positions = p.line_size // step
    lines = p.lines - 1
    return (
        0 < positions <= SIZE[1]
        and p.minimum <= p.maximum
        and words(p.records, RECORD // 4 * rows, sizes.constants)
        and words(p.plane, p.plane_words, sizes.arena)
        and p.first_window + lines * (p.line_size + p.line_step) + (positions - 1) * step + window <= 4 * p.plane_words
        and inside(
            p.output,
            place + lines * p.output_line_step + (positions - 1) * p.output_step + p.output_half + 1,
            sizes.arena,
        )
    )


def _packs(g, channels, arena):
    """Whether a group of spans is read and written inside the arena."""
    lower = (g.words - 1) * g.lower_word_step + (g.spans - 1) * g.lower_span_step + 1
    upper = (g.words - 1) * g.upper_word_step + (g.spans - 1) * g.upper_span_step + 1
    return (
        min(g.spans, g.words) >= 1
        and max(g.lower_counts, g.upper_counts) <= 1
        and (g.to | g.to_step) % 4 == 0
        and inside(g.to, (g.spans - 1) * g.to_step + 4 * g.words, arena)
        and inside(g.lower, lower + g.lower_counts * (channels - 1), arena)
        and inside(g.upper, upper + g.upper_counts * (channels - 1), arena)
    )


CONTRACTS = (Contract("packed_depthwise", PACKED_DEPTHWISE, _packed_depthwise, (("group", GROUP), ("channel", CHANNEL))),)
