"""Evaluation by stream: models of one word, and models that keep state."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import ai_edge_litert.interpreter as litert
import numpy as np
import pytest

from watchword import tflite
from watchword.data import audio
from watchword.data.clips import Clip
from watchword.description import Decision, Description
from watchword.errors import DataError, ModelError
from watchword.evaluate import evaluate
from watchword.evaluate.streaming import Runs, detections, heard, listen_live, run_stream
from watchword.features.micro import FrontendParameters, MicroFrontend, to_int8
from watchword.graph import Add, Dense, Graph, State, Tensor
from watchword.model import Model, load


def tensor(name: str, shape: tuple[int, ...], scale: float) -> Tensor:
    return Tensor(name, shape, np.dtype(np.int8), np.array([scale], np.float32), -128)


def dense(x: Tensor, y: Tensor, weight: int) -> Dense:
    data = np.full((y.shape[1], 120), weight, np.int8)
    return Dense(x, y, Tensor("w", data.shape, data.dtype, np.array([1e-3], np.float32), data=data), None)


def louder() -> Graph:
    """Three frames in; the output is higher the louder they are."""
    x, y = tensor("x", (1, 3, 40), 0.1), tensor("y", (1, 1), 1 / 256)
    return Graph("louder", x, y, [dense(x, y, 1)])


def counting(*steps: int) -> Graph:
    """Keeps state: output i grows by steps[i], in 256ths, with every run, whatever is heard."""
    shape = (1, len(steps))
    x, nothing, by = tensor("x", (1, 3, 40), 0.1), tensor("nothing", shape, 1 / 256), tensor("by", shape, 1 / 256)
    by.data = (np.array([steps]) - 128).astype(np.int8)
    before, grown, y = (tensor(name, shape, 1 / 256) for name in ("before", "grown", "y"))
    graph = Graph("counting", x, y, [dense(x, nothing, 0), Add(nothing, grown, by), Add(before, y, grown)])
    graph.states.append(State("count", before, y, np.full(shape, -128, np.int8)))
    return graph


def model(graph: Graph, labels: tuple[str, ...] = ("word",), stride: int = 3, **decision: float) -> Model:
    described = Description(
        name="m",
        labels=labels,
        frontend=FrontendParameters(hop_ms=10),
        decision=dataclasses.replace(Decision(0.5, 1, 1.0, stride), **decision),
    )
    return Model(Path("m.tflite"), b"", graph, described, True)


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    """A loud one of two seconds and one of silence."""
    noise = np.random.default_rng(1).normal(0, 6000, 32000)
    audio.write(tmp_path / "loud.wav", audio.to_int16(noise))
    audio.write(tmp_path / "silent.wav", np.zeros(32000, np.int16))
    return [Clip(tmp_path / "loud.wav", "word"), Clip(tmp_path / "silent.wav", "other"), Clip(tmp_path / "silent.wav", "word")]


def test_a_model_of_one_word_is_right_where_it_fires_on_its_word_alone(clips: list[Clip]) -> None:
    seen: list[tuple[int, int]] = []
    result = evaluate(model(louder()), clips, progress=lambda *done: seen.append(done))
    assert result.labels == ("word", "_unknown_")
    assert result.confusion.tolist() == [[1, 1], [0, 1]]
    assert result.accuracy == pytest.approx(2 / 3)
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_model_that_keeps_state_gives_what_fires_first(clips: list[Clip]) -> None:
    """A clip of two seconds, between two of silence, has 132 runs: more than 0.5 * 256, fewer than 0.6 * 256."""
    assert evaluate(model(counting(1), cutoff=0.6), clips).confusion.tolist() == [[0, 2], [0, 1]]
    assert evaluate(model(counting(1), cutoff=0.5), clips).confusion.tolist() == [[2, 0], [1, 0]]
    result = evaluate(model(counting(1, 2), labels=("slow", "word")), clips)
    assert result.labels == ("slow", "word", "_unknown_")
    assert result.confusion.tolist() == [[0, 0, 0], [0, 2, 0], [0, 1, 0]]


def test_state_lasts_for_one_stream() -> None:
    m = model(counting(1))
    runs = [run_stream(m, np.zeros(n, np.int16)) for n in (16000, 16000, 0)]
    assert (runs[0].outputs.ravel().astype(int) + 128).tolist() == list(range(1, len(runs[0].times) + 1))
    assert np.array_equal(runs[0].outputs, runs[1].outputs)
    assert np.array_equal(runs[0].outputs[: len(runs[2].outputs)], runs[2].outputs)
    # 48000 samples are 298 frames of 10 ms: 99 runs, the last one ending with frame 297
    assert len(runs[0].times) == 99
    assert runs[0].times[-1] == 296 * 10 + 30


def test_a_model_that_keeps_state_sees_every_frame_once() -> None:
    with pytest.raises(ModelError, match=r"m.tflite: keeps state .* decision.stride is 2, its input holds 3"):
        run_stream(model(counting(1), stride=2), np.zeros(16000, np.int16))
    run_stream(model(louder(), stride=2), np.zeros(16000, np.int16))


def test_a_word_fires_once_and_again_after_the_refractory_time() -> None:
    description = model(louder()).description
    times = np.arange(100) * 30
    outputs = np.full((100, 1), -128, np.int8)
    outputs[10:20] = outputs[54:] = 127  # it falls at 600
    found = detections(Runs(outputs, times), description)
    assert [round(1000 * (d.time + 1)) for d in found] == [300, 1620]
    outputs[20:50] = 127
    assert [round(1000 * (d.time + 1)) for d in detections(Runs(outputs, times), description)] == [300]


def test_by_the_silence_after_a_recording_alone_nothing_is_heard() -> None:
    """A score that rises only then; one that was half way up before, whose event has the recording's length."""
    description = model(louder(), window=2).description
    outputs = np.full((100, 1), -128, np.int8)
    outputs[50:] = 127
    for ends, expected in ((None, [1530]), (1530, [1530]), (1529, [1529]), (1500, [1500]), (1499, []), (300, [])):
        found = heard(Runs(outputs, np.arange(100) * 30, 1000, ends), description)
        assert [round(1000 * (d.time + 1)) for d in found.events] == expected, ends
        score, time, cutoff = found.highest["word"]
        assert time >= 0.5 if expected else score == 0
        assert cutoff == 0.5


