"""IMA ADPCM on the host: the codes of another implementation, and what has to hold of a stream."""

from __future__ import annotations

import numpy as np

from watchword.data.adpcm import Adpcm, coded


def test_codes_are_those_of_other_implementations() -> None:
    """Bytes and samples from CPython 3.11's audioop, which puts the earlier sample into the upper half."""
    samples = np.array([0, 1, -1, 7, 300, -300, 5000, 12000, 32767, -32768, 32767, 32767, -32768, -5, 17, 18], np.int16)
    assert Adpcm().encode(samples) == bytes.fromhex("1049f777f7771f08")
    assert coded(samples).tolist() == [0, 1, 0, 7, 23, -11, 65, 230, 585, -180, 1462, 4982, -2566, 669, -311, 580]


def test_a_stream_in_chunks_is_the_same_stream() -> None:
    samples = (np.sin(np.arange(4000) / 9) * 12000).astype(np.int16)
    whole = Adpcm().encode(samples)
    encoder, decoder = Adpcm(), Adpcm()
    chunks = [encoder.encode(samples[start : start + 768]) for start in range(0, 4000, 768)]
    assert b"".join(chunks) == whole
    assert np.array_equal(np.concatenate([decoder.decode(chunk) for chunk in chunks]), coded(samples))


def test_sound_survives() -> None:
    samples = (np.sin(np.arange(8000) / 9) * 12000).astype(np.int16)
    error = coded(samples)[200:].astype(int) - samples[200:]
    assert np.sqrt(np.mean(error**2)) < 0.02 * 12000


def test_silence_before_a_sound_changes_nothing() -> None:
    samples = np.random.default_rng(1).integers(-9000, 9000, 500).astype(np.int16)
    silence = np.zeros(16000, np.int16)
    assert np.array_equal(coded(np.concatenate([silence, samples])), np.concatenate([silence, coded(samples)]))


def test_an_odd_last_sample_is_sent_twice() -> None:
    samples = np.array([5, -900, 77], np.int16)
    assert Adpcm().encode(samples) == Adpcm().encode(np.append(samples, samples[-1]))
    assert len(coded(samples)) == 4
    assert coded(np.zeros(0, np.int16)).shape == (0,)
