"""What a board hears by itself is what the reference hears: every event, its time and its score; and soon enough."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.e2e import by_itself
from tests.e2e.command import fails, watchword
from watchword.data import audio
from watchword.evaluate import listen_by_itself
from watchword.evaluate.streaming import run_by_itself
from watchword.model import Model

CLIPS = 3
LATEST = 0.06  # seconds from the sample that decides to the event


def means(model: Model, samples: np.ndarray) -> list[tuple[float, tuple[float, ...]]]:
    """Of each run on the reference its time and the labels' means, as a board's scores have them."""
    runs = run_by_itself(model, samples, by_itself.PART)
    window = model.description.decision.window
    scores = np.concatenate([np.zeros((window - 1, runs.outputs.shape[1]), int), runs.outputs.astype(int) + 128])
    sums = np.lib.stride_tricks.sliding_window_view(scores, window, axis=0).sum(-1)
    return [
        (time / 1000, tuple(round(mean / 256, 4) for mean in row // window))
        for time, row in zip(runs.times.tolist(), sums, strict=True)
    ]


def test_events_are_those_of_the_reference_and_leave_at_once(shared_data: Path, tmp_path: Path) -> None:
    model = by_itself.alexa(shared_data)
    with by_itself.listening(model) as board:
        for number, clip in enumerate(by_itself.clips(shared_data, CLIPS)):
            samples = by_itself.levelled(clip)
            expected = listen_by_itself(model, samples, by_itself.PART)
            assert [event.label for event in expected] == ["alexa"]
            heard = by_itself.hear(board, samples, tmp_path, scores=number == 0)
            assert heard.detections == expected
            assert heard.lost == 0
            if number == 0:
                runs = means(model, samples)
                assert len(heard.scores) >= len(samples) // 480
                assert heard.scores == runs[: len(heard.scores)]
            [decided], [said], [switched] = [event.time for event in expected], heard.said, heard.switched
            assert 0 < said - decided <= LATEST
            assert 0 < switched - decided <= LATEST


def test_the_reference_hears_through_a_microphone_by_command(shared_data: Path, tmp_path: Path) -> None:
    model = by_itself.alexa(shared_data)
    samples = by_itself.levelled(by_itself.clips(shared_data, 1)[0])
    wav = tmp_path / "one.wav"
    audio.write(wav, samples)
    options = ("listen", "--wav", wav, "--model", shared_data / "models/microwakeword/alexa.tflite", "--json")
    for gain, more in ((None, ()), (6.0, ("--gain", 6))):
        done = watchword(*options, "--on", "reference", "--through", "inmp441", *more)
        expected = [event.as_dict() for event in listen_by_itself(model, samples, "inmp441", gain)]
        assert [json.loads(line) for line in done.stdout.splitlines()] == [event | {"file": str(wav)} for event in expected]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--through", "mems", "--on", "reference"), "mems is no I2S part that is known; known: inmp441, sph0645, ics43434"),
        (("--through", "inmp441"), "--on reference; a virtual Pico takes --wire and --sound"),
        (("--through", "inmp441", "--on", "reference", "--gain", 61), "gain of 61.0 dB: -12 to 60 is expected"),
        (("--through", "inmp441", "--on", "reference", "--codec", "adpcm"), "--codec is for sound that travels to a board"),
        (("--gain", 6, "--on", "reference"), "it needs --through MODULE"),
    ],
)
def test_a_microphone_where_none_can_be_is_refused(options: tuple[object, ...], error: str) -> None:
    assert error in fails("listen", *options)