def test_silence_before_and_after_a_recording_is_as_long_as_asked() -> None:
    samples = np.random.default_rng(1).normal(0, 6000, 4000).astype(np.int16)
    for pad, milliseconds in ((1, 1000), (0, 0), (0.25, 250), (0.0004, 0), (60, 60000)):
        runs = run_stream(model(louder()), samples, pad=pad)
        assert (runs.begin, runs.ends) == (milliseconds, milliseconds + 250)
        assert len(runs.times) == (32 * milliseconds + 4000 - 320) // 160 // 3
    for wrong in (-0.1, 60.1, float("nan"), float("inf")):
        with pytest.raises(DataError, match="it is 0 to 60 seconds of silence before and after a recording"):
            run_stream(model(louder()), samples, pad=wrong)
        with pytest.raises(DataError, match="seconds of silence"):
            listen_live(model(louder()), [samples], pad=wrong)


@pytest.mark.parametrize("name", ["alexa", "hey_jarvis", "okay_nabu"])
def test_a_stream_gives_what_litert_gives(shared_data: Path, name: str) -> None:
    """Two runs, each after a reset, on the same recording: state, strides and the uint8 output."""
    m = load(shared_data / f"models/microwakeword/{name}.tflite")
    samples = audio.read(sorted((shared_data / "speech/picovoice_wakeword/alexa").iterdir())[0])
    silence = np.zeros(16000, np.int16)
    rows = to_int8(MicroFrontend(m.description.frontend).process(np.concatenate([silence, samples, silence])))
    interpreter = litert.Interpreter(model_content=m.content, experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    expected = []
    for start in range(0, len(rows) - 2, 3):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], rows[None, start : start + 3])
        interpreter.invoke()
        expected.append(int(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0, 0]))
    assert max(expected) > 200 or name != "alexa"
    for _ in range(2):
        assert (run_stream(m, samples).outputs.ravel().astype(int) + 128).tolist() == expected


def test_alexa_is_heard_and_other_words_are_not(shared_data: Path) -> None:
    """Twelve of the clips; over all, 63 of 64 fire and none of the 461 of other words."""
    m = load(shared_data / "models/microwakeword/alexa.tflite")
    words = shared_data / "speech/picovoice_wakeword"
    some = [Clip(path, word) for word in ("alexa", "jarvis") for path in sorted((words / word).iterdir())[:6]]
    assert evaluate(m, some).confusion.tolist() == [[6, 0], [0, 6]]


def test_what_is_written_keeps_its_state(tmp_path: Path, clips: list[Clip]) -> None:
    """Through a `.tflite` and a microWakeWord's .json beside it."""
    path = tmp_path / "counting.tflite"
    path.write_bytes(tflite.write(counting(1)))
    path.with_suffix(".json").write_text(
        '{"type": "micro", "wake_word": "Word", "version": 2, "micro": '
        '{"probability_cutoff": 0.4, "sliding_window_size": 1, "feature_step_size": 10}}'
    )
    assert evaluate(load(path), clips).confusion.tolist() == [[2, 0], [1, 0]]
