"""What a board says becomes dataclasses; whatever is wrong with it is told in one line."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.scripted import HELLO, PROGRAM

from watchword.board import (
    Action,
    Detection,
    Enrolled,
    Event,
    Failed,
    Hearing,
    Hello,
    Log,
    Lost,
    Microphone,
    MicrophoneSetting,
    Program,
    Score,
    Settings,
    Shots,
    Stream,
    Taught,
    Timing,
    Trial,
)
from watchword.board.events import read_event, read_hello
from watchword.board.link import PROTOCOL
from watchword.board.messages import Said, read
from watchword.compile.program import FORMAT
from watchword.errors import BoardError
from watchword.kernels import VERSION as KERNELS

I2S = {"kind": "i2s", "module": "inmp441", "sck": 16, "ws": 17, "sd": 18, "right": False, "multiplier": 1024}
HEARING: dict[str, Any] = {
    "source": "i2s",
    "labels": ["_silence_", "yes"],
    "taught": ["jarvis"],
    "cutoffs": {"yes": 0.8, "jarvis": 0.5},
    "time": 12.34,
    "lost": 0,
    "mute": False,
    "fault": None,
}
MESSAGES: list[tuple[type[Said], dict[str, Any]]] = [
    (Hello, HELLO),
    (Program, PROGRAM),
    (Detection, {"event": "detect", "seq": 4, "label": "yes", "score": 0.94, "time": 1.65}),
    (Lost, {"event": "lost", "seq": 5, "samples": 1200, "time": 12.34}),
    (Microphone, {"event": "microphone", "seq": 6, "fault": "zeros", "text": "all zeros: is it plugged in?", "time": 12.34}),
    (Microphone, {"event": "microphone", "seq": 7, "fault": None, "text": None, "time": 12.34}),
    (Failed, {"event": "failed", "seq": 8, "text": "OSError: 5", "count": 1, "given_up": False}),
    (Hearing, {"id": 9} | HEARING),
    (MicrophoneSetting, I2S),
    (MicrophoneSetting, {"kind": "wav", "file": "/sounds/a.wav"}),
    (Action, {"label": "yes", "pin": 15, "act": "for", "seconds": 0.5}),
    (Settings, {"id": 3, "name": None, "microphone": I2S, "actions": [], "cutoffs": {"yes": 0.9}, "mute": False}),
    (Trial, {"event": "trial", "seq": 0, "file": "kws-1f0c44aa.ww", "attempt": 1, "timeout_ms": None}),
    (Stream, {"id": 23, "frames": 99, "runs": 24, "time": 1.98, "link_us": 921784, "gaps": 0, "gap_ms": 0}),
    (Taught, {"words": {"a": 1}, "file": "5381.knn", "background": 0, "others": [["x.knn", {"b": 2}], ["y.knn", None]]}),
    (Enrolled, {"shots": 1, "all": 1, "most": 64, "like": None}),
    (Shots, {"file": "5381.knn", "shots": [["jarvis", "JiAzLgA="]]}),
    (Timing, {"id": 32, "us": 14, "us_max": 15, "hz": None, "load_ms": 2, "frontend_us": 3796, "layers": [1, 2]}),
]


@dataclasses.dataclass(frozen=True)
class Outputs(Said):
    outputs: np.ndarray[Any, np.dtype[np.int8]]


@pytest.mark.parametrize(("kind", "message"), MESSAGES)
def test_json_is_what_the_board_said(kind: type[Said], message: dict[str, Any]) -> None:
    """In its order, and with what only a newer firmware knows."""
    told = {key: value for key, value in message.items() if key not in ("id", "seq")}
    for newer in ({}, {"newer": [{"x": 1.5}]}):
        assert json.dumps(read(kind, message | newer, "it").as_dict()) == json.dumps(told | newer)


def test_json_follows_what_was_changed_since() -> None:
    hello = dataclasses.replace(read_hello(HELLO, "unix"), heap_free=7)
    assert hello.as_dict() == HELLO | {"heap_free": 7}


def test_what_a_host_makes_has_the_same_json() -> None:
    assert Detection("yes", 0.94, 1.65).as_dict() == {"event": "detect", "label": "yes", "score": 0.94, "time": 1.65}
    assert Detection("yes", 0.94, 1.65, taught=True).as_dict()["taught"] is True
    assert Detection("yes", 0.94, 1.65) == read_event(MESSAGES[2][1], "unix")  # seq and all does not count


def test_a_hello_is_an_event_where_it_comes_as_one() -> None:
    hello = read_event({"event": "hello", "seq": 0, **HELLO}, "unix")
    assert hello.as_dict() == {"event": "hello", **HELLO}
    assert hello == read_hello({"id": 5, **HELLO}, "unix")


def test_scores_and_the_peak_are_parts_of_one() -> None:
    message = {"event": "score", "seq": 3, "time": 12.34, "peak": 16384, "scores": [3, 256], "taught": [128]}
    event = read_event(message, "unix")
    assert isinstance(event, Score)
    assert (event.scores, event.taught, event.peak) == ((0.0117, 1.0), (0.5,), 0.5)
    assert round(event.level, 2) == -6.02
    assert event.as_dict() == {"event": "score", "time": 12.34, "peak": 0.5, "scores": [0.0117, 1.0], "taught": [0.5]}
    silent = read_event(message | {"peak": 0}, "unix")
    assert isinstance(silent, Score)
    assert silent.level == -math.inf
    with pytest.raises(BoardError, match=r"unix: its event score is damaged, scores is \['a'\]"):
        read_event(message | {"scores": ["a"]}, "unix")


def test_an_event_of_a_newer_firmware_is_passed_on() -> None:
    event = read_event({"event": "gesture", "seq": 3, "hand": "left"}, "unix")
    assert type(event) is Event
    assert (event.event, event.seq, event.said["hand"]) == ("gesture", 3, "left")
    assert event.as_dict() == {"event": "gesture", "hand": "left"}
    assert read_event({"event": "log", "text": "a print"}, "unix") == Log("a print")


@pytest.mark.parametrize("name", ["protocol", "format", "kernels"])
def test_another_version_is_named_before_any_field_is_missed(name: str) -> None:
    with pytest.raises(
        BoardError, match=f"unix: its firmware 9.0 speaks {name} 99, this host .*: put the same version on both"
    ):
        read_hello({"protocol": PROTOCOL, "format": FORMAT, "kernels": KERNELS, "firmware": "9.0", name: 99}, "unix")


@pytest.mark.parametrize(
    ("kind", "message", "fault"),
    [
        (Enrolled, {"shots": 1, "all": 1, "most": 64}, "like is missing"),
        (Enrolled, {"shots": True, "all": 1, "most": 64, "like": None}, "shots is True"),
        (Enrolled, {"shots": 1.0, "all": 1, "most": 64, "like": None}, "shots is 1.0"),
        (Stream, {"frames": "9" * 100}, "frames is '9999"),
        (Stream, {"time": None}, "time is None"),
        (Shots, {"file": "f", "shots": [["a", "no base64!"]]}, "shots is "),
        (Shots, {"file": "f", "shots": [["a"]]}, "shots is "),
        (Taught, {"words": {"a": "1"}, "file": None, "background": 0, "others": []}, "words is "),
        (Outputs, {"outputs": [1, 128]}, "outputs is "),
        (Outputs, {"outputs": [0.5]}, "outputs is "),
        (Hello, HELLO | {"programs": [PROGRAM, {"file": "x.ww"}]}, "name is missing"),
    ],
)
def test_what_is_damaged_is_named_in_one_line(kind: type[Said], message: dict[str, Any], fault: str) -> None:
    with pytest.raises(BoardError) as raised:
        read(kind, message, "unix: its reply to enrol")
    said = str(raised.value)
    assert said.startswith(f"unix: its reply to enrol is damaged, {fault}")
    assert "\n" not in said
    assert len(said) <= 300


def test_outputs_are_int8() -> None:
    outputs = read(Outputs, {"outputs": [-128, 0, 127]}, "it").outputs
    assert outputs.dtype == np.int8
    assert outputs.tolist() == [-128, 0, 127]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(MESSAGES), st.data())
def test_any_value_in_any_field_is_taken_or_told(case: tuple[type[Said], dict[str, Any]], data: st.DataObject) -> None:
    kind, message = case
    name = data.draw(st.sampled_from([field for field in message if field != "event"]))
    changed = message | {name: data.draw(values)}
    with contextlib.suppress(BoardError):
        json.dumps(read(kind, changed, "unix: it").as_dict())
