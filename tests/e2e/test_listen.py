"""The main job: recorded words in, events out, on the virtual board; and its numbers against the reference's."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import watchword
from tests.e2e import golden
from tests.e2e.conftest import small_description, small_graph, small_program
from watchword import reference
from watchword.board import Board, Detection
from watchword.board.streams import Codec
from watchword.data import adpcm, audio
from watchword.data.manifests import read_manifest
from watchword.data.recordings import load
from watchword.description import Decision
from watchword.errors import BoardError
from watchword.evaluate import listen, streaming
from watchword.evaluate.sound import clip_samples, inputs
from watchword.graph import Dense, Graph, Tensor
from watchword.model import Model, keywords
from watchword.model import load as load_model
from watchword.shipped import models


@pytest.fixture(scope="module")
def words() -> Model:
    return load_model(keywords())


@pytest.fixture
def listening(board: Board, words: Model) -> Board:
    board.push(words.compile(board.hello.target))
    return board


def heard(board: Board, samples: np.ndarray) -> list[tuple[str, float]]:
    return [(event.label, event.time) for event in board.listen(samples) if isinstance(event, Detection)]


def test_recorded_words_are_recognised(listening: Board) -> None:
    clips = audio.find(models() / "keywords/clips")
    assert len(clips) >= 5
    for clip in clips:
        word = clip.stem.split("_")[0]
        assert [label for label, _ in heard(listening, audio.read(clip))] == [word], clip.name


def test_the_library_as_the_readme_shows_it(micropython: Path) -> None:
    model = watchword.load(str(keywords()))
    samples = audio.read(models() / "keywords/clips/yes_f292725f.wav")
    with watchword.Board.open("unix") as board:
        board.push(model.compile(board.hello.target))
        assert [event.label for event in board.listen(samples) if isinstance(event, watchword.Detection)] == ["yes"]


def test_silence_and_noise_fire_nothing(listening: Board) -> None:
    assert heard(listening, np.zeros(32000, np.int16)) == []
    assert heard(listening, np.random.default_rng(3).integers(-300, 300, 32000).astype(np.int16)) == []


@pytest.mark.parametrize("codec", ["s16", "adpcm"])
def test_the_reference_gives_the_events_of_the_board(listening: Board, words: Model, codec: Codec) -> None:
    """Clips, all of them in one stream, and next to nothing: labels, scores and times."""
    clips = [audio.read(clip) for clip in audio.find(models() / "keywords/clips")]
    stream = np.concatenate([part for clip in clips for part in (clip, np.zeros(9000, np.int16))])
    for samples in (*clips, stream, stream[:15999], stream[:0]):
        assert list(listening.listen(samples, codec)) == listen(words, samples, codec)
    assert len(listen(words, stream, codec)) >= 4


@pytest.mark.parametrize("pad", [1.0, 0.0, 0.25])
def test_a_recording_that_ends_within_a_word_is_heard_alike(listening: Board, words: Model, pad: float) -> None:
    """Wherever it ends: no event lies after that, and how near the rest came is the same too."""
    clip = audio.read(models() / "keywords/clips/yes_f292725f.wav")
    found = set()
    for size in range(9000, 16001, 1000):
        events = list(listening.listen(clip[:size], pad=pad))
        runs = streaming.run_stream(words, clip[:size], pad=pad)
        expected = streaming.heard(runs, words.description)
        assert events == expected.events
        assert listening.last_stream.highest == expected.highest
        assert all(time <= round(size / 16000, 3) for _, time, _ in expected.highest.values())
        found |= {event.time == size / 16000 for event in expected.events}
        found |= {None} if not expected.events else set()
    assert found == ({None, True, False} if pad else {None, False})


def test_a_score_is_rounded_on_the_reference_as_on_the_board(board: Board) -> None:
    """A mean of 0.0125."""
    x, y = (
        Tensor(name, (1, n), np.dtype(np.int8), np.array([q], np.float32), -128)
        for name, n, q in (("x", 40, 0.1), ("y", 2, 1 / 256))
    )
    w = Tensor("w", (2, 40), np.dtype(np.int8), np.array([0.01], np.float32), 0, 0, np.zeros((2, 40), np.int8))
    b = Tensor("b", (2,), np.dtype(np.int32), np.array([0.001], np.float32), 0, None, np.array([0, 63], np.int32))
    graph = Graph("quiet", x, y, [Dense(x, y, w, b)])
    described = dataclasses.replace(small_description("quiet"), decision=Decision(cutoff=0.01, window=5, refractory=60.0))
    model = Model(Path("quiet.tflite"), b"", graph, described, True)
    board.push(model.compile(board.hello.target))
    (event,) = board.listen(np.zeros(1600, np.int16))
    assert [event] == listen(model, np.zeros(1600, np.int16))
    assert event.score == 0.013


def test_a_stream_that_is_too_short_for_one_run_gives_nothing(board: Board) -> None:
    described = dataclasses.replace(small_description("slow"), decision=Decision(stride=100))
    model = Model(Path("slow.tflite"), b"", small_graph("slow", always=True), described, True)
    board.push(model.compile(board.hello.target))
    assert list(board.listen(np.zeros(0, np.int16))) == listen(model, np.zeros(0, np.int16)) == []


def test_every_stream_starts_afresh(listening: Board) -> None:
    clip = audio.read(audio.find(models() / "keywords/clips")[0])
    first = heard(listening, clip)
    heard(listening, np.random.default_rng(0).integers(-20000, 20000, 16000).astype(np.int16))
    assert heard(listening, clip) == first


def test_scores_equal_the_reference_on_real_clips(listening: Board, words: Model, shared_data: Path) -> None:
    """200 clips: front end and every output of the board's model, bit for bit."""
    manifest = shared_data / "speech/speech_commands_v002_test/manifest.csv"
    clips = read_manifest(manifest, label_column="label12", split="dev_val")[:200]
    loaded = load(clips, words.description.labels, clip_samples(words))
    signals = loaded.signals.rows(range(len(loaded.signals)))
    expected = reference.run(words.graph, inputs(words, signals)).reshape(len(clips), -1)
    assert len(clips) == 200
    for signal, outputs in zip(signals, expected, strict=True):
        assert np.array_equal(listening.scores(signal), outputs)


