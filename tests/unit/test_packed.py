"""What the compiler proves for kernels with two weights in a word: rescales, chunks, and orders of taps and channels."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from tests import random_layers

from watchword.chips import named
from watchword.compile import compile
from watchword.compile.thumb.fit import FORMS, Rescale, fit, fit_each
from watchword.compile.thumb.order import by_chunks, orders, tap_order
from watchword.compile.thumb.packed import BODIES, SEGMENT, Patch, bound, safe, stream
from watchword.compile.thumb.packed_bytes import MOST
from watchword.compile.thumb.packed_bytes import patch as bytes_patch
from watchword.compile.thumb.packed_bytes import stream as bytes_stream
from watchword.compile.thumb.packed_depthwise import LOOPS
from watchword.compile.thumb.packed_depthwise import safe as depthwise_safe
from watchword.description import Description
from watchword.graph import Conv2D, Dense, Graph
from watchword.model import keywords, load
from watchword.reference import quantize_multiplier

Ints = NDArray[np.int64]


def channels(seed: int, count: int = 12) -> Rescale:
    """Of sums few enough that all can be tried, at scales from vanishing to saturating."""
    rng = np.random.default_rng(seed)
    span = int(rng.choice([1, 300, 5000, 40000]))
    real = 255 / span * 2.0 ** rng.uniform(-8, 3, count)
    numbers = [quantize_multiplier(float(value)) for value in real]
    multiplier, shift = (np.array(column, np.int64) for column in zip(*numbers, strict=True))
    least = -rng.integers(0, span, count)
    low, high = ((-128, 127), (-128, -20), (5, 127), (0, 0))[seed % 4]
    return Rescale(
        multiplier,
        shift,
        bias=rng.integers(-span, span + 1, count),
        zero_point=int(rng.integers(-128, 128)),
        least=least,
        greatest=least + rng.integers(0, span, count),
        low=low,
        high=high,
        once=bool(seed % 2),
    )


def rescaled(sums: Ints, factors: Ints, form: int, s: int) -> Ints:
    """As the kernels do it, and no value may leave 32 bits on the way."""
    m, fine, o = factors
    first, second = sums * m, (sums >> FORMS[form].dropped) * fine
    values = first + (second >> FORMS[form].fine - FORMS[form].dropped) + o
    for each in (first, second, values - o, values):
        assert np.abs(each).max() < 1 << 31
    return values >> s


@pytest.mark.parametrize("seed", range(24))
def test_every_sum_of_a_channel_is_rescaled_as_in_full(seed: int) -> None:
    rescale = channels(seed)
    made = fit(rescale)
    shifts, factors, found = fit_each(rescale)
    tried = 0
    for c in range(len(rescale.bias)):
        sums = np.arange(rescale.least[c], rescale.greatest[c] + 1)
        expected = np.clip(rescale.output(np.tile(sums, (len(rescale.bias), 1)))[c], rescale.low, rescale.high)
        cases = [(made.factors[form, c], form, made.shift) for form in range(len(FORMS)) if made.found[form, c]]
        if found[c]:
            cases.append((factors[c], 0, int(shifts[c])))
        for numbers, form, s in cases:
            tried += 1
            assert np.array_equal(np.clip(rescaled(sums, numbers, form, s), rescale.low, rescale.high), expected)
    assert tried


def test_most_channels_of_a_model_are_found() -> None:
    """What is not found is rescaled in full, which is right as well, but slow."""
    found = [fit(channels(seed)).found.any(0) for seed in range(24)]
    assert np.mean(found) > 0.9


@pytest.mark.parametrize("chunk", sorted({body.chunk for body in BODIES}))
def test_a_safe_chunk_stays_within_16_bits_whatever_the_activations(chunk: int) -> None:
    rng = np.random.default_rng(chunk)
    count = 0
    for taps in (1, chunk, chunk + 1, 3 * chunk - 1):
        for scale in (20, 60, 128):
            weights = rng.integers(-scale, scale, (40, 1, taps))
            for w, said in zip(weights[:, 0], safe(weights, chunk), strict=True):
                # the worst of all activations: each at the end that its weight's sign asks for
                worst = 0
                for end in range(taps, 0, -chunk):
                    some = w[max(0, end - chunk) : end]
                    top, bottom = np.where(some > 0, 127, -128), np.where(some > 0, -128, 127)
                    worst = max(worst, int(some @ top), -int(some @ bottom) - 1, abs(int(some @ bottom)))
                assert said == (worst <= 32767)
                count += bool(said)
    assert count


def test_bound_is_reached() -> None:
    assert bound(np.array([127, -128])) == 127 * 127 + 128 * 128
    assert bound(np.array([-128, 127])) == 127 * 127 + 128 * 128
    assert bound(np.array([1])) == 128
    assert bound(np.array([0])) == 0


@pytest.mark.parametrize("i", range(16))
def test_the_stream_holds_every_weight_in_chunks_that_are_safe(i: int) -> None:
    """Read as the kernel reads it."""
    rng = np.random.default_rng(i)
    op = random_layers.weighted(rng, "dense" if i % 3 == 0 else "conv", i)
    assert isinstance(op, Conv2D | Dense)
    assert op.weights.data is not None
    weights = op.weights.data.reshape(op.weights.shape[0], -1).astype(np.int64)
    outputs, count = weights.shape
    segments = -(-count // SEGMENT)
    order = tap_order(op, segments)
    taps = Patch(segments, len(order) // segments, np.maximum(order, 0), order)
    made = stream(op, 0, outputs, taps)
    if made is None:
        assert not safe(taps.cut(weights), 2).all()  # -128 twice in a chunk
        return
    words = np.frombuffer(made.content, "<i4").astype(np.int64)
    at = 0
    found = np.zeros((outputs, segments, taps.taps), np.int64)
    for segment in range(segments):
        done = 0
        for run in made.runs:
            body = BODIES[run.body]
            slots = body.chunks(taps.taps) * body.chunk
            for _ in range(run.groups):
                pairs = words[at : at + slots * body.outputs // 2].reshape(slots, -1)
                at += pairs.size
                lower = (pairs & 0xFFFF ^ 0x8000) - 0x8000
                both = np.stack([lower, pairs - lower >> 16], axis=2).reshape(slots, -1)
                assert np.abs(both).max() <= 128
                chunks = both.reshape(-1, body.chunk, body.outputs)
                greatest = np.maximum(chunks, 0).sum(1) * 127 + np.maximum(-chunks, 0).sum(1) * 128
                assert greatest.max() <= 32767
                if segment == segments - 1:
                    at += run.outputs * (4 if run.ending == len(FORMS) else 3)
                size = run.outputs
                assert not both[:, : body.outputs - size].any()
                assert not both[: slots - taps.taps].any()
                found[done : done + size, segment] = both[slots - taps.taps :, body.outputs - size :].T
                done += size
        assert done == outputs
    assert at == len(words)
    flat, used = found.reshape(outputs, -1), order >= 0
    assert sorted(order[used]) == list(range(count))
    assert not flat[:, ~used].any()
    assert np.array_equal(flat[:, used], weights[:, order[used]])


def test_loops_of_depthwise_kernels_split_before_sums_leave_16_bits() -> None:
    rng = np.random.default_rng(0)
    said = []
    for scale in (30, 90, 128):
        some = rng.integers(-scale, scale, (60, 9))
        for ends in LOOPS:
            begins = (0, *(end + 1 for end in ends))
            for weights, safe_for_it in zip(some, depthwise_safe(some, ends), strict=True):
                fits = all(
                    np.abs(np.where((w > 0) == up, 127, -128) @ w) <= 32767
                    for w in (weights[begin : end + 1] for begin, end in zip(begins, ends, strict=False))
                    for up in (True, False)
                )
                assert safe_for_it == fits
                said.append(fits)
    assert 0 < np.mean(said) < 1


def test_orders_hold_every_channel_once() -> None:
    graph = load(keywords()).compile("rp2040").graph
    found = orders(graph)
    assert found
    for tensor, order in found.items():
        assert sorted(order) == list(range(tensor.shape[-1]))


def test_an_order_by_chunks_is_a_permutation_and_no_slower() -> None:
    rng = np.random.default_rng(3)
    weights = rng.integers(-128, 128, (24, 64))

    def short(order: Ints) -> int:
        return int(sum(safe(weights[:, order].reshape(24, 1, 64), body.chunk).sum() for body in BODIES))

    order = by_chunks(weights, 1)
    assert sorted(order) == list(range(64))
    assert short(order) >= short(np.arange(64))
    assert np.array_equal(order, by_chunks(weights, 1))  # the same program every time


@pytest.mark.parametrize("i", range(24))
def test_four_weights_in_a_word_give_four_sums(i: int) -> None:
    """Read as the kernel reads them, with 32 bits, and the worst activations for sums that must not be mixed up."""
    rng = np.random.default_rng(i)
    op = random_layers.weighted(rng, "dense" if i % 3 == 0 else "conv", i)
    assert isinstance(op, Conv2D | Dense)
    outputs, count = op.rows.shape
    taps = bytes_patch(op, 1 if isinstance(op, Dense) else op.input.shape[2], 0)
    assert taps is not None
    made = bytes_stream(op, 0, outputs, taps)
    x = np.where(op.rows[rng.integers(outputs)] > 0, rng.choice([-128, 127]), rng.choice([-128, 127]))
    x = np.pad(x, (0, taps.taps - count), constant_values=127)  # what fills up weighs nothing
    words = np.frombuffer(made.content, "<u4").astype(np.int64)
    at, found = 0, []
    for run in made.runs:
        for _ in range(run.groups):
            found += four_sums(words[at : at + taps.taps], x)[run.skipped :]
            at += taps.taps + run.outputs * (4 if run.ending == 2 else 3)
    assert at == len(words)
    assert found == [int(total) for total in op.rows @ x[:count]]


def four_sums(words: Ints, x: Ints) -> list[int]:
    """As packed_bytes_thumb.py has them."""
    swapped = (words & 0xFF00FF) << 8 | words >> 8 & 0xFF00FF
    first, second, third = (int((x * some).sum()) for some in (words, swapped, words >> 16))
    p = ((first - (second << 8)) * 65537) & 0xFFFFFFFF
    q = (second - (p << 8)) & 0xFFFFFFFF
    digits = (p >> 16) + (q >> 16 << 8) - third
    i = signed(digits, 8)
    j = signed(digits - i >> 8, 8)
    c = signed(third - ((q >> 16) - j << 8), 24)
    sums = (p & 0xFFFF) + (i << 16), (q & 0xFFFF) + (j << 16), c, third - c >> 8
    return [total - 128 * int(x.sum()) for total in sums]


def signed(value: int, bits: int) -> int:
    """The lowest bits, the uppermost of which is the sign."""
    half = 1 << bits - 1
    return (value + half) % (2 * half) - half


@pytest.mark.parametrize("taps", [200, 256, 384, 508])
def test_four_sums_are_right_up_to_the_most_that_is_taken(taps: int) -> None:
    rng = np.random.default_rng(taps)
    for _ in range(50):
        weights = rng.integers(0, 256, (4, taps))
        while (weights.sum(1) > MOST).any():
            weights[weights.sum(1) > MOST] //= 2
        grown = weights.argmin()  # one of them as great as it may be
        weights[grown // taps, grown % taps] += min(255 - weights.flat[grown], MOST - weights[grown // taps].sum())
        x = rng.choice([-128, 127, 0], taps) if rng.integers(2) else np.full(taps, rng.choice([-128, 127]))
        words = weights[0] + (weights[1] << 8) + (weights[2] << 16) + (weights[3] << 24)
        assert four_sums(words, x) == [int((w - 128) @ x) for w in weights]


def pointwise(scale: int, pixels: int) -> Graph:
    data = np.random.default_rng(0).integers(-scale, scale + 1, (64, 1, 1, 64)).astype(np.int8)
    x, y = (random_layers.tensor(name, (1, 1, pixels, 64), 0.1, 3) for name in ("x", "y"))
    return Graph("pointwise", x, y, [Conv2D(x, y, random_layers.constant("w", data, np.array([0.001], np.float32), 0), None)])


def kernels_of(scale: int, pixels: int, ram: int | None = None) -> tuple[list[str], int]:
    """The kernels of a program for an RP2040 with one such layer, and the RAM that it takes."""
    description = Description(name="pointwise", labels=tuple(map(str, range(64))), kind="tensor")
    program = compile(pointwise(scale, pixels), description, named("rp2040"), ram=ram).program
    return [step.kernel.name for step in program.steps], program.ram


def test_great_weights_lie_four_in_a_word_and_small_ones_where_the_ram_is_short() -> None:
    assert kernels_of(127, 1)[0] == ["packed_bytes"]
    kernels, wide = kernels_of(20, 2)
    assert kernels == ["packed"]
    kernels, thin = kernels_of(20, 2, wide - 1)
    assert kernels == ["packed_bytes"]
    assert thin < wide - 3500
    assert kernels_of(20, 2, thin - 1)[0] == ["read", "packed_bytes"] * 2


def test_a_layer_of_many_pixels_is_read_rather_than_made_slow() -> None:
    kernels, wide = kernels_of(20, 200)
    assert kernels == ["packed"]
    assert set(kernels_of(20, 200, wide - 1)[0]) == {"read", "packed"}
