"""Embeddings, and few-shot evaluation. Boards' kernels are compared with the firmware's plain ones in tests/device."""

from __future__ import annotations

import importlib.util
from array import array
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from watchword import embedding, shipped
from watchword.data import audio
from watchword.data.clips import Clip
from watchword.description import Description
from watchword.errors import DataError, ModelError
from watchword.evaluate import fewshot
from watchword.model import keywords, load


@pytest.fixture(scope="module")
def plain() -> ModuleType:
    spec = importlib.util.spec_from_file_location("knn_plain", shipped.firmware() / "watchword/kernels/knn_plain.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_embedding_has_its_length_and_signs() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(-128, 128, (5, 6, 3, 32)).astype(np.int8)
    for parts, zero in ((1, -128), (2, 0), (3, 100)):
        found = embedding.embed(values, zero, parts).astype(float)
        assert found.shape == (5, 32 * parts)
        assert np.allclose(np.linalg.norm(found, axis=1), embedding.RMS * (32 * parts) ** 0.5, rtol=0.02)
        rows = 6 // parts
        means = (values.astype(float) - zero).reshape(5, parts, rows, 3, 32).mean((2, 3)).reshape(5, -1)
        expected = np.sign(means) * np.sqrt(np.abs(means))
        expected *= (np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1))[:, None]
        assert np.abs(expected - found).max() < 1.5


def test_silence_has_none() -> None:
    assert not embedding.embed(np.full((1, 4, 4, 8), -128, np.int8), -128, 2).any()
    assert embedding.embed(np.full((1, 8), 127, np.int8), -128).tolist() == [[embedding.RMS] * 8]


def test_shapes_that_are_no_embedding() -> None:
    assert embedding.shape((1, 25, 5, 64), 2) == embedding.Shape(25, 5, 64)
    assert embedding.shape((1, 64), 1) == embedding.Shape(1, 1, 64)
    assert embedding.shape((1, 7, 64), 1) == embedding.Shape(7, 1, 64)
    for output, parts in (((1, 512), 1), ((1, 25, 5, 200), 2), ((1, 65, 65, 8), 1), ((1, 64), 2), ((1, 2, 2, 2, 2), 1)):
        with pytest.raises(ModelError, match="none can be made"):
            embedding.shape(output, parts)


def test_the_key_is_of_model_layer_and_input() -> None:
    one = Description("a", ("x", "y"), embedding="h", sha256="0" * 64)
    keys = {
        embedding.key(Description(**{**vars(one), **change}))
        for change in ({}, {"embedding": "g"}, {"embedding_parts": 2}, {"sha256": "1" * 64}, {"kind": "picture"})
    }
    assert len(keys) == 5
    assert embedding.key(one) == embedding.key(Description(**{**vars(one), "name": "b", "labels": ("p", "q")}))


@pytest.mark.parametrize("seed", range(8))
def test_kernels_in_numpy_equal_the_firmwares(seed: int, plain: ModuleType) -> None:
    knn, rng = shipped.firmware_module("knn"), np.random.default_rng(seed)
    dims, count, k, words = (int(n) for n in (rng.integers(1, 40), rng.integers(0, 17), rng.integers(1, 9), rng.integers(1, 9)))
    shots, query = bytearray(rng.bytes(dims * 16)), rng.bytes(dims)
    owners = bytes(rng.integers(0, words, 16).astype(np.uint8))
    found = []
    for body in (plain, fewshot.Kernels):
        distances = array("i", bytes(64))
        body.squared(query, shots, dims | count << 16, distances)
        if count > 1:
            distances[1] = knn.FAR
        votes = array("i", bytes(4 * (knn.MEANS + words + words * k)))
        for n in range(1, knn.MOST_NEIGHBOURS + 1):
            votes[knn.SHARE + n] = 256 // n
        body.vote(distances, owners, count | k << 8 | words << 16, votes)
        found.append((list(distances), list(votes)[: knn.MEANS + words]))
    assert found[0] == found[1]


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    """Tones that go up, down, or stay."""
    rng = np.random.default_rng(1)
    found = []
    for word, slope in (("up", 1.0), ("down", -1.0), ("flat", 0.0)):
        for i in range(8):
            t = np.arange(8000) / audio.RATE
            pitch = 900 + rng.uniform(-60, 60)
            tone = 9000 * np.sin(2 * np.pi * (pitch * t + slope * 700 * t * t))
            sound = np.concatenate([np.zeros(6000), tone * np.hanning(8000), np.zeros(6000)]) + rng.normal(0, 3, 20000)
            path = tmp_path / f"{word}{i}.wav"
            audio.write(path, np.rint(sound).astype(np.int16))
            found.append(Clip(path, word))
    return found


def test_few_shot(clips: list[Clip]) -> None:
    """Tones that are easy to tell apart; what is not taught stays away."""
    model = load(keywords())
    taught, others = clips[:16], clips[16:]
    found = fewshot.few_shot(model, taught, others, shots=3, draws=4)
    assert found.words == ("up", "down")
    assert found.accuracy > 0.9
    assert found.queries == 10
    assert found.unknown == 8
    assert 0 <= found.detection_at_fa1 <= found.detection_at_fa5 <= found.accuracy
    assert found == fewshot.few_shot(model, taught, others, shots=3, draws=4)
    for neighbours in (fewshot.Neighbours(means=True), fewshot.Neighbours(3)):
        assert fewshot.few_shot(model, taught, others, shots=3, draws=2, neighbours=neighbours).accuracy > 0.9


def test_too_few_clips(clips: list[Clip]) -> None:
    model = load(keywords())
    with pytest.raises(DataError, match="up: has 8 clips, more than the 8 that are taught are needed"):
        fewshot.few_shot(model, clips, clips, shots=8)
    with pytest.raises(DataError, match="no clips of words that are not taught"):
        fewshot.few_shot(model, clips, [], shots=2)


def test_background_is_spread_evenly(clips: list[Clip]) -> None:
    found = fewshot.background(load(keywords()), clips)
    assert found.shape == (24, 128)
    many = fewshot.background(load(keywords()), clips * 4)
    assert len(many) == fewshot.BACKGROUND


def test_background_of_a_long_recording_is_cut_out_of_it() -> None:
    samples = np.arange(48_000).astype(np.int16)
    assert [segment[0] for segment in fewshot.segments(samples, 16_000, 64)] == [0, 8_000, 16_000, 24_000, 32_000]
    assert [segment[0] for segment in fewshot.segments(samples, 16_000, 2)] == [0, 32_000]
    for few in (samples[:23_999], samples[:16_000], samples[:500]):
        assert fewshot.segments(few, 16_000, 64).shape == (1, 16_000)
    assert np.array_equal(fewshot.segments(samples, 16_000, 1)[0], fewshot.centred(samples, 16_000))


def test_few_long_recordings_give_many_embeddings(tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    audio.write(path, np.random.default_rng(0).normal(0, 2000, 160_000).astype(np.int16))
    found = fewshot.background(load(keywords()), [Clip(path, "")] * 3)
    assert len(found) == 19 * 3