def test_sound_sent_as_adpcm_is_heard_as_the_host_decodes_it(listening: Board, words: Model) -> None:
    for clip in audio.find(models() / "keywords/clips"):
        samples = audio.read(clip)[:15999]  # an odd number: the last one is sent twice
        expected = reference.run(words.graph, inputs(words, adpcm.coded(samples)[None])).ravel()
        assert np.array_equal(listening.scores(samples, codec="adpcm"), expected), clip.name


def test_every_layer_equals_the_reference(listening: Board, words: Model) -> None:
    compiled = words.compile("unix")
    signals = np.stack([audio.read(clip)[:16000] for clip in audio.find(models() / "keywords/clips")[:3]])
    x = np.concatenate([inputs(words, signals), np.full((1, *words.graph.input.shape[1:]), 127, np.int8)])
    expected = reference.run_layers(compiled.graph, x)
    for i, sample in enumerate(x):
        outputs = listening.run_layers(compiled, sample)
        for operation, mine, theirs in zip(compiled.graph.operations, outputs, expected, strict=True):
            assert np.array_equal(mine.ravel(), theirs[i].ravel()), operation.output.name


def test_micro_speech_hears_yes_and_no(board: Board, shared_data: Path) -> None:
    """TensorFlow Lite Micro's own model, on its own recordings."""
    folder = shared_data / "models/tflite_micro"
    model = load_model(folder / "micro_speech_quantized.tflite")
    board.push(model.compile(board.hello.target))
    for word in ("yes", "no"):
        assert [label for label, _ in heard(board, audio.read(folder / f"testdata/{word}_1000ms.wav"))] == [word]


@pytest.mark.parametrize("target", ["unix", "pico"])
def test_a_streaming_wake_word_fires_as_on_the_host(target: str, shared_data: Path) -> None:
    """microWakeWord's alexa with the front end, cutoff and window of its .json; state is kept from step to step."""
    model = load_model(shared_data / "models/microwakeword/alexa.tflite")
    samples = audio.read(shared_data / "speech/picovoice_wakeword/alexa/83.flac")[: 3 * 16000 // 2]
    expected = listen(model, samples)
    assert [event.label for event in expected] == ["alexa"]
    with Board.open(target) as board:
        board.push(model.compile(board.hello.target), scratch=True)
        for _ in range(2 if target == "unix" else 1):  # what the stream before left behind is forgotten
            assert list(board.listen(samples)) == expected


def test_what_nothing_feeds_runs_and_says_why_it_cannot_listen(board: Board, shared_data: Path) -> None:
    model = load_model(shared_data / "models/mlperf_tiny/kws_ref_model.tflite")
    board.push(model.compile(board.hello.target), scratch=True)
    x = np.load(shared_data / "models/golden_outputs.npz")["mlperf_tiny/kws_ref_model:x"][0]
    assert np.array_equal(board.run(x), reference.run(model.graph, x).ravel())
    with pytest.raises(BoardError, match="cannot listen: it takes mfcc features, which no front end here makes"):
        heard(board, np.zeros(16000, np.int16))


@pytest.mark.xdist_group(golden.OWN)
def test_the_keyword_model_keeps_its_limits(words: Model) -> None:
    assert words.graph.macs <= 3_000_000
    assert golden.compiled(keywords(), "rp2040").program.arena <= 20 * 1024


def test_a_log_line_is_passed_on(listening: Board) -> None:
    listening.link._take(b"a user's print")
    assert listening.link.next_event("log", 0) == {"event": "log", "text": "a user's print"}


def test_a_message_behind_half_a_line_of_a_users_is_taken(listening: Board) -> None:
    listening.link._take(b'99 {"x": {"id": 123, "do": "info"}')
    assert listening.link.answered(123) is False
    assert listening.link.next_event("log", 0) is not None
    listening.link._take(b'half {"id": 123}')
    assert listening.link.answered(123)
    assert listening.link.next_event("log", 0) == {"event": "log", "text": "half "}


@pytest.mark.real_board
def test_a_word_is_heard_wherever_it_is_listened_for(board: Board) -> None:
    """A model that hears its word in everything, and so once."""
    board.push(small_program("always", target=board.hello.target, always=True))
    for codec in ("s16", "adpcm"):
        events = [e for e in board.listen(np.zeros(32000, np.int16), codec) if isinstance(e, Detection)]
        assert [e.label for e in events] == ["word"]
        assert board.last_stream.frames == 199
