"""What a board hears by itself is what the reference hears: every event, its time and its score; and soon enough."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e import by_itself
from tests.e2e.command import fails, watchword
from watchword.compile.program import read_description
from watchword.data import audio
from watchword.evaluate import listen_by_itself
from watchword.model import keywords, load

CLIPS = 3
LATEST = 0.06  # seconds from the sample that decides to the event


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
                runs = by_itself.means(model, samples)
                assert len(heard.scores) >= len(samples) // 480
                assert heard.scores == runs[: len(heard.scores)]
            [decided], [said], [switched] = [event.time for event in expected], heard.said, heard.switched
            assert 0 < said - decided <= LATEST
            assert 0 < switched - decided <= LATEST


def test_the_reference_knows_a_microphone_with_dc_and_fewer_bits_and_without_a_pause_at_its_start(
    shared_data: Path, tmp_path: Path
) -> None:
    model = by_itself.alexa(shared_data)
    samples = by_itself.levelled(by_itself.clips(shared_data, 1)[0])
    expected = listen_by_itself(model, samples, "sph0645")
    assert expected
    assert expected != listen_by_itself(model, samples, by_itself.PART)
    with by_itself.listening(model, "sph0645") as board:
        for _ in range(2):  # the second one begins where its clock has stopped within a slot
            assert by_itself.hear(board, samples, tmp_path).detections == expected


def test_no_sound_is_lost_while_a_host_asks_sets_and_pushes(shared_data: Path, tmp_path: Path) -> None:
    content = load(keywords()).compile("rp2040").content
    with by_itself.listening(by_itself.alexa(shared_data)) as board:
        begun = by_itself.begin(board, by_itself.noise(60), tmp_path)
        board.info()
        for act in (
            lambda: board.name("desk"),
            lambda: board.cutoff(0.7),
            lambda: board.when("alexa", 14, "toggle"),
            lambda: board.never("alexa", 14),
            lambda: board._send(content, read_description(content, "it")[1]),
            board._commit,
            lambda: board._send(content, read_description(content, "it")[1]),  # which reads it all, to see that it is there
        ):
            act()
            by_itself.late(board, begun)
        assert board.hearing().lost == 0


def test_a_model_that_is_slower_than_sound_loses_none(tmp_path: Path) -> None:
    """The keyword model takes 80 ms, and is to run each 80 ms, with the front end besides: some runs are left out."""
    with by_itself.listening(load(keywords())) as board:
        begun = by_itself.begin(board, by_itself.noise(20), tmp_path)
        for _ in range(3):
            by_itself.wait(board, 1)
            by_itself.late(board, begun)
            board.info()
        assert board.hearing().lost == 0


def test_restarts_leave_nothing_behind(shared_data: Path, tmp_path: Path) -> None:
    """There are 12 channels of DMA, and 8 state machines."""
    with by_itself.listening(by_itself.alexa(shared_data)) as board:
        by_itself.begin(board, by_itself.noise(60), tmp_path)
        free = set()
        for _ in range(14):
            board.restart()
            free.add(board.hello.heap_free)
            by_itself.wait(board, 0.3)
            hearing = board.hearing()
            assert (hearing.source, hearing.fault, hearing.lost) == ("i2s", None, 0)
            assert hearing.time > 0.1
        assert max(free) - min(free) <= 256


def test_the_reference_hears_through_a_microphone_by_command(shared_data: Path, tmp_path: Path) -> None:
    model = by_itself.alexa(shared_data)
    samples = by_itself.levelled(by_itself.clips(shared_data, 1)[0])
    wav = tmp_path / "one.wav"
    audio.write(wav, samples)
    options = ("listen", "--wav", wav, "--model", shared_data / "models/microwakeword/alexa.tflite", "--json")
    for gain, more in ((None, ()), (6.0, ("--gain", 6))):
        done = watchword(*options, "--on", "reference", "--through", "inmp441", *more)
        expected = [event.as_dict() for event in listen_by_itself(model, samples, "inmp441", gain)]
        *events, told = (json.loads(line) for line in done.stdout.splitlines())
        assert events == [event | {"file": str(wav)} for event in expected]
        assert told["heard"] == {"alexa": len(expected)}


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
