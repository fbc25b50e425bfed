"""What a board says becomes dataclasses; whatever is wrong with it is told in one line."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.board import Detection, Enrolled, Event, Hello, Log, Program, Shots, Stream, Taught, Timing, Trial
from watchword.board.events import read_event, read_hello
from watchword.board.link import PROTOCOL
from watchword.board.messages import Said, read
from watchword.compile.program import FORMAT
from watchword.errors import BoardError
from watchword.kernels import VERSION as KERNELS

PROGRAM = {"file": "kws-1f0c44aa.ww", "name": "kws", "size": 61400, "kind": "sound", "state": "active"}
HELLO: dict[str, Any] = {
    "protocol": PROTOCOL,
    "format": FORMAT,
    "kernels": KERNELS,
    "firmware": "0.1.0",
    "micropython": "1.25.0",
    "native": True,
    "target": "rp2040",
    "mpy": 4870,
    "board": "Raspberry Pi Pico with RP2040",
    "uid": "e660",
    "heap_free": 110048,
    "program_ram": 55126,
    "program_heap": 93248,
    "load_ms": 208,
    "flash_free": 1228800,
    "flash": 1441792,
    "chunk": 1536,
    "running": None,
    "note": None,
    "kind": "sound",
    "trial": None,
    "programs": [PROGRAM],
}
MESSAGES: list[tuple[type[Said], dict[str, Any]]] = [
    (Hello, HELLO),
    (Program, PROGRAM),
    (Detection, {"event": "detect", "seq": 4, "label": "yes", "score": 0.94, "time": 1.65}),
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
